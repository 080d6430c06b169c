"""The trees of a model as a server runs them: few operations, and kernels in the form in which they are used.

The layers are written for training, XLA and LiteRT. TensorFlow's own runtime pays for every operation and copies every
piece, so here a level of a tree is as few of both as it can be. The values are the layers' but for rounding.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tfpose.layers import SeBiReNet
from tfpose.layers.static import by_rows, concatenate, runs
from tfpose.models.pose_decoder import PoseDecoder
from tfpose.models.pose_encoder import PoseEncoder


@contextlib.contextmanager
def serving_trees(model: keras.Model) -> Iterator[None]:
    """Within it, the encoders and decoders of `model` that have such a form are traced in it.

    That is so for the trees of the default: GRU cells, one pass of both subnets, float32. Others stay as they are.
    """
    changed = []
    for layer in model._flatten_layers():
        if isinstance(layer, PoseEncoder) and layer.view == "frame" and _fits(layer.network):
            layer.call = _Encoder(layer)
        elif isinstance(layer, PoseDecoder) and layer.kind == "tree" and _fits(layer.network):
            layer.call = _Decoder(layer)
        else:
            continue
        changed.append(layer)
    try:
        yield
    finally:
        for layer in changed:
            del layer.call


def _fits(network: SeBiReNet) -> bool:
    usual = network.wiring == "sebirenet" and network.passes == 1 and network.cell == "gru"
    return usual and not network.node_output and network.compute_dtype == "float32"


class _Encoder:
    """`PoseEncoder.call` of a view code that is a rotation."""

    def __init__(self, encoder: PoseEncoder):
        self._frame, self._head, self._tree = encoder.frame, encoder.pose_head, ServingTree(encoder.network)

    def __call__(self, poses, observed=None):
        poses, view_code = self._frame(poses, observed)
        codes = by_rows(self._head, self._tree(poses))
        return tf.transpose(tf.gather(codes, self._tree.places), (1, 0, 2)), view_code


class _Decoder:
    """`PoseDecoder.call` of a tree."""

    def __init__(self, decoder: PoseDecoder):
        self._tree = ServingTree(decoder.network)
        kernel, bias = decoder.readout.kernel.numpy(), decoder.readout.bias.numpy()
        self._kernel, self._bias = _stored(kernel[self._tree.order]), _stored(bias)

    def __call__(self, codes):
        poses = tf.matmul(self._tree(codes), self._kernel)
        return tf.transpose(tf.gather(poses, self._tree.places), (1, 0, 2)) + self._bias


class _Level(NamedTuple):
    """The nodes of a level of the recursive subnet.

    Attributes:
        joints: the nodes.
        senders: lists of children, one of each node, whose states enter beside the input.
        kernel: `[nodes, inputs, 2 units]` for what enters.
        others: lists of children of the first nodes, and their kernels `[., units, 2 units]`.
    """

    joints: tuple
    senders: list
    kernel: object
    others: list


class ServingTree:
    """A `SeBiReNet`, joints first and in the order in which they are there.

    An input that is always 1 carries the biases. What the recursive subnet leaves enters the diffuse one in one product
    for all joints. Gates are arranged so that no operation is spent on signs and halves: `1 - sigmoid(x)` is
    `sigmoid(-x)`, and with `sigmoid(x) = (1 + tanh(x / 2)) / 2` the reset gate's half of the former state's projection
    is part of that product.

    Args:
        network: of GRU cells, one pass, both subnets.

    Attributes:
        order: the joints of what it returns.
        places: where each joint is among them.

    Call arguments:
        inputs: `[B, J, n_x]`.

    Returns:
        `[J, B, units]`.
    """

    def __init__(self, network: SeBiReNet):
        self._parents = network.skeleton.parents
        self._plan_recursive(network.recursive)
        self._plan_diffuse(network.diffuse)

    def _plan_recursive(self, subnet):
        units = subnet.units
        signs = np.repeat(np.float32([-1, 1]), units)

        def gates(weight):
            """The update gate, which is to be taken from 1, and the candidate."""
            return np.delete(weight, np.s_[units : 2 * units], -1) * signs

        inputs = gates(_with_bias(subnet))
        messages = gates(subnet.message_kernel.numpy())
        starts = itertools.accumulate(map(len, subnet.levels), initial=0)
        self._levels = []
        for start, joints, received in zip(starts, subnet.levels, subnet._received):
            whole = [(senders, bones) for senders, bones in received if len(senders) == len(joints)]
            kernel = [inputs[start : start + len(joints)], *(messages[bones] for _, bones in whole)]
            others = [(senders, _stored(messages[bones])) for senders, bones in received if len(senders) < len(joints)]
            senders = [senders for senders, _ in whole]
            self._levels.append(_Level(joints, senders, _stored(np.concatenate(kernel, 1)), others))

    def _plan_diffuse(self, subnet):
        units, parents = subnet.units, self._parents
        levels = [list(subnet.levels[0])]
        for joints in subnet.levels[1:]:  # in the order of their parents, whose states are then a piece or a few
            levels.append(sorted(joints, key=lambda joint: levels[-1].index(parents[joint])))
        self._diffuse = levels
        self.order = list(itertools.chain(*levels))
        self.places = np.argsort(self.order)
        places = [subnet.order.index(joint) for joint in self.order]
        halves = np.repeat(np.float32([1, 0.5, 1]), units)
        inputs = _with_bias(subnet)[places] * halves
        former = subnet.recurrent_kernel.numpy()[places] * halves
        former[..., 2 * units :] *= 0.5
        self._entering = _stored(np.concatenate([inputs, former], 1))
        self._candidate = _stored(former[..., 2 * units :])
        bones = [joint for joint in subnet.order if parents[joint] >= 0]
        messages = subnet.message_kernel.numpy() * halves
        self._messages = [_stored(messages[[bones.index(joint) for joint in joints]]) for joints in levels[1:]]

    def __call__(self, inputs):
        inputs = tf.pad(tf.transpose(inputs, (1, 0, 2)), [[0, 0], [0, 0], [0, 1]], constant_values=1.0)
        former = self._recursive(inputs)
        return self._run_diffuse(tf.gather(inputs, self.order), former)

    def _recursive(self, inputs):
        """The states `[J, B, units]` that the recursive subnet leaves, in the order of the diffuse one."""
        order = [joint for level in self._levels for joint in level.joints]
        pieces = tf.split(tf.gather(inputs, order), [len(level.joints) for level in self._levels])
        states = []
        for level, entering in zip(self._levels, pieces):
            received = [_taken(states, senders) for senders in level.senders]
            gates = tf.matmul(concatenate([entering, *received], -1), level.kernel)
            for senders, kernel in level.others:
                missing = len(level.joints) - len(senders)
                gates += tf.pad(tf.matmul(_taken(states, senders), kernel), [[0, missing], [0, 0], [0, 0]])
            left, candidate = tf.split(gates, 2, -1)
            states.append((level.joints, tf.sigmoid(left) * tf.tanh(candidate)))
        return _taken(states, self.order)

    def _run_diffuse(self, inputs, former):
        """The states `[J, B, units]`, in the order of the levels."""
        sizes = [len(joints) for joints in self._diffuse]
        entering = tf.split(tf.matmul(tf.concat([inputs, former], -1), self._entering), sizes)
        candidates = tf.split(tf.matmul(former, self._candidate), sizes)
        formers = tf.split(former, sizes)
        states = []
        for number, joints in enumerate(self._diffuse):
            gates = entering[number]
            if number:
                parents = list(dict.fromkeys(self._parents[joint] for joint in joints))
                if len(parents) > 1:
                    parents = [self._parents[joint] for joint in joints]
                gates += tf.matmul(_taken(states[-1:], parents), self._messages[number - 1])
            update, reset, candidate = tf.split(gates, 3, -1)
            candidate = tf.tanh(candidate + tf.tanh(reset) * candidates[number])
            states.append((joints, candidate + tf.sigmoid(update) * (formers[number] - candidate)))
        return concatenate([state for _, state in states])


def _with_bias(subnet) -> np.ndarray:
    """`[J, n_x + 1, gates * units]`: the last row is the bias, for an input that is 1."""
    kernel = subnet.input_kernel.numpy()
    bias = np.zeros_like(kernel[:, :1]) if subnet.bias is None else subnet.bias.numpy()
    return np.concatenate([kernel, bias], 1)


def _taken(states, joints):
    """The states of `joints` in their order, of `(joints, states)` of several levels."""
    places = {joint: (number, at) for number, (members, _) in enumerate(states) for at, joint in enumerate(members)}
    spans = runs([places[joint] for joint in joints])
    return concatenate([states[number][1][begin:end] for number, begin, end in spans])


def _stored(values: np.ndarray) -> tf.Variable:
    """A variable, which is written once into a frozen graph, however often it is used."""
    return tf.Variable(values, trainable=False)
