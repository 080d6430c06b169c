"""Sheets of poses: the paper's Fig. 3 and 4, and view transfers."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from tfpose import metrics
from tfpose.errors import TfposeError
from tfpose.plots.poses import (
    THREE_QUARTER,
    add_panel,
    azimuth_of,
    checked,
    draw_ground,
    draw_pose,
    draw_ring,
    extent_of,
    sides_of,
    upright,
)
from tfpose.plots.style import BAND, CORRUPTED, DASHED, DPI, INK, RECOVERED, SOLID, draw_legend, save, write_lines
from tfpose.skeleton import Skeleton


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
    corrupted = checked("corrupted", corrupted, skeleton, 3)
    number = len(corrupted)
    recovered = checked("recovered", recovered, skeleton, 3, number)
    truth = None if truth is None else checked("truth", truth, skeleton, 3, number)
    moved = _moved(np.zeros((number, len(skeleton)), bool) if moved is None else moved, number, skeleton)
    if titles is not None and len(titles) != number:
        raise TfposeError(f"titles must be one for each of the {number} samples, got {len(titles)}")

    standing = recovered if truth is None else truth
    azimuths = [azimuth_of(pose, skeleton) for pose in standing]
    shown = [poses for poses in (truth, corrupted, recovered) if poses is not None]
    centres, (across, up) = _extents(shown, azimuths)

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
    figure = Figure((width, height), dpi=DPI, facecolor="white")
    left = (width - columns * column_width) / 2
    for i in range(number):
        x = left + (i % columns) * column_width
        y = height - 0.12 - (i // columns + 1) * row_height
        axes = add_panel(figure, (x, y, column_width, tall), centres[i], up, azimuths[i])
        draw_ground(axes, standing[i])
        if truth is not None:
            draw_pose(axes, truth[i], skeleton, **BAND)
        draw_pose(axes, corrupted[i], skeleton, **DASHED)
        draw_pose(axes, recovered[i], skeleton, **SOLID)
        draw_ring(axes, corrupted[i][moved[i]])
        write_lines(figure, x + column_width / 2, y + row_height, text[i])
    roles = [] if truth is None else [("ground truth", BAND)]
    roles += [("observed" if truth is None else "corrupted", DASHED), ("recovered", SOLID)]
    draw_legend(figure, roles, moved.any(), bool(skeleton.mirror), 6 if columns > 3 else 3)
    save(figure, path)


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
    poses = checked("poses", poses, skeleton, 3)
    views = checked("views", views, skeleton, 3)
    transferred = checked("transferred", transferred, skeleton, 4, len(poses), len(views))
    table = np.full((len(poses) + 1, len(views) + 1), None, object)
    table[0, 1:] = list(views)
    table[1:, 0] = list(poses)
    for r in range(len(poses)):
        table[r + 1, 1:] = list(transferred[r])
    azimuth = azimuth_of(views[0], skeleton)
    extents = {at: extent_of(pose, azimuth) for at, pose in np.ndenumerate(table) if pose is not None}
    across, up = np.max([size for _, size in extents.values()], axis=0)

    cell_height, cell_width, margin = 1.6, max(1.05, 1.6 * across / up), 0.34
    width = table.shape[1] * cell_width + margin + 0.1
    height = table.shape[0] * cell_height + margin + 0.1
    figure = Figure((width, height), dpi=DPI, facecolor="white")
    # The givers stand on grey, what is made of them on white.
    shade = {"facecolor": "#f4f6f7", "edgecolor": "none", "transform": figure.dpi_scale_trans, "zorder": -1}
    top = height - margin - cell_height
    figure.add_artist(Rectangle((margin + cell_width, top), width - margin - cell_width - 0.1, cell_height, **shade))
    figure.add_artist(Rectangle((margin, 0.1), cell_width, top - 0.1, **shade))
    for (r, c), (centre, _) in extents.items():
        box = (margin + c * cell_width, top - r * cell_height, cell_width, cell_height)
        axes = add_panel(figure, box, centre, up, azimuth)
        draw_ground(axes, table[r, c])
        role = SOLID if r and c else {**SOLID, "color": "#4a5560"}
        draw_pose(axes, table[r, c], skeleton, **role)
    words = {"fontsize": 9, "color": INK, "ha": "center", "va": "center", "transform": figure.dpi_scale_trans}
    figure.text(margin + cell_width + len(views) * cell_width / 2, height - margin / 2, "the view of", **words)
    figure.text(margin / 2, 0.1 + len(poses) * cell_height / 2, "the pose of", rotation=90, **words)
    save(figure, path)


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
    pose = checked("pose", pose, skeleton, 2)
    corrupted = checked("corrupted", corrupted, skeleton, 3)
    number = len(corrupted)
    truth, moved = checked("truth", truth, skeleton, 3, number), _moved(moved, number, skeleton)

    named = [_joint_names(each, skeleton) for each in moved]
    tall, foot = 2.9, 0.3
    head = 0.26 + 0.14 * max(names.count("\n") + 1 for names in named)
    front = azimuth_of(pose, skeleton) - THREE_QUARTER
    centre, (across, up) = extent_of(pose, front)
    model_width, names_width = tall * across / up, 1.2
    azimuths = [azimuth_of(each, skeleton) for each in truth]
    centres, (sample_across, sample_up) = _extents([truth, corrupted], azimuths)
    sample_width = max(1.5, tall * sample_across / sample_up)
    width, height = model_width + names_width + number * sample_width + 0.2, tall + head + foot
    figure = Figure((width, height), dpi=DPI, facecolor="white")

    axes = add_panel(figure, (0.1, foot, model_width, tall), centre, up, front)
    draw_pose(axes, pose, skeleton, "#8fa1ad", width=3.0, joints=0)
    colors = {1: RECOVERED, 0: INK, -1: CORRUPTED}
    for joint, (point, side) in enumerate(zip(upright(pose), sides_of(skeleton))):
        axes.plot(*point[:, None], "o", markersize=8.5, color="white", markeredgecolor=colors[side], zorder=5 + joint)
        style = {"fontsize": 5.6, "color": colors[side], "zorder": 5.5 + joint}
        axes.text(*point, str(joint), ha="center", va="center_baseline", **style)
    top = foot + tall - 0.1
    step = min(0.17, tall / len(skeleton))
    for joint, (name, side) in enumerate(zip(skeleton.joints, sides_of(skeleton))):
        words = {"fontsize": 7, "color": colors[side], "va": "top", "transform": figure.dpi_scale_trans}
        figure.text(model_width + 0.42, top - joint * step, str(joint), ha="right", **words)
        figure.text(model_width + 0.48, top - joint * step, name.replace("_", " "), **words)
    for i in range(number):
        x = 0.1 + model_width + names_width + i * sample_width
        axes = add_panel(figure, (x, foot, sample_width, tall), centres[i], sample_up, azimuths[i])
        draw_ground(axes, truth[i])
        draw_pose(axes, truth[i], skeleton, **BAND)
        draw_pose(axes, corrupted[i], skeleton, **DASHED)
        draw_ring(axes, corrupted[i][moved[i]])
        text = [(f"{moved[i].sum()} moved", "head"), (named[i], "small")]
        write_lines(figure, x + sample_width / 2, height - 0.06, text)
    draw_legend(figure, [("ground truth", BAND), ("corrupted", DASHED)], True, False, 3)
    save(figure, path)


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
    observed = checked("observed", observed, skeleton, 3)
    recovered = checked("recovered", recovered, skeleton, 3, len(observed))
    if titles is not None and len(titles) != len(observed):
        raise TfposeError(f"titles must be one for each of the {len(observed)} samples, got {len(titles)}")
    azimuths = [azimuth_of(pose, skeleton) for pose in recovered]
    centres, (across, up) = _extents([observed, recovered], azimuths)
    margin, head, foot, tall = 0.34, 0.1 + 0.36 * (titles is not None), 0.26, 2.1
    column = max(1.15, tall * across / up)
    width, height = margin + len(observed) * column + 0.1, head + 2 * tall + foot
    figure = Figure((width, height), dpi=DPI, facecolor="white")
    words = {"fontsize": 9, "color": INK, "ha": "center", "va": "center", "transform": figure.dpi_scale_trans}
    for row, (name, color) in enumerate((("sensor", CORRUPTED), ("recovered", RECOVERED))):
        y = height - head - (row + 1) * tall
        figure.text(margin / 2, y + tall / 2, name, rotation=90, **words)
        for i, azimuth in enumerate(azimuths):
            axes = add_panel(figure, (margin + i * column, y, column, tall), centres[i], up, azimuth)
            draw_ground(axes, recovered[i])
            draw_pose(axes, (observed, recovered)[row][i], skeleton, **{**SOLID, "color": color, "width": 2.0})
    for i, title in enumerate(titles or ()):
        write_lines(figure, margin + (i + 0.5) * column, height - 0.08, [(textwrap.fill(title, 18), "small")])
    draw_legend(figure, [], False, bool(skeleton.mirror), 2)
    save(figure, path)


def _extents(shown: Sequence[np.ndarray], azimuths: Sequence[float]) -> tuple[tuple, np.ndarray]:
    """The centre of each sample, of all its poses in `shown`, and the largest width and height: one scale for all."""
    nowhere = np.zeros(3), np.zeros(2)
    centres, sizes = zip(
        *(
            extent_of(poses, azimuth) if np.isfinite(poses).any() else nowhere
            for poses, azimuth in zip(np.stack(shown, 1), azimuths)
        )
    )
    return centres, np.max(sizes, axis=0)


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


def _moved(moved: ArrayLike, number: int, skeleton: Skeleton) -> np.ndarray:
    moved = np.asarray(moved, bool)
    if moved.shape != (number, len(skeleton)):
        raise TfposeError(f"moved must be [N, J] = {(number, len(skeleton))}, got {moved.shape}")
    return moved
