"""The coordinates of joints over time."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from tfpose.errors import TfposeError
from tfpose.plots.poses import checked
from tfpose.plots.style import CORRUPTED, DPI, FAINT, INK, RECOVERED, TRUTH, save
from tfpose.skeleton import Skeleton

_MOST = 4


def trajectories(
    path: str | os.PathLike,
    observed: ArrayLike,
    recovered: ArrayLike,
    trust: ArrayLike,
    skeleton: Skeleton,
    truth: ArrayLike | None = None,
    rate: float = 30.0,
    joints: Sequence[str] | None = None,
):
    """A row for each of some joints, its x, y and z over time: observed, recovered and, where there is one, the truth.

    Where a joint was missing or trusted by less than a half, its row is shaded.

    Args:
        path: a .png, .svg or .pdf file.
        observed, recovered, truth: `[T, J, 3]` metres, y up; missing observed joints are NaN.
        trust: `[T, J]`, 0 to 1.
        skeleton: of all poses.
        rate: frames per second.
        joints: which; by default the four that were trusted least.

    Raises:
        TfposeError: for shapes that do not fit each other.
    """
    observed = checked("observed", observed, skeleton, 3)
    recovered = checked("recovered", recovered, skeleton, 3, len(observed))
    truth = None if truth is None else checked("truth", truth, skeleton, 3, len(observed))
    trust = np.asarray(trust, float)
    if trust.shape != observed.shape[:2]:
        raise TfposeError(f"trust: expected {list(observed.shape[:2])}, got {list(trust.shape)}")
    doubted = (trust < 0.5) | np.isnan(observed).any(-1)
    if joints is None:
        rows = sorted(np.argsort(-doubted.mean(0) + trust.mean(0), kind="stable")[:_MOST].tolist())
    else:
        rows = [skeleton.index(joint) for joint in joints]
    moments = np.arange(len(observed)) / rate
    figure = Figure((9.0, 1.5 * len(rows) + 0.6), dpi=DPI, facecolor="white", layout="constrained")
    grid = figure.subplots(len(rows), 3, sharex=True, squeeze=False)
    lines = [("observed", observed, CORRUPTED, 0.8), ("recovered", recovered, RECOVERED, 1.3)]
    if truth is not None:
        lines.insert(0, ("ground truth", truth, TRUTH, 2.5))
    for row, joint in zip(grid, rows):
        # A joint that is far off for a while must not flatten the rest.
        for axis, axes in enumerate(row):
            for name, clip, color, width in lines:
                axes.plot(moments, clip[:, joint, axis], color=color, linewidth=width, label=name)
            known = recovered[np.isfinite(recovered[:, joint, axis]), joint, axis]
            if len(known):
                margin = 0.25 * np.ptp(known) + 0.05
                axes.set_ylim(known.min() - margin, known.max() + margin)
            axes.fill_between(
                moments, 0, 1, where=doubted[:, joint], transform=axes.get_xaxis_transform(), color=FAINT, linewidth=0,
                alpha=0.25, step="mid",
            )  # fmt: skip
            axes.spines[["top", "right"]].set_visible(False)
            axes.tick_params(labelsize=7, colors=INK)
            axes.set_title(
                f"{skeleton.joints[joint].replace('_', ' ')}, {'xyz'[axis]} in m", fontsize=8, color=INK, loc="left"
            )
    for axes in grid[-1]:
        axes.set_xlabel("seconds", fontsize=8, color=INK)
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    save(figure, path)
