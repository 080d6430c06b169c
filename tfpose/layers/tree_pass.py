"""One direction of the tree network, all joints of a level at once."""

from __future__ import annotations

import keras
from keras import ops

from tfpose.errors import TfposeError
from tfpose.layers.cells import CELLS
from tfpose.layers.static import concatenate, pad_end, regroup, runs, split, take
from tfpose.skeleton import Skeleton


@keras.saving.register_keras_serializable("tfpose")
class TreePass(keras.layers.Layer):
    """The recursive (leaves to root) or the diffuse (root to leaves) subnet of SeBiReNet (Sec. 3.2, eq. 8).

    Each node is a cell with weights of its own. Its input is the joint's feature and the new hidden states of its
    children (recursive) or of its parent (diffuse); its own former state is the shared hidden state that the other
    subnet left there. All nodes of one level run together: one batched matrix product for what enters them, one for
    their former state. Joints are the leading axis inside.

    Args:
        skeleton: the tree.
        units: size of a node's hidden state, n_h.
        direction: "recursive" or "diffuse".
        cell: "gru", "lstm" or "simple".
        use_bias: whether cells have a bias.
        node_output: whether a node's output is `tanh(W_o h + b_o)` (eq. 8) instead of its hidden state `h`.

    Call arguments:
        inputs: `[J, B, n_x]`, joints in the skeleton's order.
        state: the shared hidden states, as a `TreePass` returned them; None for zeros, which skips their products and
            the gates that only act on them.
        state_levels: the `levels` of that `TreePass`.

    Returns:
        `(output [J, B, units], state)`, the output's joints in the skeleton's order; the state is a tuple (of an LSTM
        two, of other cells one) of lists of `[joints of a level, B, units]`, the levels in the order in which they ran.
    """

    def __init__(self, skeleton, units, direction="recursive", cell="gru", use_bias=True, node_output=False, **kwargs):
        super().__init__(**kwargs)
        if direction not in ("recursive", "diffuse"):
            raise TfposeError(f"direction must be 'recursive' or 'diffuse', got '{direction}'")
        if cell not in CELLS:
            raise TfposeError(f"cell must be one of {', '.join(CELLS)}, got '{cell}'")
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
        # For each level: the child (or parent) joints whose states its nodes read, and the rows of `message_kernel`.
        bones = [joint for joint in self.order if self.skeleton.parents[joint] >= 0]
        self._received = []
        for level in self.levels:
            if recursive:
                most = max(len(children[joint]) for joint in level)
                kth = [[children[joint][k] for joint in level if len(children[joint]) > k] for k in range(most)]
                self._received.append([(senders, [bones.index(sender) for sender in senders]) for senders in kth])
            else:
                parents = [self.skeleton.parents[joint] for joint in level if self.skeleton.parents[joint] >= 0]
                self._received.append([(parents, [bones.index(joint) for joint in level])] if parents else [])

    def build(self, input_shape):
        joints, gates = len(self.skeleton), CELLS[self.cell].gates * self.units
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

    def call(self, inputs, state=None, state_levels=None):
        cell = CELLS[self.cell]
        sizes = [len(level) for level in self.levels]
        gates = cell.alive if state is None else range(cell.gates)
        kernels, messages, biases = (
            weight if weight is None or len(gates) == cell.gates else self._columns(weight, gates)
            for weight in (self.input_kernel, self.message_kernel, self.bias)
        )
        every = range(len(self.skeleton))
        inputs, kernels = regroup([(every, inputs)], self.levels), split(kernels, sizes)
        biases = split(biases, sizes) if biases is not None else [0.0] * len(sizes)
        if state is not None:
            former = list(zip(*(regroup(zip(state_levels, part), self.levels) for part in state)))
            recurrent_kernels = split(self.recurrent_kernel, sizes)
        states = []  # per level
        for number, size in enumerate(sizes):
            entering, kernel, others = [inputs[number]], [kernels[number]], []
            for senders, bones in self._received[number]:
                received, message = self._hidden(states, senders), take(messages, bones)
                if len(senders) == size:
                    entering.append(received)
                    kernel.append(message)
                else:  # only to the first nodes of the level
                    others.append(pad_end(ops.matmul(received, message), size))
            entering = ops.matmul(concatenate(entering, -1), concatenate(kernel, 1)) + biases[number]
            entering = sum(others, entering)
            if state is None:
                states.append(cell.step(entering, None, None))
            else:
                recurrent = ops.matmul(former[number][0], recurrent_kernels[number])
                states.append(cell.step(entering, recurrent, former[number]))
        state = tuple(list(part) for part in zip(*states))
        outputs = state[0]
        if self.node_output:
            outputs = split(ops.tanh(ops.matmul(concatenate(outputs), self.output_kernel) + self.output_bias), sizes)
        (output,) = regroup(zip(self.levels, outputs), [every])
        return output, state

    def _columns(self, weight, gates):
        """The columns of some gates."""
        columns = ops.split(weight, CELLS[self.cell].gates, axis=-1)
        return concatenate([columns[gate] for gate in gates], -1)

    def _hidden(self, states, joints):
        """Stacks the hidden states of `joints` out of the levels that hold them."""
        where = []
        for joint in joints:
            number = next(n for n, level in enumerate(self.levels) if joint in level)
            where.append((number, self.levels[number].index(joint)))
        return concatenate([states[number][0][begin:end] for number, begin, end in runs(where)])

    def compute_output_spec(self, inputs, state=None, state_levels=None):
        shape = (*inputs.shape[1:-1], self.units)
        parts = 2 if self.cell == "lstm" else 1

        def spec(joints):
            return keras.KerasTensor((len(joints), *shape), dtype=self.compute_dtype)

        return spec(self.order), tuple([spec(level) for level in self.levels] for _ in range(parts))

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
