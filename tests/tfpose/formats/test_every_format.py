"""Each format: a file as its own program writes it, cleaned by the command in the documentation, and read again."""

import dataclasses
import pathlib
import re
import warnings

import numpy as np
import pytest
import wild

from tfpose import cli
from tfpose.errors import DataError
from tfpose.formats import read, write
from tfpose.formats.axes import from_y_up
from tfpose.formats.clip import Clip
from tfpose.skeleton import Skeleton

PAPER = Skeleton.load("paper17")
PAGE = pathlib.Path(__file__).resolve().parents[3] / "docs" / "data_and_formats.md"
# First words of a row of the table -> its command.
COMMANDS = dict(re.findall(r"(?m)^\| (.*?) \| `tfpose (denoise [^`]*)`", PAGE.read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def model():
    from tfpose.models import ClipDenoiser

    return ClipDenoiser.from_preset("sebirenet_cmu_clips")


@pytest.fixture
def written(request, tmp_path):
    """The file, the walk, and the walk as the file has it."""
    write, skeleton = wild.FILES[request.param]
    (tmp_path / "in").mkdir()
    truth, seen = wild.broken(Skeleton.load(skeleton))
    return write(tmp_path / "in", seen), truth, seen


def command(name: str) -> list[str]:
    (found,) = (command for row, command in COMMANDS.items() if row.startswith(name))
    return found.split()


def test_the_documentation_has_a_row_for_each():
    assert len(COMMANDS) == len(wild.FILES)


def quietly(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return list(read(path))


@pytest.mark.parametrize(("written", "name"), [(name, name) for name in wild.FILES], indirect=["written"])
def test_one_command_cleans_it_and_gives_it_back(written, name, model, tmp_path, monkeypatch, capsys):
    source, truth, seen = written
    (before,) = quietly(source)
    if before.origin.format != "bvh":  # there the knee is broken by an angle
        np.testing.assert_allclose(before.positions, seen, atol=2e-5)
    assert before.rate in (None, pytest.approx(30, rel=1e-3))
    monkeypatch.setattr("tfpose.models.load_model", lambda *_: model)
    denoise, given, flag, out = command(name)
    assert pathlib.Path(given).suffix == source.suffix
    out = tmp_path / out
    assert cli.main([denoise, str(source), flag, str(out)]) == 0
    assert "sides exchanged" in capsys.readouterr().out
    if out.is_dir():
        names = sorted(file.name for file in source.iterdir()) if source.is_dir() else ["walk.npz"]
        assert sorted(file.name for file in out.rglob("*")) == names
    (after,) = quietly(out)
    assert after.skeleton.joints == before.skeleton.joints and len(after) == len(before)
    assert after.rate == before.rate  # what was assumed is not written
    assert after.origin.unit == pytest.approx(before.origin.unit) and after.origin.up == before.origin.up
    knee = after.skeleton.index("knee_left")

    def off(clip):
        return np.linalg.norm(clip.positions[30:38, knee] - truth[30:38, knee], axis=-1).max()

    assert off(before) > 0.25
    assert off(after) < 0.25 * off(before)
    # What was right stays as it was, to the last digit that the file has.
    others = [at for at, name in enumerate(after.skeleton.joints) if "wrist" in name or "hand" in name]
    np.testing.assert_allclose(after.positions[45:60, others], before.positions[45:60, others], atol=1e-4)


@pytest.mark.parametrize(
    "written", ["BVH", "C3D", "TRC", "MediaPipe, JSON", "CSV of any rig", "movement"], indirect=True
)
@pytest.mark.parametrize("ending", [".bvh", ".c3d", ".trc", ".json", ".npz", ".csv", ".nc"])
def test_any_format_becomes_any_other(written, ending, tmp_path):
    source = written[0]
    (before,) = quietly(source)
    out = tmp_path / f"other{ending}"
    assert cli.main(["convert", str(source), str(out)]) == 0
    (after,) = quietly(out)
    assert len(after) == len(before)
    assert set(before.names) <= set(after.names)
    order = [after.names.index(name) for name in before.names]
    np.testing.assert_allclose(after.positions[:, order], before.positions, atol=1e-4)
    np.testing.assert_allclose(after.to(PAPER).positions, before.to(PAPER).positions, atol=1e-4)
    if before.rate:
        assert after.rate == pytest.approx(before.rate, rel=1e-4)


@pytest.mark.parametrize("ending", [".npz", ".csv", ".trc", ".c3d", ".nc", ".json", ".bvh"])
def test_joints_in_another_order_and_joints_that_are_not_used_keep_their_place(ending, tmp_path):
    """A file read as a skeleton that has fewer joints, in another order, than the file."""
    rig = Skeleton.load("cmu31")
    truth = wild.walk(rig).astype(np.float32)
    write(tmp_path / f"in{ending}", Clip(truth, rig, rate=30))
    joints = [joint for joint in reversed(PAPER.joints) if joint != "spine_shoulder"]
    names = {joint: rig.native[joint] for joint in joints}
    few = Skeleton("few", tuple(joints), (-1, *[0] * (len(joints) - 1)), native=names)
    (clip,) = read(tmp_path / f"in{ending}", skeleton=few, on_note=lambda note: None)
    assert clip.skeleton == few
    moved = clip.positions.copy()
    moved[:, clip.skeleton.index("wrist_left")] += [0.05, 0.0, 0.0]
    write(tmp_path / f"out{ending}", dataclasses.replace(clip, positions=moved))
    (before,) = quietly(tmp_path / f"in{ending}")
    (after,) = quietly(tmp_path / f"out{ending}")
    assert after.names == before.names
    wrist = after.skeleton.index("wrist_left")
    step = after.positions[:, wrist] - before.positions[:, wrist]
    np.testing.assert_allclose(step, [[0.05, 0, 0]] * len(truth), atol=1e-4)
    # In BVH what hangs on the wrist follows it.
    follow = ("hand_left", "hand_tip_left", "thumb_left") if ending == ".bvh" else ()
    others = [at for at, joint in enumerate(after.skeleton.joints) if at != wrist and joint not in follow]
    np.testing.assert_allclose(after.positions[:, others], before.positions[:, others], atol=1e-4)


@pytest.mark.parametrize("ending", [".json", ".csv", ".nc"])
def test_clips_of_two_files_are_not_taken_to_be_of_one(ending, tmp_path):
    walk = wild.walk(PAPER).astype(np.float32)[:6]
    for name, shift in (("one", 0.0), ("two", 1.0)):
        write(tmp_path / f"{name}{ending}", Clip(walk + np.float32(shift), PAPER, rate=30, subject=name))
    clips = [clip for name in ("one", "two") for clip in quietly(tmp_path / f"{name}{ending}")]
    out = tmp_path / f"both{ending}"
    if ending == ".csv":
        with pytest.raises(DataError, match=r"both\.csv: a table of joints holds one person"):
            write(out, clips)
        return
    write(out, clips)
    for found, clip in zip(quietly(out), clips, strict=True):
        np.testing.assert_allclose(found.positions, clip.positions, atol=1e-5)


def test_residuals_of_a_c3d_file_stay(tmp_path):
    path, out = tmp_path / "walk.c3d", tmp_path / "out.c3d"
    walk = wild.walk(PAPER).astype(np.float32)[:6]
    walk[2, 4] = np.nan
    write(path, Clip(walk, PAPER, rate=30))
    (clip,) = quietly(path)
    content = clip.origin.layout[0]
    measured = content["data"]["meta_points"]["residuals"]
    assert measured[0, 4].tolist() == [0, 0, -1, 0, 0, 0]
    measured[0, 1] = 3  # ezc3d writes whole numbers
    content.write(str(path))
    (clip,) = quietly(path)
    positions = clip.positions.copy()
    positions[2, 4], positions[3, 5] = positions[1, 4], np.nan
    write(out, dataclasses.replace(clip, positions=positions))
    (found,) = quietly(out)
    residuals = found.origin.layout[0]["data"]["meta_points"]["residuals"][0]
    assert (residuals[1] == 3).all() and (residuals[4] == 0).all()
    assert residuals[5].tolist() == [0, 0, 0, -1, 0, 0]
    before = clip.origin.layout[0]["data"]["meta_points"]["residuals"][0]
    assert before[4, 2] == -1 and before[5, 3] == 0, "what was read stays as it was"


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_trc_file_of_something_else_is_y_up(mirrored, tmp_path):
    walk = wild.walk(PAPER)
    values = from_y_up(walk, "z") * ([-1000, 1000, 1000] if mirrored else 1000)
    arrays = {"positions": values, "joints": np.array(PAPER.joints), "unit": 0.001, "up": "z"}
    np.savez(tmp_path / "in.npz", **arrays)
    (clip,) = read(tmp_path / "in.npz", mirrored=mirrored)
    write(tmp_path / "out.trc", clip)
    assert "\tmm\t" in (tmp_path / "out.trc").read_text()
    first = [float(cell) for cell in (tmp_path / "out.trc").read_text().splitlines()[6].split("\t")[2:]]
    np.testing.assert_allclose(np.reshape(first, (-1, 3)), walk[0] * 1000, atol=1e-3)
    # One that was TRC stays in its own axes.
    (again,) = read(tmp_path / "out.trc", up="z", on_note=lambda note: None)
    write(tmp_path / "again.trc", again)
    again, before = ((tmp_path / f"{name}.trc").read_text().split() for name in ("again", "out"))
    assert again == before
