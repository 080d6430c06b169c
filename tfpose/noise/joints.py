"""What goes wrong with a skeleton: joints moved far (the paper, Sec. 3.3), noise, missing joints, sides swapped.

Every function takes clean poses `[B, J, 3]` in metres and an explicit seed and is XLA-compilable.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfpose.seeds import split_seed
from tfpose.skeleton import Skeleton


def choose_joints(counts, joints: int, seed) -> tf.Tensor:
    """Chooses `counts` `[B]` different joints in each pose, uniformly.

    Returns:
        bool `[B, joints]`.
    """
    scores = tf.random.stateless_uniform([tf.shape(counts)[0], joints], seed)
    one, other = scores[:, :, None], scores[:, None, :]
    # Of equal scores, which 17 draws of 23 bits give now and then, the earlier joint ranks first.
    behind = (one > other) | ((one == other) & np.tri(joints, k=-1, dtype=bool))
    rank = tf.reduce_sum(tf.cast(behind, tf.int32), axis=-1)
    return rank < counts[:, None]


def random_counts(batch, lowest: int, highest: int, seed) -> tf.Tensor:
    """How many joints to corrupt in each pose: int32 `[batch]`, uniform from `lowest` to `highest`, both included."""
    return tf.random.stateless_uniform([batch], seed, lowest, highest + 1, tf.int32)


def displace(poses, moved, seed, shortest: float = 0.2, longest: float = 0.8) -> tf.Tensor:
    """Moves the chosen joints to illegal places, the paper's corruption (Sec. 3.3 and 4.1).

    The direction is uniform on the sphere and the length uniform in `[shortest, longest]` metres; the paper says only
    "a relatively large displacement".

    Args:
        poses: `[B, J, 3]` metres.
        moved: bool `[B, J]`, from `choose_joints` or from drop-label files.
        seed: two integers.

    Returns:
        `[B, J, 3]`; the joints that are not `moved` are unchanged.
    """
    direction_seed, length_seed = split_seed(seed, 2)
    direction = tf.math.l2_normalize(tf.random.stateless_normal(tf.shape(poses), direction_seed), axis=-1)
    length = tf.random.stateless_uniform(tf.shape(poses)[:-1], length_seed, shortest, longest)
    return tf.where(moved[..., None], poses + direction * length[..., None], poses)


def add_noise(poses, seed, stddev) -> tf.Tensor:
    """Adds Gaussian noise of `stddev` metres (a number, or `[B, 1, 1]`) to every coordinate."""
    return poses + stddev * tf.random.stateless_normal(tf.shape(poses), seed)


def remove(poses, missing) -> tf.Tensor:
    """Makes the joints `missing` (bool `[B, J]`) NaN, as trackers report joints that they do not see."""
    return tf.where(missing[..., None], tf.constant(float("nan"), poses.dtype), poses)


def remove_some(poses, seed, share: float, most: int) -> tf.Tensor:
    """Makes one to `most` joints NaN in a `share` of the poses, `[B, J, 3]` or image points `[B, J, 2]`."""
    some_seed, number_seed, which_seed = split_seed(seed, 3)
    count, joints = poses.shape[0], poses.shape[1]
    some = tf.random.stateless_uniform([count], some_seed) < share
    numbers = tf.where(some, random_counts(count, 1, most, number_seed), 0)
    return remove(poses, choose_joints(numbers, joints, which_seed))


def exchange_limbs(poses, seed, share: float, skeleton: Skeleton) -> tf.Tensor:
    """Exchanges left and right in a `share` of the poses: of one limb (both arms, both legs), or of all, as likely.

    Args:
        poses: `[B, J, 3]` metres.
        seed: two integers.
        share: of the poses.
        skeleton: says which joints are mirror images, and what its limbs are.
    """
    some_seed, which_seed = split_seed(seed, 2)
    count, members = poses.shape[0], limb_members(skeleton)
    some = tf.random.stateless_uniform([count], some_seed) < share
    which = tf.random.stateless_uniform([count], which_seed, 0, len(members), tf.int32)
    return swap_sides(poses, some[:, None] & tf.gather(members, which), skeleton)


def limb_members(skeleton: Skeleton) -> np.ndarray:
    """bool `[limbs + 1, J]`: the joints of each kind of limb (both arms, both legs), and last those of all."""
    members = np.zeros((len(skeleton.limbs) + 1, len(skeleton)), bool)
    for number, limb in enumerate(skeleton.limbs):
        members[[number, -1], np.array(limb)[:, None]] = True
    return members


def swap_sides(poses, swapped, skeleton: Skeleton) -> tf.Tensor:
    """Exchanges left and right joints where a tracker took a person's back for the front.

    Args:
        poses: `[B, J, 3]` metres.
        swapped: bool `[B]`, or `[B, J]` with both joints of a pair alike.
        skeleton: says which joints are mirror images.
    """
    swapped = tf.reshape(swapped, [tf.shape(poses)[0], -1, 1])
    return tf.where(swapped, tf.gather(poses, skeleton.mirror_joints, axis=1), poses)
