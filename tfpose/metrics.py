"""How far a pose is from another: numpy functions on poses `[..., J, 3]` in metres, y up.

Anything array-like is taken, tensors included. Every average is over all joints of all poses at once, so a joint
weighs the same wherever it is. A boolean `mask` `[..., J]` says which joints count (`[J]` serves all poses); the
coordinates of the others are never looked at, they may be NaN. All functions raise `TfposeError` for shapes that do
not fit, for a mask under which nothing counts, and for counted joints that are not finite.

The swap-MPJPE has no function of its own: it is `mpjpe` of a view-transferred pose against the pose seen from the
other view (Sec. 3.3, eq. 11), and making the two is the evaluator's work.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tfpose.errors import TfposeError
from tfpose.skeleton import Skeleton

_CHUNK = 1024  # queries ranked at a time in `hit_at_k`: bounds the memory to 1024 rows of distances


def mpjpe(predicted: ArrayLike, truth: ArrayLike, mask: ArrayLike | None = None) -> float:
    """Mean per joint position error (Sec. 4.1): the mean distance between `[..., J, 3]` joints, in metres."""
    error, mask = _joint_errors(predicted, truth, mask)
    return float(error[mask].mean())


def pa_mpjpe(predicted: ArrayLike, truth: ArrayLike, mask: ArrayLike | None = None) -> float:
    """MPJPE after each predicted pose is laid onto its truth by the best rotation, scale and shift, in metres.

    This is Procrustes alignment (Umeyama 1991; "protocol 2" of Human3.6M), one SVD per pose. A mirror image is never
    used: a pose with left and right swapped stays wrong. Only counted joints take part in the alignment.

    Raises:
        TfposeError: also when a pose has one or two counted joints, since those can always be laid on exactly.
    """
    predicted, truth, mask = _pair(predicted, truth, mask)
    counted = mask.sum(-1)
    few = (counted > 0) & (counted < 3)
    if few.any():
        raise TfposeError(
            f"pa_mpjpe needs at least 3 counted joints in a pose, {few.sum()} of {few.size} have fewer: "
            "leave those poses out or widen the mask"
        )
    error = np.linalg.norm(_aligned(predicted, truth, mask) - truth, axis=-1)
    return float(error[mask].mean())


def procrustes(poses: ArrayLike, targets: ArrayLike, mask: ArrayLike | None = None) -> np.ndarray:
    """`poses` `[..., J, 3]`, each turned, scaled and shifted (never mirrored) to be nearest to its target."""
    return _aligned(*_pair(poses, targets, mask))


def per_joint_error(predicted: ArrayLike, truth: ArrayLike, mask: ArrayLike | None = None) -> np.ndarray:
    """The mean position error of each joint over all poses: `[J]` metres, NaN for a joint that never counts."""
    error, mask = _joint_errors(predicted, truth, mask)
    leading = tuple(range(error.ndim - 1))
    times = mask.sum(leading)
    total = np.where(mask, error, 0.0).sum(leading)
    return np.divide(total, times, out=np.full(times.shape, np.nan), where=times > 0)


def pck(predicted: ArrayLike, truth: ArrayLike, threshold: float = 0.15, mask: ArrayLike | None = None) -> float:
    """Share of correct key points: the part of joints, 0 to 1, at most `threshold` metres from the truth.

    The default of 150 mm is the 3DPCK of Mehta et al. 2017.
    """
    error, mask = _joint_errors(predicted, truth, mask)
    return float((error[mask] <= threshold).mean())


def bone_length_error(
    predicted: ArrayLike, truth: ArrayLike, skeleton: Skeleton, mask: ArrayLike | None = None
) -> float:
    """Mean absolute difference of bone lengths in metres (L_B of eq. 9 as a mean). A bone counts when both ends do."""
    predicted, truth, mask = _pair(predicted, truth, mask, skeleton)
    difference = np.abs(bone_lengths(predicted, skeleton) - bone_lengths(truth, skeleton))
    return _mean(difference, _bones_counted(mask, skeleton), "bone")


def symmetry_error(poses: ArrayLike, skeleton: Skeleton, mask: ArrayLike | None = None) -> float:
    """Mean |left - right| length of mirrored bones in metres (L_S of eq. 9 as a mean). Both bones must count.

    Raises:
        TfposeError: also when the skeleton names no mirrored bones.
    """
    poses, _, mask = _pair(poses, None, mask, skeleton)
    if not skeleton.mirror_bones:
        raise TfposeError(f"skeleton '{skeleton.name}' has no mirrored bones: list its left-right pairs in 'mirror'")
    left, right = np.transpose(skeleton.mirror_bones)
    lengths, counted = bone_lengths(poses, skeleton), _bones_counted(mask, skeleton)
    difference = np.abs(lengths[..., left] - lengths[..., right])
    return _mean(difference, counted[..., left] & counted[..., right], "mirrored bone")


def acceleration_error(predicted: ArrayLike, truth: ArrayLike) -> float:
    """Mean distance of the second differences over time of clips `[..., T, J, 3]`, in metres per frame squared.

    As SmoothNet (ECCV 2022) has it. Needs three frames.
    """
    predicted, truth, _ = _pair(predicted, truth, None)
    return float(np.linalg.norm(_second_differences(predicted - truth), axis=-1).mean())


def jitter(clips: ArrayLike) -> float:
    """Mean length of the second differences over time of clips `[..., T, J, 3]`, in metres per frame squared."""
    clips, _, _ = _pair(clips, None, None)
    return float(np.linalg.norm(_second_differences(clips), axis=-1).mean())


def bone_length_spread(clips: ArrayLike, skeleton: Skeleton) -> float:
    """Standard deviation over time of each bone's length in clips `[..., T, J, 3]`, its mean over bones, in metres."""
    clips, _, _ = _pair(clips, None, None, skeleton)
    if clips.ndim < 3:
        raise TfposeError(f"lengths over time need clips [..., T, J, 3], got {list(clips.shape)}")
    return float(bone_lengths(clips, skeleton).std(axis=-2).mean())


def bone_lengths(poses: ArrayLike, skeleton: Skeleton) -> np.ndarray:
    """Lengths `[..., J - 1]` of the bones of poses `[..., J, 3]`, in the order of `skeleton.bones`.

    `tfpose.geometry.bones` has the same for tensors.
    """
    poses = np.asarray(poses)
    if poses.shape[-2:] != (len(skeleton), 3):
        raise TfposeError(f"skeleton '{skeleton.name}' has {len(skeleton)} joints, the poses are {poses.shape}")
    child, parent = np.reshape(skeleton.bones, (-1, 2)).astype(int).T
    return np.linalg.norm(poses[..., child, :] - poses[..., parent, :], axis=-1)


def hit_at_k(query_codes: ArrayLike, gallery_codes: ArrayLike, k: int = 1) -> float:
    """View retrieval: the share of queries, 0 to 1, whose right answer is among the `k` nearest of the gallery.

    Codes are `[N, ...]` and `[M, ...]`, flattened and compared by Euclidean distance. The right answer to query i is
    gallery entry i; entries beyond N are distractors. A tie counts against the query, so that an encoder which gives
    every pose the same code scores 0 and not 1.

    Raises:
        TfposeError: when codes do not fit each other or `k` is not in 1..M.
    """
    query, gallery = np.asarray(query_codes, np.float64), np.asarray(gallery_codes, np.float64)
    fits = query.ndim >= 2 and query.shape[1:] == gallery.shape[1:] and 0 < len(query) <= len(gallery)
    if not fits:
        raise TfposeError(
            "hit_at_k needs codes [N, ...] and [M, ...] of the same size with M >= N >= 1 (gallery entry i answers "
            f"query i), got {query.shape} and {gallery.shape}"
        )
    if not 1 <= k <= len(gallery):
        raise TfposeError(f"hit_at_k needs k between 1 and the {len(gallery)} codes of the gallery, got {k}")
    query, gallery = query.reshape(len(query), -1), gallery.reshape(len(gallery), -1)
    if not (np.isfinite(query).all() and np.isfinite(gallery).all()):
        raise TfposeError("hit_at_k got codes that are not finite: check the encoder that made them")
    size = (gallery**2).sum(-1)
    hits = 0
    for start in range(0, len(query), _CHUNK):
        part = query[start : start + _CHUNK]
        distance = (part**2).sum(-1, keepdims=True) - 2 * part @ gallery.T + size
        rows = np.arange(len(part))
        own = distance[rows, start + rows]
        # The expanded square is exact to rounding only: closer than that is a tie.
        slack = 1e-12 * ((part**2).sum(-1) + size[start + rows])
        not_farther = (distance <= (own + slack)[:, None]).sum(-1)  # the right answer itself included
        hits += int((not_farther <= k).sum())
    return hits / len(query)


def hit_at_k_by_distance(distances: ArrayLike, k: int = 1) -> float:
    """`hit_at_k` for what is compared otherwise than by codes: `distances` `[N, M]`, the right answers on the diagonal.

    Raises:
        TfposeError: when `distances` is not `[N, M]` with M >= N >= 1, not finite, or `k` is not in 1..M.
    """
    distances = np.asarray(distances, np.float64)
    if distances.ndim != 2 or not 0 < len(distances) <= distances.shape[1] or not np.isfinite(distances).all():
        raise TfposeError(
            f"hit_at_k_by_distance needs finite distances [N, M] with M >= N >= 1, got {list(distances.shape)}"
        )
    if not 1 <= k <= distances.shape[1]:
        raise TfposeError(f"hit_at_k_by_distance needs k between 1 and {distances.shape[1]}, got {k}")
    return float(((distances <= np.diagonal(distances)[:, None]).sum(-1) <= k).mean())


def rigid_distances(poses: ArrayLike, others: ArrayLike) -> np.ndarray:
    """How far each pose is from each other one when turned and shifted, never scaled or mirrored, onto it.

    Args:
        poses: `[N, J, 3]` metres.
        others: `[M, J, 3]`.

    Returns:
        `[N, M]`, root-mean-square distances of joints in metres.
    """
    poses, others = (_pair(values, None, None)[0] for values in (poses, others))
    if poses.ndim != 3 or others.shape[1:] != poses.shape[1:]:
        raise TfposeError(f"rigid_distances needs poses [N, J, 3] and [M, J, 3], got {poses.shape} and {others.shape}")
    poses, others = (values - values.mean(-2, keepdims=True) for values in (poses, others))
    squares = (poses**2).sum((-1, -2))[:, None] + (others**2).sum((-1, -2))
    for i, pose in enumerate(poses):
        # Kabsch: the rotation's best trace is the sum of singular values, the smallest negative where they mirror.
        covariance = np.einsum("jc,mjd->mcd", pose, others)
        stretch = np.linalg.svd(covariance, compute_uv=False)
        stretch[:, 2] *= np.where(np.linalg.det(covariance) < 0, -1.0, 1.0)
        squares[i] -= 2 * stretch.sum(-1)
    return np.sqrt(np.maximum(squares, 0) / poses.shape[-2])


# --- shapes and masks


def _pair(predicted, truth, mask, skeleton=None):
    """Both as float64 `[..., J, 3]` with zeros where nothing counts, and the mask as `[..., J]`, all checked."""
    predicted = np.asarray(predicted, np.float64)
    truth = predicted if truth is None else np.asarray(truth, np.float64)
    if predicted.shape != truth.shape:
        raise TfposeError(f"poses to compare must have one shape, got {predicted.shape} and {truth.shape}")
    if predicted.ndim < 2 or predicted.shape[-1] != 3 or predicted.size == 0:
        raise TfposeError(f"poses must be [..., J, 3] with at least one pose, got {predicted.shape}")
    joints = predicted.shape[-2]
    if skeleton is not None and joints != len(skeleton):
        raise TfposeError(f"skeleton '{skeleton.name}' has {len(skeleton)} joints, the poses are {predicted.shape}")
    if mask is None:
        mask = np.ones(predicted.shape[:-1], bool)
    else:
        mask = np.asarray(mask)
        if mask.dtype != bool:
            raise TfposeError(f"mask must be boolean (which joints count), got {mask.dtype}")
        try:
            mask = np.broadcast_to(mask, predicted.shape[:-1])
        except ValueError:
            raise TfposeError(
                f"mask must be [..., J] like the poses without their last axis, got {mask.shape} for {predicted.shape}"
            ) from None
    if not mask.any():
        raise TfposeError("the mask leaves no joint to count")
    bad = mask & ~(np.isfinite(predicted) & np.isfinite(truth)).all(-1)
    if bad.any():
        raise TfposeError(
            f"{bad.sum()} of {mask.sum()} counted joints are not finite: leave missing joints out with `mask`"
        )
    keep = mask[..., None]
    return np.where(keep, predicted, 0.0), np.where(keep, truth, 0.0), mask


def _joint_errors(predicted, truth, mask):
    predicted, truth, mask = _pair(predicted, truth, mask)
    return np.linalg.norm(predicted - truth, axis=-1), mask


def _mean(values: np.ndarray, counted: np.ndarray, what: str) -> float:
    if not counted.any():
        raise TfposeError(f"the mask leaves no {what} to count: a {what} counts when all its joints do")
    return float(values[counted].mean())


# --- geometry


def _second_differences(clips: np.ndarray) -> np.ndarray:
    if clips.ndim < 3 or clips.shape[-3] < 3:
        raise TfposeError(f"accelerations need clips [..., T, J, 3] of at least 3 frames, got {list(clips.shape)}")
    return np.diff(clips, n=2, axis=-3)


def _bones_counted(mask: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    child, parent = np.reshape(skeleton.bones, (-1, 2)).astype(int).T
    return mask[..., child] & mask[..., parent]


def _aligned(predicted: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """`predicted` under the similarity (no mirroring) nearest to `truth` at the counted joints, per pose."""
    weight = mask[..., None].astype(float)
    number = np.maximum(weight.sum(-2, keepdims=True), 1)
    predicted = (predicted - (predicted * weight).sum(-2, keepdims=True) / number) * weight
    shift = (truth * weight).sum(-2, keepdims=True) / number
    u, stretch, vt = np.linalg.svd(np.swapaxes(predicted, -1, -2) @ ((truth - shift) * weight))
    sign = np.ones_like(stretch)
    sign[..., 2] = np.where(np.linalg.det(u @ vt) < 0, -1.0, 1.0)  # a mirroring turned into the nearest rotation
    spread = (predicted**2).sum((-1, -2))
    scale = np.divide((stretch * sign).sum(-1), spread, out=np.zeros_like(spread), where=spread > 0)
    return scale[..., None, None] * (predicted @ (u * sign[..., None, :]) @ vt) + shift
