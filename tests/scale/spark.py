"""`tfpose encode-dataset` on a Spark cluster of this machine, of which a worker is killed in the middle.

    pip install --no-deps pyspark==3.5.9 py4j==0.10.9.9   # and a Java runtime, 17 or older
    python tests/scale/spark.py --out results/spark.json

The cluster is a master and two workers, processes of Spark's standalone mode. When the first codes are written, one
worker is killed (SIGKILL) with its executor. The codes must then be those of the local runner, each clip's once.
"""

from __future__ import annotations

import collections
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

import numpy as np
import pyspark
from absl import app, flags
from clips import write_clips

import tfpose
from tfpose.datasets import read_codes
from tfpose.export.encode_dataset import encode_dataset
from tfpose.export.saved_model import export_saved_model
from tfpose.trainers import markdown, results

_OUT = flags.DEFINE_string("out", "results/spark.json", "Where to; a table goes beside it.")
_POSES = flags.DEFINE_integer("poses", 30_000, "How many poses there are.")
_PARTITIONS = 8
_MASTER = "spark://localhost:7077"
_HOME = pathlib.Path(pyspark.__file__).parent


@contextlib.contextmanager
def cluster(folder: pathlib.Path):
    """A master and two workers with a core each; yields the workers."""
    paths = [str(pathlib.Path(__file__).parent), *filter(None, sys.path)]
    environment = {
        **os.environ,
        "SPARK_HOME": str(_HOME),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONHASHSEED": "0",
    }
    os.environ.update(environment)
    master = [_HOME / "bin" / "spark-class", "org.apache.spark.deploy.master.Master", "--host", "localhost"]
    worker = [_HOME / "bin" / "spark-class", "org.apache.spark.deploy.worker.Worker", "-c", "1", "-m", "3g"]
    commands = [master, *([*worker, "-d", folder / f"worker{number}", _MASTER] for number in range(2))]
    running = []
    try:
        for number, command in enumerate(commands):
            log = open(folder / f"{number}.log", "wb")  # noqa: SIM115 (closed with the process)
            running.append(subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True))
            time.sleep(5)
        yield running[1:]
    finally:
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def kill_when_codes_are_written(worker, unfinished: pathlib.Path, done: list):
    """Waits for the first files of codes, then kills the worker with all that it started."""
    while not list(unfinished.glob("*/beam-temp-codes*/*")):
        time.sleep(0.05)
    time.sleep(1)
    done.append(len(list(unfinished.glob("*/beam-temp-codes*/*"))))
    os.killpg(worker.pid, signal.SIGKILL)


def codes_in(out: pathlib.Path) -> dict:
    """The codes of each clip, as often as it is there."""
    found = collections.defaultdict(list)
    for clip in read_codes(out):
        found[clip.source, clip.number].append((clip.pose_code, clip.view_code))
    return found


def main(_):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        write_clips(folder / "clips", _POSES.value)
        model = export_saved_model(tfpose.load_model("sebirenet_cmu"), folder / "saved_model")
        reading = {"skeleton": tfpose.Skeleton.load("paper17")}
        encode_dataset(folder / "clips", model, folder / "local", reading_options=reading)
        with cluster(folder) as (_, worker):
            spark = (
                pyspark.sql.SparkSession.builder.master(_MASTER)
                .config("spark.default.parallelism", _PARTITIONS)
                .config("spark.executor.memory", "1g")
                .config("spark.driver.host", "localhost")
                .getOrCreate()
            )
            written = []
            kill = (worker, folder / ".spark.unfinished", written)
            threading.Thread(target=kill_when_codes_are_written, args=kill, daemon=True).start()
            before = time.perf_counter()
            summary = encode_dataset(
                folder / "clips", model, folder / "spark", reading_options=reading, runner="spark_runner.SparkRunner"
            )
            seconds = time.perf_counter() - before
            said = f"{spark.sparkContext.uiWebUrl}/api/v1/applications/{spark.sparkContext.applicationId}"
            executors = json.load(urllib.request.urlopen(f"{said}/allexecutors"))
            stages = json.load(urllib.request.urlopen(f"{said}/stages"))
            spark.stop()
        local, found = codes_in(folder / "local"), codes_in(folder / "spark")
        report = {
            "spark": pyspark.__version__,
            "clips": summary["clips"],
            "poses": summary["poses"],
            "seconds": seconds,
            "files of codes when the worker was killed": written[0],
            "executors lost": sum(not one["isActive"] for one in executors),
            "tasks that failed and were run again": sum(one["numFailedTasks"] for one in stages),
            "clips lost": len(local.keys() - found.keys()),
            "clips twice": sum(len(codes) > 1 for codes in found.values()),
            "largest difference of a code from the local runner's": max(
                float(np.abs(one - other).max())
                for clip in local.keys() & found.keys()
                for one, other in zip(local[clip][0], found[clip][0])
            ),
        }
    table = markdown.table(["", "found"], [[name, f"{value}"] for name, value in report.items()])
    results.write(_OUT.value, "spark", report, table)
    print(table)


if __name__ == "__main__":
    app.run(main)
