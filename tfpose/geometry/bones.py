"""Lengths of bones, and a norm whose gradient is finite everywhere."""

from __future__ import annotations

import numpy as np
from keras import ops

from tfpose.skeleton import Skeleton


def bone_lengths(poses, skeleton: Skeleton):
    """Lengths `[..., J - 1]` of the bones, in the order of `skeleton.bones`."""
    difference = np.zeros((len(skeleton.bones), len(skeleton)), "float32")
    for bone, (child, parent) in enumerate(skeleton.bones):
        difference[bone, child], difference[bone, parent] = 1.0, -1.0
    return norm(ops.matmul(ops.convert_to_tensor(difference, poses.dtype), poses))


def norm(vectors):
    """Euclidean norm over the last axis with gradient zero, not NaN, at zero."""
    squared = ops.sum(ops.square(vectors), axis=-1)
    positive = squared > 0
    return ops.where(positive, ops.sqrt(ops.where(positive, squared, 1.0)), 0.0)


def with_constant_bones(clips: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Clips `[..., T, J, 3]` (numpy) in which every bone has its median length over the T frames.

    From the root outwards each bone keeps its direction; the root stays where it is.
    """
    result = np.array(clips)
    for child in (joint for level in skeleton.levels_by_depth for joint in level):
        parent = dict(skeleton.bones).get(child)
        if parent is None:
            continue
        bone = clips[..., child, :] - clips[..., parent, :]
        length = np.linalg.norm(bone, axis=-1, keepdims=True)
        result[..., child, :] = result[..., parent, :] + bone * (
            np.median(length, axis=-2, keepdims=True) / np.maximum(length, 1e-6)
        )
    return result
