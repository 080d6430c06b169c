"""Learns to clean clips: a model of time on a pose model, from motion capture.

    tfpose pretrain-clips --data cmu --data_dir ../shared/data --workdir runs/clips

The working directory gets model.keras, checkpoints and TensorBoard logs. The same command resumes where a stopped run
stopped. --data is a motion capture set, or a folder of your own clips. Any setting can be changed: --config.steps=2000.
"""

from __future__ import annotations

import pathlib

from absl import flags

from tfpose.cli import common
from tfpose.trainers import configs


def define_flags(values: flags.FlagValues):
    common.define(values, *common.DATA, "rate", "shorten", config=configs.path("clips"), workdir="runs/clips")


def run(values: flags.FlagValues, positional: list[str]):
    common.positional_count(positional, ())

    from tfpose.datasets import splits
    from tfpose.datasets.motion_set import MotionSet
    from tfpose.models import PoseAutoencoder, load_model
    from tfpose.trainers.clips import pretrain_clips

    name, skeleton = common.data_name(values), load_model(values.config.pose_model, PoseAutoencoder).skeleton
    if name in splits.MOTION_NAMES:
        motion = splits.motion(name, "train", values.data_dir, skeleton)
    else:
        clips = common.read_clips(values, common.existing(name))
        motion = MotionSet.of_clips(name, clips, skeleton, values.rate, "the user's own clips")
    values.config.steps //= values.shorten
    print(f"{len(motion):,} frames in {len(motion.clips)} clips of {motion.name} ({motion.lineage})")
    pretrain_clips(values.config, motion, values.workdir)
    print(f"model: {pathlib.Path(values.workdir) / 'model.keras'}")
