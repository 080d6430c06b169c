import time

import numpy as np
import pytest

from tfpose.datasets import synthetic
from tfpose.skeleton import Skeleton

PAPER = Skeleton.load("paper17")


@pytest.fixture(scope="module")
def clips():
    return list(synthetic.clips(300, seed=5))


def joint(clips, name):
    """`[N, T, 3]`"""
    return np.stack([clip.positions[:, PAPER.index(name)] for clip in clips])


def angle(a, b):
    cosine = np.sum(a * b, axis=-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def test_the_same_seed_gives_the_same_clips_and_fewer_are_the_first_of_more(clips):
    few = list(synthetic.clips(70, seed=5))
    assert len(few) == 70
    for one, other in zip(few, clips):
        np.testing.assert_array_equal(one.positions, other.positions)
        assert one.action == other.action
    other_seed = next(synthetic.clips(1, seed=6))
    assert np.abs(other_seed.positions - clips[0].positions).max() > 0.05


def test_shape_and_rate():
    (clip,) = synthetic.clips(1, seed=0, frames=7)
    assert clip.positions.shape == (7, 17, 3) and clip.skeleton == PAPER and clip.rate == 30.0


def test_bones_are_rigid_mirror_tied_and_of_human_length(clips):
    positions = np.stack([clip.positions for clip in clips])
    children, parents = np.array(PAPER.bones).T
    lengths = np.linalg.norm(positions[:, :, children] - positions[:, :, parents], axis=-1)
    np.testing.assert_allclose(lengths, lengths[:, :1].repeat(lengths.shape[1], axis=1), atol=1e-5)
    for left, right in PAPER.mirror_bones:
        np.testing.assert_allclose(lengths[..., left], lengths[..., right], atol=1e-5)
    median = dict(zip([PAPER.joints[child] for child in children], np.median(lengths, axis=(0, 1))))
    for name, low, high in (("elbow_left", 0.25, 0.32), ("wrist_left", 0.22, 0.28), ("knee_left", 0.39, 0.47)):
        assert low < median[name] < high
    assert lengths[:, 0].std(axis=0).min() > 0.005, "bodies differ"


def test_joint_limits(clips):
    for side in ("left", "right"):
        for upper, middle, lower, limit in (("shoulder", "elbow", "wrist", "elbow"), ("hip", "knee", "ankle", "knee")):
            above = joint(clips, f"{middle}_{side}") - joint(clips, f"{upper}_{side}")
            below = joint(clips, f"{lower}_{side}") - joint(clips, f"{middle}_{side}")
            assert angle(above, below).max() < synthetic.LIMITS[limit][1] + 0.1
    # Hinges have one way: a knee never bends forward. The shank stays behind the thigh's line or on it.
    forward = np.cross(joint(clips, "hip_left") - joint(clips, "hip_right"), [0, 1, 0])
    bend = joint(clips, "knee_left") - (joint(clips, "hip_left") + joint(clips, "ankle_left")) / 2
    bent = np.linalg.norm(bend, axis=-1) > 0.1
    assert np.mean((np.sum(bend * forward, axis=-1) > 0)[bent]) > 0.97


def test_somebody_stands_on_the_ground_and_motion_is_smooth(clips):
    positions = np.stack([clip.positions for clip in clips])
    np.testing.assert_allclose(positions[..., 1].min(axis=2), 0.08, atol=1e-5)
    inside = positions - positions[:, :, :1]
    speed = np.linalg.norm(np.diff(inside, axis=1), axis=-1) * synthetic.RATE
    assert speed.max() < 15, "no joint jumps"
    jerk = np.abs(np.diff(inside, n=2, axis=1)).max()
    assert jerk < 0.12, "metres between one frame and the mean of its neighbours, twice"


def test_headings_are_uniform_and_poses_diverse(clips):
    across = (joint(clips, "hip_left") - joint(clips, "hip_right"))[:, 0]
    heading = np.arctan2(across[:, 2], across[:, 0])
    assert np.abs(np.exp(1j * heading).mean()) < 0.15
    counts = np.histogram(heading, bins=8, range=(-np.pi, np.pi))[0]
    assert counts.min() > 15
    down = np.array([0.0, -1.0, 0.0])
    raised = angle(joint(clips, "elbow_left") - joint(clips, "shoulder_left"), down)
    assert np.mean(raised > 90) > 0.08 and np.mean(raised < 30) > 0.2
    thigh = angle(joint(clips, "knee_left") - joint(clips, "hip_left"), down)
    assert np.mean(thigh > 60) > 0.1 and np.mean(thigh < 20) > 0.3
    trunk = angle(joint(clips, "spine_shoulder") - joint(clips, "spine_base"), -down)
    assert np.mean(trunk > 30) > 0.04 and np.median(trunk) < 20
    assert len({clip.action.split(", ")[0] for clip in clips}) == len(synthetic._LEGS) + 3


def test_walkers_walk_where_they_face(clips):
    for clip in clips:
        if clip.action.startswith(("walking", "running")):
            hips = clip.positions[:, PAPER.index("hip_left")] - clip.positions[:, PAPER.index("hip_right")]
            forward = np.cross(hips, [0, 1, 0])[:-1]
            step = np.diff(clip.positions[:, 0], axis=0)
            assert np.sum(step * forward) > 0
        else:
            assert np.linalg.norm((clip.positions[-1] - clip.positions[0])[0, [0, 2]]) < 0.2


def test_thirty_thousand_poses_take_seconds():
    start = time.process_time()
    assert sum(len(clip) for clip in synthetic.clips(500, seed=0)) == 30_000
    assert time.process_time() - start < 6
