"""Action recognition across views: the paper's classifier on frozen codes, beside coordinates aligned by hand.

All rows have the same clips, augmentation, standardisation, frame differences, LSTM, schedule and seeds
(`trainers/configs/classify.py`), and are trained to the last epoch. Only the features of a pose differ. The paper tests
each clip as it is. A second column has the accuracy when the probabilities of the same classifier are averaged over the
clip and augmented copies of it.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterable, Sequence

import ml_collections
import numpy as np
from tqdm import tqdm

from tfpose.datasets import checked, splits
from tfpose.datasets.clip_set import ClipSet
from tfpose.errors import DataError, TfposeError
from tfpose.models import weights_checksum
from tfpose.models.action_classifier import FEATURES, MOTION
from tfpose.seeds import step_seed
from tfpose.skeleton import Skeleton
from tfpose.trainers import classify
from tfpose.trainers.configs import classify as classify_config
from tfpose.trainers.markdown import table, with_spread

OPTIONS = ("features", "motion")
# The numbers of the paper's Table 2 (N-UCLA), for comparison. They are in no row of our tables.
PAPER = "The paper's Table 2 on N-UCLA: raw coordinates 38.7, normalised coordinates 48.7, SeBiReNet's code 80.3."
_LABELS = {
    "raw": "raw coordinates",
    "normalised": "normalised coordinates",
    "relative": "root-relative",
    "aligned": "root-relative, hips along x",
    "code": "pose code",
}
_COLUMNS = {"accuracy": "accuracy", "averaged": "averaged over the clip and copies of it"}


@dataclasses.dataclass(frozen=True, eq=False)
class Recognition:
    """The clips of a protocol, and what is computed of them once for all seeds.

    Attributes:
        name: of the protocol.
        train, test: its clips.
        lineage: as in `ClipSet`.
        checksum: of the checksums of both.
        made: features -> `(key, Bank, versions of the described test clips)` of the last model and motion.
    """

    name: str
    train: ClipSet
    test: ClipSet
    made: dict = dataclasses.field(default_factory=dict)
    lineage: str = dataclasses.field(init=False)
    checksum: str = dataclasses.field(init=False)

    def __post_init__(self):
        both = checked.checksum([self.train.checksum + self.test.checksum])
        checked.complete(self, checksum=both, lineage=self.train.lineage)


def load(name: str, data_dir, skeleton: Skeleton) -> Recognition:
    """The clips of a protocol, one of `tfpose.datasets.splits.CLIP_NAMES`.

    Raises:
        DataError: for another name, files that are missing or unreadable, or clips of one action alone.
    """
    frames = classify_config.get_config().model.frames
    train, test = (splits.clips(name, split, data_dir, skeleton, frames) for split in ("train", "test"))
    check_actions(name, np.take(train.actions, train.labels))
    return Recognition(name, train, test)


def check_actions(name: str, actions: Iterable[str]):
    """Refuses clips to learn from that all show the same of the `actions`, as those of the sample of NTU RGB+D do.

    Raises:
        DataError: when they do.
    """
    found = sorted(set(actions))
    if len(found) < 2:
        raise DataError(f"{name}: all of its training clips show {', '.join(found)}; recognition needs two actions")


def measure(
    model,
    data: Recognition,
    seed: int = 0,
    features: Sequence[str] | None = None,
    motion: Sequence[str] | None = None,
) -> dict:
    """Accuracy on the test clips after the last epoch.

    Args:
        model: a `PoseAutoencoder`; it is frozen.
        data: of `load`.
        seed: of the classifier's weights, the order of the clips and dropout. The augmented copies are the same for
            all seeds.
        features: some of `FEATURES`; all by default.
        motion: some of `MOTION`, which the classifier adds to the features; as its configuration has it by default.

    Returns:
        `{"clips": {"train": N, "test": N}, "accuracy": {features: per cent}, "averaged": {features: per cent}}`.

    Raises:
        TfposeError: for unknown features or motion.
    """
    for name in motion or ():
        if name not in MOTION:
            raise TfposeError(f"no motion '{name}'; there are {', '.join(MOTION)}")
    shown = tqdm(chosen(features), desc=f"seed {seed}", unit="training", leave=False, disable=None)
    measured = {name: _accuracies(model, data, seed, name, motion) for name in shown}
    alone, averaged = ({name: values[way] for name, values in measured.items()} for way in (0, 1))
    return {**report(data, alone), "averaged": averaged}


def summary(model, data: Recognition) -> dict[str, float]:
    """The accuracy of the pose code, in per cent."""
    return {"recognised": _accuracies(model, data, 0, "code")[0]}


def markdown(report: dict) -> str:
    """The table of a report of `over_seeds`."""
    return "\n\n".join(
        [accuracy_table(report), PAPER] if report["data"]["name"] == "nucla" else [accuracy_table(report)]
    )


def chosen(features: Sequence[str] | None) -> Sequence[str]:
    """The given features, or all if none are given.

    Raises:
        TfposeError: for unknown ones.
    """
    for name in features or ():
        if name not in FEATURES:
            raise TfposeError(f"no features '{name}'; there are {', '.join(FEATURES)}")
    return features or FEATURES


def report(data: Recognition, accuracy: dict[str, float]) -> dict:
    """What `measure` returns of clips tested as they are."""
    return {"clips": {"train": len(data.train), "test": len(data.test)}, "accuracy": accuracy}


def accuracy_table(report: dict) -> str:
    """A row for each kind of features, with the standard deviation where there are several seeds."""
    mean, std = report["mean"], report["std"]
    columns = {key: header for key, header in _COLUMNS.items() if key in mean}
    rows = [
        (_LABELS[name], *(with_spread(mean[key][name], std[key][name]) for key in columns)) for name in mean["accuracy"]
    ]
    return (
        f"{mean['clips']['train']:.0f} clips to learn from, {mean['clips']['test']:.0f} to test; accuracy in per cent, "
        f"seeds {', '.join(map(str, report['seeds']))}\n\n{table(('features', *columns.values()), rows)}"
    )


def _accuracies(model, data: Recognition, seed: int, features: str, motion=None) -> tuple[float, float]:
    """Of the test clips as they are, and averaged over copies."""
    config = _config(features, motion, seed)
    bank, versions = _prepared(model, data, config)
    with tempfile.TemporaryDirectory() as workdir:
        classifier = classify.classify(config, data.train, model, workdir, bank, progress=False)
    return tuple(classify.accuracy(classifier, data.test, tried) for tried in (versions[:1], versions))


def _prepared(model, data: Recognition, config) -> tuple[classify.Bank, list[np.ndarray]]:
    """The bank and the described test clips, as they are and augmented; made once for all seeds."""
    features = config.model.features
    key = (weights_checksum(model) if features == "code" else "", tuple(config.model.motion))
    if features not in data.made or data.made[features][0] != key:
        test, options = data.test, ml_collections.ConfigDict(config.augmentation)
        options.left_right_swap = 0.0  # Kinect has made its mistakes in these clips already
        copies = [
            classify.augment(test.positions, test.skeleton, step_seed(options.seed, options.copies + copy), options)
            for copy in range(config.test_copies)
        ]
        classifier = classify.new_classifier(config, test, model)
        versions = [classifier.describe(np.asarray(clips)) for clips in (test.positions, *copies)]
        data.made[features] = (key, classify.make_bank(config, data.train, model), versions)
    return data.made[features][1:]


def _config(features: str, motion: Sequence[str] | None, seed: int):
    config = classify_config.get_config()
    config.seed, config.model.features = seed, features
    if motion is not None:
        config.model.motion = tuple(motion)
    return config
