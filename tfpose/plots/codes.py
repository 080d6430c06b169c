"""Maps of codes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike

from tfpose.errors import TfposeError
from tfpose.plots.style import CLASSES, DPI, INK, RUNS, save


def code_maps(path: str | os.PathLike, maps: Mapping[str, ArrayLike], labels: Mapping[str, Sequence[str]]):
    """Codes laid out in the plane: a row for each kind of code, a column for each way to colour the same points.

    Args:
        path: a .png, .svg or .pdf file.
        maps: what the codes are called -> `[N, 2]`, such as of t-SNE.
        labels: what the labels are called -> N names, such as of actions.

    Raises:
        TfposeError: for shapes that do not fit each other, or a file type that is none of the three.
    """
    maps = {name: np.asarray(points, float) for name, points in maps.items()}
    for name, points in maps.items():
        for kind, names in labels.items():
            if points.ndim != 2 or points.shape[1] != 2 or len(names) != len(points):
                raise TfposeError(
                    f"map '{name}' must be [N, 2] with N '{kind}' labels, got {points.shape}, {len(names)}"
                )
    figure = Figure(
        (2.9 * len(labels) + 0.3, 2.75 * len(maps) + 0.75), dpi=DPI, facecolor="white", layout="constrained"
    )
    panels = figure.subplots(len(maps), len(labels), squeeze=False)
    for column, (kind, names) in enumerate(labels.items()):
        classes = sorted(set(names))
        palette = RUNS if len(classes) <= len(RUNS) else CLASSES
        for row, (name, points) in enumerate(maps.items()):
            axes = panels[row, column]
            # All classes in one shuffled draw: none lies on top of the others.
            order = np.random.default_rng(0).permutation(len(points))
            colors = [palette[classes.index(names[i]) % len(palette)] for i in order]
            axes.scatter(*points[order].T, s=5, c=colors, linewidths=0, rasterized=True)
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_color("#cfd4d7")
            if row == 0:
                axes.set_title(f"coloured by {kind}", fontsize=9, color=INK)
            if column == 0:
                axes.set_ylabel(name, fontsize=9, color=INK)
        dot = {"linestyle": "none", "marker": "o", "markersize": 4.5}
        keys = [Line2D([], [], **dot, color=palette[i % len(palette)], label=c) for i, c in enumerate(classes)]
        panels[-1, column].legend(
            handles=keys,
            loc="upper center",
            bbox_to_anchor=(0.5, -0.02),
            ncols=2 if len(classes) > 4 else 1,
            fontsize=6.5,
            labelcolor=INK,
            frameon=False,
            handletextpad=0.1,
            columnspacing=0.8,
        )
    save(figure, path)
