"""The node functions of the tree: one step of a GRU, LSTM or simple cell for many nodes at once.

A cell here has no weights. It takes the summed projections `[..., gates * units]` of everything that enters the node,
the projection of the node's own former state (None for a zero state) and that state, and returns the new state. Gate
order and equations are those of `keras.layers.GRUCell(reset_after=True)`, `LSTMCell` and `SimpleRNNCell`, with one
bias, so that a Keras cell with the same weights computes the same.
"""

from __future__ import annotations

from keras import ops


def gru(inputs, recurrent, state):
    """`h = z * h' + (1 - z) * tanh(x_c + r * u_c)`, the state being `(h,)`."""
    if recurrent is None:
        update, _, candidate = ops.split(inputs, 3, axis=-1)
        return ((1.0 - ops.sigmoid(update)) * ops.tanh(candidate),)
    update, reset, candidate = ops.split(inputs, 3, axis=-1)
    recurrent_update, recurrent_reset, recurrent_candidate = ops.split(recurrent, 3, axis=-1)
    update = ops.sigmoid(update + recurrent_update)
    candidate = ops.tanh(candidate + ops.sigmoid(reset + recurrent_reset) * recurrent_candidate)
    return (candidate + update * (state[0] - candidate),)


def lstm(inputs, recurrent, state):
    """The state is `(h, c)`; gates in the order input, forget, cell, output."""
    gates = inputs if recurrent is None else inputs + recurrent
    enter, forget, candidate, leave = ops.split(gates, 4, axis=-1)
    memory = ops.sigmoid(enter) * ops.tanh(candidate)
    if state is not None:
        memory = memory + ops.sigmoid(forget) * state[1]
    return (ops.sigmoid(leave) * ops.tanh(memory), memory)


def simple(inputs, recurrent, state):
    """`h = tanh(x + u)`."""
    return (ops.tanh(inputs if recurrent is None else inputs + recurrent),)


CELLS = {"gru": (gru, 3), "lstm": (lstm, 4), "simple": (simple, 1)}
"""Cell name -> its step and its number of gates."""
