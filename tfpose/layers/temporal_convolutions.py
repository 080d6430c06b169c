"""Dilated convolutions over time that run on whole clips and frame by frame."""

from __future__ import annotations

import keras
from keras import ops

from tfpose.layers.static import by_rows, length


@keras.saving.register_keras_serializable("tfpose")
class TemporalConvolutions(keras.layers.Layer):
    """A residual network of convolutions over frames, of three taps each.

    Args:
        units: width.
        dilations: of each block, in frames.
        causal: whether a frame is computed from itself and earlier frames alone.

    Call arguments:
        frames: `[B, T, F]`.
        history: of a causal network, what `call` returned for the frames before, one `[B, 2 d, units]` for each
            dilation d; None for zeros.

    Returns:
        `(values [B, T, units], history)`; the history of a network that is not causal is empty.
    """

    def __init__(self, units, dilations, causal, **kwargs):
        super().__init__(**kwargs)
        self.units, self.dilations, self.causal = units, tuple(dilations), causal
        self.first = keras.layers.Dense(units, name="first", dtype=self.dtype_policy)
        self.blocks = [
            (
                keras.layers.Dense(units, activation="relu", name=f"taps_{number}", dtype=self.dtype_policy),
                keras.layers.Dense(units, kernel_initializer="zeros", name=f"mix_{number}", dtype=self.dtype_policy),
            )
            for number in range(len(self.dilations))
        ]

    def build(self, frames_shape, history_shape=None):
        self.first.build((None, frames_shape[-1]))
        for taps, mix in self.blocks:
            taps.build((None, 3 * self.units))
            mix.build((None, self.units))
        self.built = True

    @property
    def history_shapes(self) -> list[tuple[int, int]]:
        """The shape of each part of the history, without the batch."""
        return [(2 * dilation, self.units) for dilation in self.dilations] if self.causal else []

    def call(self, frames, history=None):
        values, count, later = by_rows(self.first, frames), length(frames, 1), []
        for number, (dilation, (taps, mix)) in enumerate(zip(self.dilations, self.blocks)):
            if history is not None:
                around = ops.concatenate([history[number], values], axis=1)
            else:
                before, after = (2 * dilation, 0) if self.causal else (dilation, dilation)
                around = ops.pad(values, [[0, 0], [before, after], [0, 0]])
            # Only here, where the history stays as it is: right after a product, LiteRT's converter would compute the
            # product twice, with and without it.
            around = ops.relu(around)
            if self.causal:
                later.append(around[:, -2 * dilation :])
            three = [around[:, shift : shift + count] for shift in (0, dilation, 2 * dilation)]
            values = values + by_rows(lambda rows, t=taps, m=mix: m(t(rows)), ops.concatenate(three, axis=-1))
        return ops.relu(values), later

    def compute_output_shape(self, frames_shape, history_shape=None):
        return (*frames_shape[:-1], self.units), [(frames_shape[0], *shape) for shape in self.history_shapes]

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "dilations": list(self.dilations),
            "causal": self.causal,
        }
