"""3D estimates of single images, put in a row and cleaned as clips: what a lifter's errors become."""

from __future__ import annotations

import numpy as np

from tfpose.errors import DataError
from tfpose.geometry.centre import about_root
from tfpose.models import ClipDenoiser, load_model
from tfpose.models.pose_lifter import Lifter
from tfpose.skeleton import Skeleton
from tfpose.trainers.estimates import RATE, of_pairs
from tfpose.trainers.evaluators import lift
from tfpose.trainers.evaluators.clips import ERRORS, averaged, forms
from tfpose.trainers.evaluators.denoise import Data
from tfpose.trainers.evaluators.filters import CAUSAL, filters, reference
from tfpose.trainers.markdown import table

MODEL = Lifter
OPTIONS = ("cleaner",)


def load(name: str, data_dir, skeleton: Skeleton) -> Data:
    """The test pairs of "h36m_gt" or "h36m_hourglass", recording by recording, and motion to set the filters on.

    Raises:
        DataError: for another data set, or files that are missing or unreadable.
    """
    if name not in lift.SETS:
        raise DataError(f"data set '{name}' has no images in a row; {' and '.join(lift.SETS)} have")
    pairs = lift.load(name, data_dir, skeleton)
    return Data(pairs, reference(data_dir, skeleton, RATE))


def measure(model: Lifter, data: Data, seed: int = 0, *, cleaner: str = "sebirenet_cmu_clips") -> dict:
    """Lifts every image, and cleans each recording's poses, about their roots.

    Args:
        model: the lifter.
        data: of `load`.
        seed: of the noise on which the filters are set.
        cleaner: a model of clips.

    Returns:
        `{"rows": {method: {"mpjpe", "pa_mpjpe" (mm), "acceleration" (mm per frame squared)}}, "clips", "frames"}`.
    """
    pairs = data.test
    motion = of_pairs(model, pairs)
    methods = filters(data.reference, RATE, seed)
    methods = {"as estimated": methods.pop("interpolation"), **methods, **forms(load_model(cleaner, ClipDenoiser))}
    rows = {}
    for name, method in methods.items():
        cleaned = [about_root(np.asarray(method(clip, RATE), np.float32), pairs.skeleton) for clip in motion.observed]
        rows[name] = averaged(ERRORS, cleaned, motion.clips)
    return {"rows": rows, "clips": len(motion.clips), "frames": len(motion)}


def markdown(report: dict) -> str:
    """The table of a report of `over_seeds`."""
    report = report["mean"]
    rows = [(name, *(f"{row[measure]:.1f}" for measure in ERRORS)) for name, row in report["rows"].items()]
    return (
        f"{report['clips']:.0f} recordings by single cameras, {report['frames']:,.0f} frames at {RATE:.0f} Hz; joints "
        f"about the root. {', '.join(CAUSAL)} and the causal clip model look at the past alone.\n\n"
        + table(["method", "MPJPE, mm", "PA-MPJPE, mm", "acceleration error, mm per frame²"], rows)
    )
