"""Learns to recognise actions, from the codes of a frozen encoder.

    tfpose classify --encoder runs/default_cmu --data nucla --workdir runs/classify_nucla

The working directory gets model.keras, checkpoints and TensorBoard logs; the same command resumes a stopped run. Then
the clips of the other views are tested. --data=nucla_v1_v2 and nucla_v2_v1 are for choosing settings
(--config.epochs=60) without looking at view 3. --config.model.features=aligned and others learn without an encoder.
"""

from __future__ import annotations

import pathlib

from absl import flags

from tfpose.cli import common
from tfpose.datasets import splits
from tfpose.skeleton import Skeleton
from tfpose.trainers import configs


def define_flags(values: flags.FlagValues):
    about = "Whose codes: a preset, a model.keras file, or the directory of its training."
    flags.DEFINE_string("encoder", None, about, values)
    flags.DEFINE_enum("data", "nucla", splits.CLIP_NAMES, "Protocol.", values)
    common.define(values, "data_dir", config=configs.path("classify"), workdir="runs/classify")


def run(values: flags.FlagValues, positional: list[str]):
    common.positional_count(positional, ())
    config = values.config
    if config.model.features == "code" and not values.encoder:
        raise flags.Error("--encoder is missing: a model whose codes are classified")

    from tfpose.models import PoseAutoencoder, load_model
    from tfpose.trainers import classify
    from tfpose.trainers.evaluators import recognise

    encoder = load_model(values.encoder, PoseAutoencoder) if config.model.features == "code" else None
    skeleton = encoder.skeleton if encoder else Skeleton.load("paper17")
    train, test = (
        splits.clips(values.data, split, values.data_dir, skeleton, config.model.frames) for split in ("train", "test")
    )
    recognise.check_actions(train.name, [train.actions[label] for label in train.labels])
    print(f"{len(train):,} clips of {train.name} ({train.lineage})")
    classifier = classify.classify(config, train, encoder, values.workdir)
    print(f"{test.name}: {classify.accuracy(classifier, test):.1f} % of {len(test):,} clips")
    print(f"model: {pathlib.Path(values.workdir) / 'model.keras'}")
