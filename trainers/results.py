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

from tfpose.errors import DataError
from tfpose.files import write_text

_BEGIN, _END = "<!-- results: made by 'make readme' -->", "<!-- end of results -->"


def write(path, kind: str, report: dict, table: str, model_path=None):
    """Writes `path` (JSON) and the table beside it (Markdown), both whole or not at all.

    Args:
        path: of the JSON file.
        kind: what was measured, such as the evaluator's name.
        report: the numbers; has "data" where there is some.
        table: Markdown.
        model_path: the model that was measured, a file or the directory of its training.
    """
    path = pathlib.Path(path)
    command = shlex.join(["tfpose", *sys.argv[1:]])
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


def _described(model_path: pathlib.Path) -> dict:
    """A model's checksum, and what it was trained with where its training is beside it."""
    file = model_path / "model.keras" if model_path.is_dir() else model_path
    run = file.parent / "config.json"
    trained = json.loads(run.read_text()) if run.is_file() else None
    return {"sha256": hashlib.sha256(file.read_bytes()).hexdigest(), "trained": trained}


def _commit() -> str:
    """The commit of the code, marked when the code differs from it; "unknown" for an installed package."""
    repository = pathlib.Path(__file__).resolve().parent.parent

    def git(*arguments) -> str:
        run = ["git", "-C", str(repository), *arguments]
        return subprocess.run(run, capture_output=True, text=True, check=True, timeout=10).stdout.strip()

    try:
        # Only the code's folders: results that were just written are no change of the code.
        changed = git("status", "--porcelain", "--", "tfpose", "trainers", "export")
        return git("rev-parse", "--short=12", "HEAD") + ("-dirty" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def readme_table(folder: pathlib.Path) -> str:
    """The README's table of denoising results, from the JSON files in `folder`."""
    lines = ["| result | k = 0 | 1 | 2 | 3 | 4 | 5 | mean 1-5 | doing nothing | swap / own view |"]
    lines.append("|---" + "|---:" * 9 + "|")
    for path in sorted(folder.glob("*.json")):
        result = json.loads(path.read_text(encoding="utf-8"))
        if result["kind"] != "denoise":
            continue
        rows, swap = result["mean"]["rows"], result["mean"]["swap"]
        ours = list(rows.values())[-1]
        cells = [f"{error:.1f}" for error in ours["mpjpe"]]
        cells += [f"**{ours['mpjpe_mean']:.1f}**", f"{rows['doing nothing']['mpjpe_mean']:.1f}"]
        cells.append(f"{_mean(swap['swap'][1:]):.1f} / {_mean(swap['reconstruction'][1:]):.1f}")
        lines.append(f"| [{path.stem}]({path.with_suffix('.md').as_posix()}) | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def fill_readme(readme: pathlib.Path, folder: pathlib.Path):
    """Puts the table between the README's two marks.

    Raises:
        DataError: when the README has no marks.
    """
    text = readme.read_text(encoding="utf-8")
    head, begin, rest = text.partition(_BEGIN)
    _, end, tail = rest.partition(_END)
    if not (begin and end):
        raise DataError(f"{readme}: has no '{_BEGIN}' ... '{_END}' to put the table between")
    write_text(readme, f"{head}{_BEGIN}\n{readme_table(folder)}\n{_END}{tail}")


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


if __name__ == "__main__":
    fill_readme(pathlib.Path(sys.argv[1]), pathlib.Path("results"))
