"""What the contenders that train share: the paper's configuration, the batch, and a whole epoch with its clock."""

from __future__ import annotations

import pathlib
import statistics
import time
from collections.abc import Callable

import ml_collections
import numpy as np
import tensorflow as tf

import tfpose
from contenders.task import Work
from tfpose.datasets import splits
from tfpose.datasets.pose_set import PoseSet
from tfpose.skeleton import Skeleton
from tfpose.trainers.configs import paper
from tfpose.trainers.evaluators import denoise

_PARTS = 20  # of an epoch, timed one by one


def configuration(work: Work) -> ml_collections.ConfigDict:
    """The paper's network, losses, corruption, rotations and optimizer."""
    config = paper.get_config()
    config.batch = work.batch
    return config


def same_batch(work: Work) -> tf.data.Dataset:
    """The same batch for every step, because the step is measured and not its input."""
    return tf.data.Dataset.from_tensors({"poses": work.poses()}).repeat()


def learned(model, work: Work) -> list[float]:
    """The mean error in metres on the batch that the model was trained on."""
    poses = work.poses()
    return [float(np.mean(np.linalg.norm(model.reconstruct(poses) - poses, axis=-1)))]


def epoch(work: Work, pretrain: Callable) -> dict:
    """Trains an epoch of the paper's training from files on disk, and evaluates the model.

    Args:
        work: names the files.
        pretrain: `pretrain(config, poses, evaluate)`, which calls `evaluate(model)` every `config.evaluate_every` steps
            and after the last, as `tfpose.trainers.pretrain.pretrain` does.

    Returns:
        Seconds: "read", "train", "evaluate" and "total"; "first", how much longer the first steps took than later
        ones. "poses": how many were read. "mpjpe_mm": the error after the epoch.
    """
    clock = [time.perf_counter()]

    def evaluate(model) -> dict:
        clock.append(time.perf_counter())
        if len(clock) < 2 + -(-config.steps // config.evaluate_every):
            return {}
        found.update(denoise.summary(model, denoise.Data(test, poses), most_poses=len(test)))
        clock.append(time.perf_counter())
        return {}

    skeleton, found = Skeleton.load("paper17"), {}
    poses, test = (read(work.data, split, skeleton) for split in ("train", "test"))
    clock.append(time.perf_counter())
    config = configuration(work)
    config.steps = len(poses) // config.batch
    config.evaluate_every = max(1, config.steps // _PARTS)
    pretrain(config, poses, evaluate)
    start, begun, *marks, trained, end = clock
    parts = np.diff([begun, *marks]).tolist()
    return {
        "read": begun - start,
        "train": trained - begun,
        "first": parts[0] - statistics.median(parts),
        "evaluate": end - trained,
        "total": end - start,
        "poses": len(poses),
        "mpjpe_mm": found["corrupted_mm"],
    }


def read(data: str, split: str, skeleton: Skeleton) -> PoseSet:
    """A data set by name, or the clips in the folder `data/split`."""
    if splits.known(data):
        return splits.poses(data, split, None, skeleton)
    return PoseSet.of_clips(f"synthetic/{split}", tfpose.read(pathlib.Path(data, split), skeleton=skeleton), skeleton)
