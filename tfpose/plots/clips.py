"""Clips as animations."""

from __future__ import annotations

import os
import subprocess

import numpy as np
from matplotlib import animation
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d.art3d import Line3D
from numpy.typing import ArrayLike

from tfpose.errors import TfposeError
from tfpose.ffmpeg import check_whole
from tfpose.files import atomic_write
from tfpose.plots.poses import add_panel, azimuth_of, checked, draw_ground, draw_pose, extent_of, keep_inside
from tfpose.plots.style import BAND, DASHED, SOLID, check_name, draw_legend, write_lines
from tfpose.skeleton import Skeleton


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
        DataError: when the file cannot be written.
    """
    check_name(path, "an animation")
    if not rate > 0:
        raise TfposeError(f"rate must be a positive number of frames per second, got {rate}")
    observed = checked("observed", observed, skeleton, 3)
    recovered = checked("recovered", recovered, skeleton, 3, len(observed))
    truth = None if truth is None else checked("truth", truth, skeleton, 3, len(observed))

    step = max(1, round(rate / 25))
    reference = recovered if truth is None else truth
    azimuth = azimuth_of(reference, skeleton)
    # One frame of sensor failure must not shrink the whole clip: of the observed, all but the farthest 1 % is in view.
    low, high = np.nanpercentile(observed.reshape(-1, 3), [0.5, 99.5], axis=0)
    centre, (across, up) = extent_of([reference, recovered, np.clip(observed, low, high)], azimuth)
    size = 3.4
    panel = (max(2.4, size * across / up), size) if across < 1.4 * up else (2 * size, max(2.0, 2 * size * up / across))
    up = max(up, across * panel[1] / panel[0])
    beside = panel[0] < 1.4 * panel[1]
    head, foot = 0.3, 0.36
    width = panel[0] * (2 if beside else 1)
    height = (panel[1] + head) * (1 if beside else 2) + foot
    figure = Figure((width, height), dpi=130, facecolor="white")
    panels = []
    for i, (name, poses, role) in enumerate((("observed", observed, DASHED), ("recovered", recovered, SOLID))):
        x, y = (i * panel[0], foot) if beside else (0, foot + (1 - i) * (panel[1] + head))
        box = (x + 0.06, y, panel[0] - 0.12, panel[1])
        axes = add_panel(figure, box, centre, up, azimuth)
        draw_ground(axes, reference, squares=True)
        panels.append((axes, box, poses, {**role, "style": "-", "width": 2.2, "joints": 3.8, "zorder": 4}))
        write_lines(figure, x + panel[0] / 2, y + panel[1] + head - 0.08, [(name, "head")])
    roles = [("observed", panels[0][-1]), ("recovered", panels[1][-1])]
    if truth is not None:
        roles.insert(0, ("ground truth", BAND))
    draw_legend(figure, roles, False, bool(skeleton.mirror), 5)

    def draw_frame(t: int) -> list[Line3D]:
        drawn = []
        for axes, box, poses, role in panels:
            if truth is not None:
                drawn += draw_pose(axes, truth[t], skeleton, **{**BAND, "width": 6.0})
            drawn += draw_pose(axes, poses[t], skeleton, **role)
            keep_inside(axes, box)
        return drawn

    frames = range(0, len(observed), step)
    with atomic_write(path) as unfinished:
        if unfinished.suffix.lower() == ".mp4":
            _write_mp4(unfinished, figure, draw_frame, frames, rate / step)
        else:
            _write_gif(unfinished, figure, draw_frame, frames, rate / step)


def _write_gif(path, figure, draw_frame, frames, rate):
    from PIL import Image

    canvas = FigureCanvasAgg(figure)

    def picture(t) -> np.ndarray:
        drawn = draw_frame(t)
        canvas.draw()
        for artist in drawn:
            artist.remove()
        return np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[..., :3])

    # One palette for all frames: without it still parts flicker and cannot be left out of the following frames.
    sample = np.concatenate([picture(frames[i]) for i in np.linspace(0, len(frames) - 1, 5).astype(int)])
    palette = Image.fromarray(sample).quantize(64, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    images = [Image.fromarray(picture(t)).quantize(palette=palette, dither=Image.Dither.NONE) for t in frames]
    # GIF counts hundredths of a second: round the moments, not the durations, or the clip drifts.
    durations = np.diff(np.round(np.arange(len(images) + 1) * 100 / rate)) * 10
    images[0].save(
        path, format="GIF", save_all=True, append_images=images[1:], duration=durations.astype(int).tolist(), loop=0
    )


def _write_mp4(path, figure, draw_frame, frames, rate):
    writer = animation.FFMpegWriter(fps=rate, codec="h264", extra_args=["-crf", "20", "-movflags", "+faststart"])
    try:
        with writer.saving(figure, str(path), dpi=150):
            for t in frames:
                drawn = draw_frame(t)
                writer.grab_frame()
                for artist in drawn:
                    artist.remove()
    except subprocess.CalledProcessError as error:
        said = str(error.stderr or "").strip().splitlines() or [f"status {error.returncode}"]
        raise OSError(f"ffmpeg: {said[-1]}") from error
    check_whole(animation.FFMpegWriter.bin_path(), path, len(frames))
