"""What the structures of the paper's Table 1 cost: parameters, FLOPs, and poses per second side by side in one run.

    .venv/bin/python benchmarks/structures.py --out results/structures/cost.json

The structures take turns (A B C A B C ...), so that a busy machine slows all of them alike; untrained weights cost the
same as trained ones.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from absl import app, flags
from turns import medians

from reproduction import complexity
from reproduction.configs import structures
from tfpose.models import PoseAutoencoder
from tfpose.skeleton import Skeleton
from tfpose.trainers import markdown, results

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
        run = tf.function(model.reconstruct, jit_compile=True, autograph=False)
        runs[name] = lambda run=run: run(poses).numpy()
    for name, seconds in medians(runs, _ROUNDS.value, seconds=0.0).items():
        rows[name]["poses_per_second"] = _BATCH.value / seconds
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
