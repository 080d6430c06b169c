"""Processes killed at random moments: what they leave is whole or not there, and the next run ends as one alone would.

A job first runs to its end, which says how long it takes; then it is killed (SIGKILL) up to that late, again and again.
"""

import collections
import signal
import time

import jobs
import numpy as np
import pytest
import tally
import tensorflow as tf
from damage import same

from tfpose.datasets import read_codes, shards
from tfpose.datasets.codes import SUMMARY
from tfpose.export.artifacts import open_artifact
from tfpose.formats import arrays
from tfpose.skeleton import Skeleton

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning"),
]


@pytest.fixture(scope="module", autouse=True)
def started():
    """The server of processes, which takes seconds to start."""
    finish(tuple)


def finish(job, *arguments) -> float:
    """Runs a job to its end, and returns how many seconds it took."""
    started = time.monotonic()
    process = jobs.start(job, *arguments)
    process.join(300)
    assert process.exitcode == 0
    return time.monotonic() - started


def kill(job, *arguments, within: float, times: int, seed: int, check) -> collections.Counter:
    """Starts a job `times` times, kills it and checks what it left; how often it was killed and how often done."""
    rng, counts = np.random.default_rng(seed), collections.Counter()
    for _ in range(times):
        process = jobs.start(job, *arguments)
        process.join(rng.uniform(0.1, 1.0) * within)
        process.kill()
        process.join()
        counts["killed" if process.exitcode == -signal.SIGKILL else "done"] += 1
        assert process.exitcode in (-signal.SIGKILL, 0)
        check()
    tally.count("kills", job.__name__.replace("_", " "), counts)
    return counts


def state_of(workdir) -> dict:
    """Every number of the last checkpoint."""
    reader = tf.train.load_checkpoint(tf.train.latest_checkpoint(workdir / "checkpoints"))
    names = [name for name in reader.get_variable_to_shape_map() if not name.startswith("_CHECKPOINTABLE")]
    return {name: np.asarray(reader.get_tensor(name)) for name in names}


def test_training(tmp_path, times):
    seconds = finish(jobs.train, tmp_path / "alone")
    workdir = tmp_path / "killed"

    def check():
        if tf.train.latest_checkpoint(workdir / "checkpoints"):
            assert all(np.isfinite(value).all() for value in state_of(workdir).values())

    counts = kill(jobs.train, workdir, within=seconds, times=6 * times, seed=0, check=check)
    finish(jobs.train, workdir)
    assert counts["killed"] and same(state_of(workdir), state_of(tmp_path / "alone"))
    assert len(list(workdir.glob("*.keras"))) == 1


def test_shards(tmp_path, times):
    seconds = finish(jobs.write_shards, tmp_path / "alone")
    folder = tmp_path / "killed"

    def check():
        for path in folder.glob("clips-*.tfrecord"):
            assert len(shards.read_file(path))

    counts = kill(jobs.write_shards, folder, within=seconds, times=6 * times, seed=1, check=check)
    finish(jobs.write_shards, folder)
    assert counts["killed"] and names_in(folder) == names_in(tmp_path / "alone")
    for name in names_in(folder):
        assert (folder / name).read_bytes() == (tmp_path / "alone" / name).read_bytes()


def names_in(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_exports(model, poses, tmp_path, times):
    model.save(tmp_path / "model.keras")
    seconds = finish(jobs.export_model, tmp_path / "model.keras", tmp_path / "alone")
    out = tmp_path / "killed"
    expected = open_artifact(tmp_path / "alone" / "saved_model").signatures["denoise"].run(joints=poses)

    def check():
        if (out / "saved_model").exists():
            found = open_artifact(out / "saved_model").signatures["denoise"].run(joints=poses)
            assert same(found, expected)
            (out / "saved_model").rename(tmp_path / f"done{time.monotonic_ns()}")

    arguments = (tmp_path / "model.keras", out)
    counts = kill(jobs.export_model, *arguments, within=seconds, times=2 * times, seed=2, check=check)
    finish(jobs.export_model, *arguments)
    assert counts["killed"]
    check()


def test_beam_runs(artifacts, poses, tmp_path, times):
    pytest.importorskip("apache_beam")
    for take in range(60):
        arrays.write(tmp_path / "clips" / f"take{take:02d}.npy", poses[take % 20 :][:9], Skeleton.load("paper17"))
    arguments = (tmp_path / "clips", artifacts["saved_model"])
    seconds = finish(jobs.encode, *arguments, tmp_path / "alone")
    out = tmp_path / "killed"
    expected = codes_in(tmp_path / "alone")
    assert len(expected) == 60

    def check():
        if out.exists():
            assert (out / SUMMARY).is_file() and same(codes_in(out), expected)
            out.rename(tmp_path / f"done{time.monotonic_ns()}")

    counts = kill(jobs.encode, *arguments, out, within=seconds, times=4 * times, seed=3, check=check)
    finish(jobs.encode, *arguments, out)
    assert counts["killed"] and out.exists()
    check()
    assert not list(tmp_path.glob(".killed*"))


def codes_in(out) -> dict:
    """The codes of each clip; none comes twice."""
    clips = list(read_codes(out))
    found = {clip.source: (clip.pose_code, clip.view_code) for clip in clips}
    assert len(found) == len(clips)
    return found
