"""What artifacts are tried with."""

import numpy as np
import pytest

from tfpose.errors import DataError
from tfpose.export.card import make_card
from tfpose.export.examples import example_inputs, synthetic_poses
from tfpose.export.signatures import signatures
from tfpose.skeleton import Skeleton


def test_poses_are_clean_corrupted_and_incomplete_in_turn(model, poses):
    given = example_inputs(make_card(model), poses)
    joints = given["joints"]
    np.testing.assert_array_equal(joints[0::3], poses[0::3])
    moved = (joints[1::3] != poses[1::3]).any(axis=-1).sum(axis=-1)
    assert set(moved) <= {1, 2, 3, 4, 5} and len(set(moved)) > 1
    missing = np.isnan(joints[2::3]).any(axis=-1).sum(axis=-1)
    assert missing.min() >= 1 and missing.max() > 10
    assert not np.array_equal(given["view_from"], joints, equal_nan=True)


def test_people_stand_upright_in_front_of_the_camera(lifter, poses):
    seen = example_inputs(make_card(lifter), poses)["joints_2d"][0::3]
    head, root = lifter.skeleton.index("head"), lifter.skeleton.root
    assert (seen[:, head, 1] < seen[:, root, 1]).all()  # y down
    assert 0.1 < np.ptp(seen[..., 1], axis=1).mean() < 1.0


def test_half_of_the_states_are_starts_and_clips_follow_each_other(classifier, poses):
    given = example_inputs(make_card(classifier), poses)
    assert not given["state"][0::2].any() and given["state"][1::2].any(axis=1).all()
    np.testing.assert_array_equal(given["clips"][3], poses[3 : 3 + classifier.frames])
    assert np.isfinite(given["joints"]).all()


@pytest.mark.parametrize("kind", ["model", "classifier", "lifter"])
def test_every_input_of_every_signature_is_there(kind, request, poses):
    model = request.getfixturevalue(kind)
    given = example_inputs(make_card(model), poses[:5])
    for function in signatures(model).values():
        for spec in function.input_signature:
            assert given[spec.name].shape == (5, *spec.shape[1:]) and given[spec.name].dtype == spec.dtype


@pytest.mark.parametrize("name", ["paper17", "ntu25", "coco17", "blazepose33"])
def test_synthetic_poses_are_complete_and_varied_whatever_the_joints(name):
    skeleton = Skeleton.load(name)
    poses = synthetic_poses(skeleton, 10)
    assert poses.shape == (10, len(skeleton), 3) and np.isfinite(poses).all()
    assert np.linalg.norm(poses[1:] - poses[:-1], axis=-1).mean(axis=-1).min() > 0.01
    assert (np.ptp(poses[..., 1], axis=1) > 0.3).all()


def test_incomplete_poses_are_refused(model):
    with pytest.raises(DataError, match=r"poses: expected \[N, 17, 3\], metres, N > 0, none missing"):
        example_inputs(make_card(model), np.full((2, 17, 3), np.nan))


def test_there_are_as_many_synthetic_poses_as_are_asked_for():
    assert len(synthetic_poses(Skeleton.load("paper17"), 1024)) == 1024
