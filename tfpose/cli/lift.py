"""Learns to lift 2D joints of one image to 3D (the paper's Sec. 4.5), and measures it beside residual MLPs.

    tfpose lift --config lift --detections gt --workdir runs/lift_gt --out results/lifting/gt.json

Needs Human3.6M. The working directory gets model.keras and a folder for each stage and each MLP; the same command
resumes a stopped run. Several runs may share one 3D stream: --stream3d=runs/lift_gt/stream3d.
"""

from __future__ import annotations

import pathlib

from absl import flags

from tfpose.cli import common
from tfpose.datasets import lifting
from tfpose.skeleton import Skeleton
from tfpose.trainers import configs, results


def define_flags(values: flags.FlagValues):
    common.define(values, "data_dir", "out", "shorten", config=configs.path("lift"), workdir="runs/lift")
    flags.DEFINE_enum("detections", "gt", lifting.DETECTIONS, "The source of the 2D joints.", values)
    flags.DEFINE_string("stream3d", None, "The 3D stream's training; default: WORKDIR/stream3d.", values)
    flags.DEFINE_bool("baselines", True, "Train the residual MLPs too.", values)


def run(values: flags.FlagValues, positional: list[str]):
    from tfpose.datasets import splits
    from tfpose.trainers import evaluators
    from tfpose.trainers.evaluators import lift as evaluator
    from tfpose.trainers.lift import lift, lift_by_mlp

    common.positional_count(positional, ())
    results.check(values.out)
    config, workdir, skeleton = values.config, pathlib.Path(values.workdir), Skeleton.load("paper17")
    for stage in (config.stream, config.land, config.finetune):
        stage.steps = common.shortened(stage.steps, values.shorten)
    poses = splits.poses("h36m", "train", values.data_dir, skeleton)
    train, test = (
        lifting.human36m_pairs(split, values.detections, values.data_dir, skeleton) for split in ("train", "test")
    )

    def evaluate(model):
        return evaluator.summary(model, test)

    print(f"{len(train):,} pairs of {train.name} ({train.lineage})")
    lifter = lift(config, poses, train, workdir, values.stream3d, evaluate)
    models = {"lifter": lifter}
    if values.baselines:
        for name, times in (("residual MLP, equal size", 1.0), ("residual MLP, larger", config.mlp.larger)):
            folder = workdir / ("mlp_equal" if times == 1.0 else "mlp_larger")
            models[name] = lift_by_mlp(config, round(times * lifter.learned_parameters), train, folder, evaluate)
    report = evaluators.over_seeds(evaluator, models, test, [config.seed])
    table = evaluator.markdown(report)
    print(f"\n{test.name}\n\n{table}")
    common.write_result(values.out, "lift", report, table, workdir)
    print(f"model: {workdir / 'model.keras'}")
