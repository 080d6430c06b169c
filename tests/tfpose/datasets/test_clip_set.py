"""Labelled clips of one length: resampling, protocols, and what is refused."""

import numpy as np
import pytest
from made_up import write_ntu, write_nucla

from tfpose.datasets import ClipSet, clips, splits
from tfpose.datasets.clip_set import resample
from tfpose.errors import DataError
from tfpose.formats import Clip, ntu, nucla
from tfpose.skeleton import Skeleton

KINECT = Skeleton.load("kinect20")
ACTIONS = {"a01": "pick up", "a02": "throw"}


def clip(frames=5, action="a01", view="v01", subject="s01") -> Clip:
    """Joint j stands at (t, j, 0) in frame t."""
    positions = np.zeros((frames, 20, 3), np.float32)
    positions[..., 0], positions[..., 1] = np.arange(frames)[:, None], np.arange(20)
    return Clip(positions, KINECT, subject=subject, action=action, view=view)


# --- one length


def test_resampling_is_even_and_linear():
    moving = clip(frames=5).positions
    np.testing.assert_allclose(resample(moving, 9)[:, 3, 0], np.arange(9) / 2)
    np.testing.assert_allclose(resample(moving, 3)[:, 3, 0], [0, 2, 4])
    np.testing.assert_array_equal(resample(moving, 5), moving)


def test_a_clip_of_one_frame_stands_still():
    still = clip(frames=1).positions
    np.testing.assert_array_equal(resample(still, 4), np.tile(still, (4, 1, 1)))


def test_missing_joints_are_interpolated_and_held_at_the_ends():
    moving = clip(frames=6).positions
    moving[[0, 3, 5], 7] = np.nan
    moving[:, 8] = np.nan
    resampled = resample(moving, 6)
    np.testing.assert_allclose(resampled[:, 7, 0], [1, 1, 2, 3, 4, 4])
    np.testing.assert_allclose(resampled[:, 6, 0], np.arange(6))
    assert np.isnan(resampled[:, 8]).all()


def test_labels_views_and_subjects_stay_with_their_clips():
    taken = [clip(action="a02", view="v02"), clip(frames=1, subject="s07"), clip(action="a02")]
    made = ClipSet.of_clips("made up", taken, ACTIONS, KINECT, frames=4)
    assert made.positions.shape == (3, 4, 20, 3) and len(made) == 3
    np.testing.assert_array_equal(made.labels, [1, 0, 1])
    assert made.actions == ("pick up", "throw")
    assert made.views == ("v02", "v01", "v01") and made.subjects == ("s01", "s07", "s01")
    np.testing.assert_allclose(made.positions[0, :, 3, 0], np.linspace(0, 4, 4), rtol=1e-6)


def test_a_clip_with_a_joint_never_seen_is_left_out():
    blind = clip().positions.copy()
    blind[:, 4] = np.nan
    taken = [Clip(blind, KINECT, action="a01"), clip(action="a02")]
    np.testing.assert_array_equal(ClipSet.of_clips("made up", taken, ACTIONS, KINECT, 4).labels, [1])
    with pytest.raises(DataError, match="made up: holds no clip in which every joint of 'kinect20' is seen"):
        ClipSet.of_clips("made up", taken[:1], ACTIONS, KINECT, 4)


def test_an_action_without_a_name_is_refused():
    with pytest.raises(DataError, match="made up: no action 'a09'; there are a01, a02"):
        ClipSet.of_clips("made up", [clip(action="a09")], ACTIONS, KINECT, 4)


def test_the_checksum_is_of_positions_labels_and_names():
    def checksum(positions=0.0, labels=(0, 1), actions=("x", "y"), views=("v01", "v01")):
        return ClipSet("s", np.full((2, 3, 20, 3), positions), labels, actions, KINECT, views, ("a", "b")).checksum

    assert checksum() == checksum(views=("v01", "v02"))
    assert len({checksum(), checksum(positions=1.0), checksum(labels=(1, 0)), checksum(actions=("x", "z"))}) == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"positions": np.zeros((2, 3, 19, 3))},
            r"expected clips \[N, T, 20, 3\] with N and T > 0, got \[2, 3, 19, 3\]",
        ),
        ({"positions": np.zeros((2, 0, 20, 3))}, "with N and T > 0"),
        ({"positions": np.full((2, 3, 20, 3), np.nan)}, "not finite; fill missing joints with `resample`"),
        ({"labels": [0]}, r"expected labels \[2\], got \[1\]"),
        ({"labels": [0, 2]}, "has label 2, there are 2 actions"),
        ({"views": ("v01",)}, r"expected views \[2\], got \[1\]"),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    parts = {"positions": np.zeros((2, 3, 20, 3)), "labels": [0, 1], "views": ("v", "v"), **change}
    with pytest.raises(DataError, match=message):
        ClipSet("set", actions=("x", "y"), skeleton=KINECT, subjects=("a", "b"), **parts)


# --- protocols


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "nucla" / "all_sqe").mkdir(parents=True)
    for view, count in (("v01", 3), ("v02", 2), ("v03", 4)):
        for number in range(count):
            write_nucla(tmp_path / "nucla" / "all_sqe", f"a{number + 1:02d}_s01_e00_{view}")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "train", "test"),
    [("nucla", {"v01", "v02"}, {"v03"}), ("nucla_v1_v2", {"v01"}, {"v02"}), ("nucla_v2_v1", {"v02"}, {"v01"})],
)
def test_nucla_protocols_split_by_view(folder, name, train, test):
    folder.joinpath("nucla", "all_sqe", "a04_s01_e00_v03.json").unlink()
    for split, views in (("train", train), ("test", test)):
        found = clips(name, split, folder, frames=6)
        assert set(found.views) == views and found.name == f"{name}/{split}"
        assert found.positions.shape[1:] == (6, 17, 3)
        assert found.actions == tuple(nucla.ACTIONS.values())


def ntu_folder(folder):
    place = folder / "ntu" / "nturgb+d_skeletons"
    place.mkdir(parents=True)
    for camera in (1, 2, 3):
        for performer in (1, 3):
            write_ntu(place, f"S001C00{camera}P00{performer}R001A0{10 + camera}", bodies=(("7",), ("7",), ("7",)))
    (folder / "ntu" / "NTU_RGBD_samples_with_missing_skeletons.txt").write_text("S001C003P003R001A013\n")
    return place


def test_ntu_protocols_split_by_camera_and_by_performer(tmp_path):
    ntu_folder(tmp_path)
    train, test = (clips("ntu", split, tmp_path, frames=4) for split in ("train", "test"))
    # The official list of missing skeletons takes one sample away.
    assert train.views == ("C002", "C002", "C003") and test.views == ("C001", "C001")
    train, test = (clips("ntu_subject", split, tmp_path, frames=4) for split in ("train", "test"))
    assert set(train.subjects) == {"P001"} and set(test.subjects) == {"P003"}
    assert len(train) == 3 and len(test) == 2
    assert len(train.actions) == 60 and [train.actions[label] for label in train.labels] == [
        "reading",
        "writing",
        "tear up paper",
    ]


def test_of_two_ntu_bodies_the_one_that_moves_most_is_taken(tmp_path):
    place = ntu_folder(tmp_path)
    # Body b stands at z = b in frame t = y. Seen in more frames, 9 goes further.
    write_ntu(place, "S001C001P001R001A011", bodies=(("7", "9"), ("7", "9"), ("9",)))
    two, _ = (clips("ntu", "test", tmp_path, frames=3).positions[number] for number in (0, 1))
    assert (two[..., 2] == 9).all()


def test_unknown_names_and_splits(tmp_path):
    with pytest.raises(
        DataError, match="no set of labelled clips 'cmu'; there are nucla, nucla_v1_v2, nucla_v2_v1, ntu"
    ):
        clips("cmu", "train")
    with pytest.raises(DataError, match="'nucla' has no split 'all'; it has train, test"):
        clips("nucla", "all")
    assert splits.CLIP_NAMES == ("nucla", "nucla_v1_v2", "nucla_v2_v1", "ntu", "ntu_subject")


def test_the_actions_of_ntu():
    assert len(ntu.ACTIONS) == 60
    assert (ntu.ACTIONS["A001"], ntu.ACTIONS["A023"], ntu.ACTIONS["A060"]) == (
        "drink water",
        "hand waving",
        "walking apart",
    )


# --- the real data


def test_real_ntu(data_dir):
    train, test = (clips("ntu", split, data_dir) for split in ("train", "test"))
    assert (len(train), len(test)) == (104, 52)
    assert {train.actions[label] for label in train.labels} == {"hand waving"}


@pytest.mark.slow
def test_real_nucla_folds_never_touch_the_test_view(data_dir):
    one, other = clips("nucla_v1_v2", "train", data_dir), clips("nucla_v1_v2", "test", data_dir)
    assert (len(one), len(other)) == (516, 504) and set(one.views + other.views) == {"v01", "v02"}
    assert np.bincount(one.labels, minlength=10).min() > 40
