"""Clips to learn motion from."""

import numpy as np
import pytest

from tfpose.datasets import splits
from tfpose.datasets.motion_set import MotionSet, at_rate
from tfpose.errors import DataError
from tfpose.formats.clip import Clip


@pytest.fixture
def moving(standing_pose) -> np.ndarray:
    """Two seconds at 30 Hz of somebody whose x is a sine of the time."""
    poses = np.tile(standing_pose, (60, 1, 1))
    poses[..., 0] += np.sin(np.arange(60) / 10)[:, None]
    return poses


def test_windows_follow_the_clip_at_their_rate(moving, paper17):
    motion = MotionSet("made up", (moving,), 30.0, paper17)
    for batch in motion.windows(16, 12, (10.0, 120.0), seed=0).take(3):
        rates, x = batch["rate"].numpy(), batch["clips"].numpy()[:, :, 0, 0] - moving[0, 0, 0]
        assert batch["clips"].shape == (16, 12, 17, 3) and rates.min() >= 10 and rates.max() <= 120
        for rate, values in zip(rates, x):
            times = np.arcsin(np.clip(values, -1, 1))
            rising = np.diff(times)[np.abs(values[1:]) < 0.9]
            # Except where a sine turns or a clip ends, time goes by as the rate says.
            assert not len(rising) or np.median(np.abs(rising)) == pytest.approx(3.0 / rate, rel=0.1)


def test_windows_stay_in_their_clip_and_resume(moving, paper17):
    motion = MotionSet("made up", (moving, moving[:7] + np.float32([100, 0, 0])), 30.0, paper17)
    batches = list(motion.windows(32, 20, (10.0, 60.0), seed=1).take(4))
    for batch in batches:
        assert (np.ptp(batch["clips"].numpy()[:, :, 0, 0], axis=1) < 5).all()
    (again,) = motion.windows(32, 20, (10.0, 60.0), seed=1, start=3).take(1)
    np.testing.assert_array_equal(again["clips"], batches[3]["clips"])


def test_rates_are_changed_by_splines(moving):
    up = at_rate(moving, 30, 60)
    np.testing.assert_allclose(up[::2], moving, atol=1e-5)
    np.testing.assert_allclose(up[:, 0, 0] - up[0, 0, 0], np.sin(np.arange(119) / 20), atol=1e-3)
    assert at_rate(moving, 30, 30.0001) is moving


def test_clips_with_gaps_are_left_out(moving, paper17):
    gap = moving.copy()
    gap[3, 2] = np.nan
    motion = MotionSet.of_clips("mine", [Clip(moving, paper17, rate=60), Clip(gap, paper17)], paper17, 30.0)
    assert len(motion.clips) == 1 and len(motion) == 30
    with pytest.raises(DataError, match="mine: holds no clip"):
        MotionSet.of_clips("mine", [Clip(gap, paper17)], paper17, 30.0)


def test_motion_by_name(data_dir):
    test = splits.motion("cmu", "test", data_dir)
    assert test.rate == 30 and len(test.clips) > 3 and "mocap.cs.cmu.edu" in test.lineage
    with pytest.raises(DataError, match="no motion capture set 'ntu'"):
        splits.motion("ntu", "test", data_dir)
    with pytest.raises(DataError, match="has no split 'all'"):
        splits.motion("synthetic", "all")
