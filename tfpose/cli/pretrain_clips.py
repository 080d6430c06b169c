"""Learns to clean clips: a model of time on a pose model, from motion capture.

    tfpose pretrain-clips --data cmu --data_dir ../shared/data --workdir runs/clips

The working directory gets model.keras, checkpoints and TensorBoard logs. The same command resumes where a stopped run
stopped. --data is a motion capture set, or a folder of your own clips. Any setting can be changed: --config.steps=2000.

With --lifter the model learns from what a lifter gets wrong, and --data is h36m_gt or h36m_hourglass:

    tfpose pretrain-clips --config estimates --data h36m_hourglass --lifter runs/lift --workdir runs/clips_of_estimates
"""

from __future__ import annotations

import pathlib

from absl import flags

from tfpose.cli import common
from tfpose.trainers import configs


def define_flags(values: flags.FlagValues):
    common.define(values, *common.DATA, "shorten", rate=30.0, config=configs.path("clips"), workdir="runs/clips")
    flags.DEFINE_string("lifter", None, "A lifter whose estimates are to be cleaned.", flag_values=values)


def run(values: flags.FlagValues, positional: list[str]):
    common.positional_count(positional, ())

    from tfpose.datasets import splits
    from tfpose.datasets.motion_set import MotionSet
    from tfpose.models import PoseAutoencoder, load_model
    from tfpose.trainers.clips import pretrain_clips

    name, skeleton = common.data_name(values), load_model(values.config.pose_model, PoseAutoencoder).skeleton
    if values.lifter:
        motion = _estimates(values.lifter, name, values.data_dir, skeleton)
    elif name in splits.MOTION_NAMES:
        motion = splits.motion(name, "train", values.data_dir, skeleton)
    else:
        clips = common.read_clips(values, common.existing(name))
        motion = MotionSet.of_clips(name, clips, skeleton, values.rate, "the user's own clips")
    values.config.steps = common.shortened(values.config.steps, values.shorten)
    print(f"{len(motion):,} frames in {len(motion.clips)} clips of {motion.name} ({motion.lineage})")
    pretrain_clips(values.config, motion, values.workdir)
    print(f"model: {pathlib.Path(values.workdir) / 'model.keras'}")


def _estimates(lifter, name, data_dir, skeleton):
    from tfpose.models import load_model
    from tfpose.models.pose_lifter import Lifter
    from tfpose.trainers.estimates import of_pairs
    from tfpose.trainers.evaluators import lift

    return of_pairs(load_model(lifter, Lifter), lift.pairs(name, "train", data_dir, skeleton))
