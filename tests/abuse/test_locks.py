"""Two processes on one folder: the second is refused in one line, and a process that dies leaves no lock."""

import os
import subprocess
import sys

import ml_collections
import pytest

from tfpose.datasets import shards, synthetic
from tfpose.errors import DataError
from tfpose.export import export
from tfpose.files import locked
from tfpose.trainers import run

pytestmark = pytest.mark.slow  # what it exports and starts takes most of a minute

_HOLD = """
import sys
from tfpose.files import locked

with locked(sys.argv[1]):
    print("locked", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def held(tmp_path):
    """A folder that another process has locked, and that process."""
    folder = tmp_path / "folder"
    command = [sys.executable, "-c", _HOLD, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "locked\n"
        yield folder, other
        other.kill()


class Poses:
    name, checksum = "made up", "abc"


def work(folder, model):
    """What tfpose does in a folder, each as a function."""
    clips = list(synthetic.clips(1, seed=1))
    return {
        "training": lambda: run.claimed(folder, ml_collections.ConfigDict(), Poses).__enter__(),
        "export": lambda: export(model, folder, ["litert"]),
        "shards": lambda: shards.write(
            folder, lambda _: clips, name="a", skeleton=clips[0].skeleton, shards=1, source="b"
        ),
    }


@pytest.mark.parametrize("what", ["training", "export", "shards"])
def test_the_second_is_refused(held, model, what):
    folder, _ = held
    with pytest.raises(DataError, match=rf"^{folder}: another process is writing there; wait for its end"):
        work(folder, model)[what]()
    assert list(folder.iterdir()) == []


def test_a_killed_process_leaves_no_lock(held, model):
    folder, other = held
    other.kill()
    other.wait()
    work(folder, model)["shards"]()
    assert len(list(folder.iterdir())) == 2


def test_a_folder_that_got_nothing_goes(tmp_path):
    with locked(tmp_path / "new"):
        assert (tmp_path / "new").is_dir()
    assert not (tmp_path / "new").exists()
    with pytest.raises(DataError, match=r"cannot be written"), locked("/proc/nothing"):
        pass


def test_a_folder_that_another_process_removes_is_made_again(tmp_path, monkeypatch):
    folder, before = tmp_path / "new", os.open

    def removed_meanwhile(path, *arguments, **named):
        handle = before(path, *arguments, **named)
        monkeypatch.setattr(os, "open", before)
        folder.rmdir()
        return handle

    monkeypatch.setattr(os, "open", removed_meanwhile)
    with locked(folder):
        (folder / "file").touch()
        with pytest.raises(DataError, match="another process is writing there"), locked(folder):
            pass
    assert (folder / "file").exists()
