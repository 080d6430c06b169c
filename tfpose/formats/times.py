"""Frames per second, from the moments of frames."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

SLOWEST, FASTEST = 1.0, 1000.0
"""Frames per second: what is slower or faster is no rate of a recording."""
_SECONDS = {"ms": 1e-3, "us": 1e-6, "usec": 1e-6}


def rate_of(times: ArrayLike, name: str) -> float | None:
    """Frames per second of moments in seconds, or in the unit that the end of their name says.

    Of moments that are called "time" or "timestamp", more than a second apart, it is taken that they are in
    milliseconds.

    Returns:
        None where the moments do not go up, or the rate is slower than `SLOWEST` or faster than `FASTEST`.
    """
    step = float(np.median(np.diff(np.asarray(times, np.float64)))) if len(times) > 1 else 0.0
    step *= next((size for ending, size in _SECONDS.items() if name.lower().endswith(ending)), 1.0)
    if name in ("time", "timestamp") and step > 1:
        step *= 1e-3
    return 1 / step if step > 0 and SLOWEST <= 1 / step <= FASTEST else None
