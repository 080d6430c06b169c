"""Training curves."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullLocator

from tfpose.errors import TfposeError
from tfpose.plots.style import DPI, FAINT, GROUND, INK, RUNS, save


def training_curves(path: str | os.PathLike, histories: Mapping[str, Mapping[str, Sequence[float]]]):
    """One panel for each quantity, one line for each run; a quantity that spans more than a decade gets a log axis.

    Args:
        path: a .png, .svg or .pdf file.
        histories: run name -> quantity name -> its values, as in Keras' `History.history`. The quantity "step" is the
            horizontal axis (1, 2, ... when there is none); None and NaN mean "not measured at this step".

    Raises:
        TfposeError: when there is nothing to draw, or a quantity's length is not that of its "step".
    """
    runs = {run: {q: np.asarray(v, float) for q, v in history.items()} for run, history in histories.items()}
    quantities = list(dict.fromkeys(q for history in runs.values() for q in history if q != "step"))
    if not quantities:
        raise TfposeError("histories holds no quantity to draw: expected {run: {quantity: values}}")
    columns = min(len(quantities), 3)
    rows = -(-len(quantities) // columns)
    figure = Figure((3.1 * columns, 2.3 * rows + 0.3), dpi=DPI, facecolor="white", layout="constrained")
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.06)
    for number, quantity in enumerate(quantities):
        axes = figure.add_subplot(rows, columns, number + 1)
        seen = [
            _draw_curve(axes, run, quantity, history, RUNS[i % len(RUNS)])
            for i, (run, history) in enumerate(runs.items())
            if quantity in history
        ]
        seen = np.concatenate(seen)
        if seen.size and seen.min() > 0 and seen.max() > 10 * seen.min():
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.yaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_minor_locator(NullLocator())
        axes.set_title(quantity.replace("_", " "), fontsize=9, color=INK, loc="left")
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color("#b0b6ba")
        axes.grid(True, color=GROUND, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.tick_params(which="both", labelsize=7.5, colors=FAINT, length=2)
        axes.margins(x=0.02)
        axes.set_xlabel("step", fontsize=7.5, color=FAINT)
    if len(runs) > 1:
        keys = [Line2D([], [], color=RUNS[i % len(RUNS)], linewidth=2, label=run) for i, run in enumerate(runs)]
        figure.legend(handles=keys, loc="outside lower center", ncols=min(len(keys), 4), fontsize=8, frameon=False)
    save(figure, path)


def _draw_curve(axes, run: str, quantity: str, history: Mapping[str, np.ndarray], color: str) -> np.ndarray:
    """Draws one run's quantity and returns the values drawn."""
    values = history[quantity]
    steps = history.get("step", np.arange(1, len(values) + 1))
    if len(steps) != len(values):
        raise TfposeError(f"run '{run}': '{quantity}' has {len(values)} values for {len(steps)} steps")
    steps, values = steps[np.isfinite(values)], values[np.isfinite(values)]
    window = len(values) // 40
    if window > 4:  # a long noisy curve: the values pale, their moving mean over them
        axes.plot(steps, values, color=color, linewidth=0.7, alpha=0.25)
        mean = np.convolve(values, np.ones(window) / window, "valid")
        axes.plot(steps[window // 2 :][: len(mean)], mean, color=color, linewidth=1.6)
    else:
        axes.plot(steps, values, color=color, linewidth=1.6, marker="o" if len(values) < 15 else None, markersize=3)
    return values
