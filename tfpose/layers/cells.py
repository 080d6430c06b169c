"""The node functions of the tree: one step of a GRU, LSTM or simple cell for many nodes at once.

A cell here has no weights. Its step takes the summed projections `[..., gates * units]` of everything that enters the
node, the projection of the node's own former state and that state, and returns the new state. Gate order and equations
are those of `keras.layers.GRUCell(reset_after=True)`, `LSTMCell` and `SimpleRNNCell`, with one bias, so that a Keras
cell with the same weights computes the same. A former state of None is zero: it has no projection, and what enters has
only those gates that are `alive` then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from keras import ops


class Cell(NamedTuple):
    """A kind of cell.

    Attributes:
        step: `step(entering, recurrent, state) -> state`.
        gates: how many there are.
        alive: those that matter when the former state is zero; the others only say what of it is kept.
    """

    step: Callable
    gates: int
    alive: tuple[int, ...]


def gru(entering, recurrent, state):
    """`h = z * h' + (1 - z) * tanh(x_c + r * u_c)`, the state being `(h,)`; gates in the order z, r, candidate."""
    if state is None:
        update, candidate = ops.split(entering, 2, axis=-1)
        return ((1.0 - ops.sigmoid(update)) * ops.tanh(candidate),)
    update, reset, candidate = ops.split(entering, 3, axis=-1)
    recurrent_update, recurrent_reset, recurrent_candidate = ops.split(recurrent, 3, axis=-1)
    update = ops.sigmoid(update + recurrent_update)
    candidate = ops.tanh(candidate + ops.sigmoid(reset + recurrent_reset) * recurrent_candidate)
    return (candidate + update * (state[0] - candidate),)


def lstm(entering, recurrent, state):
    """The state is `(h, c)`; gates in the order input, forget, cell, output."""
    if state is None:
        enter, candidate, leave = ops.split(entering, 3, axis=-1)
        memory = ops.sigmoid(enter) * ops.tanh(candidate)
    else:
        enter, forget, candidate, leave = ops.split(entering + recurrent, 4, axis=-1)
        memory = ops.sigmoid(enter) * ops.tanh(candidate) + ops.sigmoid(forget) * state[1]
    return (ops.sigmoid(leave) * ops.tanh(memory), memory)


def simple(entering, recurrent, state):
    """`h = tanh(x + u)`."""
    return (ops.tanh(entering if state is None else entering + recurrent),)


CELLS = {"gru": Cell(gru, 3, (0, 2)), "lstm": Cell(lstm, 4, (0, 2, 3)), "simple": Cell(simple, 1, (0,))}
"""The cells by name."""
