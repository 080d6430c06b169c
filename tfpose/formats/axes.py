"""The one convention inside: metres, right-handed, y up."""

from __future__ import annotations

import numpy as np

# Which of x, y, z becomes each new axis, and its sign: rotations, so that right-handed stays right-handed.
TURNS = {
    "y": ((0, 1, 2), (1, 1, 1)),
    "z": ((0, 2, 1), (1, 1, -1)),
    "-y": ((0, 1, 2), (1, -1, -1)),
    "-z": ((0, 2, 1), (1, -1, 1)),
    "x": ((1, 0, 2), (-1, 1, 1)),
    "-x": ((1, 0, 2), (1, -1, 1)),
}
UPS = tuple(TURNS)


def to_y_up(positions: np.ndarray, up: str) -> np.ndarray:
    """Positions `[..., 3]` turned so that y is up; `up` is the axis that is: "y", "z", or "-y" as in camera frames."""
    order, signs = TURNS[up]
    return positions[..., order] * np.array(signs, positions.dtype)


def from_y_up(positions: np.ndarray, up: str) -> np.ndarray:
    """The inverse of `to_y_up`."""
    order, signs = TURNS[up]
    turned = np.empty_like(positions)
    turned[..., order] = positions * np.array(signs, positions.dtype)
    return turned


def matrix(up: str) -> np.ndarray:
    """The same turn as a rotation matrix `[3, 3]`, for what is more than positions."""
    order, signs = TURNS[up]
    return (np.eye(3)[list(order)] * np.array(signs)[:, None]).astype(np.float32)
