"""How time and memory grow with poses, joints, hidden size and worker processes, and from memory to shards on disk.

    .venv/bin/python benchmarks/growth.py --out results/growth.json

Every case is a process of its own (see `growth_case.py`), which has its own peak memory. The processes of a comparison
take turns; times are medians over turns. Shards of up to 20 million poses (4.5 GB) are made below --folder and removed
at the end.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile

from absl import flags
from growth_report import fit, table_of
from harness import Worker, in_turns, program, report

from tfpose.errors import TfposeError
from tfpose.trainers import markdown

_OUT = flags.DEFINE_string("out", None, "JSON file for the result.")
_POSES = flags.DEFINE_list("poses", ["2048", "4096", "8192", "16384", "32768"], "Poses of an epoch.")
_JOINTS = flags.DEFINE_list("joints", ["17", "25", "33", "64", "128"], "Joints of the rig.")
_UNITS = flags.DEFINE_list("units", ["16", "32", "64", "128"], "Hidden size.")
_WORKERS = flags.DEFINE_list("workers", ["1", "2"], "Worker processes, each on a core of its own.")
_STREAMED = flags.DEFINE_list("streamed", ["200000", "2000000", "20000000"], "Poses of sets in shards.")
_IN_MEMORY = flags.DEFINE_integer("in_memory", 2_000_000, "The largest set that is also held in memory.")
_FOLDER = flags.DEFINE_string("folder", tempfile.gettempdir(), "Where shards are made.")
_QUICK = flags.DEFINE_bool("quick", False, "Tiny sizes, to see that it works.")

_QUICK_SIZES = {
    "poses": ["32", "64"],
    "joints": ["17", "25"],
    "units": ["4", "8"],
    "streamed": ["600", "1200"],
    "in_memory": 600,
}
_USUAL = {"joints": 17, "units": 32, "workers": 0}  # workers 0: one process on all cores
_BYTES_PER_POSE = 240  # of 17 joints in a shard, with some room


class Case:
    """The processes of a case: one, or as many as it has workers."""

    def __init__(self, case: dict):
        self._case, self._workers = case, []

    def __enter__(self):
        try:
            self._start()
            self._answers()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error):
        for worker in self._workers:
            worker.__exit__(*error)

    def _start(self):
        count = self._case.get("workers", 0)
        ports = free_ports(count)
        for index in range(max(count, 1)):
            environment = {"TF_CPP_MIN_LOG_LEVEL": "3"}
            if count > 1:
                cluster = {"worker": [f"localhost:{port}" for port in ports]}
                task = {"type": "worker", "index": index}
                environment["TF_CONFIG"] = json.dumps({"cluster": cluster, "task": task})
            self._workers.append(Worker(json.dumps(self._case), environment))
        for core, worker in enumerate(self._workers):
            worker.tell("prepare", module="growth_case", arguments={"case": {**self._case, "core": core}})

    def turn(self) -> dict:
        """What a run of the first process measured."""
        for worker in self._workers:
            worker.tell("run", arguments={})
        return self._answers()[0]

    def _answers(self) -> list:
        return [worker.answer() for worker in self._workers]

    @property
    def peak_mb(self) -> float:
        """The sum of the peaks of memory of all processes."""
        return sum(worker.peak_memory for worker in self._workers) / 2**20


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("localhost", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in sockets]


def medians_of(cases: list[dict], rounds: int) -> list[dict]:
    """For each case the medians of its times, and its peak memory in MB."""
    with contextlib.ExitStack() as stack:
        # One after another, because compiling takes all cores.
        running = [stack.enter_context(Case(case)) for case in cases]
        turns = in_turns(running, rounds, lambda case: [case.turn()])
        return [
            {name: statistics.median(turn[name] for turn in found) for name in found[0]} | {"peak_mb": case.peak_mb}
            for case, found in turns.items()
        ]


def growth(axis: str, values: list[int], base: dict) -> dict:
    """A training epoch and denoising as one size grows and the others stay."""
    usual = {"config": base["config"], "batch": base["batch"], "poses": 8 * base["batch"], **_USUAL}
    found = medians_of([{**usual, axis: value} for value in values], base["rounds"])
    rows = [{axis: value, **case} for value, case in zip(values, found)]
    fitted = ("training", "denoise", "peak_mb") if axis != "workers" and len(values) > 1 else ()
    fits = {name: fit(values, [row[name] for row in rows]) for name in fitted}
    return {"rows": rows, "fits": fits}


def streamed(sizes: list[int], base: dict) -> list[dict]:
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
                    cases.append({"folder": out, "batch": base["batch"], "memory": memory, "poses": size})
        found = medians_of(cases, base["rounds"])
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
    base = {"config": "default", "batch": 256, "rounds": 3}
    if _QUICK.value:
        base = {"config": "paper", "batch": 16, "rounds": 2}
        for name, value in _QUICK_SIZES.items():
            if not flags.FLAGS[name].present:
                flags.FLAGS[name].value = value
    found, parts = dict(base), []
    for flag in (_POSES, _JOINTS, _UNITS, _WORKERS):
        values = [int(value) for value in flag.value]
        if values:
            found[flag.name] = growth(flag.name, values, base)
            parts.append(table_of(flag.name, found[flag.name]))
    sizes = [int(value) for value in _STREAMED.value]
    if sizes:
        found["streamed"] = streamed(sizes, base)
        rows = [
            (f"{row['poses']:,}", row["from"], f"{row['poses_per_second']:,.0f}", f"{row['peak_mb']:,.0f}")
            for row in found["streamed"]
        ]
        table = markdown.table(("poses", "from", "poses/s", "peak memory, MB"), rows)
        parts += ["**Batches out of shards and out of memory**", table]
    report(_OUT.value, "growth", found, "\n\n".join(parts))


if __name__ == "__main__":
    program(main)
