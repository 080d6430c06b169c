"""Every file is cleaned once, in the form that it came in, or refused with a reason."""

import json
import pathlib

import numpy as np
import pytest

from tfpose import cleaning, cli
from tfpose.datasets import synthetic
from tfpose.errors import DataError, TfposeError
from tfpose.formats import arrays, bvh, read, write
from tfpose.formats.samples import sample
from tfpose.skeleton import Skeleton

pytest.importorskip("apache_beam")

from tfpose.export import clean_dataset as pipeline
from tfpose.export.clean_dataset import clean_dataset

PAPER = Skeleton.load("paper17")
READING = {"up": "y"}  # one of the made-up people stands on the hands
RETRYING = {"runner": "BundleBasedDirectRunner", "beam_options": ["--direct_runner_bundle_retry"]}


class Shifts:
    """A model of clips that moves everything by a centimetre, and fills gaps from the frame before."""

    skeleton = PAPER

    def denoise_clip(self, positions, rate, confidence=None, **options):
        filled = np.where(np.isnan(positions), np.roll(positions, 1, axis=0), positions) + np.float32(0.01)
        return {"denoised": filled, "trust": np.ones(positions.shape[:2]), "filled": np.isnan(positions).any(-1)}


@pytest.fixture(autouse=True)
def saved(monkeypatch):
    """What is given as the name of the model."""
    monkeypatch.setattr("tfpose.models.load_model", lambda name: Shifts())
    return "any"


@pytest.fixture
def clips(tmp_path) -> pathlib.Path:
    """Files of three formats in two folders, one that is cut off, one of a rig that is no person."""
    folder = tmp_path / "clips"
    for at, clip in enumerate(synthetic.clips(3, seed=3)):
        positions = clip.to(PAPER).positions[:40]
        positions[5, 3] = np.nan
        (folder / "deep").mkdir(parents=True, exist_ok=True)
        arrays.write(folder / f"take{at}.npz", positions, PAPER)
    write(folder / "deep" / "walk.bvh", sample("walk"))
    write(folder / "deep" / "walk.trc", sample("walk"))
    (folder / "cut.bvh").write_text("HIERARCHY")
    arrays.write(
        folder / "chair.npz", np.random.default_rng(0).normal(size=(3, 2, 3)), Skeleton("c", ("a", "b"), (-1, 0))
    )
    return folder


def check(out, folder):
    for file in sorted((out / "files").rglob("*.*")):
        (clip,) = read(folder / file.relative_to(out / "files"), on_note=lambda note: None, **READING)
        expected = cleaning.clean(Shifts(), clip).cleaned
        (got,) = read(file, on_note=lambda note: None, **READING)
        assert got.skeleton.joints == clip.skeleton.joints and got.rate == clip.rate
        # A bone of a BVH file keeps its length.
        joints = [clip.skeleton.root] if file.suffix == ".bvh" else slice(None)
        np.testing.assert_allclose(got.positions[:, joints], expected.positions[:, joints], atol=1e-4)


@pytest.mark.parametrize("how", [{}, RETRYING], ids=["once", "again"])
def test_files_are_cleaned_as_denoise_does_it(clips, saved, tmp_path, monkeypatch, how):
    if how:
        fails_once(monkeypatch)
    summary = clean_dataset(clips, saved, tmp_path / "out", reading_options=READING, **how)
    out = tmp_path / "out"
    names = sorted(str(file.relative_to(out / "files")) for file in (out / "files").rglob("*.*"))
    assert names == ["deep/walk.bvh", "deep/walk.trc", "take0.npz", "take1.npz", "take2.npz"]
    assert (summary["files"], summary["clips"], summary["frames"]) == (7, 5, 3 * 40 + 2 * 70)
    assert summary["missing"] == summary["filled"] == 3
    assert summary["dead_letters"] == {"skeleton": 1, "unreadable": 1}
    letters = [json.loads(line) for line in (out / "dead_letters.jsonl").read_text().splitlines()]
    assert {pathlib.Path(letter["source"]).name for letter in letters} == {"cut.bvh", "chair.npz"}
    assert sorted(path.name for path in out.iterdir()) == ["dead_letters.jsonl", "files", "summary.json"]
    check(out, clips)


def fails_once(monkeypatch):
    """The first file that is written fails afterwards, as when a worker is lost."""
    before, failed = cleaning.write_all, []

    def write_all(*arguments):
        before(*arguments)
        if not failed:
            failed.append(True)
            raise RuntimeError("lost")

    monkeypatch.setattr(cleaning, "write_all", write_all)


def test_what_is_lost_is_found(clips, saved, tmp_path, monkeypatch):
    monkeypatch.setattr(pipeline.cleaning, "write_all", lambda *_: None)
    with pytest.raises(TfposeError, match="5 files are not cleaned once and whole"):
        clean_dataset(clips, saved, tmp_path / "out")
    assert not (tmp_path / "out").exists() and not list(tmp_path.glob(".out*"))


def test_a_file_that_cannot_be_written_is_a_dead_letter(clips, saved, tmp_path, monkeypatch):
    before, out = cleaning.write_all, tmp_path / "out"

    def write_all(target, *arguments):
        if target.suffix == ".trc":
            before(target, *arguments)
            raise DataError(f"{target}: holds one clip, got 2") from cause
        before(target, *arguments)

    monkeypatch.setattr(cleaning, "write_all", write_all)
    cause = OSError("no space left")
    with pytest.raises(TfposeError, match="holds one clip"):
        clean_dataset(clips, saved, out, reading_options=READING)
    assert not out.exists()
    cause = None
    summary = clean_dataset(clips, saved, out, reading_options=READING)
    assert summary["dead_letters"] == {"skeleton": 1, "unreadable": 1, "unwritable": 1} and summary["clips"] == 4
    assert not (out / "files" / "deep" / "walk.trc").exists()


def test_files_of_one_name_are_refused_before_any_work(clips, saved, tmp_path):
    for suffix in ("npy", "pkl"):
        (clips / f"one.{suffix}").write_bytes(b"")
    (clips / "one.pkl").rename(clips / "one.NPY")
    with pytest.raises(DataError, match=r"one\.(npy|NPY) and .*one\.(npy|NPY) would both be written as one\.npy"):
        clean_dataset(clips, saved, tmp_path / "out", reading_options=READING)
    assert not (tmp_path / "out").exists()


def test_nothing_to_clean(saved, tmp_path):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.bvh").write_text("HIERARCHY")
    with pytest.raises(DataError, match=r"none of 1 files can be cleaned, such as .*a\.bvh"):
        clean_dataset(tmp_path / "bad", saved, tmp_path / "out")
    (tmp_path / "out").mkdir()
    with pytest.raises(DataError, match="out: exists already"):
        clean_dataset(tmp_path / "bad", saved, tmp_path / "out")


def test_a_model_that_cannot_be_loaded_is_one_line(clips, tmp_path, monkeypatch, capsys):
    monkeypatch.undo()
    (tmp_path / "cut.keras").write_bytes(b"PK")
    reasons = {"nowhere": "no such file; expected a model", tmp_path / "cut.keras": "not a tfpose model, or damaged"}
    for name, reason in reasons.items():
        assert cli.main(["clean-dataset", str(clips), "--model", str(name), "--out", str(tmp_path / "out")]) != 0
        said = capsys.readouterr().err
        assert f"{name}: {reason}" in said and said.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_the_command(clips, saved, tmp_path, capsys):
    out = tmp_path / "out"
    assert cli.main(["clean-dataset", str(clips), "--model", str(saved), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert f"7 files: 5 clips, 260 poses cleaned -> {out}" in said and "1 skeleton, 1 unreadable" in said
    assert bvh.read_file(out / "files" / "deep" / "walk.bvh")[0].skeleton == sample("walk").skeleton
    assert cli.main(["clean-dataset", str(clips), "--out", str(out)]) == 1
    assert f"{out}: exists already" in capsys.readouterr().err
