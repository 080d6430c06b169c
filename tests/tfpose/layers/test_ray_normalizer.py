"""What the lifting network sees, and the way back."""

import keras
import numpy as np
import pytest

from tfpose.layers import RayNormalizer
from tfpose.layers.ray_normalizer import look_at, turn_camera

CENTRES = np.float32([[0.0, 0.0], [0.3, 0.0], [0.0, -0.2], [-0.25, 0.4]])


def project(points):
    return points[..., :2] / -points[..., 2:]


def test_the_camera_turns_to_the_centre_without_roll():
    rotation = np.array(look_at(CENTRES))
    np.testing.assert_allclose(rotation @ rotation.swapaxes(1, 2), np.tile(np.eye(3), (4, 1, 1)), atol=1e-6)
    np.testing.assert_allclose(np.linalg.det(rotation), 1, atol=1e-6)
    rays = np.concatenate([CENTRES, -np.ones((4, 1), np.float32)], axis=1)
    turned = np.einsum("bij,bj->bi", rotation, rays)
    np.testing.assert_allclose(turned[:, :2], 0, atol=1e-6)
    assert (turned[:, 2] < 0).all()
    # No roll: what was right stays level.
    np.testing.assert_allclose(rotation[:, 0, 1], 0, atol=1e-7)
    np.testing.assert_allclose(rotation[0], np.eye(3), atol=1e-7)


def test_a_turned_camera_sees_what_projecting_turned_points_gives():
    points = np.random.default_rng(0).normal(size=(4, 9, 3)).astype(np.float32) * 0.5 - [0, 0, 4]
    rotation = np.array(look_at(CENTRES))
    seen = np.array(turn_camera(project(points).astype(np.float32), rotation))
    np.testing.assert_allclose(seen, project(points @ rotation.swapaxes(1, 2)), atol=1e-6)


@pytest.fixture
def image(standing_pose):
    """A person 4 m before the camera and its 2D joints, y down."""
    points = standing_pose + np.float32([0.2, -1.0, -4.0])
    return (project(points) * [1, -1]).astype(np.float32)


def test_distance_and_place_change_only_the_context(image):
    layer = RayNormalizer()
    # Small about its centre, so that perspective does not tell the distance either.
    near = 0.2 * image
    features = np.array(layer(np.stack([near, 0.5 * near]))[0])
    np.testing.assert_allclose(features[0, :, :3], features[1, :, :3], atol=2e-3)
    np.testing.assert_allclose(features[0, :, 5] - features[1, :, 5], np.log(2), atol=2e-3)
    np.testing.assert_allclose(features[0, 0, 3:5], 2 * features[1, 0, 3:5], atol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(features[..., :2], axis=-1).mean(1), 1, atol=1e-5)
    head, ankle = 3, 12
    assert features[0, head, 1] > 0 > features[0, ankle, 1]  # up is up


def test_missing_joints_are_put_at_the_centre(image):
    missing = image.copy()
    missing[4, 0] = np.nan
    features, rotation = (np.array(value) for value in RayNormalizer()(np.stack([missing, image])))
    assert np.isfinite(features).all() and np.isfinite(rotation).all()
    np.testing.assert_array_equal(features[0, 4, :3], 0)
    np.testing.assert_array_equal(features[0, :, 2], np.arange(17) != 4)
    np.testing.assert_array_equal(features[1, :, 2], 1)
    nothing, rotation = RayNormalizer()(np.full((1, 17, 2), np.nan, np.float32))
    assert np.isfinite(np.array(nothing)).all()
    np.testing.assert_allclose(np.array(rotation)[0], np.eye(3), atol=1e-6)


def test_one_wild_joint_moves_the_centre_little(image):
    wild = image.copy()
    wild[9] += 3.0
    context = np.array(RayNormalizer()(np.stack([image, wild]))[0])[:, 0, 3:5]
    assert np.linalg.norm(context[1] - context[0]) < 0.03 < 3.0 / 17


def test_restore_turns_back(standing_pose):
    layer = RayNormalizer()
    rotation = np.array(look_at(CENTRES[1:2]))
    back = np.array(layer.restore(standing_pose[None] @ rotation.swapaxes(1, 2), rotation))
    np.testing.assert_allclose(back[0], standing_pose, atol=1e-6)


def test_it_can_be_saved():
    layer = RayNormalizer(iterations=3, name="n")
    again = RayNormalizer.from_config(layer.get_config())
    assert (again.iterations, again.name) == (3, "n")
    assert keras.saving.get_registered_name(RayNormalizer) == "tfpose>RayNormalizer"
