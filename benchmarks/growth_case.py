"""The tasks that `growth.py` measures: a training epoch with denoising, and drawing batches out of a stored set."""

from __future__ import annotations

import os
import pathlib
import time

import keras
import numpy as np
import tensorflow as tf
from rigs import rig

from tfpose.datasets import shards
from tfpose.datasets.pose_set import PoseSet
from tfpose.formats import read
from tfpose.models import PoseAutoencoder
from tfpose.skeleton import Skeleton
from tfpose.trainers.configs import default, paper
from tfpose.trainers.loop import strategy_scope
from tfpose.trainers.pretrain import make_loop

DENOISED = 1024
"""Poses per call of `denoise`."""
_LEAST_SECONDS = 1.0  # of a turn of drawing, which has as many epochs as that takes


def made_up(count: int, skeleton: Skeleton) -> PoseSet:
    """Poses whose bones have random directions: their content does not change their cost."""
    bones = np.random.default_rng(0).normal(0, 0.15, (count, len(skeleton), 3)).astype(np.float32)
    for level in skeleton.levels_by_depth[1:]:
        for joint in level:
            bones[:, joint] += bones[:, skeleton.parents[joint]]
    return PoseSet("made up", bones, skeleton)


class Training:
    """An epoch of training, then denoising of as many poses."""

    def __init__(self, case: dict):
        config = {"default": default, "paper": paper}[case["config"]].get_config()
        config.batch, config.model.units, config.model.decoder_units = case["batch"], case["units"], case["units"]
        config.model.code_size = max(case["units"] // 2, 4)
        config.steps = 10**6
        poses = made_up(case["poses"], rig(case["joints"]))
        model = PoseAutoencoder(poses.skeleton, **config.model.to_dict())
        model.build()
        loop = make_loop(
            config,
            model,
            batches=lambda start: poses.batches(config.batch, config.seed, start),
            workdir=pathlib.Path(),  # nothing is written
            progress=False,
        )
        self._step, self._stream = loop.traced_step(), iter(loop.batches(0))
        self._steps = -(-case["poses"] // config.batch)
        # Of several workers the training alone is measured.
        self._calls = 0 if case["workers"] else -(-case["poses"] // DENOISED)
        self._denoise = tf.function(model.denoise, jit_compile=True, autograph=False)
        self._some = tf.constant(np.resize(poses.positions, (DENOISED, *poses.positions.shape[1:])))

    def first(self):
        """Compiles."""
        self._step(next(self._stream), tf.constant(0, tf.int64))
        if self._calls:
            self._denoise(self._some)

    def run(self) -> dict[str, float]:
        """The seconds of training, and of denoising where that is measured."""
        start = time.perf_counter()
        for number in range(self._steps):
            loss, _ = self._step(next(self._stream), tf.constant(number, tf.int64))
        loss.numpy()
        between = time.perf_counter()
        for _ in range(self._calls):
            self._denoise(self._some).numpy()
        denoised = {"denoise": time.perf_counter() - between} if self._calls else {}
        return {"training": between - start} | denoised


class Drawing:
    """Epochs of batches out of a folder of shards, or of the same poses in memory."""

    def __init__(self, case: dict):
        poses = stream = shards.PoseStream.open(case["folder"])
        if case["memory"]:
            positions = np.concatenate([clip.positions for clip in read(case["folder"])])
            poses = PoseSet(stream.name, positions, stream.skeleton)
        self._batches = iter(poses.batches(case["batch"], 0))
        self._steps = -(-len(poses) // case["batch"])

    def first(self):
        """Draws a first batch, which fills the buffers."""
        next(self._batches)

    def run(self) -> dict[str, float]:
        """The seconds of an epoch."""
        start, epochs = time.perf_counter(), 0
        while time.perf_counter() - start < _LEAST_SECONDS:
            for _ in range(self._steps):
                next(self._batches)
            epochs += 1
        return {"drawing": (time.perf_counter() - start) / epochs}


def make(case: dict) -> Training | Drawing:
    """The task of a worker process."""
    tf.get_logger().setLevel("ERROR")  # the strategy logs each reduction
    if "folder" in case:
        return Drawing(case)
    if case["workers"]:
        os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[case["core"]]})
    strategy_scope().__enter__()  # until the process ends
    keras.utils.set_random_seed(0)
    return Training(case)
