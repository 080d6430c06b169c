"""Fits and tables of what `growth.py` measured."""

from __future__ import annotations

import numpy as np

from tfpose.trainers import markdown


def fit(values: list[int], measured: list[float]) -> dict:
    """The straight line with the least relative errors, the largest of these, and the exponent of a power law."""
    slope, start = np.polyfit(values, measured, 1, w=1 / np.array(measured))
    line = start + slope * np.array(values)
    exponent = np.polyfit(np.log(values), np.log(measured), 1)[0]
    return {
        "start": float(start),
        "slope": float(slope),
        "largest_deviation_percent": float(100 * np.max(np.abs(line / np.array(measured) - 1))),
        "exponent": float(exponent),
    }


def table_of(axis: str, found: dict) -> str:
    """The rows as a table, and the fits below."""
    denoised = axis != "workers"
    header = (axis, "training epoch, s", *(("denoising, s",) if denoised else ()), "peak memory, MB")
    rows = [
        (
            f"{row[axis]:,}",
            f"{row['training']:.2f}",
            *((f"{row['denoise']:.3f}",) if denoised else ()),
            f"{row['peak_mb']:,.0f}",
        )
        for row in found["rows"]
    ]
    lines = [
        f"{name}: {each['start']:.3g} + {each['slope']:.3g} * {axis}, off by up to "
        f"{each['largest_deviation_percent']:.1f} %; as a power of {axis}: {each['exponent']:.2f}"
        for name, each in found["fits"].items()
    ]
    return "\n\n".join([f"**By {axis}**", markdown.table(header, rows), *lines])
