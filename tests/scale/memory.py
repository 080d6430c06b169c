"""The memory of `tfpose encode-dataset` and `clean-dataset` on the local runner, by how many poses there are.

    .venv/bin/python tests/scale/memory.py --out results/datasets.json

Each run is a process of its own over files of 200 to 400 made-up poses; its peak is all that it has had in memory,
TensorFlow and the model included, which the run of one file shows.
"""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import tempfile
import time

from absl import app, flags
from clips import LENGTHS, write_clips

from tfpose.errors import TfposeError
from tfpose.trainers import markdown, results

_OUT = flags.DEFINE_string("out", "results/datasets.json", "Where to; a table goes beside it.")
_POSES = flags.DEFINE_list("poses", ["300", "100000", "300000", "1000000"], "How many poses there are.")
_COMMANDS = {
    "encode-dataset": ["--model=sebirenet_cmu", "--skeleton=paper17"],
    "clean-dataset": ["--model=sebirenet_cmu_clips", "--skeleton=paper17"],
}
_COMMAND = flags.DEFINE_list("commands", list(_COMMANDS), "Which commands.")
_PEAK = """
import sys
from tfpose import cli
status = cli.main(sys.argv[1:])
with open("/proc/self/status") as file:
    peak = next(line for line in file if line.startswith("VmHWM:"))
print("PEAK", peak.split()[1], flush=True)
sys.exit(status)
"""


def measured(command: str, clips: pathlib.Path, out: pathlib.Path) -> dict:
    """Seconds and peak memory of a command, and the poses that it says it wrote."""
    arguments = [sys.executable, "-c", _PEAK, command, str(clips), f"--out={out}", *_COMMANDS[command]]
    before = time.perf_counter()
    done = subprocess.run(arguments, capture_output=True, text=True)
    seconds = time.perf_counter() - before
    if done.returncode:
        raise TfposeError(f"{command} ended with status {done.returncode}: {done.stderr[-2000:]}")
    summary = json.loads((out / "summary.json").read_text())
    peak = int(done.stdout.partition("PEAK ")[2]) * 1024
    return {"command": command, "poses": summary.get("poses", summary.get("frames")), "seconds": seconds, "peak": peak}


def main(_):
    rows = []
    for poses in map(int, _POSES.value):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            write_clips(folder / "clips", poses)
            rows += [measured(command, folder / "clips", folder / command) for command in _COMMAND.value]
        print(rows[-len(_COMMAND.value) :], flush=True)
    header = ["", "poses", "seconds", "peak memory, MB"]
    rows.sort(key=lambda row: list(_COMMANDS).index(row["command"]))
    cells = [
        [f"`{row['command']}`", f"{row['poses']:,}", f"{row['seconds']:.0f}", f"{row['peak'] / 1e6:,.0f}"]
        for row in rows
    ]
    table = markdown.table(header, cells)
    results.write(_OUT.value, "datasets", {"frames": list(LENGTHS), "rows": rows}, table)
    print(table)


if __name__ == "__main__":
    app.run(main)
