"""Results as files: numbers with everything that is needed to reproduce them."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import platform
import shlex
import subprocess
import sys

from tfpose import presets
from tfpose.errors import DataError
from tfpose.files import write_text
from tfpose.trainers import configs


def write(path, kind: str, report: dict, table: str, model_path=None):
    """Writes `path` (JSON) and the table beside it (Markdown), both whole or not at all.

    Args:
        path: of the JSON file.
        kind: what was measured, such as the evaluator's name.
        report: the numbers; has "data" where there is some.
        table: Markdown.
        model_path: the model that was measured: a preset, a file or the directory of its training.

    Raises:
        DataError: see `check`; and when a file cannot be written.
    """
    check(path)
    path = pathlib.Path(path)
    command = shlex.join(configs.with_names(sys.argv))
    payload = {
        "kind": kind,
        "command": command,
        **({} if model_path is None else {"model": _described(pathlib.Path(model_path))}),
        "commit": _commit(),
        "machine": {"python": platform.python_version(), "cores": os.cpu_count(), "processor": platform.machine()},
        **report,
    }
    data = f"{report['data']['name']}\n\n" if "data" in report else ""
    write_text(path, json.dumps(payload, indent=1) + "\n")
    write_text(path.with_suffix(".md"), f"`{command}`\n\n{data}{table}\n")


def check(path):
    """Raises DataError when `path` is the one that the table beside the numbers would have."""
    if path and pathlib.Path(path).suffix == ".md":
        raise DataError(f"{path}: the name of the JSON file must not end in .md, as that of the table beside it does")


def _described(model_path: pathlib.Path) -> dict:
    """A model's checksum, and what it was trained with where that is known."""
    if presets.is_preset(model_path):
        card = presets.read(model_path).card
        return {"sha256": card["sha256"], "trained": card["trained"]}
    file = model_path / "model.keras" if model_path.is_dir() else model_path
    run = file.parent / "config.json"
    trained = json.loads(run.read_text()) if run.is_file() else None
    return {"sha256": hashlib.sha256(file.read_bytes()).hexdigest(), "trained": trained}


def _commit() -> str:
    """The commit of the code, marked when the code differs from it; "unknown" for an installed package."""
    code = pathlib.Path(__file__).resolve()
    repository = code.parent.parent

    def git(*arguments) -> str:
        run = ["git", "-C", str(repository), *arguments]
        return subprocess.run(run, capture_output=True, text=True, check=True, timeout=10).stdout.strip()

    try:
        # Only the code: results that were just written, in the presets' cards too, are no change of it.
        git("ls-files", "--error-unmatch", str(code))  # an environment may be inside another repository
        parts = ("tfpose", "trainers", "export", "benchmarks", "reproduction", ":!tfpose/presets/*/README.md")
        changed = git("status", "--porcelain", "--", *parts)
        return git("rev-parse", "--short=12", "HEAD") + ("-dirty" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return "unknown"
