"""What the structures of the paper's Table 1 cost: parameters, FLOPs, and poses per second side by side in one run.

    python -m reproduction structures --out results/structures/cost.json

The structures take turns (A B C A B C ...), so that a busy machine slows all of them alike. Untrained weights cost the
same as trained ones.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from absl import flags

from benchmarks.harness import medians
from reproduction import complexity
from reproduction.configs import structures
from tfpose.cli import common
from tfpose.models import PoseAutoencoder
from tfpose.skeleton import Skeleton
from tfpose.trainers import markdown


def define_flags(values: flags.FlagValues):
    common.define(values, "out")
    flags.DEFINE_integer("batch", 1024, "Poses per call.", lower_bound=1, flag_values=values)
    flags.DEFINE_integer("rounds", 9, "How often the structures take turns.", lower_bound=1, flag_values=values)


def run(values: flags.FlagValues, positional: list[str]):
    common.positional_count(positional, ())
    skeleton = Skeleton.load("paper17")
    poses = tf.constant(np.random.default_rng(0).normal(0, 0.4, (values.batch, len(skeleton), 3)), tf.float32)
    rows, runs = {}, {}
    for name in structures.ROWS:
        model = PoseAutoencoder(skeleton, **structures.get_config(name).model.to_dict())
        model.build()
        total = complexity.measure(model)["total"]
        rows[name] = {"parameters": total["parameters"], "flops": total["reconstruct"]}
        traced = tf.function(model.reconstruct, jit_compile=True, autograph=False)
        runs[name] = lambda traced=traced: traced(poses).numpy()
    for name, seconds in medians(runs, values.rounds).items():
        rows[name]["poses_per_second"] = values.batch / seconds
    table = markdown.table(
        ("structure", "parameters", "FLOPs", "poses/s"),
        [
            (name, f"{row['parameters']:,}", f"{row['flops']:,}", f"{row['poses_per_second']:,.0f}")
            for name, row in rows.items()
        ],
    )
    print(table)
    common.write_result(values.out, "cost", {"batch": values.batch, "rows": rows}, table)
