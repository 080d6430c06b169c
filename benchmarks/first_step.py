"""From nothing to the first training step, and when each part of it was over, as JSON; `stages.py` starts it.

Its argument is when that was, by `time.perf_counter`, which is the same for all processes on Linux.
"""

from __future__ import annotations

import importlib
import json
import pathlib
import sys
import time

from contenders import PAPER

BATCH = 64


def main(started: float):
    ends = {}

    def over(part: str):
        ends[part] = time.perf_counter() - started

    importlib.import_module("tfpose.compilation").prepare_xla()
    tf = importlib.import_module("tensorflow")
    over("import of TensorFlow")
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
    print(json.dumps(ends))


if __name__ == "__main__":
    main(float(sys.argv[1]))
