"""The benchmark itself, on two poses: the contenders run in their processes, agree, and fill the table."""

import json
import pathlib
import subprocess
import sys

import pytest
import speed_report
from contenders import PAPER

PROGRAM = pathlib.Path(__file__).parents[2] / "benchmarks" / "speed.py"


def run(out, *arguments):
    command = [sys.executable, str(PROGRAM), "--quick", f"--out={out}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> pathlib.Path:
    out = tmp_path_factory.mktemp("speed") / "speed.json"
    done = run(out, "--parts=calls,start", "--contenders=per_node,saved_model,compiled,product")
    assert done.returncode == 0, done.stderr[-3000:]
    return out


@pytest.mark.slow
def test_the_numbers(written):
    report = json.loads(written.read_text())
    assert report["kind"] == "speed" and report["setting"]["cores"] == 2
    names = {"per_node", "saved_model", "compiled", "product"}
    assert [(row["kind"], row["batch"]) for row in report["rows"]] == [("encode", 2), ("denoise", 2)]
    for row in report["rows"]:
        assert set(row["times"]) == names
        assert row["difference"] < 1e-5 and row["flops_per_pose"] > 5e5
        for times in row["times"].values():
            low, high = times["quartiles"]
            assert 0 < low <= times["median"] <= high and times["count"] > 0
    starts = {start["contender"]: start for start in report["starts"]}
    assert set(starts) == names - {"product"}
    for start in starts.values():
        assert start["seconds"]["median"] > 0.05 and start["peak_memory"] > 2e7
    # The C++ session comes without Python's TensorFlow.
    assert starts["saved_model"]["peak_memory"] < starts["per_node"]["peak_memory"]


@pytest.mark.slow
def test_the_table(written):
    report, text = json.loads(written.read_text()), written.with_suffix(".md").read_text()
    tables = [part.splitlines() for part in text.split("\n\n") if part.startswith("|")]
    assert len(tables) == 4  # what it must show, encode, denoise, starts
    for lines in tables:
        assert len({line.count("|") for line in lines}) == 1
    assert text.count("| SavedModel, C API |") == text.count("| SavedModel with XLA (`--compiled`), C API |") == 2
    assert len(tables[0]) == 2 + len(report["summary"])


def test_a_contender_that_fails_ends_it_with_its_words(tmp_path):
    done = run(tmp_path / "speed.json", "--parts=calls", "--contenders=litert_1", "--cores=1000")
    assert done.returncode != 0 and "--cores=1000, but there are" in done.stderr
    assert not (tmp_path / "speed.json").exists()


def row(kind, batch, **milliseconds):
    times = {name: {"median": ms / 1e3, "quartiles": [ms / 1e3] * 2, "count": 1} for name, ms in milliseconds.items()}
    return {
        "kind": kind,
        "preset": PAPER,
        "batch": batch,
        "difference": 0.0,
        "flops_per_pose": 1e6,
        "times": times,
    }


def test_what_it_must_show():
    rows = [
        row("train", 64, per_node=30, keras_way=40, training=5, product=10),
        row("denoise", 1, per_node=4, litert_1=0.1, product=10),
        row("denoise", 1024, per_node=40, xla=20, litert_2=25, product=10, functions=16),
        row("encode", 1024, per_node=40, xla=32, litert_2=40, product=10, functions=20),
    ]
    starts = [
        {"kind": "train", "contender": name, "again": again, "seconds": {"median": seconds}}
        for name, again, seconds in (("per_node", False, 30), ("training", False, 12), ("training", True, 3))
    ]
    epochs = [
        {"contender": name, "again": again, "runs": [{"total": total}, {"total": total + 2}]}
        for name, again, total in (
            ("per_node", False, 99),
            ("keras_way", False, 199),
            ("training", False, 9),
            ("training", True, 4),
        )
    ]
    report = {"rows": rows, "starts": starts, "epochs": epochs, "product_flops": 1e9}
    found = {one["what"]: one for one in speed_report.summary(report)}
    measured = [one["measured"] for one in found.values()]
    # The product is 100 GFLOP/s; XLA's worst is 1,024 MFLOP in 32 ms.
    expected = [6, None, 10, 40, None, None, 0.32, None, 2.5, 4]
    assert measured == [None if value is None else pytest.approx(value) for value in expected]
    share = next(one for what, one in found.items() if what.startswith("inference"))
    assert share["bound"] == pytest.approx(0.512)
