"""Limbs under each other's name."""

import numpy as np
import pytest
import tensorflow as tf

from tfpose.layers import SideMatch
from tfpose.skeleton import Skeleton

PAPER = Skeleton.load("paper17")
TWINS = np.array(PAPER.mirror_joints)
ALL = np.ones((3, 17, 1), np.float32)


@pytest.fixture
def truth(standing_pose):
    return np.tile(standing_pose / 0.4, (3, 1, 1)).astype(np.float32)


@pytest.fixture
def layer():
    layer = SideMatch(PAPER)
    layer.build((None, 17, 3))
    return layer


def exchanged(poses, joints):
    chosen = np.isin(np.arange(17), joints)[None, :, None]
    return np.where(chosen, poses[:, TWINS], poses)


def near(poses):
    """A reconstruction that is 4 cm off on each axis."""
    return poses + np.random.default_rng(0).normal(0, 0.1, poses.shape).astype(np.float32)


@pytest.mark.parametrize("limbs", [(0,), (1,), (0, 1)])
def test_limbs_get_their_names_back(layer, truth, limbs):
    observed = exchanged(truth, [joint for limb in limbs for joint in PAPER.limbs[limb]])
    assert np.abs(observed - truth).max() > 0.5
    np.testing.assert_allclose(layer(observed, near(truth), ALL), truth, atol=1e-3)


def test_right_sides_stay_even_where_a_joint_is_far_off(layer, truth):
    np.testing.assert_allclose(layer(truth, near(truth), ALL), truth, atol=1e-3)
    truth[:, PAPER.index("ankle_left")] += 1.5
    reconstructed = near(truth)
    reconstructed[:, PAPER.index("ankle_left")] -= 1.5
    np.testing.assert_allclose(layer(truth, reconstructed, ALL), truth, atol=1e-3)


def test_a_pose_that_is_reconstructed_well_is_not_touched(layer, truth):
    """Far apart, sides gain too little to move by a micrometre."""
    np.testing.assert_allclose(layer(truth, truth, ALL), truth, atol=1e-6)
    # Sides that are nearly the same are nearly the same under either name.
    closed = truth.copy()
    closed[:, TWINS] = closed[:, TWINS] * np.float32([0.01, 1, 1])
    np.testing.assert_allclose(layer(closed, closed, ALL), closed, atol=0.01)


def test_joints_without_a_twin_are_never_touched(layer, truth):
    middle = np.isin(np.arange(17), [j for j, twin in enumerate(TWINS) if j == twin])
    poses, anything = truth + 1, np.random.default_rng(1).normal(size=truth.shape).astype(np.float32)
    np.testing.assert_array_equal(layer(poses, anything, ALL).numpy()[:, middle], poses[:, middle])


def test_a_limb_moves_as_one(layer, truth):
    """A wrist alone would gain by changing sides; what its arm loses by it keeps it where it is."""
    crossed = truth.copy()
    left, right = PAPER.index("wrist_left"), PAPER.index("wrist_right")
    crossed[:, [left, right]] = crossed[:, [right, left]]
    np.testing.assert_allclose(layer(crossed, truth, ALL), crossed, atol=1e-3)


def test_sides_do_not_depend_on_the_view(layer, truth):
    observed = exchanged(truth, PAPER.limbs[1])
    layer.steepness.assign(0.3)  # so that the share is somewhere between
    found = layer(observed, near(truth), ALL).numpy()
    assert np.abs(found - observed).max() > 0.1 and np.abs(found - truth).max() > 0.01
    turn, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3, 3)))
    turned = layer((observed @ turn).astype("f"), (near(truth) @ turn).astype("f"), ALL)
    np.testing.assert_allclose(turned, found @ turn, atol=1e-5)


def test_a_joint_whose_twin_is_missing_stays(layer, truth):
    legs = PAPER.limbs[1]
    observed, there = exchanged(truth, legs), ALL.copy()
    left, right = PAPER.index("knee_left"), PAPER.index("knee_right")
    there[:, left] = 0.0
    matched = layer(observed, near(truth), there).numpy()
    np.testing.assert_array_equal(matched[:, right], observed[:, right])
    ankle = PAPER.index("ankle_left")
    np.testing.assert_allclose(matched[:, ankle], truth[:, ankle], atol=1e-3)


def test_gradients_are_finite_and_reach_the_threshold(layer, truth):
    observed = tf.constant(exchanged(truth, PAPER.limbs[0]) * 0.1)
    with tf.GradientTape() as tape:
        value = tf.reduce_sum(tf.square(layer(observed, tf.constant(truth * 0.1), ALL)[..., 0] - 1.0))
    gradients = tape.gradient(value, [w.value for w in layer.trainable_variables])
    assert len(gradients) == 2 and all(np.isfinite(gradient) and gradient != 0 for gradient in gradients)


@pytest.mark.parametrize("what", ["nothing differs", "one point", "nothing observed"])
def test_gradients_are_finite_where_nothing_tells_the_sides(layer, truth, what):
    poses = tf.constant(truth if what == "nothing differs" else 0 * truth)
    there = ALL * (what != "nothing observed")
    with tf.GradientTape() as tape:
        tape.watch(poses)
        value = tf.reduce_sum(layer(poses, poses, there)[..., 0])
    for gradient in tape.gradient(value, [poses, *(w.value for w in layer.trainable_variables)]):
        assert np.isfinite(gradient).all()


def test_a_skeleton_without_pairs_has_nothing_to_match():
    stick = Skeleton("stick", ("hip", "head"), (-1, 0))
    poses = np.ones((1, 2, 3), np.float32)
    np.testing.assert_array_equal(SideMatch(stick)(poses, poses + 1, np.ones((1, 2, 1), np.float32)), poses)


def test_a_config_makes_the_same_layer(layer):
    assert SideMatch.from_config(layer.get_config()).skeleton == PAPER
