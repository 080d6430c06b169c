"""Where time goes is measured from end to end."""

import json
import pathlib
import subprocess
import sys

import pytest
import turns

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "benchmarks" / "stages.py"


@pytest.mark.slow
def test_a_step_and_a_start_by_their_stages(tmp_path):
    out = tmp_path / "stages.json"
    command = [sys.executable, SCRIPT, "--batches=4", "--rounds=1", "--seconds=0", "--starts=1", f"--out={out}"]
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


def test_all_take_turns():
    called = []
    cases = {name: lambda name=name: called.append(name) for name in "ab"}
    found = turns.medians(cases, rounds=2, seconds=0.0)
    assert "".join(called) == "ab" + "abab"
    assert found.keys() == {"a", "b"} and min(found.values()) > 0
