"""Rotations: proper, uniform, seeded, compilable."""

import re
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tfpose.geometry import rotations
from tfpose.seeds import split_seed, step_seed

MANY = 20_000
DRAWN = {
    "uniform": lambda batch, seed: rotations.uniform(batch, seed),
    "small": lambda batch, seed: rotations.small(batch, seed, 0.3),
    "upright": lambda batch, seed: rotations.upright(batch, seed, 0.2),
}


def trace(matrices):
    return np.trace(matrices, axis1=-2, axis2=-1)


def distance_to_uniform(matrices):
    """Kolmogorov-Smirnov distance of the angles to those of uniform rotations, whose CDF is (a - sin a) / pi."""
    angles = np.sort(np.arccos(np.clip((trace(matrices) - 1) / 2, -1, 1)))
    expected = (angles - np.sin(angles)) / np.pi
    steps = np.arange(len(angles) + 1) / len(angles)
    return max(np.abs(expected - steps[1:]).max(), np.abs(expected - steps[:-1]).max())


# --- every rotation


@pytest.mark.parametrize("drawn", DRAWN)
def test_rotations_are_proper(drawn):
    matrices = DRAWN[drawn](500, [3, 4]).numpy()
    assert matrices.shape == (500, 3, 3) and matrices.dtype == np.float32
    np.testing.assert_allclose(matrices @ matrices.swapaxes(1, 2), np.tile(np.eye(3), (500, 1, 1)), atol=2e-6)
    np.testing.assert_allclose(np.linalg.det(matrices), 1, atol=2e-6)


@pytest.mark.parametrize("drawn", DRAWN)
def test_a_seed_says_it_all(drawn):
    draw = DRAWN[drawn]
    matrices = draw(100, [3, 4]).numpy()
    np.testing.assert_array_equal(draw(100, tf.constant([3, 4])), matrices)
    assert np.abs(draw(100, [3, 5]) - matrices).max() > 0.1
    # One rotation per sample, not one per batch.
    assert np.unique(matrices.reshape(100, 9), axis=0).shape[0] == 100


def test_steps_of_a_stream_have_seeds_of_their_own():
    drawn = [rotations.uniform(4, step_seed(7, step)).numpy() for step in (0, 1, tf.constant(1, tf.int64))]
    assert np.abs(drawn[0] - drawn[1]).max() > 0.1
    np.testing.assert_array_equal(drawn[1], drawn[2])
    first, second = split_seed(step_seed(7, 0), 2)
    assert not np.array_equal(first, second) and not np.array_equal(first, step_seed(7, 0))


# --- uniform


def test_uniform_is_uniform_on_so3():
    matrices = rotations.uniform(MANY, [0, 1]).numpy().astype(np.float64)
    sigma = 1 / np.sqrt(MANY)
    # The moments of the trace under the Haar measure are 0, 1, 1, 3.
    assert abs(trace(matrices).mean()) < 4 * sigma
    assert abs((trace(matrices) ** 2).mean() - 1) < 4 * np.sqrt(2) * sigma
    # Every entry has mean 0 and variance 1/3, so any vector goes anywhere on the sphere.
    assert np.abs(matrices.mean(0)).max() < 4.5 * sigma / np.sqrt(3)
    for column in range(3):
        turned = matrices[:, :, column]
        np.testing.assert_allclose(turned.T @ turned / MANY, np.eye(3) / 3, atol=4.5 * 0.3 * sigma)
    # 1.95 / sqrt(n) is the 0.1 % point; a uniform distribution is also uniform seen from any other orientation.
    turn = rotations.about_axis(1.0, (1.0, 2.0, 3.0)).numpy()
    for seen in (matrices, turn @ matrices, matrices @ turn):
        assert distance_to_uniform(seen) < 1.95 * sigma


def test_uniform_euler_angles_would_not_pass():
    x, y, z = np.random.default_rng(0).uniform(-np.pi, np.pi, (3, MANY)).astype(np.float32)
    axes = np.eye(3)
    matrices = (
        rotations.about_axis(z, axes[2]) @ rotations.about_axis(y, axes[1]) @ rotations.about_axis(x, axes[0])
    ).numpy()
    assert distance_to_uniform(matrices) > 1.5 * 1.95 / np.sqrt(MANY)


# --- about an axis, small, upright


def test_about_axis_turns_right_handed():
    quarter = rotations.about_axis(np.float32(np.pi / 2))
    # About y: z goes to x, and x to -z.
    np.testing.assert_allclose(
        rotations.rotate([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]], quarter), [[1, 0, 0], [0, 0, -1], [0, 1, 0]], atol=1e-6
    )
    third = rotations.about_axis(2 * np.pi / 3, (1.0, 1.0, 1.0))
    np.testing.assert_allclose(rotations.rotate([[1.0, 2, 3]], third), [[3, 1, 2]], atol=1e-5)
    assert rotations.about_axis(np.zeros((2, 5), np.float32)).shape == (2, 5, 3, 3)


def test_small_rotations_have_their_size():
    angles = np.arccos((trace(rotations.small(MANY, [5, 6], 0.1).numpy().astype(np.float64)) - 1) / 2)
    # Each component of axis times angle has variance 0.01; the standard error of the mean of their sum is known.
    assert np.mean(angles**2) == pytest.approx(0.03, abs=4 * 0.01 * np.sqrt(6 / MANY))
    np.testing.assert_allclose(rotations.small(3, [5, 6], 0.0), np.tile(np.eye(3), (3, 1, 1)), atol=1e-6)


def test_upright_keeps_the_vertical_within_the_tilt():
    tilt = 0.15
    up = rotations.upright(MANY, [1, 2], tilt).numpy()[:, :, 1]  # where the vertical goes
    angle = np.arccos(np.clip(up[:, 1], -1, 1))
    # Two tilt components lean the vertical: Rayleigh, P(angle > 4.5 sigma) = 4e-5, mean sigma * sqrt(pi / 2).
    assert np.mean(angle > 4.5 * tilt) < 5e-4
    assert angle.mean() == pytest.approx(tilt * np.sqrt(np.pi / 2), rel=0.03)
    np.testing.assert_allclose(rotations.upright(50, [1, 2], 0.0).numpy()[:, 1], np.tile([0, 1, 0], (50, 1)), atol=1e-6)


def test_upright_takes_any_heading():
    forward = rotations.upright(MANY, [1, 2], 0.0).numpy()[:, :, 2]
    heading = np.sort(np.arctan2(forward[:, 0], forward[:, 2])) / (2 * np.pi) + 0.5
    assert np.abs(heading - np.arange(MANY) / MANY).max() < 1.95 / np.sqrt(MANY)


# --- rotate


def test_rotate_multiplies_column_vectors(standing_pose):
    matrices = rotations.uniform(4, [8, 9]).numpy()
    poses = np.stack([standing_pose] * 4)
    turned = rotations.rotate(poses, matrices).numpy()
    for sample in range(4):
        for joint in range(17):
            np.testing.assert_allclose(turned[sample, joint], matrices[sample] @ standing_pose[joint], atol=1e-6)
    np.testing.assert_allclose(rotations.rotate(turned, matrices.swapaxes(1, 2)), poses, atol=1e-6)


# --- compiled


def test_compiled_equals_eager(same_draws, standing_pose):
    def turn(seed):
        first, second, third = split_seed(seed, 3)
        matrices = tf.stack(
            [rotations.uniform(8, first), rotations.small(8, second, 0.3), rotations.upright(8, third, 0.2)]
        )
        return matrices, rotations.rotate(standing_pose, matrices)

    seed = tf.constant([11, 12])
    for compiled, eager in zip(tf.function(turn, jit_compile=True)(seed), turn(seed)):
        np.testing.assert_allclose(compiled, eager, atol=1e-5)


def test_compiled_rotations_are_uniform_too():
    compiled = tf.function(lambda seed: rotations.uniform(MANY, seed), jit_compile=True)
    matrices = compiled(tf.constant([0, 1])).numpy()
    np.testing.assert_array_equal(compiled(tf.constant([0, 1])), matrices)
    assert distance_to_uniform(matrices) < 1.95 / np.sqrt(MANY)
    np.testing.assert_allclose(matrices @ matrices.swapaxes(1, 2), np.tile(np.eye(3), (MANY, 1, 1)), atol=3e-6)


# --- without TensorFlow Graphics


def test_a_missing_tensorflow_graphics_says_what_to_run():
    program = (
        "import sys, types\n"
        "sys.modules['tensorflow_graphics'] = None  # makes its import fail\n"
        "sys.modules['tensorflow'] = types.ModuleType('tensorflow')  # not reached, and slow to load\n"
        "import tfpose.geometry.rotations\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert run.returncode == 1
    last = run.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: ") and "TensorFlow Graphics, which is not installed" in last
    assert re.search(r"pip install --no-deps tensorflow-graphics==\d", last)
