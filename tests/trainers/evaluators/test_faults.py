"""Sensor faults one by one."""

import numpy as np
import pytest

from tfpose.datasets import synthetic
from tfpose.datasets.pose_set import PoseSet
from tfpose.models import PoseAutoencoder
from tfpose.trainers import evaluators
from tfpose.trainers.evaluators import faults

TINY = {"units": 4, "code_size": 3, "decoder_units": 4}


@pytest.fixture(scope="module")
def poses(skeleton) -> PoseSet:
    return PoseSet("made up", next(synthetic.clips(1, 1)).to(skeleton).positions[:20], skeleton, lineage="us")


def model(skeleton, **options) -> PoseAutoencoder:
    made = PoseAutoencoder(skeleton, **TINY, **options)
    made.build()
    return made


@pytest.fixture(scope="module")
def report(skeleton, poses):
    return evaluators.over_seeds(faults, model(skeleton), poses, [0, 1], most_poses=20)


def test_every_fault_is_measured(report, poses):
    mean = report["mean"]
    assert mean["poses"] == 20
    found = mean["faults"]
    assert {"none", "hip_left missing", "shoulder_left moved", "hip_left, hip_right exchanged"} <= set(found)
    assert {"arms exchanged", "legs exchanged", "all sides exchanged"} <= set(found)
    assert found["none"]["in"] == pytest.approx(0.0, abs=1e-4)
    assert found["none"]["angle_95"] == pytest.approx(0.0, abs=1e-4)
    # What is missing is no error of what comes in, one of 17 joints that moves by 0.2 to 0.8 m is 12 to 47 mm.
    assert found["hip_left missing"]["in"] == pytest.approx(0.0, abs=1e-4)
    assert 20 < found["hip_left moved"]["in"] < 40
    assert 0 < found["hip_left moved"]["angle_median"] <= found["hip_left moved"]["angle_95"] < 90
    # An untrained frame knows no better than what the sensor calls left.
    assert found["all sides exchanged"]["angle_median"] == pytest.approx(180, abs=2)
    truth = poses.positions
    expected = np.linalg.norm(truth[:, list(poses.skeleton.mirror_joints)] - truth, axis=-1).mean()
    assert found["all sides exchanged"]["in"] == pytest.approx(1000 * expected, rel=0.02)


def test_the_table_has_a_row_for_each(report):
    text = faults.markdown(report)
    assert text.startswith("20 poses; angles in degrees\n\n|  | in, mm | out, mm | frame turned, median | 95th")
    assert text.count("\n| ") == len(report["mean"]["faults"]) + 1


def test_a_free_view_code_has_no_angles(skeleton, poses):
    measured = faults.measure(model(skeleton, view="free"), poses, most_poses=5)
    assert set(measured["faults"]["none"]) == {"in", "out"}
    assert "frame" not in faults.markdown({"mean": measured, "std": measured})


def test_the_summary_is_one_of_them(monkeypatch):
    found = {"faults": {"all sides exchanged": {"in": 9.0, "out": 5.0}}}
    monkeypatch.setattr(faults, "measure", lambda model, data, **options: found)
    assert faults.summary(None, None) == {"all_exchanged_mm": 5.0}
