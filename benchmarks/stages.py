"""The time of each stage of a training step, and of each part of a start: what bounds the trainings of `speed.py`.

    .venv/bin/python benchmarks/stages.py --out results/stages.json

The step is that of the paper's configuration. Its stages take turns, each on the results of the one before.
"""

from __future__ import annotations

import pathlib
import statistics
import tempfile

import numpy as np
import tensorflow as tf
from absl import flags
from contenders import PAPER
from first_step import BATCH
from harness import Worker, medians, program, report

import tfpose
from tfpose.compilation import prepare_xla
from tfpose.trainers import markdown
from tfpose.trainers.configs import paper
from tfpose.trainers.pretrain import make_loop

_OUT = flags.DEFINE_string("out", None, "JSON file for the result.")
_QUICK = flags.DEFINE_bool("quick", False, "Four poses, one round, one start: to see that it works.")


def of_step(size: int, rounds: int, seconds: float) -> dict[str, float]:
    """Stage of a training step of `size` poses -> seconds, the median of `rounds` turns of `seconds` each."""
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
        "corruption and views": lambda: stages.prepared(batch, step),
        "forwards and backwards, a part": lambda: stages.gradients(views, step, parts[0]),
        f"forwards and backwards, all {loop.parts} parts at once": all_parts,
        "weights": lambda: stages.apply(found),
        "the whole step": lambda: train_step(batch, step),
    }
    return medians(
        {name: lambda call=call: tf.nest.flatten(call())[0].numpy() for name, call in cases.items()},
        rounds,
        seconds,
    )


def of_start(count: int) -> dict[str, dict[str, float]]:
    """Part of a start -> median seconds of `count` starts, "first" without a cache and "again" with one."""
    seconds = {}
    for _ in range(count):
        with tempfile.TemporaryDirectory() as cache:
            for again in ("first", "again"):
                with Worker("first step", {"TFPOSE_CACHE": cache}) as worker:
                    ends = worker.ask("prepare", module="first_step", arguments={"started": worker.started})
                lengths = np.diff([0.0, *ends.values()]).tolist()
                for part, length in zip([*ends, "all"], [*lengths, sum(lengths)]):
                    seconds.setdefault(part, {}).setdefault(again, []).append(length)
    return {
        part: {again: statistics.median(lengths) for again, lengths in found.items()} for part, found in seconds.items()
    }


def main(_):
    prepare_xla()
    sizes, rounds, seconds, starts = ((4,), 1, 0.0, 1) if _QUICK.value else ((64, 256, 1024), 5, 0.5, 3)
    steps = {size: of_step(size, rounds, seconds) for size in sizes}
    parts = of_start(starts)
    text = [
        "**A training step, by its stages**",
        markdown.table(
            ("ms", *(f"{size:,} poses" for size in sizes)),
            [(name, *(f"{1e3 * steps[size][name]:.2f}" for size in sizes)) for name in steps[sizes[0]]],
        ),
        f"**From the start of a process to its first training step, {BATCH} poses**",
        markdown.table(
            ("seconds", "first", "again, with its cache"),
            [(part, f"{found['first']:.2f}", f"{found['again']:.2f}") for part, found in parts.items()],
        ),
    ]
    report(_OUT.value, "stages", {"preset": PAPER, "steps": steps, "starts": parts}, "\n\n".join(text))


if __name__ == "__main__":
    program(main)
