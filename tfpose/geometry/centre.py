"""Centres of poses."""

from keras import ops

from tfpose.skeleton import Skeleton


def about_root(joints, skeleton: Skeleton):
    """Joints `[..., J, 3]` about their roots."""
    return joints - joints[..., skeleton.root : skeleton.root + 1, :]


def geometric_median(joints, observed, iterations, nearest):
    """The geometric median `[B, 1, n]` of the joints `[B, J, n]` that are `observed` `[B, J, 1]`, by Weiszfeld's steps.

    Distances below `nearest` count as that, so that a joint at the centre has no infinite weight.
    """
    centre = weighted_mean(joints, observed)
    for _ in range(iterations):
        squared = ops.sum(ops.square(joints - centre), axis=-1, keepdims=True)
        centre = weighted_mean(joints, observed / ops.sqrt(ops.maximum(squared, nearest**2)))
    return centre


def weighted_mean(joints, weight):
    """The mean `[B, 1, n]` of the joints `[B, J, n]`, each with its weight `[B, J, 1]`; zero where all weights are."""
    total = ops.maximum(ops.sum(weight, axis=1, keepdims=True), 1e-6)
    return ops.sum(joints * weight, axis=1, keepdims=True) / total
