"""From an image's 2D joints to what the lifting network sees, and from its pose back to the camera."""

from __future__ import annotations

import keras
from keras import ops

from tfpose.geometry.bones import norm
from tfpose.geometry.centre import geometric_median


@keras.saving.register_keras_serializable("tfpose")
class RayNormalizer(keras.layers.Layer):
    """Turns the camera towards the person and scales what it sees to unit size; invertible.

    A person at the edge of an image is seen from another side than one in its middle. After the camera has turned
    (heading, then tilt, no roll) until the centre of the 2D pose is on its axis, the same picture means the same pose
    wherever in the image it was. What is taken away, the direction and the apparent size, is handed on as features,
    since a camera at a known height tells distance by them.

    The centre is the geometric median of the joints that are there; a joint is missing when a coordinate is not
    finite, and is put at the centre.

    Args:
        iterations: Weiszfeld steps from the mean towards the geometric median.

    Call arguments:
        joints: `[B, J, 2]` normalised image coordinates (x right, y down, in focal lengths from the principal point);
            NaN = missing.

    Returns:
        `(features [B, J, 6], rotation [B, 3, 3])`: for each joint x right and y up in the turned and scaled image, 1
        where it was there, and the same for all joints of a pose the direction of its centre (x, y) and the logarithm
        of its size. `restore` turns poses of the turned camera back.
    """

    def __init__(self, iterations=6, **kwargs):
        super().__init__(**kwargs)
        self.iterations = iterations

    def build(self, input_shape):
        self.built = True

    def call(self, joints):
        # Comparisons with NaN are false; `isfinite` is no built-in of LiteRT.
        finite = ops.all(ops.abs(joints) < 1e3, axis=-1, keepdims=True)
        observed = ops.cast(finite, joints.dtype)
        joints = ops.where(finite, joints, 0.0) * ops.convert_to_tensor([1.0, -1.0], joints.dtype)
        centre = geometric_median(joints, observed, self.iterations, nearest=1e-4)
        rotation = look_at(centre[:, 0])
        turned = turn_camera(joints, rotation) * observed
        size = ops.sum(norm(turned), axis=1) / ops.maximum(ops.sum(observed[..., 0], axis=1), 1.0)
        size = ops.maximum(size, 1e-4)[:, None, None]
        context = ops.concatenate([centre, ops.log(size / 0.1)], axis=-1)  # 0.1: a person 4 m away
        context = context + ops.zeros_like(observed)  # the same for every joint
        return ops.concatenate([turned / size, observed, context], axis=-1), rotation

    def restore(self, poses, rotation):
        """Poses `[B, J, 3]` of the turned camera, in the frame of the camera that took the image."""
        return ops.matmul(poses, rotation)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 6), (input_shape[0], 3, 3)

    def get_config(self):
        return {**super().get_config(), "iterations": self.iterations}


def look_at(centre):
    """The rotations `[B, 3, 3]` of a camera's y-up frame that bring the points `centre` `[B, 2]` onto its axis."""
    x, y = centre[:, 0], centre[:, 1]
    level = ops.sqrt(1.0 + x * x)
    length = ops.sqrt(1.0 + x * x + y * y)
    zero = ops.zeros_like(x)
    right = ops.stack([1.0 / level, zero, x / level], axis=-1)
    backward = ops.stack([-x / length, -y / length, 1.0 / length], axis=-1)
    up = ops.stack([-x * y, level * level, y], axis=-1) / (level * length)[:, None]
    return ops.stack([right, up, backward], axis=1)


def turn_camera(joints, rotation):
    """Image points `[B, J, 2]` (y up, focal length 1) as the camera turned by `rotation` `[B, 3, 3]` sees them."""
    depth = 0.0 * joints[..., :1] - 1.0  # `ones_like` computes shapes while it runs
    rays = ops.concatenate([joints, depth], axis=-1)
    rays = ops.matmul(rays, ops.swapaxes(rotation, -1, -2))
    return rays[..., :2] / ops.maximum(-rays[..., 2:], 0.1)
