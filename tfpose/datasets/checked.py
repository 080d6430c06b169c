"""What all data sets share: arrays that are checked when a set is made, and a checksum."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np

from tfpose.errors import DataError


def array(name: str, what: str, values, shape: tuple[int | str, ...], dtype=np.float32, advice: str = "") -> np.ndarray:
    """The values as a contiguous array.

    Args:
        name: of the data set; it starts error messages.
        what: what the values are.
        values: array-like.
        shape: the shape that they must have; a letter stands for any length above 0.
        dtype: of the result.
        advice: what to do about numbers that are not finite.

    Raises:
        DataError: for another shape, or numbers that are not finite.
    """
    values = np.ascontiguousarray(values, dtype)
    free = [length for length in shape if isinstance(length, str)]
    fits = len(shape) == values.ndim and all(
        wanted in free or wanted == got for wanted, got in zip(shape, values.shape)
    )
    if not fits or not values.size:
        above = f" with {' and '.join(free)} > 0" if free else ""
        raise DataError(f"{name}: expected {what} [{', '.join(map(str, shape))}]{above}, got {list(values.shape)}")
    if not np.isfinite(values).all():
        raise DataError(f"{name}: has numbers in {what} that are not finite" + (f"; {advice}" if advice else ""))
    return values


def checksum(texts: Iterable[str], *values: np.ndarray | str) -> str:
    """The first 16 hex digits of the SHA-256 of some texts with commas between, and of arrays and texts."""
    digest = hashlib.sha256(",".join(texts).encode())
    for value in values:
        digest.update(value.encode() if isinstance(value, str) else np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()[:16]


def complete(data_set, **fields):
    """Sets fields of a frozen data set, in its `__post_init__`."""
    for name, value in fields.items():
        object.__setattr__(data_set, name, value)
