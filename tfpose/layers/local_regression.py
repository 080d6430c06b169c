"""Smoothing by weighted local lines (LOESS) of several widths, on whole clips and frame by frame."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from tfpose.layers.static import length


@keras.saving.register_keras_serializable("tfpose")
class LocalRegression(keras.layers.Layer):
    """Fits a line to the weighted joints around each frame, once for each width, and takes its value there.

    What has no weight is bridged: where a width sees nothing, its value is that of the next larger width, and that of
    the largest is the prior. Around a frame lies a Gaussian window, or in the causal form an exponential one.

    Args:
        widths: of the windows, in frames: standard deviations, or in the causal form time constants.
        reach: frames that a window sees to each side, or back.
        causal: whether a frame is computed from itself and earlier frames alone.
        floor: how much weight counts as nothing.
        ridge: how much the slope is held back.

    Call arguments:
        joints: `[B, T, J, 3]`, finite.
        weights: `[B, T, J, 1]`, 0 to 1.
        prior: `[B, T, J, 3]`, finite.
        history: of the causal form, what `call` returned for the frames before, `[B, reach, 4 J]`; None for no weights.

    Returns:
        `(values, support, history)`: a list of `[B, T, J, 3]` and one of `[B, T, J, 1]` (how much was seen, at most
        about 1) from the smallest width to the largest; the history is None in the form that is not causal.
    """

    def __init__(self, widths=(1, 2, 4, 8, 16), reach=32, causal=False, floor=0.01, ridge=0.05, **kwargs):
        super().__init__(**kwargs)
        self.widths, self.reach, self.causal = tuple(widths), reach, causal
        self.floor, self.ridge = floor, ridge
        steps = np.arange(-reach, 1 if causal else reach + 1)
        tables = []
        for width in self.widths:
            window = np.exp(steps / width) if causal else np.exp(-0.5 * (steps / width) ** 2)
            window /= window.sum()
            tables += [window, window * steps / width, window * (steps / width) ** 2]
        # A row of zeros at the end, for frames out of reach.
        self.table = np.concatenate([np.stack(tables, 1), np.zeros((1, 3 * len(self.widths)))]).astype(np.float32)

    def build(self, joints_shape, weights_shape=None, prior_shape=None, history_shape=None):
        self.built = True

    def call(self, joints, weights, prior, history=None):
        count = joints.shape[2]
        frames = length(joints, 1)
        signals = ops.reshape(ops.concatenate([weights, weights * joints], axis=-1), (-1, frames, 4 * count))
        if not self.causal:
            around, before = signals, 0
        else:
            before = self.reach
            pad = [[0, 0], [before, 0], [0, 0]]
            around = ops.pad(signals, pad) if history is None else ops.concatenate([history, signals], axis=1)
        moments = ops.matmul(self._windows(frames, before), around)  # [B, 3 widths * T, 4 J]
        moments = ops.reshape(moments, (-1, 3 * len(self.widths), frames, count, 4))
        values, support = [], []
        for number in reversed(range(len(self.widths))):
            zeroth, first, second = (moments[:, 3 * number + power] for power in range(3))
            seen, lean, spread = zeroth[..., :1], first[..., :1], second[..., :1] + self.ridge
            # About the prior, so that what is not seen is the prior.
            total, slope = zeroth[..., 1:] - seen * prior, first[..., 1:] - lean * prior
            determinant = (seen + self.floor) * spread - ops.square(lean)
            prior = prior + (spread * total - lean * slope) / determinant
            values.insert(0, prior)
            support.insert(0, seen)
        return values, support, around[:, -self.reach :] if self.causal else None

    def _windows(self, frames, before):
        """`[3 widths * T, before + T]`: what each frame takes from each frame."""
        here = ops.arange(frames)[:, None]
        there = ops.arange(-before, frames)[None]
        apart = there - here + self.reach
        last = len(self.table) - 1
        inside = ops.logical_and(apart >= 0, apart < last)
        table = ops.convert_to_tensor(self.table, self.compute_dtype)
        windows = ops.take(table, ops.where(inside, apart, last), axis=0)  # [T, before + T, 3 widths]
        return ops.reshape(ops.transpose(windows, (2, 0, 1)), (3 * len(self.widths) * frames, before + frames))

    def get_config(self):
        return {
            **super().get_config(),
            "widths": list(self.widths),
            "reach": self.reach,
            "causal": self.causal,
            "floor": self.floor,
            "ridge": self.ridge,
        }
