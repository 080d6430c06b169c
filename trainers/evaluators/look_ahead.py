"""How much better a stream becomes that waits for some frames, by kind of noise."""

from __future__ import annotations

import numpy as np
from tqdm import tqdm

from tfpose import metrics
from tfpose.errors import DataError
from tfpose.models.clip_denoiser import OVERLAP, ClipDenoiser
from tfpose.trainers.evaluators import clips as clips_evaluator
from tfpose.trainers.evaluators.denoise import Data
from tfpose.trainers.markdown import table

MODEL = ClipDenoiser
OPTIONS = ()
LOOK_AHEAD = (1, 2, 4, 8, 16)
_KINDS = ("clean", "jitter of 15 mm", "3 joints off, jitter of 10 mm", "3 of 10 frames missing")
_MOST_FRAMES, _MOST_CLIPS = 200, 20
load = clips_evaluator.load


def measure(model: ClipDenoiser, data: Data, seed: int = 0) -> dict:
    """Measures the causal form, the other form with some frames after each frame, and the same of whole clips.

    All are measured on the same frames: those with `OVERLAP` frames before them and enough after them.

    Returns:
        `{"rows": {kind: {frames looked ahead: {"mpjpe", "acceleration"}}}, "frames": N, "rate": of the clips}`, in
        millimetres; "0" is the causal form, and "all" the other on whole clips.

    Raises:
        DataError: when no clip is long enough.
    """
    rate, last = float(data.test.rate), max(LOOK_AHEAD)
    least = OVERLAP + last + 10
    clips = [clip[:_MOST_FRAMES] for clip in data.test.clips if len(clip) >= least]
    if not clips:
        raise DataError(f"{data.name}: has no clip of {least} frames at {rate:g} Hz")
    clips = clips_evaluator.thinned(clips, _MOST_CLIPS)
    kinds, measured, rows = clips_evaluator.noises(data.test.skeleton), slice(OVERLAP, -last), {}
    for kind in tqdm(_KINDS, unit="kind", leave=False, disable=None):
        found = {}
        for number, clip in enumerate(clips):
            noisy = kinds[kind](clip, rate, seed + 100 * number).astype(np.float32)
            cleaned = {"0": model.denoise_clip(noisy, rate, causal=True)["denoised"][measured]}
            cleaned |= {str(frames): _late(model, noisy, rate, frames, last) for frames in LOOK_AHEAD}
            cleaned["all"] = model.denoise_clip(noisy, rate)["denoised"][measured]
            for frames, values in cleaned.items():
                pair = values, clip[measured]
                found.setdefault(frames, []).append([metrics.mpjpe(*pair), metrics.acceleration_error(*pair)])
        rows[kind] = {
            frames: dict(zip(("mpjpe", "acceleration"), (1000 * float(value) for value in np.mean(values, axis=0))))
            for frames, values in found.items()
        }
    return {"rows": rows, "frames": sum(len(clip[measured]) for clip in clips), "rate": rate}


def _late(model: ClipDenoiser, clip, rate: float, frames: int, last: int) -> np.ndarray:
    """What `model.stream(rate, look_ahead=frames)` answers for the measured frames of a clip `[T, J, 3]`."""
    windows = np.lib.stride_tricks.sliding_window_view(clip, OVERLAP + 1 + frames, axis=0)  # [., J, 3, frames]
    windows = np.moveaxis(windows, -1, 1)[: len(clip) - OVERLAP - last]
    return model.denoise_clip(windows, rate)["denoised"][:, OVERLAP]


def markdown(report: dict) -> str:
    """The table of a report of `over_seeds`."""
    report = report["mean"]
    shown = {
        "0": "the past alone",
        **{str(n): f"{n} frame{'s' * (n > 1)} later" for n in LOOK_AHEAD},
        "all": "whole clips",
    }
    rows = [
        (kind, *(f"{row[frames]['mpjpe']:.1f} / {row[frames]['acceleration']:.1f}" for frames in shown))
        for kind, row in report["rows"].items()
    ]
    return (
        f"MPJPE in mm / acceleration error in mm per frame squared of {report['frames']:,.0f} frames at "
        f"{report['rate']:.0f} Hz, by how many frames after each frame are looked at.\n\n"
        + table(["noise", *shown.values()], rows)
    )
