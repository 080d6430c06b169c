"""How time and memory grow with poses, joints, hidden size and worker processes, and from memory to shards on disk.

    .venv/bin/python benchmarks/growth.py --out results/growth.json

Every case is a process of its own, so that its peak memory is its own; the processes of a comparison take turns
(A B C A B C ...), so that a busy machine slows all of them alike, and wait in between. Times are medians over turns.
Shards of up to 20 million poses (4.5 GB) are made below --folder and removed at the end.
"""

from __future__ import annotations

import importlib
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import keras
import numpy as np
import tensorflow as tf
from absl import app, flags
from growth_report import fit, table_of
from rigs import rig

from tfpose.compilation import prepare_xla
from tfpose.datasets import shards
from tfpose.datasets.pose_set import PoseSet
from tfpose.errors import TfposeError
from tfpose.formats import read
from tfpose.models import PoseAutoencoder
from tfpose.skeleton import Skeleton
from tfpose.trainers import markdown, results
from tfpose.trainers.loop import strategy_scope
from tfpose.trainers.pretrain import make_loop

_OUT = flags.DEFINE_string("out", None, "JSON file for the result.")
_CONFIG = flags.DEFINE_enum(
    "config", "default", ["default", "paper", "same_rig"], "What is trained; the hidden size changes."
)
_BATCH = flags.DEFINE_integer("batch", 256, "Poses per training step.", lower_bound=4)
_POSES = flags.DEFINE_list("poses", ["2048", "4096", "8192", "16384", "32768"], "Poses of an epoch.")
_JOINTS = flags.DEFINE_list("joints", ["17", "25", "33", "64", "128"], "Joints of the rig.")
_UNITS = flags.DEFINE_list("units", ["16", "32", "64", "128"], "Hidden size.")
_WORKERS = flags.DEFINE_list("workers", ["1", "2"], "Worker processes, each on a core of its own.")
_STREAMED = flags.DEFINE_list("streamed", ["200000", "2000000", "20000000"], "Poses of sets in shards.")
_IN_MEMORY = flags.DEFINE_integer("in_memory", 2_000_000, "The largest set that is also held in memory.")
_ROUNDS = flags.DEFINE_integer("rounds", 3, "How often the cases take turns.", lower_bound=1)
_FOLDER = flags.DEFINE_string("folder", tempfile.gettempdir(), "Where shards are made.")
_QUICK = flags.DEFINE_bool("quick", False, "Tiny sizes, to see that it works.")
_CASE = flags.DEFINE_string("case", None, "A case as JSON: this process is one of those that are measured.")

_QUICK_SIZES = {
    "config": "paper",
    "batch": 16,
    "poses": ["32", "64"],
    "joints": ["17", "25"],
    "units": ["4", "8"],
    "streamed": ["600", "1200"],
    "in_memory": 600,
    "rounds": 2,
}
_USUAL = {"joints": 17, "units": 32, "workers": 0}  # workers 0: one process, all cores
_DENOISED = 1024  # poses per call
_BYTES_PER_POSE = 240  # of 17 joints in a shard, with some room
_LEAST_SECONDS = 1.0  # of a turn of a stream: as many epochs as that takes


# --- what a case does, in its own process


def made_up(count: int, skeleton: Skeleton) -> PoseSet:
    """Poses whose bones point anywhere: what they show does not change what they cost."""
    bones = np.random.default_rng(0).normal(0, 0.15, (count, len(skeleton), 3)).astype(np.float32)
    for level in skeleton.levels_by_depth[1:]:
        for joint in level:
            bones[:, joint] += bones[:, skeleton.parents[joint]]
    return PoseSet("made up", bones, skeleton)


def training(case: dict, workdir: str):
    """Trains an epoch and denoises all poses: a function that returns the seconds of both."""
    config = importlib.import_module(f"tfpose.trainers.configs.{case['config']}").get_config()
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
        workdir=pathlib.Path(workdir),
        progress=False,
    )
    step = loop.traced_step()
    stream = iter(loop.batches(0))
    denoise = tf.function(model.denoise, jit_compile=True, autograph=False)
    some = tf.constant(np.resize(poses.positions, (_DENOISED, *poses.positions.shape[1:])))
    steps, calls = -(-case["poses"] // config.batch), -(-case["poses"] // _DENOISED)

    def run() -> dict:
        start = time.perf_counter()
        for number in range(steps):
            loss, _ = step(next(stream), tf.constant(number, tf.int64))
        loss.numpy()
        between = time.perf_counter()
        if not case["workers"]:
            for _ in range(calls):
                denoise(some).numpy()
        return {"training": between - start, "denoise": time.perf_counter() - between}

    step(next(stream), tf.constant(0, tf.int64))  # compiles
    if not case["workers"]:
        denoise(some)
    return run


def drawing(case: dict):
    """Draws whole epochs of batches: a function that returns the seconds of an epoch."""
    stream = shards.PoseStream.open(case["folder"])
    poses = stream
    if case["memory"]:
        positions = np.concatenate([clip.positions for clip in read(case["folder"])])
        poses = PoseSet(stream.name, positions, stream.skeleton)
        del positions
    batches = iter(poses.batches(case["batch"], 0))
    steps = -(-len(poses) // case["batch"])
    next(batches)

    def run() -> dict:
        start, epochs = time.perf_counter(), 0
        while time.perf_counter() - start < _LEAST_SECONDS:
            for _ in range(steps):
                next(batches)
            epochs += 1
        return {"drawing": (time.perf_counter() - start) / epochs}

    return run


def serve(case: dict):
    """Runs a case once for each line of standard input, and answers each with a line of JSON."""
    if case["workers"]:
        os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[case["core"]]})
    prepare_xla()  # what is measured comes after
    tf.get_logger().setLevel("ERROR")  # workers would say each reduction
    with tempfile.TemporaryDirectory() as workdir, strategy_scope():
        keras.utils.set_random_seed(0)
        run = drawing(case) if "folder" in case else training(case, workdir)
        answer({})
        for _ in sys.stdin:
            answer(run())


def answer(found: dict):
    # Not getrusage's ru_maxrss, in which Linux counts what the parent had when it started this process.
    status = dict(line.split(":", 1) for line in pathlib.Path("/proc/self/status").read_text().splitlines())
    print(json.dumps({**found, "peak_mb": int(status["VmHWM"].split()[0]) / 1024}), flush=True)


# --- the processes


class Case:
    """The processes of a case, which wait until it is their turn."""

    def __init__(self, case: dict):
        workers = case.get("workers", 0)
        ports = free_ports(workers)
        self.processes = []
        for index in range(max(workers, 1)):
            environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
            if workers > 1:
                cluster = {"worker": [f"localhost:{port}" for port in ports]}
                task = {"type": "worker", "index": index}
                environment["TF_CONFIG"] = json.dumps({"cluster": cluster, "task": task})
            described = json.dumps({"workers": 0, "core": index, **case})
            command = [sys.executable, __file__, f"--case={described}"]
            options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": environment}
            self.processes.append(subprocess.Popen(command, **options))

    def answers(self) -> dict:
        """What the first process says next, with the sum of all peaks of memory."""
        found = []
        for process in self.processes:
            line = process.stdout.readline()
            while line and not line.startswith("{"):
                line = process.stdout.readline()
            if not line:
                raise TfposeError(f"a measured process ended with status {process.wait()}; see what it said above")
            found.append(json.loads(line))
        return {**found[0], "peak_mb": sum(each["peak_mb"] for each in found)}

    def turn(self) -> dict:
        for process in self.processes:
            process.stdin.write("\n")
            process.stdin.flush()
        return self.answers()

    def end(self):
        for process in self.processes:
            process.stdin.close()
        for process in self.processes:
            process.wait()
            process.stdout.close()


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("localhost", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def in_turns(cases: list[dict]) -> list[dict]:
    """For each case the medians of its times, and its peak memory in MB."""
    running = []
    try:
        for case in cases:  # one after another: compiling takes all cores
            running.append(Case(case))
            running[-1].answers()
        rounds = [[case.turn() for case in running] for _ in range(_ROUNDS.value)]
    finally:
        for case in running:
            case.end()
    summed = []
    for turns in zip(*rounds):
        found = {name: statistics.median(turn[name] for turn in turns) for name in turns[0] if name != "peak_mb"}
        summed.append({**found, "peak_mb": max(turn["peak_mb"] for turn in turns)})
    return summed


# --- what is compared


def growth(axis: str, values: list[int]) -> dict:
    """A training epoch and denoising as one size grows and the others stay."""
    usual = {"config": _CONFIG.value, "batch": _BATCH.value, "poses": 8 * _BATCH.value, **_USUAL}
    found = in_turns([{**usual, axis: value} for value in values])
    rows = [{axis: value, **case} for value, case in zip(values, found)]
    fitted = ("training", "denoise", "peak_mb") if axis != "workers" and len(values) > 1 else ()
    fits = {name: fit(values, [row[name] for row in rows]) for name in fitted}
    return {"rows": rows, "fits": fits}


def streamed(sizes: list[int]) -> list[dict]:
    """Drawing batches out of shards and, where it fits, out of memory."""
    need, free = _BYTES_PER_POSE * sum(sizes), shutil.disk_usage(_FOLDER.value).free
    if need > free:
        raise TfposeError(
            f"{_FOLDER.value}: {need / 1e9:.1f} GB are needed for shards and {free / 1e9:.1f} GB are free; choose "
            "another --folder, or smaller sets with --streamed"
        )
    with tempfile.TemporaryDirectory(prefix="tfpose_growth_", dir=_FOLDER.value) as folder:
        cases = []
        for size in sizes:
            out = f"{folder}/{size}"
            shards = max(2, size // 200_000)
            make = ["shard", "synthetic", f"--poses={size}", f"--shards={shards}", f"--out={out}"]
            if subprocess.run([sys.executable, "-m", "tfpose.cli", *make], check=False).returncode:
                raise TfposeError(f"{out}: shards could not be made")
            for memory in (False, True):
                if not memory or size <= _IN_MEMORY.value:
                    cases.append({"folder": out, "batch": _BATCH.value, "memory": memory, "poses": size})
        found = in_turns(cases)
    return [
        {
            "poses": case["poses"],
            "from": "memory" if case["memory"] else "shards",
            "poses_per_second": case["poses"] / each["drawing"],
            "peak_mb": each["peak_mb"],
        }
        for case, each in zip(cases, found)
    ]


def main(_):
    if _CASE.value:
        return serve(json.loads(_CASE.value))
    if _QUICK.value:
        for name, value in _QUICK_SIZES.items():
            if not flags.FLAGS[name].present:
                flags.FLAGS[name].value = value
    report, parts = {"config": _CONFIG.value, "batch": _BATCH.value, "rounds": _ROUNDS.value}, []
    try:
        for flag in (_POSES, _JOINTS, _UNITS, _WORKERS):
            values = [int(value) for value in flag.value]
            if values:
                report[flag.name] = growth(flag.name, values)
                parts.append(table_of(flag.name, report[flag.name]))
                print(f"{parts[-1]}\n", flush=True)
        sizes = [int(value) for value in _STREAMED.value]
        if sizes:
            report["streamed"] = streamed(sizes)
            rows = [
                (f"{row['poses']:,}", row["from"], f"{row['poses_per_second']:,.0f}", f"{row['peak_mb']:,.0f}")
                for row in report["streamed"]
            ]
            parts.append("**Batches out of shards and out of memory**\n\n")
            parts[-1] += markdown.table(("poses", "from", "poses/s", "peak memory, MB"), rows)
            print(parts[-1], flush=True)
    except TfposeError as error:
        sys.exit(f"growth: {error}")
    if _OUT.value:
        results.write(_OUT.value, "growth", report, "\n\n".join(parts))


if __name__ == "__main__":
    app.run(main)
