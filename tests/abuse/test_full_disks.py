"""Writes that fail in the middle: one line that names the file, what was there stays, and nothing half-written is left.

A limit on the size of files stands for a full disk: it needs no rights, and holds for all that libraries write too.
"""

import contextlib
import resource

import jobs
import numpy as np
import pytest
import tally

import tfpose
from tfpose import presets
from tfpose.datasets import synthetic
from tfpose.errors import LONGEST, TfposeError
from tfpose.export.files import new_artifact
from tfpose.export.saved_model import export_saved_model
from tfpose.files import write_text
from tfpose.models import save_model

pytestmark = pytest.mark.slow  # what it exports and starts takes most of a minute


@contextlib.contextmanager
def full_disk(after: int):
    """Lets no file grow beyond so many bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (after, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.fixture(scope="module")
def clip():
    return next(iter(synthetic.clips(1, seed=0)))


def refused(write, path, after: int):
    """Whether a write fails in one line that starts with a path below that of the result, or above."""
    with full_disk(after), pytest.raises(TfposeError) as caught:
        write()
    said = str(caught.value)
    assert str(path.parent) in said and said.isprintable() and len(said) <= LONGEST, said
    tally.count("full disks", "writes", {"refused": 1})


@pytest.mark.parametrize("suffix", [".npz", ".npy", ".bvh", ".csv", ".trc", ".c3d", ".json"])
def test_clips(clip, tmp_path, suffix):
    path = tmp_path / f"clip{suffix}"
    if suffix == ".c3d":
        pytest.importorskip("ezc3d")
    tfpose.write(path, clip)
    content = path.read_bytes()
    last = 600 if suffix == ".c3d" else 1  # which ends in zeros up to a whole block
    for after in (0, 1000, len(content) // 2, len(content) - last):
        refused(lambda: tfpose.write(path, clip), path, after)
        assert path.read_bytes() == content and list(tmp_path.iterdir()) == [path]


def test_texts(tmp_path):
    path = tmp_path / "summary.json"
    write_text(path, "before")
    refused(lambda: write_text(path, "x" * 5000), path, 100)
    assert path.read_text() == "before" and list(tmp_path.iterdir()) == [path]


def test_models_and_presets(model, tmp_path):
    save_model(model, tmp_path)
    path = tmp_path / "model.keras"
    content = path.read_bytes()
    for after in (0, 5000, len(content) // 2):
        refused(lambda: save_model(model, tmp_path), path, after)
        assert path.read_bytes() == content and list(tmp_path.iterdir()) == [path]
    preset = presets.Preset({}, {"a": np.random.default_rng(0).normal(size=10_000)}, {})
    refused(lambda: presets.write(tmp_path / "preset", preset), tmp_path / "preset" / "weights.npz", 5000)
    assert list((tmp_path / "preset").iterdir()) == []


def test_shards(tmp_path):
    refused(lambda: jobs.write_shards(tmp_path / "shards"), tmp_path / "shards", 3000)
    assert not list((tmp_path).glob("shards/*"))
    jobs.write_shards(tmp_path / "shards")


@pytest.mark.slow
@pytest.mark.parametrize("after", [100, 20_000])
def test_saved_models(model, tmp_path, after):
    refused(lambda: export_saved_model(model, tmp_path / "saved_model"), tmp_path / "saved_model", after)
    assert list(tmp_path.iterdir()) == []


def test_artifacts_of_one_file(tmp_path):
    def write():
        with new_artifact(tmp_path / "model.tflite") as file:
            file.write_bytes(bytes(10_000))

    refused(write, tmp_path / "model.tflite", 5000)
    assert list(tmp_path.iterdir()) == []


def test_a_training_goes_on(tmp_path):
    """From the last checkpoint that is whole."""
    refused(lambda: jobs.train(tmp_path / "run"), tmp_path / "run", 500)
    jobs.train(tmp_path / "run")
    assert (tmp_path / "run" / "model.keras").is_file()
