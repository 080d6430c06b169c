"""Each format: a file as its own program writes it, cleaned by the command in the documentation, and read again."""

import dataclasses
import pathlib
import re
import warnings

import numpy as np
import pytest
import wild

from tfpose import cli
from tfpose.formats import read, write
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
    assert after.rate == before.rate
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
    if ending != ".csv" and before.rate:
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
