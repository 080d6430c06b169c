"""Colours, strokes and writing of all pictures, and how they are written to files.

The colours keep the paper's roles in shades that the colour-blind can tell apart, and each role also has its own
stroke: truth is a wide green band, corrupted a dashed red line, recovered a solid blue line on top.
"""

from __future__ import annotations

import os
import pathlib

import matplotlib.colors
import numpy as np
from matplotlib import animation
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tfpose.errors import TfposeError
from tfpose.files import atomic_write

TRUTH, CORRUPTED, RECOVERED = "#52b788", "#d7301f", "#0b5cad"
INK, FAINT, GROUND = "#222222", "#6b6b6b", "#eceff1"
# Ten that the colour-blind can tell apart (Paul Tol's "muted", black for its grey).
_MUTED = "#332288 #88ccee #44aa99 #117733 #999933 #ddcc77 #cc6677 #882255 #aa4499 #222222"
CLASSES = tuple(_MUTED.split())
RUNS = ("#0b5cad", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#222222")
# How each role is drawn. The corrupted pose lies lowest: where it is right the truth covers it.
DASHED = {"color": CORRUPTED, "width": 1.4, "style": (0, (2.5, 1.2)), "joints": 2.4, "zorder": 2}
BAND = {"color": TRUTH, "width": 5.0, "joints": 0.0, "zorder": 3}
SOLID = {"color": RECOVERED, "width": 1.7, "joints": 2.8, "zorder": 4}
RING = {
    "linestyle": "none",
    "marker": "o",
    "markersize": 8.5,
    "markerfacecolor": "none",
    "markeredgecolor": CORRUPTED,
    "markeredgewidth": 1.1,
}
DPI = 180
SUFFIXES = {"a picture": (".png", ".svg", ".pdf"), "an animation": (".gif", ".mp4")}
_WRITING = {
    "head": {"fontsize": 9, "color": INK, "fontweight": "bold"},
    "number": {"fontsize": 9, "color": INK},
    "small": {"fontsize": 7, "color": FAINT, "linespacing": 1.25},
}


def write_lines(figure: Figure, x: float, y: float, block: list[tuple[str, str]]):
    """Lines of text below a point given in inches."""
    for text, kind in block:
        figure.text(x, y, text, ha="center", va="top", transform=figure.dpi_scale_trans, **_WRITING[kind])
        y -= 0.16 * (text.count("\n") + 1)


def draw_legend(figure: Figure, roles: list[tuple[str, dict]], rings: bool, sides: bool, columns: int):
    keys = [
        Line2D([], [], color=role["color"], linewidth=role["width"], linestyle=role.get("style", "-"), label=name)
        for name, role in roles
    ]
    if rings:
        keys.append(Line2D([], [], **RING, label="moved joint"))
    if sides:
        dot = {"linestyle": "none", "marker": "o", "markersize": 4.5, "color": RECOVERED}
        keys.append(Line2D([], [], **dot, label="left"))
        keys.append(Line2D([], [], **dot, markerfacecolor="white", label="right"))
    figure.legend(
        handles=keys,
        loc="lower center",
        ncols=columns,
        fontsize=8,
        labelcolor=INK,
        frameon=False,
        handlelength=2.2,
        columnspacing=1.6,
        borderaxespad=0.2,
    )


def paler(color: str) -> tuple:
    return tuple(0.55 * np.array(matplotlib.colors.to_rgb(color)) + 0.45)


def check_name(path: str | os.PathLike, *kinds: str):
    """Refuses a file that cannot be written as one of `kinds` of `SUFFIXES`.

    Raises:
        TfposeError: for another suffix, or .mp4 without ffmpeg.
    """
    suffix = pathlib.Path(path).suffix
    if not any(suffix.lower() in SUFFIXES[kind] for kind in kinds):
        written = [f"{kind} is written as {' or '.join(', '.join(SUFFIXES[kind]).rsplit(', ', 1))}" for kind in kinds]
        raise TfposeError(f"{path}: {', '.join(written)}, not '{suffix}'")
    if suffix.lower() == ".mp4" and not animation.FFMpegWriter.isAvailable():
        raise TfposeError(
            f"{path}: writing .mp4 needs the program ffmpeg, which is not on the PATH; install it or use .gif"
        )


def save(figure: Figure, path: str | os.PathLike):
    check_name(path, "a picture")
    kind = pathlib.Path(path).suffix.lower()[1:]
    with atomic_write(path) as unfinished:
        if kind == "png":
            _write_png(unfinished, figure)
        else:
            figure.savefig(unfinished, format=kind)


def _write_png(path, figure: Figure):
    """With a palette of 128 colours, which drawings do not exceed visibly: a third of the size."""
    from PIL import Image

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    image = Image.fromarray(np.array(canvas.buffer_rgba())[..., :3])
    image = image.quantize(128, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    image.save(path, format="PNG", optimize=True, dpi=(figure.dpi, figure.dpi))
