"""How fast one model denoises in every form that it ships in, side by side in one run.

    .venv/bin/python benchmarks/inference.py --exported demo/exported

The forms take turns (A B C A B C ...) for several rounds, so that a busy machine slows all of them alike; the table has
the median time of a call and the ratio to the first form, what a user would otherwise do.
"""

from __future__ import annotations

import statistics
import time

import numpy as np
import tensorflow as tf
from absl import app, flags
from ai_edge_litert.interpreter import Interpreter

import tfpose

_MODEL = flags.DEFINE_string("model", "sebirenet_cmu", "A preset, or a trained model.")
_EXPORTED = flags.DEFINE_string("exported", "demo/exported", "What 'tfpose export' made of it.")
_BATCHES = flags.DEFINE_list("batches", ["1", "64", "1024"], "Poses per call.")
_ROUNDS = flags.DEFINE_integer("rounds", 7, "How often the forms take turns.", lower_bound=1)
_SECONDS = flags.DEFINE_float("seconds", 0.3, "How long a form runs in its turn.", lower_bound=0.01)


def forms() -> dict:
    """name -> function from poses `[B, J, 3]` to denoised poses."""
    model = tfpose.load_model(_MODEL.value)
    saved = tf.saved_model.load(f"{_EXPORTED.value}/saved_model").signatures["denoise"]
    traced = tf.function(model.denoise, reduce_retracing=True)
    interpreters = [Interpreter(f"{_EXPORTED.value}/model.tflite", num_threads=threads) for threads in (1, 2)]
    one, two = (interpreter.get_signature_runner("denoise") for interpreter in interpreters)
    return {
        "Keras model, called": lambda joints: model(joints).numpy(),
        "Keras model in a tf.function": lambda joints: traced(tf.constant(joints)).numpy(),
        "SavedModel signature": lambda joints: saved(joints=tf.constant(joints))["denoised"].numpy(),
        "LiteRT, 1 thread": lambda joints: one(joints=joints)["denoised"],
        "LiteRT, 2 threads": lambda joints: two(joints=joints)["denoised"],
    }


def seconds_per_call(run, joints) -> float:
    """The mean over as many calls as fit into a turn."""
    calls, start = 0, time.perf_counter()
    while calls == 0 or time.perf_counter() - start < _SECONDS.value:
        run(joints)
        calls += 1
    return (time.perf_counter() - start) / calls


def main(_):
    contenders = forms()
    print("| poses per call | form | ms per call | poses/s | times as fast as the first |\n|---:|---|---:|---:|---:|")
    for batch in map(int, _BATCHES.value):
        joints = np.random.default_rng(0).normal(0, 0.4, (batch, 17, 3)).astype(np.float32)
        for run in contenders.values():
            run(joints)
        times = {name: [] for name in contenders}
        for _ in range(_ROUNDS.value):
            for name, run in contenders.items():
                times[name].append(seconds_per_call(run, joints))
        medians = {name: statistics.median(values) for name, values in times.items()}
        first = next(iter(medians.values()))
        for name, median in medians.items():
            print(f"| {batch} | {name} | {1000 * median:.3f} | {batch / median:,.0f} | {first / median:.1f} |")


if __name__ == "__main__":
    app.run(main)
