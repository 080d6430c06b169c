"""Joints in gaps, from what was seen on both sides of them."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from tfpose.layers.local_regression import local_moments
from tfpose.layers.static import length


@keras.saving.register_keras_serializable("tfpose")
class GapBridge(keras.layers.Layer):
    """Fits a parabola to the weighted joints around each frame, and takes its value there.

    The weights fall with the eighth power of the distance. Near a seen frame they are a narrow window; in a gap of any
    length within reach, what was seen nearest on both sides counts most, as it does in an interpolation. The Gaussian
    windows of `LocalRegression` see next to nothing in the middle of a gap that is wider than they are.

    Args:
        reach: frames that are seen to each side.
        width: distance in frames at which the weights are a sixteenth.
        floor: weight of the prior at the frame itself.
        ridge: how much the slope is held back, relative to the weights; the curvature ten times as much.

    Call arguments:
        joints: `[B, T, J, 3]`, finite.
        weights: `[B, T, J, 1]`, 0 to 1.
        prior: `[B, T, J, 3]`, finite.

    Returns:
        `(values, support)`: `[B, T, J, 3]`; `[B, T, J, 1]`, 0 where nothing is within reach to 1 where much is seen, in
        proportion to the logarithm of the weights.
    """

    def __init__(self, reach=32, width=2.0, floor=1e-6, ridge=0.005, **kwargs):
        super().__init__(**kwargs)
        self.reach, self.width, self.floor, self.ridge = reach, width, floor, ridge
        steps = np.arange(-reach, reach + 1)[:, None] / width
        self.table = (1.0 + steps**2) ** -4 * steps ** np.arange(5)  # of the moments of order 0 to 4

    def build(self, joints_shape, weights_shape=None, prior_shape=None):
        self.built = True

    def call(self, joints, weights, prior):
        # In half precision the weights of distant frames are zero.
        dtype, frames, count = joints.dtype, length(joints, 1), joints.shape[2]
        joints, weights, prior = (ops.cast(values, "float32") for values in (joints, weights, prior))
        signals = ops.reshape(ops.concatenate([weights, weights * joints], axis=-1), (-1, frames, 4 * count))
        moments = ops.reshape(local_moments(signals, self.table, self.reach), (-1, frames, 5, count, 4))
        zeroth, first, second, third, fourth = (moments[:, :, order] for order in range(5))
        mass = zeroth[..., :1] + self.floor
        m1, m2, m3, m4 = (moment[..., :1] / mass for moment in (first, second, third, fourth))
        slope, curvature = m2 + self.ridge, m4 + 10 * self.ridge
        # Cramer's rule for the parabola's value at the frame.
        c0, c1, c2 = slope * curvature - m3 * m3, m2 * m3 - m1 * curvature, m1 * m3 - slope * m2
        zeroth = zeroth[..., 1:] + self.floor * prior
        values = c0 * zeroth + c1 * first[..., 1:] + c2 * second[..., 1:]
        values = values / (mass * (c0 + c1 * m1 + c2 * m2))
        support = 1.0 - ops.minimum(ops.log(mass) / np.log(self.floor), 1.0)
        return ops.cast(values, dtype), ops.cast(support, dtype)

    def get_config(self):
        return {
            **super().get_config(),
            "reach": self.reach,
            "width": self.width,
            "floor": self.floor,
            "ridge": self.ridge,
        }
