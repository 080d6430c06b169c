"""The evaluators of a lifter's estimates as clips, and of BVH files that are cleaned and read again."""

import numpy as np
import pytest

from tfpose.datasets.lifting import LiftingPairs
from tfpose.errors import DataError
from tfpose.formats.samples import sample
from tfpose.skeleton import Skeleton
from tfpose.trainers import estimates as lifted
from tfpose.trainers.evaluators import estimates, round_trip

PAPER = Skeleton.load("paper17")


class Shakes:
    """Stands for a lifter that is off by a centimetre to and fro; and for a model of clips that takes that away."""

    skeleton = PAPER
    autoencoder = property(lambda self: self)

    def denoise(self, poses):
        return poses

    def denoise_clip(self, clip, rate, causal=False):
        return {"denoised": clip if causal else (clip + np.roll(clip, 1, axis=0)) / 2}


@pytest.fixture
def data():
    walk = sample("walk").to(PAPER).positions
    still = np.repeat(walk[:1], 60, axis=0)
    action = np.full(60, "Standing")
    pairs = LiftingPairs(
        "two", PAPER, still[..., :2], still, np.tile([0.0, 1.0, 0.0], (60, 1)), action, "made up", lengths=(40, 20)
    )
    return estimates.Data(pairs, [walk.astype(np.float64)])


def test_estimates_are_cleaned_recording_by_recording(data, monkeypatch):
    step = np.where(np.arange(60)[:, None, None] % 2, 0.01, -0.01) * np.array([1.0, 0, 0])
    rooted = data.test.joints_3d - data.test.joints_3d[:, :1]
    shaken = rooted + np.where(np.arange(17)[:, None] == 0, 0.0, step)
    monkeypatch.setattr(lifted, "batched", lambda model: lambda joints: shaken.astype(np.float32))
    monkeypatch.setattr(estimates, "load_model", lambda name, kind: Shakes())
    report = estimates.measure(Shakes(), data)
    rows = report["rows"]
    assert report["clips"] == 2 and report["frames"] == 60
    assert rows["as estimated"]["mpjpe"] == pytest.approx(10 * 16 / 17, rel=1e-3)
    assert rows["as estimated"]["acceleration"] == pytest.approx(40 * 16 / 17, rel=1e-3)
    assert rows["clip model"]["mpjpe"] < 1 and rows["clip model"]["acceleration"] < 3
    assert rows["clip model, causal"] == pytest.approx(rows["as estimated"])
    assert rows["Savitzky-Golay"]["acceleration"] < 0.5 * rows["as estimated"]["acceleration"]
    assert "as estimated | 9.4 |" in estimates.markdown({"mean": report})


def test_pairs_know_their_recordings(data):
    with pytest.raises(DataError, match="two: lengths of 3 pairs, got 60"):
        LiftingPairs(
            "two", *[getattr(data.test, n) for n in ("skeleton", "joints_2d", "joints_3d", "up", "action")], "", (3,)
        )
    with pytest.raises(DataError, match="has no images in a row; h36m_gt and h36m_hourglass have"):
        estimates.load("cmu", None, PAPER)


class Mends:
    """Stands for a model of clips that knows the truth, or nothing."""

    skeleton = PAPER

    def __init__(self, truth=None):
        self.truth = truth

    def denoise_clip(self, clip, rate):
        return {"denoised": clip if self.truth is None else self.truth}


def test_the_round_trip_of_a_file():
    clip = sample("walk")
    data = round_trip.Data("walk", [clip], PAPER, "")
    report = round_trip.measure(Mends(clip.to(PAPER).positions), data)
    assert "test" not in report and (report["files"], report["frames"]) == (1, 70)
    assert report["all"]["model"]["seen"] > 15 and report["all"]["rig"]["seen"] > 8
    assert report["all"]["model"]["model"] == 0
    assert report["all"]["rig"]["file"] < 0.35 * report["all"]["rig"]["seen"]
    # A model that leaves everything leaves the file's joints as far off as bones of their length allow.
    idle = round_trip.measure(Mends(), data)
    assert idle["all"]["model"]["model"] == pytest.approx(idle["all"]["model"]["seen"])
    assert idle["all"]["rig"]["clip"] == pytest.approx(idle["all"]["rig"]["seen"])
    assert "as broken" in round_trip.markdown({"mean": report})
    with pytest.raises(DataError, match="'ntu' has none, cmu has"):
        round_trip.load("ntu", None, PAPER)
