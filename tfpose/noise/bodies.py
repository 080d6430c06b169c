"""A random body for every sample, so that one model serves every rig and not the eight people it was trained on."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfpose.geometry import frames, rotations
from tfpose.seeds import split_seed
from tfpose.skeleton import Skeleton


def randomize(
    poses,
    skeleton: Skeleton,
    seed,
    *,
    bones: float = 0.2,
    size: float = 0.1,
    joint_offset_std: float = 0.03,
    base: float = 0.0,
    rise: float = 0.0,
    forward: float = 0.0,
    limbs: float = 0.0,
    jitter: float = 0.0,
    clip_frames: int = 1,
) -> tf.Tensor:
    """Poses on other bodies, seen by other sensors: bone lengths and joint definitions change, limbs move a little.

    `base`, `rise` and `forward` are for motion capture, whose spine is the anatomical one, behind and below the one of
    most other rigs; each sample is somewhere between.

    Args:
        poses: `[B, J, 3]` metres.
        skeleton: its mirror bones get the same length; its `torso` joints get shifted definitions.
        seed: two integers.
        bones: bone lengths are multiplied by exp(N(0, bones)), those of the trunk by one more such factor in common:
            from hips to neck, rigs differ by half.
        size: the whole body is multiplied by exp(N(0, size)).
        joint_offset_std: rigs place the joints of the trunk differently; each is shifted by N(0, this) metres in the
            frame of the trunk, by twice as much along its height, mirror images mirrored.
        base: the root goes up to this share of its way to the middle between the hips, where many rigs have it.
        rise: the joint that bears the shoulders, and those of the trunk above it, rise by up to this share of the
            distance from the hips to the shoulders: many rigs have shoulders below the base of the neck.
        forward: the joints of the spine come forward by up to this share of that distance.
        limbs: the bones of arms and legs are turned by N(0, limbs) radians about each axis: people do more than a few
            recordings show, and what they do must not be taken for an error.
        jitter: every joint is shifted by N(0, jitter) metres, as by a sensor that cannot do better.
        clip_frames: so many poses that follow each other are of one body: `[B, J, 3]` are B / clip_frames clips.

    Returns:
        `[B, J, 3]`; without jitter, and where the root is no joint of the trunk, it stays where it was.
    """
    bone_seed, trunk_seed, size_seed, shift_seed, spine_seed, limb_seed, jitter_seed = split_seed(seed, 7)
    batch = tf.shape(poses)[0] // clip_frames
    logs = bones * tf.random.stateless_normal([batch, len(skeleton.bones)], bone_seed)
    logs = tf.gather(logs, _tied(skeleton.mirror_bones, len(skeleton.bones)), axis=1)
    in_trunk = tf.constant([float(_names(bone, skeleton) <= set(skeleton.torso)) for bone in skeleton.bones])
    logs += bones * in_trunk * tf.random.stateless_normal([batch, 1], trunk_seed)
    logs += size * tf.random.stateless_normal([batch, 1], size_seed)
    logs = tf.repeat(logs, clip_frames, axis=0)
    child, parent = np.array(skeleton.bones, int).reshape(-1, 2).T
    vectors = tf.gather(poses, child, axis=1) - tf.gather(poses, parent, axis=1)
    if limbs:
        turns = tf.reshape(rotations.small(batch * len(child), limb_seed, limbs), [batch, len(child), 3, 3])
        turns = tf.repeat(turns, clip_frames, axis=0)
        vectors = tf.where(in_trunk[:, None] > 0, vectors, tf.einsum("nbcd,nbd->nbc", turns, vectors))
    root = poses[:, skeleton.root : skeleton.root + 1]
    bodies = root + tf.einsum("jb,nbc->njc", _paths(skeleton), vectors * tf.exp(logs)[..., None])
    if joint_offset_std and skeleton.torso:
        bodies += _torso_shifts(bodies, skeleton, shift_seed, joint_offset_std, clip_frames)
    if base or rise or forward:
        bodies = _other_spine(bodies, skeleton, spine_seed, base, rise, forward, clip_frames)
    if jitter:
        bodies += jitter * tf.random.stateless_normal(tf.shape(bodies), jitter_seed)
    return bodies


def _torso_shifts(poses, skeleton: Skeleton, seed, stddev: float, clip_frames: int) -> tf.Tensor:
    shape = [tf.shape(poses)[0] // clip_frames, len(skeleton), 3]
    shifts = stddev * tf.constant([1.0, 2.0, 1.0]) * tf.random.stateless_normal(shape, seed)
    shifts = tf.repeat(shifts, clip_frames, axis=0)
    image = tf.gather(shifts, skeleton.mirror_joints, axis=1) * tf.constant([-1.0, 1.0, 1.0])
    joints = set(skeleton.torso)
    right = {right for _, right in skeleton.mirror}
    paired = right | {left for left, _ in skeleton.mirror}
    moved = tf.constant([[float(j in joints)] for j in skeleton.joints])
    take_image = tf.constant([[j in right] for j in skeleton.joints])
    # A joint of the middle stays in the middle plane.
    plane = tf.constant([[float(j in paired), 1.0, 1.0] for j in skeleton.joints])
    shifts = tf.where(take_image, image, shifts) * moved * plane
    return tf.matmul(shifts, frames.torso_frame(poses, skeleton), transpose_b=True)


def _other_spine(
    poses, skeleton: Skeleton, seed, base: float, rise: float, forward: float, clip_frames: int
) -> tf.Tensor:
    pairs = skeleton.torso_pairs
    if len(pairs) < 2:
        return poses  # without hips and shoulders there is nothing to measure by
    hips, shoulders = (
        tf.reduce_mean(tf.gather(poses, [skeleton.index(joint) for joint in pair], axis=1), 1, keepdims=True)
        for pair in (pairs[0], pairs[-1])
    )
    spine = [skeleton.index(joint) for joint in skeleton.torso if not any(joint in pair for pair in pairs)]
    bearer = next((joint for joint in skeleton.ancestry(skeleton.index(pairs[-1][0])) if joint in spine), None)
    top = [joint for joint in spine if bearer in skeleton.ancestry(joint)]
    all_joints = np.arange(len(skeleton))[:, None]
    frame = frames.torso_frame(poses, skeleton)[:, None]
    length = tf.norm(shoulders - hips, axis=-1, keepdims=True)
    shares = tf.random.stateless_uniform([tf.shape(poses)[0] // clip_frames, 1, 3], seed)
    to_hips, up, ahead = tf.unstack(tf.repeat(shares, clip_frames, axis=0), axis=-1)
    moves = rise * up[..., None] * np.isin(all_joints, top) * frame[..., 1]
    moves += forward * ahead[..., None] * np.isin(all_joints, spine) * frame[..., 2]
    poses += length * moves
    is_base = np.isin(all_joints, [joint for joint in spine if joint == skeleton.root])
    return poses + base * to_hips[..., None] * is_base * (hips - poses)


def _names(bone, skeleton: Skeleton) -> set[str]:
    return {skeleton.joints[joint] for joint in bone}


def _tied(pairs, count: int) -> np.ndarray:
    index = np.arange(count)
    for left, right in pairs:
        index[right] = left
    return index


def _paths(skeleton: Skeleton) -> np.ndarray:
    """`[J, J - 1]`: one where a bone lies on the way from the root to the joint."""
    number = {child: i for i, (child, _) in enumerate(skeleton.bones)}
    paths = np.zeros((len(skeleton), len(skeleton.bones)), np.float32)
    for joint in range(len(skeleton)):
        for at in skeleton.ancestry(joint)[:-1]:
            paths[joint, number[at]] = 1.0
    return paths
