"""Learns to split poses into what the body does and where it is seen from, without labels.

    tfpose pretrain --config default --data cmu --data_dir ../shared/data --workdir runs/cmu

The working directory gets model.keras, checkpoints and TensorBoard logs. The same command resumes where a stopped
run stopped. Any setting of a config can be changed: --config.steps=2000. --data takes a folder of your own
clips too, or of shards that tfpose shard made of more poses than memory holds.
"""

from __future__ import annotations

import pathlib

from absl import flags

from tfpose.cli import common
from tfpose.skeleton import Skeleton
from tfpose.trainers import configs


def define_flags(values: flags.FlagValues):
    common.define(
        values, *common.DATA, "model_skeleton", "shorten", config=configs.path("default"), workdir="runs/pretrain"
    )
    flags.DEFINE_list("evaluators", ["denoise"], "What is measured during training, see tfpose evaluate.", values)


def run(values: flags.FlagValues, positional: list[str]):
    from tfpose.trainers.loop import strategy_scope

    common.positional_count(positional, ())
    measures = [_evaluator(name) for name in values.evaluators]
    with strategy_scope():
        _train(values, measures)


def _evaluator(name: str):
    """The evaluator of that name, or a wrong call where it is not for models that are pretrained."""
    evaluator = common.evaluator(name)
    if hasattr(evaluator, "MODEL") or not hasattr(evaluator, "summary"):
        raise flags.Error(f"--evaluators={name}: is not for the model that is pretrained; see tfpose evaluate --help")
    return evaluator


def _train(values: flags.FlagValues, measures: list):
    from tfpose.trainers.pretrain import pretrain

    skeleton = Skeleton.load(values.model_skeleton)
    poses = common.training_poses(values, skeleton)
    tests = [common.evaluation_data(values, measure, skeleton) for measure in measures]

    def evaluate(model) -> dict[str, float]:
        found = {}
        for measure, test in zip(measures, tests, strict=True):
            found.update(measure.summary(model, test))
        return found

    values.config.steps = common.shortened(values.config.steps, values.shorten)
    print(f"{len(poses):,} poses of {poses.name} ({poses.lineage})")
    pretrain(values.config, poses, values.workdir, evaluate=evaluate)
    print(f"model: {pathlib.Path(values.workdir) / 'model.keras'}")
