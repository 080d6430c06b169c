"""The paper's losses, each its own pure function, in whatever unit the poses are in.

All average over the batch where the paper sums over samples (eq. 9); `[..., J, 3]` in, a scalar out. They are zero at
the truth and have finite gradients everywhere, also where a bone has no length.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from keras import ops

from tfpose.geometry.bones import bone_lengths, norm
from tfpose.skeleton import Skeleton


@dataclasses.dataclass(frozen=True)
class LossWeights:
    """The weights of eq. 11; the defaults are the paper's (Sec. 4.1).

    Args:
        transfer: omega_1 of the view-transferred pose that lands in the unrotated view.
        transfer_rotated: omega_2 of the one that lands in the rotated view.
        feature: omega_3, of L_f.
        orthogonality: lambda of eq. 10.
        rotated: of L(R* p), which the paper has at 1; 0 in its ablation.
    """

    transfer: float = 0.01
    transfer_rotated: float = 0.01
    feature: float = 0.1
    orthogonality: float = 0.1
    rotated: float = 1.0


def position(predicted, truth):
    """L_P of eq. 9: the sum over joints of the distance to the truth."""
    return _mean_over_batch(norm(predicted - truth), 1)


def bone_length(predicted, truth, skeleton: Skeleton):
    """L_B of eq. 9: the sum over bones of the absolute difference of their lengths."""
    difference = bone_lengths(predicted, skeleton) - bone_lengths(truth, skeleton)
    return _mean_over_batch(ops.abs(difference), 1)


def symmetry(predicted, skeleton: Skeleton):
    """L_S of eq. 9: the sum over mirrored bones of the absolute difference of left and right length."""
    lengths = bone_lengths(predicted, skeleton)
    # A constant matrix and not a gather: a gather's gradient is a scatter, which XLA runs slowly on CPUs.
    difference = np.zeros((len(skeleton.bones), len(skeleton.mirror_bones)), "float32")
    for pair, (left, right) in enumerate(skeleton.mirror_bones):
        difference[left, pair], difference[right, pair] = 1.0, -1.0
    return _mean_over_batch(ops.abs(ops.matmul(lengths, difference)), 1)


def reconstruction(predicted, truth, skeleton: Skeleton):
    """L of eq. 9: L_P + L_B + L_S."""
    return position(predicted, truth) + bone_length(predicted, truth, skeleton) + symmetry(predicted, skeleton)


def orthogonality(view_code):
    """||I - h_v^T h_v||_2 of eq. 10 without its weight; `view_code` `[..., z, z]`."""
    size = view_code.shape[-1]
    gram = ops.matmul(ops.swapaxes(view_code, -1, -2), view_code)
    return _mean_over_batch(norm(ops.reshape(gram - ops.eye(size), (-1, size * size))), 0)


def feature(pose_code, other_pose_code):
    """L_f of Sec. 3.3: the Frobenius norm of the difference of two views' pose codes `[..., J, z]`."""
    size = pose_code.shape[-1] * pose_code.shape[-2]
    return _mean_over_batch(norm(ops.reshape(pose_code - other_pose_code, (-1, size))), 0)


def trust(logits, observed, truth, is_observed, tolerance: float):
    """Cross-entropy of the trust in joints; a joint is to be trusted when it lies within `tolerance` of the truth.

    The blended pose alone is not enough to learn trust from: saturated trust has no gradient, however wrong it is.

    Args:
        logits: `[..., J, 1]` of `JointTrust`.
        observed, truth: `[..., J, 3]`.
        is_observed: `[..., J, 1]`; missing joints do not count.
        tolerance: in the unit of the poses.
    """
    label = ops.cast(norm(observed - truth) < tolerance, logits.dtype)
    logits = logits[..., 0]
    cross_entropy = ops.relu(logits) - logits * label + ops.log1p(ops.exp(-ops.abs(logits)))
    return _mean_over_batch(cross_entropy * is_observed[..., 0], 1)


def siamese(terms: dict, weights: LossWeights):
    """Eq. 11 from its terms: `plain`, `rotated`, `transfer`, `transfer_rotated` (eq. 9), `feature`, `orthogonality`.

    The remaining term, R(w), is the optimiser's weight decay.
    """
    return terms["plain"] + sum(
        getattr(weights, field.name) * terms[field.name] for field in dataclasses.fields(weights)
    )


def _mean_over_batch(values, summed_axes: int):
    axes = tuple(range(-summed_axes, 0))
    return ops.mean(ops.sum(values, axis=axes) if axes else values)
