"""The joints of any rig, after a model has corrected those that it knows."""

from __future__ import annotations

import numpy as np

from tfpose.formats.turns import shortest_turn
from tfpose.skeleton import Skeleton

UNCHANGED = 0.002
"""Metres. A joint that a model moves by less over most of a clip was clean, and stays where it moves by less."""
FAR = 0.05  # metres: a joint that was moved farther was broken, so that what hangs on it may not have gone with it


def corrected(
    positions: np.ndarray,
    observed: np.ndarray,
    cleaned: np.ndarray,
    rig: Skeleton,
    skeleton: Skeleton,
    keep_small: bool = True,
) -> np.ndarray:
    """The joints of `rig`, moved as the model moved those of `skeleton`.

    - A joint that the model has comes from the model.
    - A joint that one of the model's is made from, such as an ear of the head, moves as that one does.
    - A joint between two of these moves as they do, by its distances to them.
    - A joint that hangs on one of these moves rigidly with the bone that ends there. It stays where it is when that
      fits its usual distance better: the hand may be right where the wrist was wrong. One that is missing stays so.
    - What is above the topmost of these, such as a joint of root motion, stays.

    Args:
        positions: `[T, J, 3]` metres, of `rig`; NaN = missing.
        observed, cleaned: `[T, K, 3]` metres, of `skeleton`, before and after.
        keep_small: whether joints that were clean stay where they are; see `UNCHANGED`.

    Returns:
        `[T, J, 3]` float32; what did not move is equal to `positions`.
    """
    matrix = rig.to(skeleton)
    change = cleaned - observed
    steps = np.linalg.norm(change, axis=-1)
    if keep_small:
        with np.errstate(all="ignore"):
            clean = np.nanmedian(np.where(np.isnan(steps), np.inf, steps), axis=0) < UNCHANGED
        change[(steps < UNCHANGED) & clean] = 0.0
    result = positions.copy()
    known: dict[int, int] = {}  # joint of the rig -> the model's joint that says where it is
    for joint in range(len(rig)):
        rows = np.flatnonzero(matrix[:, joint])
        exact = [row for row in rows if matrix[row, joint] > 0.999]
        if exact:
            known[joint] = exact[0]
            same = (change[:, exact[0]] == 0).all(-1, keepdims=True)
            result[:, joint] = np.where(same, positions[:, joint], cleaned[:, exact[0]])
        elif len(rows):
            known[joint] = max(rows, key=lambda row: matrix[row, joint])
            result[:, joint] += np.nan_to_num(change[:, known[joint]])
    for joint in _from_the_root(rig):
        if joint in known:
            continue
        above = next((j for j in rig.ancestry(joint)[1:] if j in known), None)
        below = _nearest_below(rig, joint, known)
        if above is None:
            if _is_root_motion(rig, joint) or below is None:
                continue
            result[:, joint] += np.nan_to_num(result[:, below] - positions[:, below])
        elif below is not None:
            result[:, joint] = _between(positions, result, joint, above, below)
        else:
            end = known[above]
            parent = skeleton.parents[end]
            bones = [poses[:, end] - poses[:, parent] for poses in (observed, cleaned)] if parent >= 0 else None
            result[:, joint] = _hanging(positions[:, joint], positions[:, above], result[:, above], bones)
    return result.astype(np.float32)


def _from_the_root(rig: Skeleton) -> list[int]:
    return [joint for level in rig.levels_by_depth for joint in level]


def _nearest_below(rig: Skeleton, joint: int, known) -> int | None:
    level = list(rig.children[joint])
    while level:
        found = next((j for j in level if j in known), None)
        if found is not None:
            return found
        level = [child for j in level for child in rig.children[j]]
    return None


def _is_root_motion(rig: Skeleton, joint: int) -> bool:
    """Whether only one joint hangs on it and on each one above it."""
    return all(len(rig.children[j]) == 1 for j in rig.ancestry(joint))


def _between(positions, result, joint: int, above: int, below: int) -> np.ndarray:
    to_above, to_below = (
        np.linalg.norm(positions[:, joint] - positions[:, end], axis=-1, keepdims=True) for end in (above, below)
    )
    share = to_above / np.maximum(to_above + to_below, 1e-9)
    shift = (1 - share) * (result[:, above] - positions[:, above]) + share * (result[:, below] - positions[:, below])
    return positions[:, joint] + np.nan_to_num(shift)


def _hanging(place: np.ndarray, before: np.ndarray, after: np.ndarray, bones) -> np.ndarray:
    """Where a joint at `place` goes whose anchor went from `before` to `after`, all `[T, 3]`.

    `bones` are the vectors of the bone that ends in the anchor, before and after; None at the root.
    """
    offset = place - before
    rigid = after + (offset if bones is None else shortest_turn(*bones).apply(offset))
    shift = np.linalg.norm(after - before, axis=-1)
    usual = np.nanmedian(np.linalg.norm(offset, axis=-1)) if np.isfinite(offset).any() else np.nan
    stays = np.abs(np.linalg.norm(place - after, axis=-1) - usual)
    goes = np.abs(np.linalg.norm(offset, axis=-1) - usual)
    # A NaN compares as false: what hangs on a missing joint stays.
    go = (shift > 0) & ((shift <= FAR) | (goes <= stays)) & np.isfinite(rigid).all(-1)
    return np.where(go[:, None], rigid, place)
