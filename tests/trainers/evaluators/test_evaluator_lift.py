"""The lifting evaluator, on lifters whose errors are known."""

import numpy as np
import pytest
import tensorflow as tf

from tfpose.datasets.lifting import LiftingPairs
from tfpose.errors import DataError
from tfpose.skeleton import Skeleton
from tfpose.trainers import evaluators
from tfpose.trainers.evaluators import lift


@pytest.fixture(scope="module")
def pairs():
    """Six frames of "Walking" and two of "Sitting"; the 2D joints hold what `Known` needs to answer rightly."""
    skeleton = Skeleton.load("paper17")
    joints_3d = np.random.default_rng(0).normal(0, 0.4, (8, 17, 3)).astype(np.float32)
    joints_3d[..., 2] = 0.1 * np.arange(17) - 4
    up = np.tile(np.float32([0, 1, 0]), (8, 1))
    action = np.array(["Walking"] * 6 + ["Sitting"] * 2)
    return LiftingPairs("made up", skeleton, joints_3d[..., :2], joints_3d, up, action, lineage="made by the test")


class Known:
    """It answers rightly, but puts every joint except the root 17 mm too far to the right where someone walks."""

    learned_parameters = 5

    def __init__(self, pairs, scale=1.0):
        self.truth = tf.constant(scale * (pairs.joints_3d - pairs.joints_3d[:, :1]))
        self.shift = np.zeros((8, 17, 3), np.float32)
        self.shift[:6, 1:, 0] = 0.017

    def __call__(self, joints_2d):
        return self.truth + self.shift


def test_means_by_hand(pairs):
    report = lift.measure(Known(pairs), pairs)
    assert (report["frames"], report["joints"]) == (8, 17)
    row = report["rows"]["lifter"]
    assert row["parameters"] == 5
    assert row["protocol_1"]["by_action"] == pytest.approx({"Walking": 16.0, "Sitting": 0.0}, abs=1e-4)
    assert row["protocol_1"]["actions"] == pytest.approx(8.0, abs=1e-4)
    assert row["protocol_1"]["frames"] == pytest.approx(12.0, abs=1e-4)
    assert row["protocol_1"]["without_root"] == pytest.approx(17 * 6 / 8, abs=1e-4)
    # Laid on the truth, only the root stands out.
    assert 0 < row["protocol_2"]["by_action"]["Walking"] < 4


def test_protocol_2_forgives_size(pairs):
    larger = Known(pairs, scale=1.5)
    larger.shift[:] = 0
    row = lift.measure(larger, pairs)["rows"]["lifter"]
    assert row["protocol_1"]["frames"] > 100
    assert row["protocol_2"]["frames"] == pytest.approx(0, abs=1e-3)


def test_lifters_stand_side_by_side(pairs):
    report = evaluators.over_seeds(lift, {"ours": Known(pairs), "theirs": Known(pairs, 2.0)}, pairs, [0])
    table = lift.markdown(report)
    assert "8 images of S9 and S11 by all four cameras, 17 joints with the root. made by the test." in table
    assert "| ours | 5 | 8.0 | 12.0 | 12.8 |" in table
    assert "| protocol 2 | Sitting | Walking |" in table
    assert table.count("| theirs |") == 3


def test_other_data_is_refused():
    with pytest.raises(DataError, match="'cmu' has no pairs of 2D and 3D poses; h36m_gt and h36m_hourglass have"):
        lift.load("cmu", None, Skeleton.load("paper17"))
