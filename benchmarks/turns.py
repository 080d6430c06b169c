"""Fair timing on a busy machine: what is compared takes turns (A B C A B C ...)."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable


def medians(cases: dict[object, Callable], rounds: int, seconds: float) -> dict:
    """Case -> median seconds of a call.

    Args:
        cases: what is called; once before, as the first call sets things up.
        rounds: how often all have their turn.
        seconds: how long a turn is; one call at least.
    """
    times = {name: [] for name in cases}
    for call in cases.values():
        call()
    for _ in range(rounds):
        for name, call in cases.items():
            end = time.perf_counter() + seconds
            while True:
                before = time.perf_counter()
                call()
                times[name].append(time.perf_counter() - before)
                if time.perf_counter() >= end:
                    break
    return {name: statistics.median(found) for name, found in times.items()}
