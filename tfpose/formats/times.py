"""Frames per second, from the moments of frames."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

USUAL_RATE = 30.0
"""Frames per second that are assumed where nobody says them."""
SLOWEST, FASTEST = 1.0, 1000.0
"""Frames per second: what is slower or faster is no rate of a recording."""
_MOST_GAPS = 100  # frames for each that is there
_SECONDS = {"ms": 1e-3, "us": 1e-6, "usec": 1e-6}


def rate_of(times: ArrayLike, name: str) -> float | None:
    """Frames per second of moments in seconds, or in the unit that the end of their name says.

    Of moments that are called "time" or "timestamp", more than a second apart, it is taken that they are in
    milliseconds.

    Returns:
        None where the moments do not go up, or the rate is slower than `SLOWEST` or faster than `FASTEST`.
    """
    step = _step(np.asarray(times, np.float64))
    step *= next((size for ending, size in _SECONDS.items() if name.lower().endswith(ending)), 1.0)
    if name in ("time", "timestamp") and step > 1:
        step *= 1e-3
    return 1 / step if step > 0 and SLOWEST <= 1 / step <= FASTEST else None


def places_of(moments: ArrayLike) -> np.ndarray:
    """The frame of each of some moments or frame numbers `[N]`, where those between may have been left out: from 0 up.

    They are 0, 1, 2, ... where the moments do not go up in whole steps, or nearly all frames would be missing.
    """
    moments = np.asarray(moments, np.float64)
    step, places = _step(moments), np.arange(len(moments))
    if not step > 0:
        return places
    steps = np.diff(moments) / step
    whole = np.round(steps)
    regular = np.isfinite(steps).all() and (np.abs(steps - whole) < 0.3).all() and (whole > 0).all()
    if not regular or whole.sum() > _MOST_GAPS * len(moments):
        return places
    return np.concatenate([[0], np.cumsum(whole)]).astype(int)


def _step(moments: np.ndarray) -> float:
    """The usual step between moments; 0 where there is none. Rounded moments have steps of several lengths."""
    steps = np.diff(moments[np.isfinite(moments)])
    if not len(steps):
        return 0.0
    return float(steps[np.abs(steps) < 1.8 * np.median(steps)].mean()) if np.median(steps) > 0 else 0.0
