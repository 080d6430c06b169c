"""Rotations as matrices `[..., 3, 3]`: seeded, one per sample, XLA-compilable. The algebra is TensorFlow Graphics'."""

from __future__ import annotations

import math

import tensorflow as tf

from tfpose.seeds import split_seed

try:
    from tensorflow_graphics.geometry.transformation import quaternion, rotation_matrix_3d
except ImportError as error:
    raise ImportError(
        "tfpose rotates poses with TensorFlow Graphics, which is not installed. Run: "
        "pip install --no-deps tensorflow-graphics==2021.12.3 "
        "(--no-deps leaves out tensorflow-addons and others that it does not need here)"
    ) from error

UP = (0.0, 1.0, 0.0)


def uniform(batch, seed) -> tf.Tensor:
    """Rotations uniform on SO(3).

    A normalised 4-vector of independent Gaussians is uniform on the unit quaternions. (TensorFlow Graphics draws the
    same distribution, but without a seed.)

    Args:
        batch: how many.
        seed: two integers, as for `tf.random.stateless_normal`.

    Returns:
        `[batch, 3, 3]`.
    """
    return rotation_matrix_3d.from_quaternion(quaternion.normalize(tf.random.stateless_normal([batch, 4], seed)))


def about_axis(angles, axis=UP) -> tf.Tensor:
    """Rotations by `angles` `[...]` (radians, right-handed): `[..., 3, 3]`.

    About one axis `[3]` (default: the vertical), or one for each angle, `[..., 3]`.
    """
    angles = tf.convert_to_tensor(angles, tf.float32)[..., tf.newaxis]
    axis = tf.linalg.normalize(tf.convert_to_tensor(axis, tf.float32), axis=-1)[0] + tf.zeros_like(angles)
    return rotation_matrix_3d.from_axis_angle(axis, angles)


def small(batch, seed, stddev: float) -> tf.Tensor:
    """Rotations by small random vectors: axis times angle is Gaussian with `stddev` radians on each axis.

    Returns:
        `[batch, 3, 3]`.
    """
    vector = stddev * tf.random.stateless_normal([batch, 3], seed)
    # A zero vector has no axis; the tiny shift gives it one.
    angle = tf.norm(vector + 1e-12, axis=-1, keepdims=True)
    return rotation_matrix_3d.from_axis_angle((vector + 1e-12) / angle, angle)


def upright(batch, seed, tilt: float) -> tf.Tensor:
    """Any heading about the vertical, then a small tilt (`stddev` in radians): what an upright sensor sees.

    Returns:
        `[batch, 3, 3]`.
    """
    heading_seed, tilt_seed = split_seed(seed, 2)
    heading = about_axis(tf.random.stateless_uniform([batch], heading_seed, -math.pi, math.pi))
    return tf.matmul(small(batch, tilt_seed, tilt), heading)


def rotate(points, rotation) -> tf.Tensor:
    """Applies `rotation` `[..., 3, 3]` to `points` `[..., J, 3]` about the origin."""
    return tf.matmul(points, rotation, transpose_b=True)
