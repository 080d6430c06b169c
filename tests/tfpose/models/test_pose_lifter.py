"""The lifter's promises: what goes in, what comes out, saving."""

import keras
import numpy as np
import pytest

from tfpose.errors import DataError
from tfpose.formats import axes
from tfpose.models import PoseAutoencoder, PoseLifter, load_model
from tfpose.skeleton import Skeleton

SMALL = {"units": 4, "code_size": 4, "network": {"passes": 2}, "decoder_units": 4}


@pytest.fixture(scope="module")
def skeleton():
    return Skeleton.load("paper17")


@pytest.fixture(scope="module")
def lifter(skeleton):
    keras.utils.set_random_seed(3)
    model = PoseLifter(skeleton, **SMALL)
    model.build()
    return model


@pytest.fixture(scope="module")
def joints_2d():
    return np.random.default_rng(1).normal(0.1, 0.1, (5, 17, 2)).astype(np.float32)


def test_the_pose_is_about_its_root_and_in_metres(lifter, joints_2d):
    pose = np.array(lifter(joints_2d))
    assert pose.shape == (5, 17, 3)
    np.testing.assert_allclose(pose[:, 0], 0, atol=1e-7)
    features, rotation = lifter.normalizer(joints_2d)
    raw = np.array(lifter.pose_of(features))
    # The turn back to the camera keeps lengths: units of 0.4 m.
    expected = 0.4 * np.linalg.norm(raw - raw[:, :1], axis=-1)
    np.testing.assert_allclose(np.linalg.norm(pose, axis=-1), expected, atol=1e-5)
    np.testing.assert_allclose(np.array(lifter.placed(raw, rotation)), pose, atol=1e-6)


def test_missing_joints_are_lifted_too(lifter, joints_2d):
    joints_2d = joints_2d.copy()
    joints_2d[:, 6] = np.nan
    joints_2d[0] = np.nan
    assert np.isfinite(np.array(lifter(joints_2d))).all()


def test_the_parameters_are_those_of_encoder_and_decoder(lifter):
    assert lifter.learned_parameters == lifter.encoder.count_params() + lifter.decoder.count_params()


def test_other_shapes_are_refused(lifter):
    with pytest.raises(ValueError, match=r"joints_2d: expected \[B, 17, 2\].*paper17.*image_coordinates"):
        lifter(np.zeros((2, 17, 3), np.float32))
    with pytest.raises(ValueError, match=r"got \(2, 16, 2\)"):
        lifter(np.zeros((2, 16, 2), np.float32))


def test_a_saved_lifter_lifts_the_same(lifter, joints_2d, tmp_path):
    lifter.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.get_config() == lifter.get_config()
    np.testing.assert_array_equal(np.array(again(joints_2d)), np.array(lifter(joints_2d)))
    assert load_model(tmp_path, PoseLifter).get_config() == lifter.get_config()
    with pytest.raises(DataError, match="holds a PoseLifter, expected a PoseAutoencoder"):
        load_model(tmp_path, PoseAutoencoder)


def test_the_usual_camera_frame_is_one_turn_away(lifter, joints_2d):
    pose = np.array(lifter(joints_2d))
    np.testing.assert_array_equal(axes.to_y_up(pose, "-y"), pose * np.float32([1, -1, -1]))
