"""Action recognition on recordings as they are and as filters and the model of clips leave them.

All clips, those to learn from and those to test, are cleaned the same way, as recorded; then they go the way of
`linear` and `knn`, which learn from pooled descriptions without a network.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from tqdm import tqdm

from tfpose.datasets import checked, splits
from tfpose.datasets.clip_set import ClipSet
from tfpose.formats.clip import Clip
from tfpose.models.clip_denoiser import ClipDenoiser
from tfpose.skeleton import Skeleton
from tfpose.trainers.configs import classify as classify_config
from tfpose.trainers.evaluators import knn, linear, recognise
from tfpose.trainers.evaluators.clips import forms
from tfpose.trainers.evaluators.filters import CAUSAL, filters, reference
from tfpose.trainers.evaluators.recordings import RATE, seen_whole
from tfpose.trainers.markdown import table

MODEL = ClipDenoiser
OPTIONS = ()
_FEATURES = {"aligned": "root-relative, hips along x", "code": "pose code"}
_CLASSIFIERS = {"linear": linear, "nearest clip": knn}


@dataclasses.dataclass(frozen=True, eq=False)
class Data:
    """A protocol's clips as recorded, in the model's skeleton, and clean motion on which the filters are set."""

    name: str
    clips: dict[str, Sequence[Clip]]  # by split
    actions: dict[str, str]
    reference: Sequence[np.ndarray]
    lineage: str

    @property
    def checksum(self) -> str:
        return checked.checksum((), *(clip.positions for clips in self.clips.values() for clip in clips))


def load(name: str, data_dir, skeleton: Skeleton) -> Data:
    """The clips of a protocol, one of `tfpose.datasets.splits.CLIP_NAMES`, in which every joint is seen.

    Raises:
        DataError: for another name, files that are missing or unreadable, or clips of one action alone.
    """
    clips = {}
    for split in ("train", "test"):
        found, actions, lineage = splits.labelled_clips(name, split, data_dir)
        clips[split] = seen_whole(found, skeleton)
    recognise.check_actions(name, (clip.action for clip in clips["train"]))
    return Data(name, clips, actions, reference(data_dir, skeleton), lineage)


def measure(model: ClipDenoiser, data: Data, seed: int = 0) -> dict:
    """Measures accuracy on the test clips for each way to clean them.

    Returns:
        `{"rows": {method: {features: {classifier: per cent}}}, "clips": {"train": N, "test": N}}`. Missing joints are
        interpolated in the row "as recorded".
    """
    methods = filters(data.reference, RATE, seed)
    methods = {"as recorded": methods.pop("interpolation"), **methods, **forms(model)}
    describers, rows = {}, {}
    for name, method in tqdm(methods.items(), unit="method", leave=False, disable=None):
        rows[name] = _accuracy(model, data, method, describers)
    return {"rows": rows, "clips": {split: len(clips) for split, clips in data.clips.items()}}


def _accuracy(model: ClipDenoiser, data: Data, method: Callable, describers: dict[str, Callable]) -> dict:
    """Of clips cleaned by `method`; `describers` by features are made once."""
    frames, sets = classify_config.get_config().model.frames, {}
    for split, clips in data.clips.items():
        clips = [dataclasses.replace(clip, positions=method(clip.positions, clip.rate or RATE)) for clip in clips]
        sets[split] = ClipSet.of_clips(f"{data.name}/{split}", clips, data.actions, model.skeleton, frames)
    train, test = sets["train"], sets["test"]
    accuracy = {}
    for features in _FEATURES:
        if features not in describers:
            describers[features] = linear.describer(model.autoencoder, train, features)
        described = [describers[features](clips.positions) for clips in (train, test)]
        accuracy[features] = {
            name: linear.score(evaluator.new_classifier, described[0], train.labels, described[1], test.labels)
            for name, evaluator in _CLASSIFIERS.items()
        }
    return accuracy


def accuracies(row: dict) -> dict[str, str]:
    """A row of a report, as the columns of a table: which features and classifier -> per cent."""
    return {f"{_FEATURES[name]}, {kind}": f"{one:.1f}" for name, kinds in row.items() for kind, one in kinds.items()}


def markdown(report: dict) -> str:
    """The table of a report of `over_seeds`."""
    report = report["mean"]
    rows = {name: accuracies(row) for name, row in report["rows"].items()}
    header = ["clips", *next(iter(rows.values()))]
    return (
        f"{report['clips']['train']:.0f} clips to learn from, {report['clips']['test']:.0f} to test; accuracy in per "
        f"cent. {', '.join(CAUSAL)} and the causal clip model look at the past alone.\n\n"
        + table(header, [(name, *row.values()) for name, row in rows.items()])
    )
