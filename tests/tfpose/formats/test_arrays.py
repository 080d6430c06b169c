import zipfile

import numpy as np
import pytest

from tfpose.errors import DataError
from tfpose.formats import UPS, arrays
from tfpose.formats.axes import from_y_up, matrix, to_y_up
from tfpose.formats.recording import Options
from tfpose.skeleton import Skeleton

PAPER = Skeleton.load("paper17")


def some_positions(frames=4):
    positions = np.random.default_rng(0).normal(size=(frames, 17, 3)).astype(np.float32)
    positions[1, 5] = np.nan
    return positions


@pytest.mark.parametrize("suffix", arrays.SUFFIXES)
def test_what_is_written_comes_back_bit_for_bit(tmp_path, suffix):
    path = tmp_path / "new" / f"poses{suffix}"
    arrays.write(path, some_positions(), PAPER)
    (clip,) = arrays.read_file(path, Options(PAPER, rate=25))
    np.testing.assert_array_equal(clip.positions, some_positions())
    assert clip.rate == 25 and [file.name for file in path.parent.iterdir()] == [path.name]
    arrays.write(path, some_positions()[0], PAPER)  # one pose, over the old file
    assert len(arrays.read_file(path, Options(PAPER))[0]) == 1


def test_named_joints_are_found_by_name(tmp_path):
    h36m = Skeleton.load("h36m17")
    path = tmp_path / "poses.npz"
    arrays.write(path, some_positions(), PAPER)
    (clip,) = arrays.read_file(path, Options(h36m))
    at = PAPER.index("knee_left")
    np.testing.assert_array_equal(clip.positions[:, h36m.index("knee_left")], some_positions()[:, at])
    with pytest.raises(DataError, match=r"lacks hand_left, .* for skeleton 'kinect20'; it has spine_base, spine_mid"):
        arrays.read_file(path, Options(Skeleton.load("kinect20")))


def test_npz_with_one_array_needs_no_key(tmp_path):
    np.savez(tmp_path / "x.npz", whatever=some_positions())
    assert len(arrays.read_file(tmp_path / "x.npz", Options(PAPER))[0]) == 4
    np.savez(tmp_path / "x.npz", one=some_positions(), two=some_positions())
    with pytest.raises(DataError, match=r"x\.npz: expected an array 'positions'.* it holds one, two"):
        arrays.read_file(tmp_path / "x.npz", Options(PAPER))


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.ones((3, 16, 3)), "expected 17 joints of skeleton 'paper17', got 16"),
        (np.zeros(51), r"got \[51\]"),
        (np.array(["a"]), "expected numbers"),
        (np.zeros((1, 17, 3), complex), "expected numbers"),
        (np.array([{}]), "pickle"),
    ],
)
def test_npy_of_something_else(tmp_path, array, says):
    np.save(tmp_path / "x.npy", array)
    with pytest.raises(DataError, match=rf"^.*x\.npy: .*{says}"):
        arrays.read_file(tmp_path / "x.npy", Options(PAPER))


def test_writing_refuses_and_leaves_nothing_behind(tmp_path):
    with pytest.raises(DataError, match=r"x\.txt: cannot write a '\.txt' file; the name must end in \.npy, \.npz"):
        arrays.write(tmp_path / "x.txt", some_positions(), PAPER)
    with pytest.raises(DataError, match=r"x\.npy: expected positions \[T, 17, 3\]"):
        arrays.write(tmp_path / "x.npy", some_positions()[:, :3], PAPER)
    assert not list(tmp_path.iterdir())


def test_a_failed_write_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "x.npy"
    arrays.write(path, some_positions(), PAPER)

    def full(*_, **__):
        raise OSError("no space left")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(DataError, match=r"x\.npy: cannot be written .*no space left"):
        arrays.write(path, some_positions()[:1], PAPER)
    assert [file.name for file in tmp_path.iterdir()] == ["x.npy"]
    assert len(arrays.read_file(path, Options(PAPER))[0]) == 4


@pytest.mark.parametrize("up", UPS)
def test_up_axis_is_turned_upwards_and_right_handed(up, tmp_path):
    axis, sign = "xyz".index(up[-1]), -1.0 if up.startswith("-") else 1.0
    pose = np.random.default_rng(0).normal(0, 0.3, (17, 3)).astype(np.float32)
    np.save(tmp_path / "pose.npy", pose)
    (clip,) = arrays.read_file(tmp_path / "pose.npy", Options(PAPER, unit=1.0, up=up))
    np.testing.assert_array_equal(clip.positions[0, :, 1], sign * pose[:, axis])
    assert np.linalg.det(matrix(up)) == pytest.approx(1.0)
    np.testing.assert_array_equal(clip.positions[0], to_y_up(pose, up))
    np.testing.assert_allclose(pose @ matrix(up).T, to_y_up(pose, up))
    np.testing.assert_array_equal(from_y_up(to_y_up(pose, up), up), pose)


def test_millimetres_need_a_unit(tmp_path):
    pose = np.random.default_rng(0).normal(0, 300, (5, 17, 3)).astype(np.float32)
    np.save(tmp_path / "mm.npy", pose)
    with pytest.raises(DataError, match=r"mm\.npy: .* no human; give the unit"):
        arrays.read_file(tmp_path / "mm.npy", Options(Skeleton.load("paper17")))
    (clip,) = arrays.read_file(tmp_path / "mm.npy", Options(Skeleton.load("paper17"), unit=0.001))
    np.testing.assert_allclose(clip.positions, pose * 0.001, rtol=1e-6)


def test_pickled_arrays_are_not_read_which_is_said(tmp_path):
    np.savez(tmp_path / "in.npz", positions=some_positions(), about=np.array([{"a": 1}], object))
    (clip,) = arrays.read_file(tmp_path / "in.npz", Options(PAPER))
    assert [note for note in clip.notes if "'about'" in note] == [
        "its pickled array 'about' is not read, and not written back"
    ]
    with pytest.raises(DataError, match=r"out\.npz: arrays of objects cannot be written: about"):
        arrays.write_clip(tmp_path / "out.npz", clip, about=np.array([{}], object))
    assert not (tmp_path / "out.npz").exists()


def test_arrays_of_any_name_go_back(tmp_path):
    source = {"positions": some_positions(), "file": np.arange(3), "allow_pickle": np.array("no"), "args": np.ones(2)}
    with zipfile.ZipFile(tmp_path / "in.npz", "w") as archive:
        for name, array in source.items():
            with archive.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, array)
    (clip,) = arrays.read_file(tmp_path / "in.npz", Options(PAPER))
    arrays.write_clip(tmp_path / "out.npz", clip)
    with np.load(tmp_path / "out.npz") as found:
        assert set(found.files) == set(source)
        for name, array in source.items():
            np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize("shape", [(3, 17, 3), (1, 3, 17, 4), (3, 17, 4)])
def test_what_did_not_change_comes_back_as_it_was(tmp_path, shape):
    values = np.ones(shape)
    values[..., :3] = some_positions()[:3]
    values[..., 1, 4, :3] = 0.0  # missing
    if shape[-1] == 4:
        values[..., 2, 5, 3] = 0.1  # hardly seen
    np.save(tmp_path / "in.npy", values)
    (clip,) = arrays.read_file(tmp_path / "in.npy", Options(PAPER))
    assert clip.missing.any()
    arrays.write_clip(tmp_path / "out.npy", clip)
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), values)
