"""Lengths of bones, and a norm whose gradient is finite everywhere."""

from __future__ import annotations

import itertools

import keras
import numpy as np
from keras import ops

from tfpose.skeleton import Skeleton

_RELAXED = 0.6  # of the way at once: joints with several bones would be moved too far
_SHORTEST = 0.02  # metres: shorter bones have no direction


def bone_lengths(poses, skeleton: Skeleton):
    """Lengths `[..., J - 1]` of the bones, in the order of `skeleton.bones`."""
    return norm(ops.matmul(ops.convert_to_tensor(bone_matrix(skeleton), poses.dtype), poses))


def bone_matrix(skeleton: Skeleton) -> np.ndarray:
    """`[J - 1, J]`: times joints it is the bones, from parent to child, in the order of `skeleton.bones`."""
    difference = np.zeros((len(skeleton.bones), len(skeleton)), "float32")
    for bone, (child, parent) in enumerate(skeleton.bones):
        difference[bone, child], difference[bone, parent] = 1.0, -1.0
    return difference


def norm(vectors, keepdims=False):
    """Euclidean norm over the last axis with value and gradient zero, not NaN, at zero.

    Without a choice between values, for which a LiteRT graph would have to leave XNNPACK.
    """
    squared = ops.sum(ops.square(vectors), axis=-1, keepdims=keepdims)
    nothing = 1e-4 if keras.backend.standardize_dtype(squared.dtype) == "float16" else 1e-20
    return squared / ops.sqrt(ops.maximum(squared, nothing))


def stretches(joints, lengths, bones):
    """What bones, the rows of a `bone_matrix`, lack to given lengths `[..., J - 1, 1]`: `[..., J - 1, 3]` metres."""
    bone = ops.matmul(bones, joints)
    return bone * (lengths / ops.maximum(norm(bone, keepdims=True), _SHORTEST) - 1.0)


def at_lengths(joints, mass, lengths, skeleton: Skeleton, passes: int):
    """Joints moved until their bones have nearly the given lengths.

    In each pass every bone moves its two ends along itself, the one of smaller mass farther, and all bones at once: the
    constraints of Müller, Heidelberger, Hennix, Ratcliff: Position Based Dynamics, 2007.

    Args:
        joints: `[..., J, 3]` metres.
        mass: `[..., J, 1]`, above 0.
        lengths: `[..., J - 1, 1]` metres, in the order of `skeleton.bones`.
        skeleton: of the joints.
        passes: how many times.

    Returns:
        `[..., J, 3]`.
    """
    bones = bone_matrix(skeleton)
    child, parent = np.maximum(bones, 0.0), np.maximum(-bones, 0.0)
    of_child, of_parent = ops.matmul(child, 1.0 / mass), ops.matmul(parent, 1.0 / mass)
    share = of_child / (of_child + of_parent)
    for _ in range(passes):
        stretch = _RELAXED * stretches(joints, lengths, bones)
        of_child = share * stretch
        joints = joints + ops.matmul(child.T, of_child) - ops.matmul(parent.T, stretch - of_child)
    return joints


def with_constant_bones(clips: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Clips `[..., T, J, 3]` (numpy) in which every bone has its median length over the T frames.

    From the root outwards each bone keeps its direction; the root stays where it is.
    """
    result = np.array(clips)
    for child in itertools.chain(*skeleton.levels_by_depth[1:]):
        parent = skeleton.parents[child]
        bone = clips[..., child, :] - clips[..., parent, :]
        length = np.linalg.norm(bone, axis=-1, keepdims=True)
        result[..., child, :] = result[..., parent, :] + bone * (
            np.median(length, axis=-2, keepdims=True) / np.maximum(length, 1e-6)
        )
    return result
