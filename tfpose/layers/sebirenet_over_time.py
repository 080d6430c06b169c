"""SeBiReNet over the frames of clips: the hidden states of the joints carry over from frame to frame."""

from __future__ import annotations

import keras
from keras import ops

from tfpose.errors import TfposeError
from tfpose.layers.tree_pass import TreePass
from tfpose.skeleton import Skeleton


@keras.saving.register_keras_serializable("tfpose")
class SeBiReNetCell(keras.layers.Layer):
    """One frame of a recurrent SeBiReNet, as a cell of `keras.layers.RNN`.

    The paper runs the pair of subnets twice over the same pose and shares the hidden states (Sec. 3.2). Here each run
    sees the next frame: the recursive subnet begins with the hidden states that the diffuse one left in the frame
    before.

    Args:
        skeleton: the tree (a `Skeleton`, or its `to_dict`).
        units: size of a node's hidden state, n_h.

    Call arguments:
        frame: `[B, J * n_x]`, joint by joint.
        states: `([B, J * units],)`, the hidden states after the frame before; zeros at the beginning.

    Returns:
        `(output [B, J * units], states)`; the output is the new hidden states.
    """

    def __init__(self, skeleton, units, **kwargs):
        super().__init__(**kwargs)
        self.skeleton = skeleton if isinstance(skeleton, Skeleton) else Skeleton.from_dict(skeleton)
        self.units = units
        self.state_size = self.output_size = len(self.skeleton) * units
        for direction in ("recursive", "diffuse"):
            setattr(self, direction, TreePass(self.skeleton, units, direction, name=direction, dtype=self.dtype_policy))

    def build(self, frame_shape, states_shape=None):
        joints = len(self.skeleton)
        for subnet in (self.recursive, self.diffuse):
            subnet.build((joints, frame_shape[0], frame_shape[-1] // joints))
        self.built = True

    def call(self, frame, states):
        frame, former = self._by_joint(frame), self._by_joint(states[0])
        _, shared = self.recursive(frame, ([former],), state_levels=[range(len(self.skeleton))])
        hidden, _ = self.diffuse(frame, shared, state_levels=self.recursive.levels)
        output = ops.reshape(ops.transpose(hidden, (1, 0, 2)), (-1, self.state_size))
        return output, [output]

    def _by_joint(self, values):
        joints = len(self.skeleton)
        return ops.transpose(ops.reshape(values, (-1, joints, values.shape[-1] // joints)), (1, 0, 2))

    def compute_output_shape(self, frame_shape, states_shape=None):
        shape = (*frame_shape[:-1], self.state_size)
        return shape, [shape]

    def get_config(self):
        return {**super().get_config(), "skeleton": self.skeleton.to_dict(), "units": self.units}


@keras.saving.register_keras_serializable("tfpose")
class SeBiReNetOverTime(keras.layers.Layer):
    """A recurrent SeBiReNet over the frames of clips, which runs on whole clips and frame by frame.

    Args:
        skeleton: the tree (a `Skeleton`, or its `to_dict`).
        units: size of a node's hidden state. Without `causal` one network runs forward and one backward in time, with
            half of it each.
        causal: whether a frame is computed from itself and earlier frames alone.

    Raises:
        ValueError: for an odd number of units without `causal`.

    Call arguments:
        frames: `[B, T, J * n_x]`, joint by joint.
        history: of a causal network, what `call` returned for the frames before; None for zeros.

    Returns:
        `(values [B, T, J * units], history)`; the history of a network that is not causal is empty.
    """

    def __init__(self, skeleton, units, causal, **kwargs):
        super().__init__(**kwargs)
        self.skeleton = skeleton if isinstance(skeleton, Skeleton) else Skeleton.from_dict(skeleton)
        if units % 2 and not causal:
            raise TfposeError(f"units must be even for a network of both directions, got {units}")
        self.node_units, self.causal = units, causal
        self.units = len(self.skeleton) * units
        self.runs = [
            keras.layers.RNN(
                SeBiReNetCell(self.skeleton, units if causal else units // 2, dtype=self.dtype_policy),
                return_sequences=True,
                return_state=True,
                go_backwards=backwards,
                name=name,
                dtype=self.dtype_policy,
            )
            for name, backwards in (("forward", False), ("backward", True))
            if not (causal and backwards)
        ]

    def build(self, frames_shape, history_shape=None):
        for run in self.runs:
            run.build(frames_shape)
        self.built = True

    @property
    def history_shapes(self) -> list[tuple[int]]:
        """The shape of each part of the history, without the batch."""
        return [(self.units,)] if self.causal else []

    def call(self, frames, history=None):
        if not self.causal:
            (forward, _), (backward, _) = (run(frames) for run in self.runs)
            return ops.concatenate([forward, ops.flip(backward, axis=1)], axis=-1), []
        (run,) = self.runs
        if frames.shape[1] == 1 and history is not None:  # a step needs no loop
            output, later = run.cell(frames[:, 0], history)
            return output[:, None], later
        values, *later = run(frames, initial_state=history)
        return values, later

    def compute_output_shape(self, frames_shape, history_shape=None):
        return (*frames_shape[:-1], self.units), [(frames_shape[0], *shape) for shape in self.history_shapes]

    def get_config(self):
        return {
            **super().get_config(),
            "skeleton": self.skeleton.to_dict(),
            "units": self.node_units,
            "causal": self.causal,
        }
