"""Where the time of a training step and of a start goes: what bounds the trainings of `speed.py`.

    .venv/bin/python benchmarks/stages.py --out results/stages.json

A step is that of the paper's configuration. Its stages take turns, each on what the one before it left.
"""

from __future__ import annotations

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import tensorflow as tf
from absl import app, flags
from contenders import PAPER
from first_step import BATCH
from turns import medians

import tfpose
from tfpose.compilation import prepare_xla
from tfpose.errors import TfposeError
from tfpose.trainers import markdown, results
from tfpose.trainers.configs import paper
from tfpose.trainers.pretrain import make_loop

_OUT = flags.DEFINE_string("out", None, "JSON file for the result.")
_BATCHES = flags.DEFINE_list("batches", ["64", "256", "1024"], "Poses per step.")
_ROUNDS = flags.DEFINE_integer("rounds", 5, "How often the stages take turns.", lower_bound=1)
_SECONDS = flags.DEFINE_float("seconds", 0.5, "How long a turn is.", lower_bound=0)
_STARTS = flags.DEFINE_integer("starts", 3, "How many processes start, each kind.", lower_bound=0)

_STEP = "the whole step"


def of_step(size: int) -> dict[str, float]:
    """Stage of a training step of `size` poses -> seconds."""
    config = paper.get_config()
    config.batch = size
    model = tfpose.load_model(PAPER)
    loop = make_loop(config, model, batches=None, workdir=pathlib.Path())
    stages, train_step = loop.stages(), loop.traced_step()
    poses = np.random.default_rng(0).normal(0, 0.4, (size, len(model.skeleton), 3))
    batch, step = {"poses": tf.constant(poses, tf.float32)}, tf.constant(0, tf.int64)
    views = stages.prepared(batch, step)
    parts = [tf.constant(part, tf.int64) for part in range(loop.parts)]

    @tf.function(autograph=False)
    def all_parts():
        return [stages.gradients(views, step, part) for part in parts]

    found = all_parts()
    cases = {
        "bodies, corruption and views": lambda: stages.prepared(batch, step),
        "forwards and backwards, a part": lambda: stages.gradients(views, step, parts[0]),
        f"forwards and backwards, all {loop.parts} parts at once": all_parts,
        "weights": lambda: stages.apply(found),
        _STEP: lambda: train_step(batch, step),
    }
    return medians(
        {name: lambda call=call: tf.nest.flatten(call())[0].numpy() for name, call in cases.items()},
        _ROUNDS.value,
        _SECONDS.value,
    )


def of_start() -> dict[str, dict[str, float]]:
    """Part of a start -> seconds, when nothing was compiled before, and when that is in the cache; medians."""
    seconds = {}
    # Without this process's own cache, which is in TF_XLA_FLAGS.
    environment = {name: value for name, value in os.environ.items() if name != "TF_XLA_FLAGS"}
    for _ in range(_STARTS.value):
        with tempfile.TemporaryDirectory() as cache:
            for again in (False, True):
                command = [sys.executable, pathlib.Path(__file__).with_name("first_step.py"), str(time.perf_counter())]
                done = subprocess.run(
                    command, env=environment | {"TFPOSE_CACHE": cache}, capture_output=True, text=True, check=False
                )
                if done.returncode:
                    raise TfposeError(f"a start failed:\n{done.stderr[-2000:]}")
                ends = json.loads(done.stdout)
                lengths = np.diff([0.0, *ends.values()]).tolist()
                for part, length in zip([*ends, "all"], [*lengths, sum(lengths)]):
                    seconds.setdefault((part, again), []).append(length)
    parts = dict.fromkeys(part for part, _ in seconds)
    return {
        part: {name: statistics.median(seconds[part, again]) for name, again in (("first", False), ("again", True))}
        for part in parts
    }


def main(_):
    prepare_xla()
    sizes = [int(size) for size in _BATCHES.value]
    steps = {size: of_step(size) for size in sizes}
    table = [
        "**A training step, by its stages**",
        markdown.table(
            ("ms", *(f"{size:,} poses" for size in sizes)),
            [(name, *(f"{1e3 * steps[size][name]:.2f}" for size in sizes)) for name in steps[sizes[0]]],
        ),
    ]
    starts = of_start()
    if starts:
        table += [
            f"**From the start of a process to its first training step, {BATCH} poses**",
            markdown.table(
                ("seconds", "first", "again, with its cache"),
                [(part, f"{found['first']:.2f}", f"{found['again']:.2f}") for part, found in starts.items()],
            ),
        ]
    text = "\n\n".join(table)
    print(text)
    if _OUT.value:
        results.write(_OUT.value, "stages", {"preset": PAPER, "steps": steps, "starts": starts}, text)


if __name__ == "__main__":
    app.run(main)
