"""One direction of the tree network, all joints of a level at once."""

from __future__ import annotations

import keras
from keras import ops

from tfpose.layers.cells import CELLS
from tfpose.layers.static import concatenate, pad_end, runs, split, take
from tfpose.skeleton import Skeleton


@keras.saving.register_keras_serializable("tfpose")
class TreePass(keras.layers.Layer):
    """The recursive (leaves to root) or the diffuse (root to leaves) subnet of SeBiReNet (Sec. 3.2, eq. 8).

    Each node is a cell with weights of its own. Its input is the joint's feature and the new hidden states of its
    children (recursive) or of its parent (diffuse); its own former state is the shared hidden state that the other
    subnet left there. All nodes of one level run as one batched matrix product; joints are the leading axis inside.

    Args:
        skeleton: the tree.
        units: size of a node's hidden state, n_h.
        direction: "recursive" or "diffuse".
        cell: "gru", "lstm" or "simple".
        use_bias: whether cells have a bias.
        node_output: whether a node's output is `tanh(W_o h + b_o)` (eq. 8) instead of its hidden state `h`.

    Call arguments:
        inputs: `[J, B, n_x]`, joints in the skeleton's order.
        state: the shared hidden states, a tuple of `[J, B, units]`; None for zeros, which skips their products.

    Returns:
        `(output [J, B, units], state)`, joints in the skeleton's order.
    """

    def __init__(self, skeleton, units, direction="recursive", cell="gru", use_bias=True, node_output=False, **kwargs):
        super().__init__(**kwargs)
        if direction not in ("recursive", "diffuse"):
            raise ValueError(f"direction must be 'recursive' or 'diffuse', got '{direction}'")
        if cell not in CELLS:
            raise ValueError(f"cell must be one of {', '.join(CELLS)}, got '{cell}'")
        self.skeleton = skeleton if isinstance(skeleton, Skeleton) else Skeleton.from_dict(skeleton)
        self.units = units
        self.direction = direction
        self.cell = cell
        self.use_bias = use_bias
        self.node_output = node_output
        self._plan()

    def _plan(self):
        """Fixes the order in which weights are stored: by level, so that a level's weights are one slice."""
        recursive = self.direction == "recursive"
        children = self.skeleton.children
        levels = self.skeleton.levels_by_height if recursive else self.skeleton.levels_by_depth
        if recursive:
            # Joints with many children first: then the joints that have a k-th child are the front of their level.
            levels = [sorted(level, key=lambda joint: -len(children[joint])) for level in levels]
        self.levels = [tuple(level) for level in levels]
        self.order = [joint for level in self.levels for joint in level]
        self._place = {joint: place for place, joint in enumerate(self.order)}

    def build(self, input_shape):
        joints, gates = len(self.skeleton), CELLS[self.cell][1] * self.units
        features = input_shape[-1]
        add = self._add_per_node
        self.input_kernel = add("input_kernel", (joints, features, gates))
        # One kernel per bone, for what the bone's one end tells the other.
        self.message_kernel = add("message_kernel", (joints - 1, self.units, gates)) if joints > 1 else None
        self.recurrent_kernel = add("recurrent_kernel", (joints, self.units, gates), "orthogonal")
        self.bias = add("bias", (joints, 1, gates), "zeros") if self.use_bias else None
        if self.node_output:
            self.output_kernel = add("output_kernel", (joints, self.units, self.units))
            self.output_bias = add("output_bias", (joints, 1, self.units), "zeros")
        self.built = True

    def _add_per_node(self, name, shape, initializer="glorot_uniform"):
        """A weight with a leading node axis, every node initialised as a matrix of its own."""
        one = keras.initializers.get(initializer)

        def initialize(shape, dtype=None):
            return ops.stack([one.clone()(shape[1:], dtype=dtype) for _ in range(shape[0])])

        return self.add_weight(name=name, shape=shape, initializer=initialize)

    def call(self, inputs, state=None):
        step, _ = CELLS[self.cell]
        projected = ops.matmul(take(inputs, self.order), self.input_kernel)
        if self.bias is not None:
            projected = projected + self.bias
        sizes = [len(level) for level in self.levels]
        nothing = [None] * len(sizes)
        projected = split(projected, sizes)
        recurrent, former = nothing, nothing
        if state is not None:
            state = tuple(take(part, self.order) for part in state)
            recurrent = split(ops.matmul(state[0], self.recurrent_kernel), sizes)
            former = list(zip(*(split(part, sizes) for part in state)))
        if self.message_kernel is not None:
            # The root, last of the recursive and first of the diffuse order, sends or receives nothing.
            bones = sizes[:-1] if self.direction == "recursive" else sizes[1:]
            kernels = split(self.message_kernel, bones)
        hidden = []  # per level: what its nodes pass on, [nodes, B, .]
        states = []
        for number in range(len(sizes)):
            entering = projected[number]
            if number:
                kernel = kernels[number - 1] if self.direction == "diffuse" else None
                entering = entering + self._receive(number, hidden, kernel)
            states.append(step(entering, recurrent[number], former[number]))
            sent = states[-1][0]
            if self.direction == "recursive" and number < len(sizes) - 1:
                sent = ops.matmul(sent, kernels[number])
            hidden.append(sent)
        state = tuple(ops.concatenate(parts) for parts in zip(*states))
        output = state[0]
        if self.node_output:
            output = ops.tanh(ops.matmul(output, self.output_kernel) + self.output_bias)
        back = [self._place[joint] for joint in range(len(self.skeleton))]
        state = tuple(take(part, back) for part in state)
        return (take(output, back) if self.node_output else state[0]), state

    def _receive(self, number, hidden, kernel):
        """The sum of what the nodes of a level receive from the levels before."""
        level = self.levels[number]
        if self.direction == "diffuse":
            before = self.levels[number - 1]
            parents = take(hidden[-1], [before.index(self.skeleton.parents[joint]) for joint in level])
            return ops.matmul(parents, kernel)
        received = None
        most = max(len(self.skeleton.children[joint]) for joint in level)
        for k in range(most):
            children = [self.skeleton.children[joint][k] for joint in level if len(self.skeleton.children[joint]) > k]
            message = self._gather_nodes(hidden, children)
            received = message if received is None else received + pad_end(message, len(level))
        return received

    def _gather_nodes(self, hidden, joints):
        """Stacks the values of `joints` out of the lists of the levels that hold them."""
        where = []
        for joint in joints:
            number = next(n for n, level in enumerate(self.levels) if joint in level)
            where.append((number, self.levels[number].index(joint)))
        return concatenate([hidden[number][begin:end] for number, begin, end in runs(where)])

    def compute_output_spec(self, inputs, state=None):
        shape = (*inputs.shape[:-1], self.units)
        parts = 2 if self.cell == "lstm" else 1
        spec = keras.KerasTensor(shape, dtype=self.compute_dtype)
        return spec, (spec,) * parts

    def get_config(self):
        return {
            **super().get_config(),
            "skeleton": self.skeleton.to_dict(),
            "units": self.units,
            "direction": self.direction,
            "cell": self.cell,
            "use_bias": self.use_bias,
            "node_output": self.node_output,
        }
