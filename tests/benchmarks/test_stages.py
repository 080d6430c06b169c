"""Where time goes is measured from end to end."""

import json
import pathlib
import subprocess
import sys

import pytest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "benchmarks" / "stages.py"


@pytest.mark.slow
def test_a_step_and_a_start_by_their_stages(tmp_path):
    out = tmp_path / "stages.json"
    command = [sys.executable, SCRIPT, "--quick", f"--out={out}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(out.read_text())
    stages = found["steps"]["4"]
    assert len(stages) == 5 and min(stages.values()) > 0
    start = found["starts"]
    for again in ("first", "again"):
        total = start["all"][again]
        assert sum(part[again] for name, part in start.items() if name != "all") == pytest.approx(total)
    compiled = start["compiling, and the first step"]
    assert compiled["first"] > compiled["again"]  # what the first has left in the cache
    assert "| the whole step |" in out.with_suffix(".md").read_text()
