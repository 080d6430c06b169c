import json

import numpy as np
import pytest
from made_up import write_human36m, write_labels, write_nucla

from tfpose.datasets import ape, poses, splits
from tfpose.errors import DataError
from tfpose.formats import human36m
from tfpose.skeleton import Skeleton

PAPER = Skeleton.load("paper17")


def test_unknown_names_list_the_known_ones():
    with pytest.raises(DataError, match=r"no data set 'h37m'; there are synthetic, cmu, cmu_8, nucla, ntu, .*h36m_ape"):
        poses("h37m", "train")
    with pytest.raises(DataError, match="'cmu' has no split 'val'; it has train, test, all"):
        poses("cmu", "val")
    with pytest.raises(DataError, match="'h36m_ape' has no split 'all'; it has train, test"):
        poses("h36m_ape", "all")


def test_a_missing_folder_says_what_was_expected(tmp_path, monkeypatch):
    with pytest.raises(
        DataError, match=r"cmu: no such folder; expected the cmu data as cmu/subjects/\*/\*\.bvh.*TFPOSE_DATA"
    ):
        poses("cmu", "train", tmp_path)
    (tmp_path / "cmu").mkdir()
    with pytest.raises(DataError, match=r"cmu: holds no subjects/\*/\*\.bvh"):
        poses("cmu", "train", tmp_path)
    monkeypatch.delenv("TFPOSE_DATA", raising=False)
    with pytest.raises(DataError, match=r"'cmu' needs a data folder .* set TFPOSE_DATA"):
        poses("cmu", "train")


def test_nucla_leaves_out_poses_with_missing_joints_and_thins_the_test_view(tmp_path, monkeypatch):
    folder = tmp_path / "nucla" / "all_sqe"
    folder.mkdir(parents=True)
    for name in ("a01_s01_e00_v01", "a01_s01_e00_v02", "a01_s01_e00_v03"):
        write_nucla(folder, name, frames=12)
    path = folder / "a01_s01_e00_v02.json"
    content = json.loads(path.read_text())
    content["skeletons"][3][3] = [0, 0, 0]
    path.write_text(json.dumps(content))
    monkeypatch.setenv("TFPOSE_DATA", str(tmp_path))  # used where no folder is given
    assert len(poses("nucla", "train")) == 23
    assert len(poses("nucla", "test")) == 3
    assert len(poses("nucla", "all", skeleton=Skeleton.load("kinect20"))) == 35


def made_up_ape(folder, frames=310, poses_per_group=300):
    """Human3.6M sequences whose first coordinate counts frames, and labels that move joint 0, 0 1, 0 1 2, ..."""
    (folder / "h36m").mkdir()
    sequences = {}
    for subject in (*human36m.TRAIN_SUBJECTS, *human36m.TEST_SUBJECTS):
        sequences[subject] = {}
        for action in (*splits.APE_ACTIONS, "WalkDog"):
            for take, name in enumerate((action, f"{action} 1")):
                positions = np.zeros((frames, 32, 3), np.float32)
                positions[..., 0] = (np.arange(frames) + take * frames)[:, None]
                sequences[subject][name] = positions
    write_human36m(folder / "h36m", sequences)
    for split, groups, size in (("train", 35, poses_per_group), ("test", 14, 200)):
        for k in range(1, 6):
            labels = np.tile(np.arange(k), (groups, size, 1)).tolist()
            write_labels(ape.label_path(folder / "ape", k, split), labels)


def test_ape_protocol_by_construction(tmp_path):
    made_up_ape(tmp_path)
    train, test = poses("h36m_ape", "train", tmp_path), poses("h36m_ape", "test", tmp_path)
    assert (len(train), len(test)) == (52_500, 14_000)
    for pose_set, clean in ((train, 10_500), (test, 2_800)):
        np.testing.assert_array_equal(pose_set.k, np.repeat([1, 2, 3, 4, 5], clean))
        np.testing.assert_array_equal(pose_set.moved.sum(axis=1), pose_set.k)
        np.testing.assert_array_equal(pose_set.positions[:clean], pose_set.positions[-clean:])
    frame = train.positions[:300, 0, 0]  # one subject, one action: evenly over both takes, ends included
    assert (frame[0], frame[-1]) == (0, 619) and set(np.diff(frame)) <= {2, 3}
    greeting = test.positions[2 * 200 : 3 * 200, 0, 0]  # S9, third action: its shifted take is left out
    assert (greeting[0], greeting[-1]) == (310, 619)
    # The same joints by name in another skeleton's order.
    other = Skeleton.load("h36m17")
    moved = poses("h36m_ape", "test", tmp_path, other).moved
    expected = test.moved[:, [PAPER.index(joint) for joint in other.joints]]
    np.testing.assert_array_equal(moved, expected)


def test_ape_protocol_refuses_other_numbers(tmp_path):
    made_up_ape(tmp_path, poses_per_group=299)
    with pytest.raises(DataError, match=r"APE_drop_train_label\.json: expected labels of 10500 poses, got 10465"):
        poses("h36m_ape", "train", tmp_path)
    made_up = tmp_path / "short"
    made_up.mkdir()
    made_up_ape(made_up, frames=100)
    with pytest.raises(DataError, match="S1 Directions has 200 poses, the protocol needs 300"):
        poses("h36m_ape", "train", made_up)


def test_human36m_leaves_out_the_shifted_sequences(tmp_path):
    pose = np.zeros((3, 32, 3))
    (tmp_path / "h36m").mkdir()
    write_human36m(tmp_path / "h36m", {"S9": {"Greeting": pose, "Walking": pose}, "S1": {"Greeting": pose}})
    assert len(poses("h36m", "test", tmp_path)) == 3
    assert len(poses("h36m", "train", tmp_path)) == 3
    assert len(poses("h36m", "all", tmp_path)) == 6


def test_sets_together(tmp_path, monkeypatch):
    small = {"train": (2, 1), "test": (1, 2)}
    monkeypatch.setattr(splits, "_SYNTHETIC", small)
    one = splits.poses("synthetic", "train")
    both = splits.poses("synthetic+synthetic", "train")
    assert both.name == "synthetic/train+synthetic/train" and both.checksum != one.checksum
    np.testing.assert_array_equal(both.positions, np.concatenate([one.positions] * 2))
    assert splits.known("cmu+nucla") and not splits.known("cmu+walking")
    with pytest.raises(DataError, match="no data set 'walking'; there are synthetic, cmu"):
        splits.poses("synthetic+walking", "train")


def test_synthetic_needs_no_folder_and_has_other_bodies_in_the_test(monkeypatch):
    monkeypatch.delenv("TFPOSE_DATA", raising=False)
    train, test = poses("synthetic", "train"), poses("synthetic", "test")
    assert (len(train), len(test)) == (30_000, 3_000)
    assert len(np.intersect1d(train.positions[:, 3, 0], test.positions[:, 3, 0])) < 5
    assert poses("synthetic", "test").checksum == test.checksum


# --- the real data

HUMAN = {  # metres: what the median of a bone may be across these rigs
    "elbow_left": (0.22, 0.34),
    "wrist_left": (0.18, 0.30),
    "knee_left": (0.30, 0.55),
    "ankle_left": (0.33, 0.50),
    "shoulder_left": (0.13, 0.22),
    "hip_left": (0.06, 0.16),
    "head": (0.08, 0.16),
}


@pytest.mark.parametrize(
    ("name", "split", "count"),
    [
        pytest.param("cmu", "train", 43_479, marks=pytest.mark.slow),
        pytest.param("cmu_8", "train", 29_494, marks=pytest.mark.slow),
        ("cmu", "test", 869),
        ("nucla", "test", 3_167),
        ("ntu", "test", 3_798),
        ("ntu_subject", "test", 3_964),
        ("h36m", "test", 5_000),
        ("h36m_ape", "train", 52_500),
        ("h36m_ape", "test", 14_000),
    ],
)
def test_real_poses_are_upright_humans_in_metres(data_dir, name, split, count):
    pose_set = poses(name, split, data_dir)
    assert len(pose_set) == count
    at = {joint: pose_set.positions[:, PAPER.index(joint)] for joint in PAPER.joints}
    for joint, (low, high) in HUMAN.items():
        parent = PAPER.joints[PAPER.parents[PAPER.index(joint)]]
        assert low < np.median(np.linalg.norm(at[joint] - at[parent], axis=-1)) < high, joint
    up = at["head"] - at["spine_base"]
    assert np.median(up[:, 1] / np.linalg.norm(up, axis=-1)) > 0.9
    # Right-handed: knees bend to the front (Kinect v1 exchanges left and right of who is seen from behind).
    forward = np.cross(at["hip_left"] - at["hip_right"], [0.0, 1.0, 0.0])
    bend = at["knee_left"] - (at["hip_left"] + at["ankle_left"]) / 2
    bent = np.linalg.norm(bend, axis=-1) > 0.2
    assert np.mean(np.sum(bend * forward, axis=-1)[bent] > 0) > 0.7
    if name == "cmu":
        assert splits.CMU_ACKNOWLEDGEMENT in pose_set.lineage
    if name == "h36m_ape":
        np.testing.assert_array_equal(pose_set.moved.sum(axis=1), pose_set.k)
        np.testing.assert_array_equal(np.bincount(pose_set.k)[1:], [count // 5] * 5)
