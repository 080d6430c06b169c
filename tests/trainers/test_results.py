"""Result files: they hold what is needed to make the numbers again."""

import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys

import numpy as np
import pytest

from tfpose import presets
from tfpose.errors import DataError
from tfpose.trainers import results

COMMAND = ["tfpose", "evaluate", "denoise", "--model", "runs/my run", "--out", "r.json"]
REPORT = {
    "seeds": [5],
    "data": {"name": "made up/test", "checksum": "abc", "lineage": "nobody's"},
    "mean": {
        "rows": {
            "doing nothing": {"mpjpe": [0.0, 29.0, 58.0, 88.0, 117.0, 147.0], "mpjpe_mean": 87.8},
            "autoencoder": {"mpjpe": [3.0, 8.0, 14.0, 21.0, 29.0, 38.0], "mpjpe_mean": 22.0},
        },
        "poses": 1234,
    },
}


@pytest.fixture
def model(tmp_path) -> pathlib.Path:
    """A working directory; the evaluator's numbers do not depend on what is in the model."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "model.keras").write_bytes(b"a model")
    (folder / "config.json").write_text('{"config": {"steps": 7}, "data": {"name": "cmu/train"}}')
    return folder


@pytest.fixture(autouse=True)
def command(monkeypatch):
    monkeypatch.setattr(sys, "argv", COMMAND)


def test_json_and_table_say_where_they_come_from(tmp_path, model):
    path = tmp_path / "new" / "result.json"
    results.write(path, "denoise", REPORT, "| a table |", model)
    found = json.loads(path.read_text())
    assert found["kind"] == "denoise" and found["seeds"] == [5]
    assert shlex.split(found["command"]) == COMMAND
    assert found["data"] == {"name": "made up/test", "checksum": "abc", "lineage": "nobody's"}
    assert found["model"]["sha256"] == hashlib.sha256(b"a model").hexdigest()
    assert found["model"]["trained"]["config"]["steps"] == 7
    assert found["machine"]["cores"] == os.cpu_count()
    assert {name: found[name] for name in REPORT} == REPORT
    table = path.with_suffix(".md").read_text()
    assert table == f"`{found['command']}`\n\nmade up/test\n\n| a table |\n"
    assert sorted(file.name for file in path.parent.iterdir()) == ["result.json", "result.md"]


def test_the_commit_is_that_of_the_code(tmp_path, model):
    results.write(tmp_path / "r.json", "denoise", REPORT, "", model)
    commit = json.loads((tmp_path / "r.json").read_text())["commit"]
    here = pathlib.Path(results.__file__).parent
    git = ["git", "-C", str(here), "rev-parse", "HEAD"]
    head = subprocess.run(git, capture_output=True, text=True, check=False)
    if head.returncode:
        assert commit == "unknown"
    else:
        assert head.stdout.startswith(commit.removesuffix("-dirty")) and len(commit) >= 12


def test_an_environment_in_another_repository_has_no_commit(tmp_path, monkeypatch):
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "--message=mine"], check=True)
    installed = tmp_path / "venv" / "site-packages" / "tfpose" / "trainers" / "results.py"
    installed.parent.mkdir(parents=True)
    installed.write_text("")
    monkeypatch.setattr(results, "__file__", str(installed))
    assert results._commit() == "unknown"


def test_without_git_the_commit_is_unknown(tmp_path, model, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    results.write(tmp_path / "r.json", "denoise", REPORT, "", model)
    assert json.loads((tmp_path / "r.json").read_text())["commit"] == "unknown"


def test_a_model_file_without_its_run(tmp_path, model):
    (model / "config.json").unlink()
    results.write(tmp_path / "r.json", "denoise", REPORT, "", model / "model.keras")
    found = json.loads((tmp_path / "r.json").read_text())["model"]
    assert found == {"sha256": hashlib.sha256(b"a model").hexdigest(), "trained": None}


def test_a_preset_says_what_its_weights_come_from(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    card = presets.write(folder, presets.Preset({}, {"a": np.ones(3)}, {"trained": {"config": {"steps": 9}}}))
    results.write(tmp_path / "r.json", "denoise", REPORT, "", folder)
    found = json.loads((tmp_path / "r.json").read_text())["model"]
    assert found == {"sha256": card["sha256"], "trained": {"config": {"steps": 9}}}


def test_a_path_that_cannot_be_written_is_named(tmp_path, model):
    (tmp_path / "file").write_text("no folder")
    path = tmp_path / "file" / "r.json"
    with pytest.raises(DataError) as caught:
        results.write(path, "denoise", REPORT, "", model)
    assert str(caught.value).startswith(f"{path}: cannot be written (")
    assert (tmp_path / "file").read_text() == "no folder"


def test_a_failure_keeps_the_old_result(tmp_path, model, monkeypatch):
    path = tmp_path / "out" / "r.json"
    results.write(path, "denoise", REPORT, "", model)
    before = path.read_bytes()

    def no_space(self, target):
        raise OSError("no space left on device")

    monkeypatch.setattr(pathlib.Path, "replace", no_space)
    with pytest.raises(DataError, match="no space left"):
        results.write(path, "denoise", REPORT, "", model)
    assert path.read_bytes() == before
    assert sorted(file.name for file in path.parent.iterdir()) == ["r.json", "r.md"]


def test_the_table_does_not_take_the_place_of_the_numbers(tmp_path):
    with pytest.raises(DataError, match=r"r\.md: the name of the JSON file must not end in \.md"):
        results.write(tmp_path / "r.md", "denoise", REPORT, "")
    assert not list(tmp_path.iterdir())


def test_a_changed_benchmark_is_a_change_of_the_code(tmp_path, monkeypatch):
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    for name in ("trainers/results.py", "benchmarks/speed.py", "reproduction/tables.py"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("")
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message=mine"]):
        subprocess.run([*git, *command], check=True)
    monkeypatch.setattr(results, "__file__", str(tmp_path / "trainers" / "results.py"))
    assert not results._commit().endswith("-dirty")
    (tmp_path / "benchmarks" / "speed.py").write_text("changed")
    assert results._commit().endswith("-dirty")
