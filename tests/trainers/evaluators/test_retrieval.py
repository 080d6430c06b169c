"""The retrieval evaluator, on cameras that stand where the test puts them."""

import numpy as np
import pytest
import tensorflow as tf

from tfpose import metrics
from tfpose.datasets import synthetic
from tfpose.errors import DataError
from tfpose.geometry import frames, rotations
from tfpose.trainers import evaluators
from tfpose.trainers.evaluators import retrieval


@pytest.fixture(scope="module")
def performances(skeleton):
    """Four clips, each seen by two upright cameras that stand a quarter turn and two metres apart."""
    turn = rotations.about_axis(np.pi / 2)
    clips = [clip.to(skeleton).positions for clip in synthetic.clips(4, seed=5)]
    return tuple(np.stack([clip, rotations.rotate(clip, turn).numpy() + np.float32([2, 0, 0])]) for clip in clips)


def recordings(performances, skeleton, noises=(0.0,)):
    return retrieval.Recordings("made up", skeleton, performances, noises, "made by the test")


class Ideal:
    """The pose code are the joints in the trunk's frame, the view code is that frame."""

    def __init__(self, skeleton):
        self.skeleton = skeleton

    def encode(self, joints):
        frame = frames.torso_frame(joints, self.skeleton)
        return {"pose_code": tf.matmul(joints - joints[:, :1], frame), "view_code": frame}


class Blind(Ideal):
    """It gives every pose the same code."""

    def encode(self, joints):
        return {name: 0 * code for name, code in super().encode(joints).items()}


def test_what_turns_with_the_camera_fails_and_what_does_not_succeeds(performances, skeleton):
    report = retrieval.measure(Ideal(skeleton), recordings(performances, skeleton), seed=0)
    assert report["cameras"] == 2
    hits = report["hits"]["as recorded"]
    for name in ("pose code", "hips along x", "in the trunk's frame", "best rotation for each pair"):
        assert hits[name] == [100.0] * 3, name
    for name in ("view code", "root-relative"):
        assert hits[name][0] < 50, name


def test_a_code_without_the_pose_finds_nothing(performances, skeleton):
    hits = retrieval.measure(Blind(skeleton), recordings(performances, skeleton), seed=0)["hits"]["as recorded"]
    assert hits["pose code"] == [0.0] * 3


def test_noise_is_measured_beside_and_costs_hits(performances, skeleton):
    data = recordings(performances, skeleton, noises=(0.0, 0.1))
    first, again, other = (retrieval.measure(Ideal(skeleton), data, seed) for seed in (3, 3, 4))
    assert first == again != other
    clean, noisy = first["hits"]["as recorded"]["pose code"], first["hits"]["noise of 100 mm"]["pose code"]
    assert noisy[0] < clean[0] and noisy == sorted(noisy)


def test_moments_are_frames_apart_and_complete(performances, skeleton):
    performances = tuple(performance.copy() for performance in performances)
    length = performances[0].shape[1]
    complete = retrieval.measure(Ideal(skeleton), recordings(performances, skeleton), seed=0)["moments"]
    assert complete == 4 * length // retrieval.APART
    performances[2][1, :, 5] = np.nan  # a joint that one camera never sees
    partly = retrieval.measure(Ideal(skeleton), recordings(performances, skeleton), seed=0)["moments"]
    assert partly == 3 * length // retrieval.APART
    with pytest.raises(DataError, match=r"made up: 6 moments are too few to rank 10"):
        retrieval.measure(Ideal(skeleton), recordings(performances[:1], skeleton), seed=0)
    with pytest.raises(DataError, match="made up: has no performance that all cameras recorded"):
        retrieval.measure(Ideal(skeleton), recordings((), skeleton), seed=0)


def test_tables_have_means_and_spreads(performances, skeleton):
    data = recordings(performances, skeleton, noises=(0.0, 0.05))
    report = evaluators.over_seeds(retrieval, Ideal(skeleton), data, [0, 1])
    table = retrieval.markdown(report)
    assert "| pose code | 100.0 ± 0.0 | 100.0 ± 0.0 | 100.0 ± 0.0 |" in table
    assert "| noise of 50 mm | Hit@1 | Hit@5 | Hit@10 |" in table
    assert "±" not in retrieval.markdown(evaluators.over_seeds(retrieval, Ideal(skeleton), data, [0]))


def test_summary_is_the_first_hit_of_the_pose_code(performances, skeleton):
    data = recordings(performances, skeleton)
    assert retrieval.summary(Ideal(skeleton), data) == {"retrieval_hit_at_1": 100.0}
    assert retrieval.summary(Blind(skeleton), data) == {"retrieval_hit_at_1": 0.0}


def test_sets_of_one_camera_are_refused(skeleton):
    with pytest.raises(DataError, match="data set 'cmu' has no simultaneous views; ntu and h36m have"):
        retrieval.load("cmu", None, skeleton)


def test_ntus_cameras_see_the_same_moments(data_dir, skeleton):
    data = retrieval.load("ntu", data_dir, skeleton)
    assert 40 <= len(data.performances) <= 52
    assert all(views.shape[0] == 3 and views.shape[2:] == (17, 3) for views in data.performances)
    distances = []
    for one, other, _ in data.performances[:10]:
        seen = np.isfinite(one).all((1, 2)) & np.isfinite(other).all((1, 2))
        distances.append(metrics.rigid_distances(one[seen], other[seen]))
    own = np.mean([np.diagonal(distance).mean() for distance in distances])
    shifted = np.mean([np.diagonal(np.roll(distance, 15, axis=1)).mean() for distance in distances])
    assert own < 0.1 and own < 0.7 * shifted


def test_h36ms_cameras_see_one_pose_upright(data_dir, skeleton):
    data = retrieval.load("h36m", data_dir, skeleton)
    one, other = data.performances[0][:2, ::50]
    assert np.abs(one - other).max() > 1
    np.testing.assert_allclose(np.diagonal(metrics.rigid_distances(one, other)), 0, atol=1e-5)
    head, ankle = skeleton.index("head"), skeleton.index("ankle_left")
    assert ((data.performances[0][:, :, head] - data.performances[0][:, :, ankle])[..., 1] > 0.5).mean() > 0.9
