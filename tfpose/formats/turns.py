"""Rotations that turn bones from where they were to where they shall be, all frames at once."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation


def shortest_turn(before: np.ndarray, after: np.ndarray) -> Rotation:
    """The smallest rotations that turn `before` `[T, 3]` into the direction of `after` `[T, 3]`.

    A vector without a length, or with a NaN, says nothing: its rotation is none.
    """
    axis, cosine = np.cross(before, after), (before * after).sum(-1)
    sine = np.linalg.norm(axis, axis=-1)
    # Opposite directions have no smallest rotation: turn about any axis that is perpendicular to them.
    opposite = (sine < 1e-9 * np.abs(cosine)) & (cosine < 0)
    other = np.where(np.abs(before[:, :1]) < np.abs(before[:, 1:2]), [[1.0, 0, 0]], [[0, 1.0, 0]])
    axis = np.where(opposite[:, None], np.cross(before, other), axis)
    with np.errstate(invalid="ignore", divide="ignore"):
        vectors = axis / np.linalg.norm(axis, axis=-1, keepdims=True) * np.arctan2(sine, cosine)[:, None]
    return Rotation.from_rotvec(np.where(np.isfinite(vectors), vectors, 0.0))


def best_turn(before: np.ndarray, after: np.ndarray) -> Rotation:
    """The rotations that turn several vectors `[T, N, 3]` into `after` with the least squared error (Kabsch)."""
    if before.shape[1] == 1:
        return shortest_turn(before[:, 0], after[:, 0])
    u, _, vt = np.linalg.svd(np.einsum("tni,tnj->tij", before, after))
    signs = np.ones((len(before), 3))
    signs[:, 2] = np.sign(np.linalg.det(u) * np.linalg.det(vt))
    return Rotation.from_matrix(np.einsum("tji,tj,tkj->tik", vt, signs, u))
