"""Results as files: numbers with everything that is needed to make them again, and the tables made from them."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import platform
import shlex
import subprocess
import sys

from tfpose.data.pose_set import PoseSet
from tfpose.files import write_text

_BEGIN, _END = "<!-- results: made by 'make readme' -->", "<!-- end of results -->"


def write(path, kind: str, model_path, poses: PoseSet, report: dict, table: str, seed: int):
    """Writes `path` (JSON) and the table beside it (Markdown), both whole or not at all."""
    path = pathlib.Path(path)
    model_path = pathlib.Path(model_path)
    file = model_path / "model.keras" if model_path.is_dir() else model_path
    run = file.parent / "config.json"
    trained = json.loads(run.read_text()) if run.is_file() else None
    command = shlex.join(sys.argv)
    payload = {
        "kind": kind,
        "command": command,
        "seed": seed,
        "data": {"name": poses.name, "checksum": poses.checksum, "lineage": poses.lineage},
        "model": {"sha256": hashlib.sha256(file.read_bytes()).hexdigest(), "trained": trained},
        "commit": _commit(),
        "machine": {"python": platform.python_version(), "cores": os.cpu_count(), "processor": platform.machine()},
        **report,
    }
    write_text(path, json.dumps(payload, indent=1) + "\n")
    write_text(
        path.with_suffix(".md"), f"`{command}`\n\n{poses.name}, {report['poses']:,} poses for each k\n\n{table}\n"
    )


def _commit() -> str:
    """The commit of the code, with a mark when files differ from it; "unknown" for an installed package."""
    here = pathlib.Path(__file__).resolve().parent
    try:
        run = ["git", "-C", str(here), "describe", "--always", "--dirty", "--abbrev=12"]
        return subprocess.run(run, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"
