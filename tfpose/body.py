"""A random body for every sample, so that one model serves every rig and not the eight people it was trained on."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfpose.seeds import split
from tfpose.skeleton import Skeleton


def randomize(
    poses, skeleton: Skeleton, seed, *, bones: float = 0.2, size: float = 0.1, definitions: float = 0.03
) -> tf.Tensor:
    """The same poses on other bodies: bone directions stay, lengths and joint definitions change.

    Args:
        poses: `[B, J, 3]` metres.
        skeleton: its mirror bones get the same length; its `torso` joints get shifted definitions.
        seed: two integers.
        bones: bone lengths are multiplied by exp(N(0, bones)), those of the trunk by one more such factor in common:
            from hips to neck, rigs differ by half.
        size: the whole body is multiplied by exp(N(0, size)).
        definitions: rigs place the joints of the trunk differently; each is shifted by N(0, definitions) metres in the
            frame of the trunk, by twice as much along its height, mirror images mirrored.

    Returns:
        `[B, J, 3]`; where the root is no joint of the trunk it stays where it was.
    """
    bone_seed, trunk_seed, size_seed, shift_seed = split(seed, 4)
    batch = tf.shape(poses)[0]
    logs = bones * tf.random.stateless_normal([batch, len(skeleton.bones)], bone_seed)
    logs = tf.gather(logs, _tied(skeleton.mirror_bones, len(skeleton.bones)), axis=1)
    in_trunk = tf.constant([float(_names(bone, skeleton) <= set(skeleton.torso)) for bone in skeleton.bones])
    logs += bones * in_trunk * tf.random.stateless_normal([batch, 1], trunk_seed)
    logs += size * tf.random.stateless_normal([batch, 1], size_seed)
    child, parent = np.array(skeleton.bones).T
    vectors = tf.gather(poses, child, axis=1) - tf.gather(poses, parent, axis=1)
    root = poses[:, skeleton.root : skeleton.root + 1]
    bodies = root + tf.einsum("jb,nbc->njc", _paths(skeleton), vectors * tf.exp(logs)[..., None])
    if definitions and skeleton.torso:
        bodies += _torso_shifts(bodies, skeleton, shift_seed, definitions)
    return bodies


def mirror(poses, skeleton: Skeleton, mirrored) -> tf.Tensor:
    """The mirror image (x negated, sides exchanged) of the samples chosen by `mirrored` (bool `[B]`)."""
    image = tf.gather(poses, skeleton.mirror_joints, axis=1) * tf.constant([-1.0, 1.0, 1.0])
    return tf.where(mirrored[:, None, None], image, poses)


def torso_frame(poses, skeleton: Skeleton) -> tf.Tensor:
    """Rotation matrices `[B, 3, 3]` whose columns are the trunk's left, up and forward directions.

    Left is the mean right-to-left vector over the mirror pairs of the trunk, up the direction from the root to the
    trunk's middle joints, made orthogonal to left. Degenerate trunks give zero columns, never NaN.
    """
    left_of_pair, right_of_pair, middle = _torso_indices(skeleton)
    left = _direction(
        tf.reduce_sum(tf.gather(poses, left_of_pair, axis=1) - tf.gather(poses, right_of_pair, axis=1), 1)
    )
    up = tf.reduce_mean(tf.gather(poses, middle, axis=1), 1) - poses[:, skeleton.root]
    up = _direction(up - left * tf.reduce_sum(up * left, -1, keepdims=True))
    return tf.stack([left, up, tf.linalg.cross(left, up)], axis=-1)


def _torso_shifts(poses, skeleton: Skeleton, seed, stddev: float) -> tf.Tensor:
    shifts = stddev * tf.constant([1.0, 2.0, 1.0]) * tf.random.stateless_normal(tf.shape(poses), seed)
    image = tf.gather(shifts, skeleton.mirror_joints, axis=1) * tf.constant([-1.0, 1.0, 1.0])
    joints = set(skeleton.torso)
    right = {right for _, right in skeleton.mirror}
    paired = right | {left for left, _ in skeleton.mirror}
    moved = tf.constant([[float(j in joints)] for j in skeleton.joints])
    take_image = tf.constant([[j in right] for j in skeleton.joints])
    # A joint of the middle stays in the middle plane.
    plane = tf.constant([[float(j in paired), 1.0, 1.0] for j in skeleton.joints])
    shifts = tf.where(take_image, image, shifts) * moved * plane
    return tf.matmul(shifts, torso_frame(poses, skeleton), transpose_b=True)


def _torso_indices(skeleton: Skeleton):
    pairs = [p for p in skeleton.mirror if p[0] in skeleton.torso and p[1] in skeleton.torso]
    sided = {j for pair in pairs for j in pair}
    middle = [j for j in skeleton.torso if j not in sided and j != skeleton.joints[skeleton.root]]
    # A trunk without middle joints (COCO) points from its lower to its upper pair, which is the first in the list last.
    middle = middle or [j for pair in pairs for j in pair]
    return tuple([skeleton.index(j) for j in side] for side in ([p[0] for p in pairs], [p[1] for p in pairs], middle))


def _names(bone, skeleton: Skeleton) -> set[str]:
    return {skeleton.joints[joint] for joint in bone}


def _tied(pairs, count: int) -> list[int]:
    index = list(range(count))
    for left, right in pairs:
        index[right] = left
    return index


def _paths(skeleton: Skeleton) -> np.ndarray:
    """`[J, J - 1]`: one where a bone lies on the way from the root to the joint."""
    number = {child: i for i, (child, _) in enumerate(skeleton.bones)}
    paths = np.zeros((len(skeleton), len(skeleton.bones)), np.float32)
    for joint in range(len(skeleton)):
        at = joint
        while at != skeleton.root:
            paths[joint, number[at]] = 1.0
            at = skeleton.parents[at]
    return paths


def _direction(vector) -> tf.Tensor:
    return vector / tf.maximum(tf.norm(vector, axis=-1, keepdims=True), 1e-6)
