import numpy as np
import pytest

from tfpose.datasets import PoseSet
from tfpose.errors import DataError, SkeletonError
from tfpose.formats import Clip
from tfpose.skeleton import Skeleton

KINECT, PAPER = Skeleton.load("kinect20"), Skeleton.load("paper17")


def kinect_clip(frames=3):
    return Clip(np.random.default_rng(0).normal(size=(frames, 20, 3)), KINECT, subject="s01", source="a.json")


def test_conversion_is_by_name_and_keeps_what_is_known_about_the_clip():
    clip = kinect_clip()
    paper = clip.to(PAPER)
    assert paper.positions.shape == (3, 17, 3) and paper.positions.dtype == np.float32
    assert (paper.subject, paper.source) == ("s01", "a.json")
    left_knee = clip.positions[:, KINECT.index("knee_left")]
    np.testing.assert_array_equal(paper.positions[:, PAPER.index("knee_left")], left_knee)
    middle = clip.positions[:, [KINECT.index("spine_shoulder"), KINECT.index("head")]].mean(axis=1)
    np.testing.assert_allclose(paper.positions[:, PAPER.index("neck")], middle, rtol=1e-6)


def test_conversion_to_its_own_skeleton_is_the_clip_itself():
    clip = kinect_clip()
    assert clip.to(Skeleton.load("kinect20")) is clip


def test_a_missing_joint_makes_only_what_is_made_from_it_missing():
    positions = kinect_clip().positions
    positions[1, KINECT.index("head"), 2] = np.nan  # one coordinate is enough
    clip = Clip(positions, KINECT)
    assert clip.missing.sum() == 1 and np.isnan(clip.positions[1, KINECT.index("head")]).all()
    missing = clip.to(PAPER).missing
    assert {(frame, PAPER.joints[joint]) for frame, joint in np.argwhere(missing)} == {(1, "head"), (1, "neck")}


@pytest.mark.parametrize("shape", [(0, 20, 3), (4, 19, 3), (4, 20, 2), (20, 3)])
def test_wrong_shapes_are_refused_with_the_source_first(shape):
    with pytest.raises(DataError, match=r"^x\.npy: expected positions \[T, 20, 3\] for skeleton 'kinect20'"):
        Clip(np.zeros(shape), KINECT, source="x.npy")


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e300])
def test_infinite_positions_are_refused_by_joint_and_frame(value):
    positions = np.zeros((2, 20, 3))
    positions[1, 3, 0] = value
    with pytest.raises(DataError, match="joint 'head' is infinite in frame 1"):
        Clip(positions, KINECT)


def test_a_clip_does_not_share_memory_with_what_made_it():
    positions = np.zeros((2, 20, 3), np.float32)
    clip = Clip(positions, KINECT)
    positions[:] = 1
    assert not clip.positions.any()


def test_a_rig_without_the_joints_says_which():
    with pytest.raises(SkeletonError, match="it has no hip_joint_left, foot_left"):
        Clip(np.zeros((1, 16, 3)), Skeleton.load("mpii16")).to(Skeleton.load("cmu31"))


def test_pose_set_checksum_depends_on_everything_that_is_measured_on():
    positions = np.random.default_rng(0).normal(size=(4, 17, 3))
    moved = np.zeros((4, 17), bool)
    moved[:, 2] = True
    first = PoseSet("a", positions, PAPER, moved=moved, k=np.ones(4))
    assert len(first) == 4 and first.moved.dtype == bool and len(first.checksum) == 16
    assert PoseSet("another name", positions, PAPER, moved=moved, k=np.ones(4)).checksum == first.checksum
    changed = positions.copy()
    changed[3, 16, 2] += 1e-3
    others = [
        PoseSet("a", changed, PAPER, moved=moved, k=np.ones(4)),
        PoseSet("a", positions, PAPER, moved=~moved, k=np.ones(4)),
        PoseSet("a", positions, PAPER, moved=moved, k=np.full(4, 2)),
        PoseSet("a", positions, PAPER),
    ]
    assert len({first.checksum, *(other.checksum for other in others)}) == 5


def test_pose_set_refuses_what_cannot_be_measured():
    positions = np.zeros((4, 17, 3))
    with pytest.raises(DataError, match=r"^a: expected moved \[4, 17\]"):
        PoseSet("a", positions, PAPER, moved=np.zeros((3, 17)))
    with pytest.raises(DataError, match="N > 0"):
        PoseSet("a", positions[:0], PAPER)
    positions[0, 0, 0] = np.nan
    with pytest.raises(DataError, match="not finite"):
        PoseSet("a", positions, PAPER)
