"""The measurement of growth runs from end to end and leaves nothing behind."""

import json
import pathlib
import subprocess
import sys

import growth_report
import pytest
import rigs

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = REPOSITORY / "benchmarks" / "growth.py"


def run(*arguments) -> subprocess.CompletedProcess:
    command = [sys.executable, SCRIPT, "--quick", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_every_case_is_measured_and_the_shards_are_removed(tmp_path):
    (tmp_path / "shards").mkdir()
    sizes = ["--poses=32,64", "--joints=", "--units=", "--workers=", "--streamed=300,600", "--in_memory=300"]
    done = run(*sizes, f"--folder={tmp_path / 'shards'}", f"--out={tmp_path / 'growth.json'}")
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads((tmp_path / "growth.json").read_text())
    assert found["kind"] == "growth" and [row["poses"] for row in found["poses"]["rows"]] == [32, 64]
    for row in found["poses"]["rows"]:
        assert row["training"] > 0 and row["denoise"] > 0 and row["peak_mb"] > 100
    assert found["poses"]["fits"].keys() == {"training", "denoise", "peak_mb"}
    assert [(row["poses"], row["from"]) for row in found["streamed"]] == [
        (300, "shards"),
        (300, "memory"),
        (600, "shards"),
    ]
    table = (tmp_path / "growth.md").read_text()
    assert "| poses | training epoch, s |" in table and "| 600 | shards |" in table
    assert not list((tmp_path / "shards").iterdir())


def test_a_disk_that_is_too_small_is_one_error(tmp_path):
    nothing = [f"--{name}=" for name in ("poses", "joints", "units", "workers")]
    done = run(*nothing, f"--streamed={10**12}", f"--folder={tmp_path}")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"{tmp_path}: 240000.0 GB are needed for shards and ")
    assert not list(tmp_path.iterdir())


def test_a_case_that_fails_leaves_no_process():
    program = """
import growth

class Failing:
    def __init__(self, *_): self.killed = False
    def __exit__(self, *_): self.killed = True
    def tell(self, *_, **__): pass
    def answer(self): raise RuntimeError("failed")

growth.Worker = Failing
case = growth.Case({"workers": 2})
try:
    with case: pass
except RuntimeError:
    assert [worker.killed for worker in case._workers] == [True, True]
    print("none")
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=SCRIPT.parent, capture_output=True, text=True)
    assert done.stdout == "none\n", done.stderr


@pytest.mark.parametrize("joints", [17, 25, 33, 64, 128])
def test_rigs_of_any_size_are_bodies(joints):
    skeleton = rigs.rig(joints)
    assert len(skeleton) == joints and skeleton.mirror and skeleton.torso
    if joints > 33:
        fingers = [name for name in skeleton.joints if name.startswith("finger_0_0_")]
        assert {skeleton.joints[skeleton.parents[skeleton.index(name)]] for name in fingers} == {
            "wrist_left",
            "wrist_right",
        }
        assert len(skeleton.levels_by_depth) < 12  # fingers, not one long chain


def test_a_line_and_a_power_are_fitted():
    found = growth_report.fit([1, 2, 4], [3.0, 5.0, 9.0])
    assert found["start"] == pytest.approx(1) and found["slope"] == pytest.approx(2)
    assert found["largest_deviation_percent"] == pytest.approx(0, abs=1e-6)
    assert growth_report.fit([1, 2, 4], [5.0, 20.0, 80.0])["exponent"] == pytest.approx(2)
    # Each distance counts by its share; by hand, from the normal equations.
    found = growth_report.fit([1, 2, 3], [1.0, 2.0, 2.0])
    assert found["start"] == pytest.approx(10 / 21) and found["slope"] == pytest.approx(12 / 21)
    assert found["largest_deviation_percent"] == pytest.approx(100 * 4 / 21)
