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
