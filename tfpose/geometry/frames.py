"""Frames of a body: which way it faces, the frame of its trunk, its mirror image. Poses are `[..., J, 3]`, y up."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfpose.errors import SkeletonError
from tfpose.geometry.centre import about_root
from tfpose.skeleton import Skeleton


def mirror(poses, skeleton: Skeleton, mirrored) -> tf.Tensor:
    """The mirror image (x negated, sides exchanged) of the samples chosen by `mirrored` (bool `[B]`).

    `poses` are `[B, J, 3]` or image points `[B, J, 2]`.
    """
    sign = tf.constant([-1.0, 1.0, 1.0][: poses.shape[-1]])
    image = tf.gather(poses, skeleton.mirror_joints, axis=1) * sign
    return tf.where(mirrored[:, None, None], image, poses)


def torso_frame(poses, skeleton: Skeleton) -> tf.Tensor:
    """Rotation matrices `[B, 3, 3]` whose columns are the trunk's left, up and forward directions.

    Left is the mean right-to-left vector over the mirror pairs of the trunk, up the direction from the root to the
    trunk's middle joints, or from its first pair to its last where it has no middle joints (COCO), made orthogonal to
    left. Degenerate trunks give zero columns, never NaN.
    """
    lefts, rights, low, high = _torso_indices(skeleton)
    left = _direction(tf.reduce_sum(tf.gather(poses, lefts, axis=1) - tf.gather(poses, rights, axis=1), 1))
    up = tf.reduce_mean(tf.gather(poses, high, axis=1), 1) - tf.reduce_mean(tf.gather(poses, low, axis=1), 1)
    up = _direction(up - left * tf.reduce_sum(up * left, -1, keepdims=True))
    return tf.stack([left, up, tf.linalg.cross(left, up)], axis=-1)


def face_forward(positions, skeleton: Skeleton) -> tf.Tensor:
    """Root-relative poses turned about the vertical until the hips lie along x: the view taken out by hand.

    What a learned view-invariant code has to beat. Up stays up, so a bow stays a bow; the person's left is at +x and
    faces +z. A pose whose hips are missing, or lie one above the other, is not turned. In a skeleton without hips the
    mirror pairs of the trunk stand for them, in one without a trunk all mirror pairs.

    Args:
        positions: `[..., J, 3]` metres, y up; NaN = missing.
        skeleton: of the poses.

    Returns:
        `[..., J, 3]` float32; all NaN where the root is missing.

    Raises:
        SkeletonError: when the skeleton has no mirror pair.
    """
    lefts, rights = _sides(skeleton)
    positions = tf.convert_to_tensor(positions, tf.float32)
    across = tf.reduce_sum(tf.gather(positions, lefts, axis=-2) - tf.gather(positions, rights, axis=-2), axis=-2)
    length = tf.norm(across[..., ::2], axis=-1)  # on the ground: along x and z
    known = length > 1e-6  # a comparison with NaN is false
    length = tf.where(known, length, 1.0)
    cosine, sine = (tf.where(known, across[..., axis] / length, still) for axis, still in ((0, 1.0), (2, 0.0)))
    x, y, z = tf.unstack(about_root(positions, skeleton), axis=-1)
    cosine, sine = cosine[..., None], sine[..., None]
    return tf.stack([cosine * x + sine * z, y, cosine * z - sine * x], axis=-1)


def _sides(skeleton: Skeleton) -> tuple[list[int], list[int]]:
    """The left and the right joints that tell where a body faces."""
    hips = [pair for pair in skeleton.mirror if set(pair) == {"hip_left", "hip_right"}]
    pairs = hips or skeleton.torso_pairs or skeleton.mirror
    if not pairs:
        raise SkeletonError(f"skeleton '{skeleton.name}' has no mirror pairs, which tell where a body faces")
    return tuple([skeleton.index(joint) for joint in side] for side in zip(*pairs, strict=True))


def _torso_indices(skeleton: Skeleton):
    """Index arrays of the left joints, the right joints, and the joints that up points from and to."""
    torso, root = skeleton.torso, skeleton.joints[skeleton.root]
    pairs = skeleton.torso_pairs
    middle = [joint for joint in torso if joint != root and not any(joint in pair for pair in pairs)]
    low, high = ([root], middle) if middle or not pairs else (pairs[0], pairs[-1])
    joints = [left for left, _ in pairs], [right for _, right in pairs], low, high or [root]
    return tuple(np.array([skeleton.index(joint) for joint in names], int) for names in joints)


def _direction(vector) -> tf.Tensor:
    return vector / tf.maximum(tf.norm(vector, axis=-1, keepdims=True), 1e-6)
