"""Learns to split poses into what the body does and where it is seen from, without labels.

    tfpose pretrain --config default --data cmu --data_dir ../shared/data --workdir runs/cmu

The working directory gets model.keras, checkpoints and TensorBoard logs. The same command resumes where a stopped
run stopped. Any setting of a config can be changed: --config.steps=2000. --data takes a folder of your own
clips too, or of shards that tfpose shard made of more poses than memory holds.
"""

from __future__ import annotations

import pathlib

from absl import flags
from ml_collections import config_flags

from tfpose.cli import common
from tfpose.skeleton import Skeleton
from tfpose.trainers import configs


def define_flags(values: flags.FlagValues):
    config_flags.DEFINE_config_file(
        "config", configs.path("default"), f"A file, or one of {', '.join(configs.NAMES)}.", flag_values=values
    )
    common.define_data_flags(values, "auto")
    flags.DEFINE_string(
        "model_skeleton", "paper17", "Skeleton of the model: a name or a JSON file.", flag_values=values
    )
    flags.DEFINE_string("workdir", "runs/pretrain", "Where everything goes.", flag_values=values)
    flags.DEFINE_list(
        "evaluators", ["denoise"], "What is measured while it learns, see tfpose evaluate.", flag_values=values
    )
    flags.DEFINE_integer(
        "shorten", 1, "Train for 1/N of the config's steps, to try a long run.", lower_bound=1, flag_values=values
    )


def run(values: flags.FlagValues, positional: list[str]):
    from tfpose.trainers.loop import strategy_scope

    common.positional_count(positional, ())
    with strategy_scope():
        _train(values)


def _train(values: flags.FlagValues):
    from tfpose.trainers.pretrain import pretrain

    skeleton = Skeleton.load(values.model_skeleton)
    poses = common.training_poses(values, skeleton)
    measures = [common.evaluator(name) for name in values.evaluators]
    tests = [common.evaluation_data(values, measure, skeleton) for measure in measures]

    def evaluate(model) -> dict[str, float]:
        found = {}
        for measure, test in zip(measures, tests, strict=True):
            found.update(measure.summary(model, test))
        return found

    values.config.steps //= values.shorten
    print(f"{len(poses):,} poses of {poses.name} ({poses.lineage})")
    pretrain(values.config, poses, values.workdir, evaluate=evaluate)
    print(f"model: {pathlib.Path(values.workdir) / 'model.keras'}")
