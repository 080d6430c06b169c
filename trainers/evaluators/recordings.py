"""What cleaning does to recordings of real sensors, whose truth is not known, beside filters."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Sequence

import numpy as np

from tfpose import metrics
from tfpose.datasets import checked, splits
from tfpose.errors import DataError
from tfpose.formats import ntu, nucla
from tfpose.formats.clip import Clip
from tfpose.models.clip_denoiser import ClipDenoiser
from tfpose.skeleton import Skeleton
from tfpose.trainers.evaluators.clips import averaged, forms, moved, thinned
from tfpose.trainers.evaluators.filters import CAUSAL, filters, reference
from tfpose.trainers.markdown import table

MODEL = ClipDenoiser
OPTIONS = ()
_MOST_CLIPS, _SHORTEST, _REFERENCE_CLIPS = 150, 20, 12
_MEASURES = ("jitter", "bone_spread", "symmetry", "moved")
RATE = 30.0
"""Frames per second of recordings that do not say."""


@dataclasses.dataclass(frozen=True, eq=False)
class Data:
    """Recorded clips `[T, J, 3]` in the model's skeleton, and clean motion on which the filters are set."""

    name: str
    clips: Sequence[np.ndarray]
    rates: Sequence[float]
    skeleton: Skeleton
    reference: Sequence[np.ndarray]
    lineage: str

    @property
    def checksum(self) -> str:
        return checked.checksum((), *self.clips)


def load(name: str, data_dir, skeleton) -> Data:
    """The test clips of "nucla" or "ntu" that are 20 frames long and more, at most 150 of them, evenly spaced."""
    if name == "nucla":
        lineage = splits.NUCLA_LINEAGE
        found = (clip for path in splits.files("nucla", data_dir) for clip in nucla.read_file(path))
        _, clips = splits.nucla_cross_view(found)
    elif name == "ntu":
        lineage = "NTU RGB+D (cross-view), research licence of its owner"
        missing = splits.ntu_missing(data_dir)
        found = [c for path in splits.files("ntu", data_dir) for c in ntu.read_file(path, missing_samples=missing)]
        _, clips = splits.ntu_cross_view(found)
    else:
        raise DataError(f"no recordings '{name}'; there are nucla, ntu, and clips of your own")
    return _of(f"{name}/test", clips, skeleton, reference(data_dir, skeleton), lineage)


def of_clips(name: str, clips: Sequence[Clip], skeleton: Skeleton) -> Data:
    """The user's own recordings; the filters are set on synthetic motion."""
    motion = splits.motion("synthetic", "train", skeleton=skeleton).clips[:_REFERENCE_CLIPS]
    return _of(name, clips, skeleton, motion, "the user's own clips")


def _of(name, clips, skeleton, reference, lineage) -> Data:
    clips = seen_whole((clip for clip in clips if len(clip) >= _SHORTEST), skeleton)
    clips = thinned(clips, _MOST_CLIPS)
    if not clips:
        raise DataError(f"{name}: holds no clip of {_SHORTEST} frames in which every joint is seen")
    rates = [clip.rate or RATE for clip in clips]
    return Data(name, [clip.positions for clip in clips], rates, skeleton, reference, lineage)


def seen_whole(clips: Iterable[Clip], skeleton: Skeleton) -> list[Clip]:
    """The clips in `skeleton`, without those in which a joint is never seen."""
    clips = [clip.to(skeleton) for clip in clips]
    return [clip for clip in clips if not clip.missing.all(axis=0).any()]


def measure(model: ClipDenoiser, data: Data, seed: int = 0) -> dict:
    """Measures both forms of the model and the filters.

    Returns:
        `{"rows": {method: {"jitter" (mm per frame squared), "bone_spread", "symmetry", "moved" (mm)}}, "clips": N,
        "frames": N}`. Missing joints are interpolated in the row "as recorded".
    """
    methods = filters(data.reference, RATE, seed)
    methods = {"as recorded": methods.pop("interpolation"), **methods, **forms(model)}
    measures = {
        "jitter": metrics.jitter,
        "bone_spread": functools.partial(metrics.bone_length_spread, skeleton=data.skeleton),
        "symmetry": functools.partial(metrics.symmetry_error, skeleton=data.skeleton),
    }
    rows = {}
    for name, method in methods.items():
        cleaned = [method(clip, rate) for clip, rate in zip(data.clips, data.rates)]
        rows[name] = averaged(measures, cleaned) | averaged({"moved": moved}, cleaned, data.clips)
    return {"rows": rows, "clips": len(data.clips), "frames": sum(map(len, data.clips))}


def markdown(report: dict) -> str:
    """The table of a report of `over_seeds`."""
    report = report["mean"]
    rows = [(name, *(f"{row[measure]:.1f}" for measure in _MEASURES)) for name, row in report["rows"].items()]
    return (
        f"{report['clips']:.0f} clips, {report['frames']:,.0f} frames; jitter in mm per frame squared, the rest in mm. "
        f"{', '.join(CAUSAL)} and the causal clip model look at the past alone.\n\n"
        + table(["method", "jitter", "bone spread", "left-right difference", "moved"], rows)
    )
