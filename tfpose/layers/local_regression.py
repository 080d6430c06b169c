"""Smoothing by weighted local lines (LOESS) of several widths, on whole clips and frame by frame."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from tfpose.layers.static import concatenate, length


@keras.saving.register_keras_serializable("tfpose")
class LocalRegression(keras.layers.Layer):
    """Fits a line to the weighted joints around each frame, once for each width, and takes its value there.

    Gaps are bridged: a width that sees no observation takes the value of the next larger width, and the largest takes
    the prior. Around a frame lies a Gaussian window, or in the causal form an exponential one.

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
        `(values, support, history)`: `[B, T, W, J, 3]` and `[B, T, W, J, 1]` (how much was seen, at most about 1) of
        the W widths; the history is None in the form that is not causal.
    """

    def __init__(self, widths=(1, 2, 4, 8, 16), reach=32, causal=False, floor=0.01, ridge=0.05, **kwargs):
        super().__init__(**kwargs)
        self.widths, self.reach, self.causal = tuple(widths), reach, causal
        self.floor, self.ridge = floor, ridge
        steps = np.arange(-reach, 1 if causal else reach + 1)
        steps = steps[:, None] / np.array(self.widths)
        window = np.exp(steps) if causal else np.exp(-0.5 * steps**2)
        window /= window.sum(axis=0)
        self.table = np.concatenate([window, window * steps, window * steps**2], axis=1)

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
        # The moments of each frame, of order 0 of all widths, then 1, then 2.
        moments = local_moments(around, self.table, self.reach, before)  # [B, T * 3 W, 4 J]
        moments = ops.reshape(moments, (-1, 3 * len(self.widths), count, 4))
        zeroth, first, second = ops.split(moments, 3, axis=1)  # [B * T, W, J, 4]
        seen, lean, spread = zeroth[..., :1], first[..., :1], second[..., :1] + self.ridge
        determinant = (seen + self.floor) * spread - ops.square(lean)
        line = (spread * zeroth[..., 1:] - lean * first[..., 1:]) / determinant
        bridged = self.floor * spread / determinant  # the prior's share: all of it where nothing is seen
        value, values = ops.reshape(prior, (-1, 1, count, 3)), []
        for number in reversed(range(len(self.widths))):
            value = line[:, number : number + 1] + bridged[:, number : number + 1] * value
            values.insert(0, value)
        values, seen = (
            ops.reshape(each, (-1, frames, len(self.widths), count, each.shape[-1]))
            for each in (concatenate(values, 1), seen)
        )
        return values, seen, around[:, -self.reach :] if self.causal else None

    def get_config(self):
        return {
            **super().get_config(),
            "widths": list(self.widths),
            "reach": self.reach,
            "causal": self.causal,
            "floor": self.floor,
            "ridge": self.ridge,
        }


def local_moments(signals, table, reach, before=0):
    """Sums of `signals` around each frame, weighted by its distance.

    Args:
        signals: `[B, before + T, n]`.
        table: `[D, C]`: C weights of each distance, which begin `reach` frames before a frame.
        reach: how many frames before a frame the table begins.
        before: how many of the frames have no sums of their own.

    Returns:
        `[B, T * C, n]`.
    """
    frames = length(signals, 1) - before
    here = ops.arange(frames)[:, None]
    there = ops.arange(-before, frames)[None]
    apart = there - here + reach
    last = len(table)
    inside = ops.logical_and(apart >= 0, apart < last)
    # A row of zeros at the end, for frames out of reach.
    table = ops.convert_to_tensor(np.pad(table, [[0, 1], [0, 0]]).astype(np.float32), signals.dtype)
    windows = ops.take(table, ops.where(inside, apart, last), axis=0)  # [T, before + T, C]
    windows = ops.reshape(ops.swapaxes(windows, 1, 2), (frames * windows.shape[-1], before + frames))
    return ops.matmul(windows, signals)
