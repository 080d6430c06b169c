"""Measures the values of `batching_parameters.txt` of a TF Serving package on this machine.

    .venv/bin/python benchmarks/batching.py --out results/batching.json

TF Serving's batching is TensorFlow's own scheduler, which `tf.nondifferentiable_batch_function` puts around the
SavedModel here, so that no server is needed. Each of four measurements decides one value; its cases take turns.
"""

from __future__ import annotations

import concurrent.futures
import math
import os
import pathlib
import platform
import tempfile
import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from absl import flags
from harness import in_turns, medians, program, report

import tfpose
from tfpose.datasets import synthetic
from tfpose.export.saved_model import export_saved_model
from tfpose.trainers import markdown

_MODEL = flags.DEFINE_string("model", "sebirenet_cmu", "A preset, or a trained model.")
_OUT = flags.DEFINE_string("out", "results/batching.json", "JSON file for the result.")

_SECONDS, _ROUNDS = 0.2, 5  # of a turn, and how often the cases of a measurement take turns
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
_CLIENTS = 64
_WAITS = (0, 500, 1000, 2000, 5000)  # microseconds
_NEAR_BEST = 0.9  # this share of the best throughput counts as the best
_LONGEST_BATCH = 0.05  # seconds that a request may wait for the batch before its own
_LONGEST_QUEUE = 1.0  # seconds of work that may wait before the server says that it is full

Run = Callable[[np.ndarray], tf.Tensor]  # poses [B, J, 3] -> denoised poses


def by_size(run: Run, poses: np.ndarray) -> list[dict]:
    """One call at a time."""
    seconds = medians({size: (lambda joints=poses[:size]: run(joints)) for size in _SIZES}, _ROUNDS, _SECONDS)
    return [{"rows": size, "ms": 1000 * found, "poses_per_second": size / found} for size, found in seconds.items()]


def largest_batch(rows: list[dict]) -> int:
    """The smallest size that comes near the best throughput, of those that do not take too long."""
    quick = [row for row in rows if row["ms"] <= 1000 * _LONGEST_BATCH]
    enough = _NEAR_BEST * max(row["poses_per_second"] for row in quick)
    return next(row["rows"] for row in quick if row["poses_per_second"] >= enough)


def by_padding(run: Run, poses: np.ndarray, largest: int) -> dict[str, float]:
    """Calls of any size up to `largest`, unchanged and padded: requested poses per second."""
    sizes = np.random.default_rng(0).integers(1, largest + 1, 20).tolist()
    fills = {
        "as they are": lambda size: size,
        "to a power of 2": lambda size: 2 ** math.ceil(math.log2(size)),
        "to a power of 4": lambda size: min(4 ** math.ceil(math.log(size, 4) - 1e-9), largest),
    }
    cases = {name: (lambda fill=fill: [run(poses[: fill(s)]) for s in sizes]) for name, fill in fills.items()}
    seconds = medians(cases, _ROUNDS, _SECONDS)
    return {name: sum(sizes) / found for name, found in seconds.items()}


def by_threads(run: Run, batch: np.ndarray) -> dict[int, float]:
    """Full batches from several threads at once: poses per second."""
    counts = (1, 2, 4)
    with concurrent.futures.ThreadPoolExecutor(max(counts)) as pool:
        cases = {count: (lambda count=count: list(pool.map(run, [batch] * count))) for count in counts}
        seconds = medians(cases, _ROUNDS, _SECONDS)
    return {count: count * len(batch) / found for count, found in seconds.items()}


def by_wait(run: Run, poses: np.ndarray, largest: int, threads: int) -> list[dict]:
    """Clients with one pose each, all at once and one alone, without batching (None) and with each waiting time."""
    servers = {None: run} | {wait: batched(run, poses, largest, threads, wait) for wait in _WAITS}
    single = {wait: (lambda server=server: server(poses[:1])) for wait, server in servers.items()}
    alone = medians(single, _ROUNDS, _SECONDS)
    spent = dict.fromkeys(servers, 0.0)  # the last requests of a turn end after it
    with concurrent.futures.ThreadPoolExecutor(_CLIENTS) as pool:

        def turn(wait) -> list[float]:
            before = time.perf_counter()
            found = crowd(pool, servers[wait], poses)
            spent[wait] += time.perf_counter() - before
            return found

        times = in_turns(servers, _ROUNDS, turn)
    return [
        {
            "batch_timeout_micros": wait,
            "requests_per_second": len(found) / spent[wait],
            "ms_median": 1000 * float(np.median(found)),
            "ms_99th": 1000 * float(np.percentile(found, 99)),
            "ms_alone": 1000 * alone[wait],
        }
        for wait, found in times.items()
    ]


def batched(run: Run, poses: np.ndarray, largest: int, threads: int, wait: int) -> Run:
    """`run` behind TensorFlow's batch scheduler."""
    together = tf.nondifferentiable_batch_function(threads, largest, wait, max_enqueued_batches=1000, autograph=False)
    return tf.function(together(run), input_signature=[tf.TensorSpec([None, *poses.shape[1:]], tf.float32)])


def crowd(pool, run: Run, poses: np.ndarray) -> list[float]:
    """Seconds of each request while all clients ask without a pause."""
    end = time.perf_counter() + _SECONDS

    def client(number: int) -> list[float]:
        found = []
        while (before := time.perf_counter()) < end:
            run(poses[number : number + 1])
            found.append(time.perf_counter() - before)
        return found

    return [seconds for found in pool.map(client, range(_CLIENTS)) for seconds in found]


def fewest_threads(rates: dict[int, float]) -> int:
    """The fewest threads that come near the best throughput."""
    return min(count for count, rate in rates.items() if rate >= _NEAR_BEST * max(rates.values()))


def chosen(sizes: list[dict], padding: dict, threads: int, waits: list[dict], largest: int) -> dict:
    """The values that follow by the rules in the table."""
    with_batching = [row for row in waits if row["batch_timeout_micros"] is not None]
    best_requests = max(row["requests_per_second"] for row in with_batching)
    seconds = next(row["ms"] for row in sizes if row["rows"] == largest) / 1000
    return {
        "max_batch_size": largest,
        "allowed_batch_sizes": max(padding, key=padding.get),
        "num_batch_threads": threads,
        "batch_timeout_micros": next(
            row["batch_timeout_micros"]
            for row in with_batching
            if row["requests_per_second"] >= _NEAR_BEST * best_requests
        ),
        "max_enqueued_batches": 2 ** round(math.log2(max(1.0, threads * _LONGEST_QUEUE / seconds))),
    }


def table(result: dict) -> str:
    """The result as tables."""
    sizes, padding, threads, waits = (result[name] for name in ("sizes", "padding", "threads", "waits"))
    values = result["chosen"]
    parts = [
        result["machine"],
        f"**max_batch_size {values['max_batch_size']}**: the smallest with {_NEAR_BEST:.0%} of the best throughput, of "
        f"those that take at most {1000 * _LONGEST_BATCH:.0f} ms.",
        markdown.table(
            ["poses per call", "ms", "poses/s"],
            [[str(row["rows"]), f"{row['ms']:.2f}", f"{row['poses_per_second']:,.0f}"] for row in sizes],
        ),
        f"**allowed_batch_sizes**: calls of any size are fastest {values['allowed_batch_sizes']}.",
        markdown.table(
            ["calls of 1 to max_batch_size poses", "poses/s"], [[n, f"{v:,.0f}"] for n, v in padding.items()]
        ),
        f"**num_batch_threads {values['num_batch_threads']}**: the fewest with {_NEAR_BEST:.0%} of the best.",
        markdown.table(["full batches at once", "poses/s"], [[str(n), f"{v:,.0f}"] for n, v in threads.items()]),
        f"**batch_timeout_micros {values['batch_timeout_micros']}**: the shortest with {_NEAR_BEST:.0%} of the best "
        f"throughput; a client that is alone waits it out for nothing.",
        markdown.table(
            ["batch_timeout_micros", f"requests/s of {_CLIENTS} clients", "median ms", "99th ms", "ms of one alone"],
            [
                [
                    "no batching" if row["batch_timeout_micros"] is None else str(row["batch_timeout_micros"]),
                    f"{row['requests_per_second']:,.0f}",
                    *(f"{row[name]:.1f}" for name in ("ms_median", "ms_99th", "ms_alone")),
                ]
                for row in waits
            ],
        ),
        f"**max_enqueued_batches {values['max_enqueued_batches']}**: about {_LONGEST_QUEUE:.0f} s of full batches; "
        "what comes then is refused at once with UNAVAILABLE, which clients try again.",
    ]
    return "\n\n".join(parts)


def main(_):
    model = tfpose.load_model(_MODEL.value)
    clips = synthetic.clips(math.ceil(max(_SIZES) / synthetic.FRAMES), seed=0)
    poses = np.concatenate([clip.to(model.skeleton).positions for clip in clips]).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        loaded = tf.saved_model.load(export_saved_model(model, pathlib.Path(folder, "saved_model")))
    signature = loaded.signatures["denoise"]

    def run(joints) -> tf.Tensor:
        return signature(joints=tf.convert_to_tensor(joints))["denoised"]

    sizes = by_size(run, poses)
    largest = largest_batch(sizes)
    padding = by_padding(run, poses, largest)
    threads = by_threads(run, poses[:largest])
    count = fewest_threads(threads)
    waits = by_wait(run, poses, largest, count)
    result = {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, TensorFlow {tf.__version__}; load average "
        f"{os.getloadavg()[0]:.1f} at the end.",
        "model": _MODEL.value,
        "sizes": sizes,
        "padding": padding,
        "threads": threads,
        "waits": waits,
        "chosen": chosen(sizes, padding, count, waits, largest),
    }
    report(_OUT.value, "batching", result, table(result))


if __name__ == "__main__":
    program(main)
