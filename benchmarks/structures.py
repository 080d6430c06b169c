"""What the structures of the paper's Table 1 cost: parameters, FLOPs, and poses per second side by side in one run.

    .venv/bin/python benchmarks/structures.py --out results/structures/cost.json

The structures take turns (A B C A B C ...), so that a busy machine slows all of them alike; untrained weights cost the
same as trained ones.
"""

from __future__ import annotations

import statistics
import time

import numpy as np
import tensorflow as tf
from absl import app, flags

from tfpose.models import PoseAutoencoder
from tfpose.skeleton import Skeleton
from tfpose.trainers import complexity, markdown, results
from tfpose.trainers.configs import structures

_OUT = flags.DEFINE_string("out", None, "JSON file for the result.")
_BATCH = flags.DEFINE_integer("batch", 1024, "Poses per call.", lower_bound=1)
_ROUNDS = flags.DEFINE_integer("rounds", 9, "How often the structures take turns.", lower_bound=1)


def main(_):
    skeleton = Skeleton.load("paper17")
    poses = tf.constant(np.random.default_rng(0).normal(0, 0.4, (_BATCH.value, len(skeleton), 3)), tf.float32)
    rows, runs = {}, {}
    for name in structures.ROWS:
        model = PoseAutoencoder(skeleton, **structures.get_config(name).model.to_dict())
        model.build()
        total = complexity.measure(model)["total"]
        rows[name] = {"parameters": total["parameters"], "flops": total["reconstruct"]}
        runs[name] = tf.function(model.reconstruct, jit_compile=True, autograph=False)
        runs[name](poses)
    times = {name: [] for name in runs}
    for _ in range(_ROUNDS.value):
        for name, run in runs.items():
            start = time.perf_counter()
            run(poses).numpy()
            times[name].append(time.perf_counter() - start)
    for name, row in rows.items():
        row["poses_per_second"] = _BATCH.value / statistics.median(times[name])
    table = markdown.table(
        ("structure", "parameters", "FLOPs", "poses/s"),
        [
            (name, f"{row['parameters']:,}", f"{row['flops']:,}", f"{row['poses_per_second']:,.0f}")
            for name, row in rows.items()
        ],
    )
    print(table)
    if _OUT.value:
        results.write(_OUT.value, "cost", {"batch": _BATCH.value, "rows": rows}, table)


if __name__ == "__main__":
    app.run(main)
