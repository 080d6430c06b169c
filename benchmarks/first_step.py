"""The parts of a start, from nothing to the first training step; a task of `stages.py`."""

from __future__ import annotations

import importlib
import pathlib
import time

from contenders import PAPER
from contenders.task import Once

BATCH = 64


def make(started: float) -> Once:
    """A task that returns the seconds from `started` (by `time.perf_counter`) to the end of each part."""
    return Once(lambda: parts(started))


def parts(started: float) -> dict[str, float]:
    ends = {}

    def over(part: str):
        ends[part] = time.perf_counter() - started

    tf = importlib.import_module("tensorflow")
    over("start of Python, import of TensorFlow")
    pretrain = importlib.import_module("tfpose.trainers.pretrain")
    paper = importlib.import_module("tfpose.trainers.configs.paper")
    over("import of tfpose and TensorFlow Graphics")
    config = paper.get_config()
    config.batch = BATCH
    model = importlib.import_module("tfpose").load_model(PAPER)
    train_step = pretrain.make_loop(config, model, batches=None, workdir=pathlib.Path()).traced_step()
    batch = {"poses": tf.random.stateless_normal([BATCH, len(model.skeleton), 3], [0, 0])}
    over("model and optimizer")
    train_step.get_concrete_function(batch, tf.constant(0, tf.int64))
    over("tracing")
    train_step(batch, tf.constant(0, tf.int64))[0].numpy()
    over("compiling, and the first step")
    return ends
