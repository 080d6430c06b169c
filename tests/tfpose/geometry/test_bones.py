"""Lengths of bones, and joints that are moved to them."""

import numpy as np
import pytest

from tfpose import metrics
from tfpose.geometry.bones import at_lengths


@pytest.fixture
def noisy(standing_pose) -> np.ndarray:
    return standing_pose + 0.02 * np.random.default_rng(0).normal(size=(50, 17, 3)).astype(np.float32)


def lengths(poses, skeleton) -> np.ndarray:
    return metrics.bone_lengths(poses, skeleton)[..., None].astype(np.float32)


def test_bones_come_near_to_their_lengths(paper17, standing_pose, noisy):
    wanted, mass = lengths(standing_pose, paper17), np.ones((50, 17, 1), np.float32)
    before = np.abs(lengths(noisy, paper17) - wanted).mean()
    moved = [np.asarray(at_lengths(noisy, mass, wanted, paper17, passes)) for passes in (4, 30)]
    after = [np.abs(lengths(poses, paper17) - wanted).mean() for poses in moved]
    assert before > 0.02 and after[0] < 0.15 * before and after[1] < 0.001
    assert metrics.mpjpe(moved[0], np.broadcast_to(standing_pose, noisy.shape)) < metrics.mpjpe(
        noisy, np.broadcast_to(standing_pose, noisy.shape)
    )


def test_heavy_joints_move_least(paper17, standing_pose, noisy):
    mass = np.random.default_rng(1).uniform(0.1, 1.1, (50, 17, 1)).astype(np.float32)
    mass[:, 4] = 1e6
    moved = np.asarray(at_lengths(noisy, mass, lengths(standing_pose, paper17), paper17, 4))
    np.testing.assert_allclose(moved[:, 4], noisy[:, 4], atol=1e-5)
    light = np.delete(np.arange(17), 4)
    assert np.linalg.norm(moved - noisy, axis=-1)[:, light].mean() > 0.005


def test_bones_of_the_right_length_stay(paper17, standing_pose):
    mass = np.ones((17, 1), np.float32)
    moved = at_lengths(standing_pose, mass, lengths(standing_pose, paper17), paper17, 4)
    np.testing.assert_allclose(moved, standing_pose, atol=1e-5)
