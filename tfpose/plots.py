"""Pictures of poses `[..., J, 3]` in metres, y up: the paper's Fig. 3 and 4, view transfers, clips, training curves.

Headless: everything is drawn on `matplotlib.figure.Figure` objects without pyplot, so no display is needed and no
global state of matplotlib is touched. Files appear whole or not at all; missing folders are made.

The colours keep the paper's roles in shades that the colour-blind can tell apart, and each role also has its own
stroke: truth is a wide green band, corrupted a dashed red line, recovered a solid blue line on top. The person's left
limbs are drawn full with filled joints, the right limbs paler with hollow joints.
"""

from __future__ import annotations

import os
import pathlib
import textwrap
from collections.abc import Mapping, Sequence

import matplotlib.colors
import numpy as np
from matplotlib import animation
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import LogLocator, NullLocator
from matplotlib.transforms import Bbox, TransformedBbox
from mpl_toolkits.mplot3d import Axes3D
from mpl_toolkits.mplot3d.art3d import Line3D, Poly3DCollection
from numpy.typing import ArrayLike

from tfpose import metrics
from tfpose.errors import TfposeError
from tfpose.files import written_whole
from tfpose.skeleton import Skeleton

TRUTH, CORRUPTED, RECOVERED = "#52b788", "#d7301f", "#0b5cad"
_INK, _FAINT, _GROUND = "#222222", "#6b6b6b", "#eceff1"
# Ten that the colour-blind can tell apart (Paul Tol's "muted", black for its grey).
_MUTED = "#332288 #88ccee #44aa99 #117733 #999933 #ddcc77 #cc6677 #882255 #aa4499 #222222"
_CLASSES = tuple(_MUTED.split())
_RUNS = ("#0b5cad", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#222222")

# How each role is drawn. The corrupted pose lies lowest: where it is right the truth covers it.
_DASHED = {"color": CORRUPTED, "width": 1.4, "style": (0, (2.5, 1.2)), "joints": 2.4, "zorder": 2}
_BAND = {"color": TRUTH, "width": 5.0, "joints": 0.0, "zorder": 3}
_SOLID = {"color": RECOVERED, "width": 1.7, "joints": 2.8, "zorder": 4}
_RING = {
    "linestyle": "none",
    "marker": "o",
    "markersize": 8.5,
    "markerfacecolor": "none",
    "markeredgecolor": CORRUPTED,
    "markeredgewidth": 1.1,
}

_ELEVATION = 9.0  # degrees above the horizon: enough for the ground to be seen as a plane
_THREE_QUARTER = 32.0  # degrees between the person's front and the camera
_ZOOM = 1.68  # makes the cube of an orthographic Axes3D exactly as high as its axes
_DPI = 180


# --- one pose


def draw_pose(
    axes: Axes3D,
    pose: ArrayLike,
    skeleton: Skeleton,
    color: str,
    *,
    width: float = 2.0,
    style: str | tuple = "-",
    joints: float = 3.5,
    zorder: float = 3,
) -> list[Line3D]:
    """Draws one pose `[J, 3]` (metres, y up) upright on 3D axes and returns what was drawn.

    Left limbs have the full colour and filled joints, right limbs a paler one and hollow joints. Joints that are NaN
    and their bones are left out. Call `frame` for equal scales and a camera that looks at the person.

    Args:
        axes: from `figure.add_subplot(projection="3d")`.
        pose: `[J, 3]`.
        skeleton: of the pose.
        color: of the pose.
        width: of the bones, in points.
        style: of the bones, as matplotlib's line styles.
        joints: size of the joints in points, 0 for none.
        zorder: poses with a higher one cover those with a lower.

    Raises:
        TfposeError: when the pose does not fit the skeleton.
    """
    pose = _poses("pose", pose, skeleton, 2)
    points = _upright(pose)
    side = _sides(skeleton)
    drawn = []
    for which in (-1, 0, 1):  # right, middle, left: the left limbs on top
        shade = _paler(color) if which < 0 else color
        bones = [(child, parent) for child, parent in skeleton.bones if side[child] == which]
        if bones:
            gap = np.full(3, np.nan)
            path = np.concatenate([(points[child], points[parent], gap) for child, parent in bones])
            drawn += axes.plot(
                *path.T, color=shade, linewidth=width, linestyle=style, solid_capstyle="round", zorder=zorder
            )
        if joints:
            drawn += axes.plot(
                *points[side == which].T,
                linestyle="none",
                marker="o",
                markersize=joints,
                markerfacecolor="white" if which < 0 else shade,
                markeredgecolor=shade,
                markeredgewidth=min(0.9, joints / 3),
                zorder=zorder + 0.5,
            )
    return drawn


def frame(axes: Axes3D, poses: ArrayLike, skeleton: Skeleton, azimuth: float | None = None):
    """Looks at poses `[..., J, 3]` upright, at equal scale on all axes, with the ground under them and nothing else.

    Args:
        axes: from `figure.add_subplot(projection="3d")`.
        poses: all that is going to be drawn on these axes.
        skeleton: of the poses.
        azimuth: of the camera in degrees, 0 at +x and -90 at +z; by default three-quarter before the person.
    """
    poses = _poses("poses", poses, skeleton)
    azimuth = _azimuth(poses, skeleton) if azimuth is None else azimuth
    centre, (across, up) = _extent(poses, azimuth)
    _look(axes, centre, max(across, up), azimuth)
    _draw_ground(axes, poses)


# --- the paper's figures


def denoising_grid(
    path: str | os.PathLike,
    truth: ArrayLike | None,
    corrupted: ArrayLike,
    recovered: ArrayLike,
    skeleton: Skeleton,
    moved: ArrayLike | None = None,
    titles: Sequence[str] | None = None,
):
    """The paper's Fig. 3 (b): for each sample the truth (green), the corrupted (red) and the recovered pose (blue).

    Above each sample stand the MPJPE before and after in mm and the moved joints. Without a truth (Fig. 4, real sensor
    data) the red pose is the observed one and the number is how far it was changed.

    Args:
        path: a .png, .svg or .pdf file.
        truth: `[N, J, 3]` metres, y up, or None.
        corrupted: `[N, J, 3]`, what went in.
        recovered: `[N, J, 3]`, what came out.
        skeleton: of all poses.
        moved: boolean `[N, J]`, the joints that were moved; they are ringed and named.
        titles: N lines, one above each sample.

    Raises:
        TfposeError: for shapes that do not fit each other, or a file type that is none of the three.
    """
    corrupted = _poses("corrupted", corrupted, skeleton, 3)
    number = len(corrupted)
    recovered = _poses("recovered", recovered, skeleton, 3, number)
    truth = None if truth is None else _poses("truth", truth, skeleton, 3, number)
    moved = _moved(np.zeros((number, len(skeleton)), bool) if moved is None else moved, number, skeleton)
    if titles is not None and len(titles) != number:
        raise TfposeError(f"titles must be one for each of the {number} samples, got {len(titles)}")

    standing = recovered if truth is None else truth
    azimuths = [_azimuth(pose, skeleton) for pose in standing]
    shown = np.stack([poses for poses in (truth, corrupted, recovered) if poses is not None], 1)
    centres, sizes = zip(*(_extent(poses, azimuth) for poses, azimuth in zip(shown, azimuths)))
    across, up = np.max(sizes, axis=0)  # one scale for all samples

    rows = -(-number // 6)
    columns = -(-number // rows)
    tall = 2.5  # inches, as everything here
    column_width = max(1.55, tall * across / up)
    text = [_sample_text(i, truth, corrupted, recovered, skeleton, moved, titles) for i in range(number)]
    lines = max(sum(part.count("\n") + 1 for part, _ in block) for block in text)
    row_height = tall + 0.14 * lines + 0.06
    legend_height = 0.42 if columns > 3 else 0.62
    # A single sample still needs room for the legend below it.
    width, height = max(columns * column_width, 3.6) + 0.2, rows * row_height + legend_height + 0.12
    figure = Figure((width, height), dpi=_DPI, facecolor="white")
    left = (width - columns * column_width) / 2
    for i in range(number):
        x = left + (i % columns) * column_width
        y = height - 0.12 - (i // columns + 1) * row_height
        axes = _panel(figure, (x, y, column_width, tall), centres[i], up, azimuths[i])
        _draw_ground(axes, standing[i])
        if truth is not None:
            draw_pose(axes, truth[i], skeleton, **_BAND)
        draw_pose(axes, corrupted[i], skeleton, **_DASHED)
        draw_pose(axes, recovered[i], skeleton, **_SOLID)
        _ring(axes, corrupted[i][moved[i]])
        _write(figure, x + column_width / 2, y + row_height, text[i])
    roles = [] if truth is None else [("ground truth", _BAND)]
    roles += [("observed" if truth is None else "corrupted", _DASHED), ("recovered", _SOLID)]
    _legend(figure, roles, moved.any(), bool(skeleton.mirror), 6 if columns > 3 else 3)
    _save(figure, path)


def view_transfer_grid(
    path: str | os.PathLike, poses: ArrayLike, views: ArrayLike, transferred: ArrayLike, skeleton: Skeleton
):
    """A table of view transfers: the body of each row's pose, seen from each column's view (Sec. 3.3, p^t in Fig. 2).

    All cells have the same camera, so within a row only the view may change and within a column only the pose.

    Args:
        path: a .png, .svg or .pdf file.
        poses: `[R, J, 3]` metres, y up: what gives its pose code; drawn down the left edge.
        views: `[C, J, 3]`: what gives its view code; drawn along the top.
        transferred: `[R, C, J, 3]`: the decoded combinations.
        skeleton: of all poses.

    Raises:
        TfposeError: for shapes that do not fit each other, or a file type that is none of the three.
    """
    poses = _poses("poses", poses, skeleton, 3)
    views = _poses("views", views, skeleton, 3)
    transferred = _poses("transferred", transferred, skeleton, 4, len(poses), len(views))
    table = np.full((len(poses) + 1, len(views) + 1), None, object)
    table[0, 1:] = list(views)
    table[1:, 0] = list(poses)
    for r in range(len(poses)):
        table[r + 1, 1:] = list(transferred[r])
    azimuth = _azimuth(views[0], skeleton)
    extents = {at: _extent(pose, azimuth) for at, pose in np.ndenumerate(table) if pose is not None}
    across, up = np.max([size for _, size in extents.values()], axis=0)

    cell_height, cell_width, margin = 1.6, max(1.05, 1.6 * across / up), 0.34
    width = table.shape[1] * cell_width + margin + 0.1
    height = table.shape[0] * cell_height + margin + 0.1
    figure = Figure((width, height), dpi=_DPI, facecolor="white")
    # The givers stand on grey, what is made of them on white.
    shade = {"facecolor": "#f4f6f7", "edgecolor": "none", "transform": figure.dpi_scale_trans, "zorder": -1}
    top = height - margin - cell_height
    figure.add_artist(Rectangle((margin + cell_width, top), width - margin - cell_width - 0.1, cell_height, **shade))
    figure.add_artist(Rectangle((margin, 0.1), cell_width, top - 0.1, **shade))
    for (r, c), (centre, _) in extents.items():
        box = (margin + c * cell_width, top - r * cell_height, cell_width, cell_height)
        axes = _panel(figure, box, centre, up, azimuth)
        _draw_ground(axes, table[r, c])
        role = _SOLID if r and c else {**_SOLID, "color": "#4a5560"}
        draw_pose(axes, table[r, c], skeleton, **role)
    words = {"fontsize": 9, "color": _INK, "ha": "center", "va": "center", "transform": figure.dpi_scale_trans}
    figure.text(margin + cell_width + len(views) * cell_width / 2, height - margin / 2, "the view of", **words)
    figure.text(margin / 2, 0.1 + len(poses) * cell_height / 2, "the pose of", rotation=90, **words)
    _save(figure, path)


def skeleton_model(
    path: str | os.PathLike,
    pose: ArrayLike,
    truth: ArrayLike,
    corrupted: ArrayLike,
    moved: ArrayLike,
    skeleton: Skeleton,
):
    """The paper's Fig. 3 (a): the skeleton with its joints numbered and named, and some corrupted samples.

    Args:
        path: a .png, .svg or .pdf file.
        pose: `[J, 3]` metres, y up, with its joints well apart: the numbered one, seen from the front.
        truth: `[N, J, 3]`, what the samples were.
        corrupted: `[N, J, 3]`, the samples.
        moved: boolean `[N, J]`, the joints that were moved; they are ringed and named.
        skeleton: of all poses.

    Raises:
        TfposeError: for shapes that do not fit each other, or a file type that is none of the three.
    """
    pose = _poses("pose", pose, skeleton, 2)
    corrupted = _poses("corrupted", corrupted, skeleton, 3)
    number = len(corrupted)
    truth, moved = _poses("truth", truth, skeleton, 3, number), _moved(moved, number, skeleton)

    named = [_joint_names(each, skeleton) for each in moved]
    tall, foot = 2.9, 0.3
    head = 0.26 + 0.14 * max(names.count("\n") + 1 for names in named)
    front = _azimuth(pose, skeleton) - _THREE_QUARTER
    centre, (across, up) = _extent(pose, front)
    model_width, names_width = tall * across / up, 1.2
    azimuths = [_azimuth(each, skeleton) for each in truth]
    centres, sizes = zip(*(_extent(both, azimuth) for both, azimuth in zip(np.stack([truth, corrupted], 1), azimuths)))
    sample_across, sample_up = np.max(sizes, axis=0)
    sample_width = max(1.5, tall * sample_across / sample_up)
    width, height = model_width + names_width + number * sample_width + 0.2, tall + head + foot
    figure = Figure((width, height), dpi=_DPI, facecolor="white")

    axes = _panel(figure, (0.1, foot, model_width, tall), centre, up, front)
    draw_pose(axes, pose, skeleton, "#8fa1ad", width=3.0, joints=0)
    colors = {1: RECOVERED, 0: _INK, -1: CORRUPTED}
    for joint, (point, side) in enumerate(zip(_upright(pose), _sides(skeleton))):
        axes.plot(*point[:, None], "o", markersize=8.5, color="white", markeredgecolor=colors[side], zorder=5 + joint)
        style = {"fontsize": 5.6, "color": colors[side], "zorder": 5.5 + joint}
        axes.text(*point, str(joint), ha="center", va="center_baseline", **style)
    top = foot + tall - 0.1
    step = min(0.17, tall / len(skeleton))
    for joint, (name, side) in enumerate(zip(skeleton.joints, _sides(skeleton))):
        words = {"fontsize": 7, "color": colors[side], "va": "top", "transform": figure.dpi_scale_trans}
        figure.text(model_width + 0.42, top - joint * step, str(joint), ha="right", **words)
        figure.text(model_width + 0.48, top - joint * step, name.replace("_", " "), **words)
    for i in range(number):
        x = 0.1 + model_width + names_width + i * sample_width
        axes = _panel(figure, (x, foot, sample_width, tall), centres[i], sample_up, azimuths[i])
        _draw_ground(axes, truth[i])
        draw_pose(axes, truth[i], skeleton, **_BAND)
        draw_pose(axes, corrupted[i], skeleton, **_DASHED)
        _ring(axes, corrupted[i][moved[i]])
        text = [(f"{moved[i].sum()} moved", "head"), (named[i], "small")]
        _write(figure, x + sample_width / 2, height - 0.06, text)
    _legend(figure, [("ground truth", _BAND), ("corrupted", _DASHED)], True, False, 3)
    _save(figure, path)


def before_and_after(
    path: str | os.PathLike,
    observed: ArrayLike,
    recovered: ArrayLike,
    skeleton: Skeleton,
    titles: Sequence[str] | None = None,
):
    """The paper's Fig. 4: skeletons as a sensor saw them in one row, what was recovered from them in the row below.

    Both of a column have the same camera and scale.

    Args:
        path: a .png, .svg or .pdf file.
        observed, recovered: `[N, J, 3]` metres, y up.
        skeleton: of all poses.
        titles: N lines, one above each column.

    Raises:
        TfposeError: for shapes that do not fit each other, or a file type that is none of the three.
    """
    observed = _poses("observed", observed, skeleton, 3)
    recovered = _poses("recovered", recovered, skeleton, 3, len(observed))
    if titles is not None and len(titles) != len(observed):
        raise TfposeError(f"titles must be one for each of the {len(observed)} samples, got {len(titles)}")
    azimuths = [_azimuth(pose, skeleton) for pose in recovered]
    pairs = np.stack([observed, recovered], 1)
    centres, sizes = zip(*(_extent(pair, azimuth) for pair, azimuth in zip(pairs, azimuths)))
    across, up = np.max(sizes, axis=0)
    margin, head, foot, tall = 0.34, 0.1 + 0.36 * (titles is not None), 0.26, 2.1
    column = max(1.15, tall * across / up)
    width, height = margin + len(observed) * column + 0.1, head + 2 * tall + foot
    figure = Figure((width, height), dpi=_DPI, facecolor="white")
    words = {"fontsize": 9, "color": _INK, "ha": "center", "va": "center", "transform": figure.dpi_scale_trans}
    for row, (name, color) in enumerate((("sensor", CORRUPTED), ("recovered", RECOVERED))):
        y = height - head - (row + 1) * tall
        figure.text(margin / 2, y + tall / 2, name, rotation=90, **words)
        for i, (pair, azimuth) in enumerate(zip(pairs, azimuths)):
            axes = _panel(figure, (margin + i * column, y, column, tall), centres[i], up, azimuth)
            _draw_ground(axes, pair[1])
            draw_pose(axes, pair[row], skeleton, **{**_SOLID, "color": color, "width": 2.0})
    for i, title in enumerate(titles or ()):
        _write(figure, margin + (i + 0.5) * column, height - 0.08, [(textwrap.fill(title, 18), "small")])
    _legend(figure, [], False, bool(skeleton.mirror), 2)
    _save(figure, path)


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
        (2.9 * len(labels) + 0.3, 2.75 * len(maps) + 0.75), dpi=_DPI, facecolor="white", layout="constrained"
    )
    panels = figure.subplots(len(maps), len(labels), squeeze=False)
    for column, (kind, names) in enumerate(labels.items()):
        classes = sorted(set(names))
        palette = _RUNS if len(classes) <= len(_RUNS) else _CLASSES
        for row, (name, points) in enumerate(maps.items()):
            axes = panels[row, column]
            # All classes in one shuffled draw: none lies on top of the others.
            order = np.random.default_rng(0).permutation(len(points))
            colors = [palette[classes.index(names[i]) % len(palette)] for i in order]
            axes.scatter(*points[order].T, s=5, c=colors, linewidths=0, rasterized=True)
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_color("#cfd4d7")
            if row == 0:
                axes.set_title(f"coloured by {kind}", fontsize=9, color=_INK)
            if column == 0:
                axes.set_ylabel(name, fontsize=9, color=_INK)
        dot = {"linestyle": "none", "marker": "o", "markersize": 4.5}
        keys = [Line2D([], [], **dot, color=palette[i % len(palette)], label=c) for i, c in enumerate(classes)]
        panels[-1, column].legend(
            handles=keys,
            loc="upper center",
            bbox_to_anchor=(0.5, -0.02),
            ncols=2 if len(classes) > 4 else 1,
            fontsize=6.5,
            labelcolor=_INK,
            frameon=False,
            handletextpad=0.1,
            columnspacing=0.8,
        )
    _save(figure, path)


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
    figure = Figure((3.1 * columns, 2.3 * rows + 0.3), dpi=_DPI, facecolor="white", layout="constrained")
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.06)
    for number, quantity in enumerate(quantities):
        axes = figure.add_subplot(rows, columns, number + 1)
        seen = [
            _draw_curve(axes, run, quantity, history, _RUNS[i % len(_RUNS)])
            for i, (run, history) in enumerate(runs.items())
            if quantity in history
        ]
        seen = np.concatenate(seen)
        if seen.size and seen.min() > 0 and seen.max() > 10 * seen.min():
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.yaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_minor_locator(NullLocator())
        axes.set_title(quantity.replace("_", " "), fontsize=9, color=_INK, loc="left")
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color("#b0b6ba")
        axes.grid(True, color=_GROUND, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.tick_params(which="both", labelsize=7.5, colors=_FAINT, length=2)
        axes.margins(x=0.02)
        axes.set_xlabel("step", fontsize=7.5, color=_FAINT)
    if len(runs) > 1:
        keys = [Line2D([], [], color=_RUNS[i % len(_RUNS)], linewidth=2, label=run) for i, run in enumerate(runs)]
        figure.legend(handles=keys, loc="outside lower center", ncols=min(len(keys), 4), fontsize=8, frameon=False)
    _save(figure, path)


# --- clips


def animate(
    path: str | os.PathLike,
    observed: ArrayLike,
    recovered: ArrayLike,
    skeleton: Skeleton,
    truth: ArrayLike | None = None,
    rate: float = 30.0,
):
    """A clip side by side, observed (red) and recovered (blue), each over the truth (green) when there is one.

    The camera stands still, three-quarter before the person, and sees the whole way over a ground of half-metre
    squares. The clip runs in real time, thinned to about 25 frames a second. A GIF takes 10 to 15 kB a frame.

    Args:
        path: a .gif file, or an .mp4 file when ffmpeg is installed.
        observed: `[T, J, 3]` metres, y up; missing joints may be NaN.
        recovered: `[T, J, 3]`.
        skeleton: of all poses.
        truth: `[T, J, 3]` or None.
        rate: frames per second of the clip.

    Raises:
        TfposeError: for shapes that do not fit each other, a rate that is not positive, a file type that is neither, or
            .mp4 without ffmpeg.
    """
    path = pathlib.Path(path)
    suffix = path.suffix.lower()
    if suffix not in (".gif", ".mp4"):
        raise TfposeError(f"{path}: an animation is written as .gif or .mp4, not '{path.suffix}'")
    if suffix == ".mp4" and not animation.FFMpegWriter.isAvailable():
        raise TfposeError(
            f"{path}: writing .mp4 needs the program ffmpeg, which is not on the PATH; install it or use .gif"
        )
    if not rate > 0:
        raise TfposeError(f"rate must be a positive number of frames per second, got {rate}")
    observed = _poses("observed", observed, skeleton, 3)
    recovered = _poses("recovered", recovered, skeleton, 3, len(observed))
    truth = None if truth is None else _poses("truth", truth, skeleton, 3, len(observed))

    step = max(1, round(rate / 25))
    reference = recovered if truth is None else truth
    azimuth = _azimuth(reference, skeleton)
    # One frame of sensor failure must not shrink the whole clip: of the observed, all but the farthest 1 % is in view.
    low, high = np.nanpercentile(observed.reshape(-1, 3), [0.5, 99.5], axis=0)
    centre, (across, up) = _extent([reference, recovered, np.clip(observed, low, high)], azimuth)
    size = 3.4
    panel = (max(2.4, size * across / up), size) if across < 1.4 * up else (2 * size, max(2.0, 2 * size * up / across))
    up = max(up, across * panel[1] / panel[0])
    beside = panel[0] < 1.4 * panel[1]
    head, foot = 0.3, 0.36
    width = panel[0] * (2 if beside else 1)
    height = (panel[1] + head) * (1 if beside else 2) + foot
    figure = Figure((width, height), dpi=130, facecolor="white")
    panels = []
    for i, (name, poses, role) in enumerate((("observed", observed, _DASHED), ("recovered", recovered, _SOLID))):
        x, y = (i * panel[0], foot) if beside else (0, foot + (1 - i) * (panel[1] + head))
        box = (x + 0.06, y, panel[0] - 0.12, panel[1])
        axes = _panel(figure, box, centre, up, azimuth)
        _draw_ground(axes, reference, squares=True)
        panels.append((axes, box, poses, {**role, "style": "-", "width": 2.2, "joints": 3.8, "zorder": 4}))
        _write(figure, x + panel[0] / 2, y + panel[1] + head - 0.08, [(name, "head")])
    roles = [("observed", panels[0][-1]), ("recovered", panels[1][-1])]
    if truth is not None:
        roles.insert(0, ("ground truth", _BAND))
    _legend(figure, roles, False, bool(skeleton.mirror), 5)

    def draw_frame(t: int) -> list[Line3D]:
        drawn = []
        for axes, box, poses, role in panels:
            if truth is not None:
                drawn += draw_pose(axes, truth[t], skeleton, **{**_BAND, "width": 6.0})
            drawn += draw_pose(axes, poses[t], skeleton, **role)
            _keep_inside(axes, box)
        return drawn

    frames = range(0, len(observed), step)
    with written_whole(path) as unfinished:
        if suffix == ".mp4":
            _write_mp4(unfinished, figure, draw_frame, frames, rate / step)
        else:
            _write_gif(unfinished, figure, draw_frame, frames, rate / step)


def _write_gif(path, figure, draw_frame, frames, rate):
    from PIL import Image

    canvas = FigureCanvasAgg(figure)
    images = []
    for t in frames:
        drawn = draw_frame(t)
        canvas.draw()
        images.append(np.array(canvas.buffer_rgba())[..., :3])
        for artist in drawn:
            artist.remove()
    # One palette for all frames: without it still parts flicker and cannot be left out of the following frames.
    sample = np.concatenate([images[i] for i in np.linspace(0, len(images) - 1, 5).astype(int)])
    palette = Image.fromarray(sample).quantize(64, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    images = [Image.fromarray(image).quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    # GIF counts hundredths of a second: round the moments, not the durations, or the clip drifts.
    durations = np.diff(np.round(np.arange(len(images) + 1) * 100 / rate)) * 10
    images[0].save(
        path, format="GIF", save_all=True, append_images=images[1:], duration=durations.astype(int).tolist(), loop=0
    )


def _write_mp4(path, figure, draw_frame, frames, rate):
    writer = animation.FFMpegWriter(fps=rate, codec="h264", extra_args=["-crf", "20", "-movflags", "+faststart"])
    with writer.saving(figure, str(path), dpi=150):
        for t in frames:
            drawn = draw_frame(t)
            writer.grab_frame()
            for artist in drawn:
                artist.remove()


# --- the camera


def _upright(points: np.ndarray) -> np.ndarray:
    """From y up to matplotlib's z up: a rotation, so left stays left."""
    return np.stack([points[..., 0], -points[..., 2], points[..., 1]], -1)


def _azimuth(poses: np.ndarray, skeleton: Skeleton) -> float:
    """Where a camera stands to see the person three-quarter from the front: degrees about the vertical."""
    if not skeleton.mirror:
        return -90.0 + _THREE_QUARTER
    left, right = np.transpose([(skeleton.index(a), skeleton.index(b)) for a, b in skeleton.mirror])
    to_left = np.nanmean((poses[..., left, :] - poses[..., right, :]).reshape(-1, 3), axis=0)
    front_x, front_z = -to_left[2], to_left[0]  # to_left x up
    if not np.hypot(front_x, front_z) > 1e-6:
        return -90.0 + _THREE_QUARTER
    return float(np.degrees(np.arctan2(-front_z, front_x))) + _THREE_QUARTER


def _extent(poses: ArrayLike, azimuth: float) -> tuple[np.ndarray, np.ndarray]:
    """The centre `[3]` of the picture of all poses and its size (across, up) in metres, with some air around."""
    points = _upright(np.reshape(poses, (-1, 3)))
    a, e = np.radians([azimuth, _ELEVATION])
    screen = np.array(
        [[-np.sin(a), np.cos(a), 0], [-np.sin(e) * np.cos(a), -np.sin(e) * np.sin(a), np.cos(e)]]
    )  # rows: to the right, up
    seen = points @ screen.T
    low, high = np.nanmin(seen, axis=0), np.nanmax(seen, axis=0)
    return (low + high) / 2 @ screen, high - low + [0.16, 0.24]


def _look(axes: Axes3D, centre: np.ndarray, metres: float, azimuth: float):
    """Points the camera at `centre` (matplotlib's z up) so that the axes are `metres` high."""
    axes.set_axis_off()
    axes.patch.set_visible(False)
    axes.set_proj_type("ortho")
    axes.view_init(_ELEVATION, azimuth)
    axes.computed_zorder = False
    for set_limits, middle in zip((axes.set_xlim, axes.set_ylim, axes.set_zlim), centre):
        set_limits(middle - metres / 2, middle + metres / 2)
    axes.set_box_aspect((1, 1, 1), zoom=_ZOOM)


def _panel(figure: Figure, box: tuple, centre: np.ndarray, metres: float, azimuth: float) -> Axes3D:
    """Axes over a box (left, bottom, width, height in inches) that is `metres` high.

    An Axes3D is always square; this one stands out over the shorter sides of its box, where nothing is drawn.
    """
    left, bottom, width, height = box
    side = max(width, height)
    inches = np.array([left + (width - side) / 2, bottom + (height - side) / 2, side, side])
    axes = figure.add_axes(inches / np.tile(figure.get_size_inches(), 2), projection="3d")
    _look(axes, centre, metres * side / height, azimuth)
    return axes


def _keep_inside(axes: Axes3D, box: tuple):
    """Cuts all that is drawn on the axes at the sides of its box, which its square may stand out over."""
    bounds = TransformedBbox(Bbox.from_bounds(*box), axes.figure.dpi_scale_trans)
    for artist in axes.get_children():
        artist.set_clip_box(bounds)


# --- what is drawn around a pose


def _draw_ground(axes: Axes3D, poses: np.ndarray, squares: bool = False):
    """A disc under one pose, or half-metre squares under the whole way of a clip."""
    points = _upright(poses).reshape(-1, 3)
    floor = np.nanpercentile(points[:, 2], 1) - 0.02
    low, high = np.nanmin(points[:, :2], axis=0), np.nanmax(points[:, :2], axis=0)
    if not squares:
        turn = np.linspace(0, 2 * np.pi, 60)
        middle, radius = (low + high) / 2, 0.42
        rim = np.stack([middle[0] + radius * np.cos(turn), middle[1] + radius * np.sin(turn), np.full(60, floor)], -1)
        axes.add_collection3d(Poly3DCollection([rim], facecolor=_GROUND, edgecolor="none", zorder=0))
        return
    low, high = np.floor(low * 2 - 0.3) / 2, np.ceil(high * 2 + 0.3) / 2
    xs, ys = np.arange(low[0], high[0] + 0.1, 0.5), np.arange(low[1], high[1] + 0.1, 0.5)
    for x in xs:
        axes.plot([x, x], [low[1], high[1]], [floor, floor], color="#dde2e5", linewidth=0.8, zorder=0)
    for y in ys:
        axes.plot([low[0], high[0]], [y, y], [floor, floor], color="#dde2e5", linewidth=0.8, zorder=0)


def _ring(axes: Axes3D, joints: np.ndarray):
    if len(joints):
        axes.plot(*_upright(joints).T, **_RING, zorder=6)


def _sample_text(i, truth, corrupted, recovered, skeleton, moved, titles) -> list[tuple[str, str]]:
    """What stands above sample i: lines with how each is written."""
    block = [] if titles is None else [(textwrap.fill(titles[i], 20), "head")]
    if truth is None:
        block.append((f"changed by {_millimetres(recovered[i], corrupted[i])} mm", "number"))
    else:
        before, after = _millimetres(corrupted[i], truth[i]), _millimetres(recovered[i], truth[i])
        block.append((f"{before} \N{RIGHTWARDS ARROW} {after} mm", "number"))
    if moved[i].any():
        block.append((_joint_names(moved[i], skeleton), "small"))
    return block


def _joint_names(chosen: np.ndarray, skeleton: Skeleton) -> str:
    """Numbers and names of the chosen joints in short lines; no-break spaces keep each joint's on one line."""
    names = ", ".join(
        f"{j} {skeleton.joints[j]}".replace("_", " ").replace(" ", "\N{NO-BREAK SPACE}") for j in np.flatnonzero(chosen)
    )
    return textwrap.fill(names, 27)


def _millimetres(pose: np.ndarray, other: np.ndarray) -> str:
    known = np.isfinite(pose).all(-1) & np.isfinite(other).all(-1)
    return f"{1000 * metrics.mpjpe(pose, other, known):.0f}" if known.any() else "?"


_WRITING = {
    "head": {"fontsize": 9, "color": _INK, "fontweight": "bold"},
    "number": {"fontsize": 9, "color": _INK},
    "small": {"fontsize": 7, "color": _FAINT, "linespacing": 1.25},
}


def _write(figure: Figure, x: float, y: float, block: list[tuple[str, str]]):
    """Lines of text below a point given in inches."""
    for text, kind in block:
        figure.text(x, y, text, ha="center", va="top", transform=figure.dpi_scale_trans, **_WRITING[kind])
        y -= 0.16 * (text.count("\n") + 1)


def _legend(figure: Figure, roles: list[tuple[str, dict]], rings: bool, sides: bool, columns: int):
    keys = [
        Line2D([], [], color=role["color"], linewidth=role["width"], linestyle=role.get("style", "-"), label=name)
        for name, role in roles
    ]
    if rings:
        keys.append(Line2D([], [], **_RING, label="moved joint"))
    if sides:
        dot = {"linestyle": "none", "marker": "o", "markersize": 4.5, "color": RECOVERED}
        keys.append(Line2D([], [], **dot, label="left"))
        keys.append(Line2D([], [], **dot, markerfacecolor="white", label="right"))
    figure.legend(
        handles=keys,
        loc="lower center",
        ncols=columns,
        fontsize=8,
        labelcolor=_INK,
        frameon=False,
        handlelength=2.2,
        columnspacing=1.6,
        borderaxespad=0.2,
    )


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


# --- sides and colours


def _sides(skeleton: Skeleton) -> np.ndarray:
    """For each joint 1 when it is a left one, -1 right, 0 middle."""
    side = np.zeros(len(skeleton), int)
    for left, right in skeleton.mirror:
        side[skeleton.index(left)], side[skeleton.index(right)] = 1, -1
    return side


def _paler(color: str) -> tuple:
    return tuple(0.55 * np.array(matplotlib.colors.to_rgb(color)) + 0.45)


# --- checks and files


def _moved(moved: ArrayLike, number: int, skeleton: Skeleton) -> np.ndarray:
    moved = np.asarray(moved, bool)
    if moved.shape != (number, len(skeleton)):
        raise TfposeError(f"moved must be [N, J] = {(number, len(skeleton))}, got {moved.shape}")
    return moved


def _poses(name: str, poses: ArrayLike, skeleton: Skeleton, ndim: int | None = None, *leading: int) -> np.ndarray:
    """Poses as float64, or an error that names them and says what was expected."""
    poses = np.asarray(poses, np.float64)
    joints = len(skeleton)
    fits = poses.ndim >= 2 and poses.shape[-2:] == (joints, 3) and poses.size > 0
    if not fits or ndim not in (None, poses.ndim) or poses.shape[: len(leading)] != leading:
        letters = {None: ["..."], 2: [], 3: ["N"], 4: ["R", "C"]}[ndim]
        letters[: len(leading)] = [str(n) for n in leading]
        expected = ", ".join([*letters, str(joints), "3"])
        raise TfposeError(f"{name} must be [{expected}] for skeleton '{skeleton.name}', got {list(poses.shape)}")
    if not np.isfinite(poses).any():
        raise TfposeError(f"{name} holds no finite coordinate, there is nothing to draw")
    return poses


def _save(figure: Figure, path: str | os.PathLike):
    path = pathlib.Path(path)
    kind = path.suffix.lower().lstrip(".")
    if kind not in ("png", "svg", "pdf"):
        raise TfposeError(f"{path}: a picture is written as .png, .svg or .pdf, not '{path.suffix}'")
    with written_whole(path) as unfinished:
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
