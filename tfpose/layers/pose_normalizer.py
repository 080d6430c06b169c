"""From metres to the network's unit and back."""

from __future__ import annotations

from typing import NamedTuple

import keras
from keras import ops

from tfpose.geometry.centre import geometric_median, weighted_mean


class Frame(NamedTuple):
    """What `PoseNormalizer` took away from a pose.

    Attributes:
        centre: `[B, 1, 3]` metres.
        observed: `[B, J, 1]`, 1 where the joint was there and 0 where it was missing.
    """

    centre: object
    observed: object


@keras.saving.register_keras_serializable("tfpose")
class PoseNormalizer(keras.layers.Layer):
    """Centres poses robustly and scales them isotropically; invertible.

    The centre is the geometric median of the joints that are there. It turns with the pose, and a joint moved far, be
    it the root, moves it by centimetres however far it went: centring on an observed root would carry the root's whole
    error into every joint, and centring on the true root (as the paper's published code does) is impossible outside a
    benchmark. Scaling is by one constant for all axes, so that a rotated pose stays a rotated pose.

    A joint is missing when a coordinate is not finite; it is put at the centre.

    Args:
        scale: metres per unit of the network.
        iterations: Weiszfeld steps from the mean towards the geometric median.

    Call arguments:
        joints: `[B, J, 3]` metres; NaN = missing.

    Returns:
        `(normalized [B, J, 3], Frame)`; `restore` is the inverse.
    """

    def __init__(self, scale=0.4, iterations=6, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale
        self.iterations = iterations

    def build(self, input_shape):
        self.built = True

    def call(self, joints):
        # Comparisons with NaN are false; `isfinite` is no built-in of LiteRT.
        finite = ops.all(ops.abs(joints) < 1e6, axis=-1, keepdims=True)
        observed = ops.cast(finite, joints.dtype)
        joints = ops.where(finite, joints, 0.0)
        # Near the origin first: far from it, float32 has no digits left for the differences between joints.
        anchor = weighted_mean(joints, observed)
        joints = (joints - anchor) * observed
        centre = geometric_median(joints, observed, self.iterations, nearest=1e-2)
        return (joints - centre) * observed / self.scale, Frame(anchor + centre, observed)

    def restore(self, normalized, frame: Frame):
        """Poses `[B, J, 3]` of the network, in metres and where the input was."""
        return ops.cast(normalized, frame.centre.dtype) * self.scale + frame.centre

    def get_config(self):
        return {**super().get_config(), "scale": self.scale, "iterations": self.iterations}
