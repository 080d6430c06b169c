"""Noise of sensors over time."""

import numpy as np
import pytest
import tensorflow as tf

from tfpose.noise import clips as clip_noise
from tfpose.seeds import step_seed
from tfpose.skeleton import Skeleton

RATE = tf.fill([6], 30.0)
ALL, NONE = tf.fill([6], True), tf.fill([6], False)
SECONDS = (0.1, 0.5)


@pytest.fixture
def still(standing_pose) -> tf.Tensor:
    """Six clips of 40 frames of somebody who walks slowly to the side."""
    poses = np.tile(standing_pose, (6, 40, 1, 1))
    poses[..., 0] += 0.01 * np.arange(40)[:, None]
    return tf.constant(poses)


def test_an_episode_is_as_long_as_asked():
    shape = (500, 60)
    found = clip_noise.episode(shape, tf.fill([500], 30.0), step_seed(0, 0), tf.fill([500], True), SECONDS).numpy()
    inside = ~found[:, 0] & ~found[:, -1] & found.any(1)
    lengths = found[inside].sum(1)
    assert lengths.min() >= 2 and lengths.max() <= 16 and len(np.unique(lengths)) > 8
    assert (np.abs(np.diff(found[inside].astype(int), axis=1)).sum(1) == 2).all()  # one piece
    assert (
        not clip_noise.episode(shape, tf.fill([500], 30.0), step_seed(0, 0), tf.fill([500], False), SECONDS)
        .numpy()
        .any()
    )


@pytest.mark.parametrize("rate", [10.0, 120.0])
def test_durations_are_in_seconds(rate):
    found = clip_noise.episode(
        (300, 400), tf.fill([300], rate), step_seed(1, 0), tf.fill([300], True), (0.5, 0.5)
    ).numpy()
    lengths = found[~found[:, 0] & ~found[:, -1] & found.any(1)].sum(1)
    assert np.abs(lengths - 0.5 * rate).max() <= 1


def test_jitter_has_its_strength(still, paper17):
    noisy = clip_noise.add_jitter(still, tf.fill([6], 0.02), paper17, step_seed(0, 0), ends=1.5) - still
    deviation = noisy.numpy().std(axis=(0, 1, 3))
    assert deviation[paper17.index("spine_mid")] == pytest.approx(0.02, rel=0.1)
    assert deviation[paper17.index("wrist_left")] == pytest.approx(0.03, rel=0.1)


def test_depth_noise_lies_along_one_horizontal_axis(still, paper17):
    noise = (clip_noise.add_depth_noise(still, tf.fill([6], 0.05), paper17, step_seed(0, 0)) - still).numpy()
    assert np.abs(noise[..., 1]).max() < 1e-6
    for clip in noise.reshape(6, -1, 3):
        assert np.linalg.svd(clip, compute_uv=False)[1] < 1e-4


def test_drift_is_slow_and_has_its_strength(still):
    noise = (clip_noise.add_drift(still, RATE, tf.fill([6], 0.02), step_seed(0, 0), (0.5, 0.5)) - still).numpy()
    assert noise.std() == pytest.approx(0.02, rel=0.15)
    assert np.diff(noise, axis=1).std() < 0.1 * noise.std()


def test_episodes_move_joints_far_and_the_same_way(still, paper17):
    moved = clip_noise.displace(still, RATE, paper17, step_seed(0, 0), ALL, SECONDS, 3) - still
    length = np.linalg.norm(moved, axis=-1)
    assert (length > 0.1).any() and ((length < 1e-6) | (length > 0.05)).mean() > 0.99
    alone = clip_noise.displace(still, RATE, paper17, step_seed(0, 0), NONE, SECONDS, 3)
    np.testing.assert_array_equal(alone, still)


def test_a_limb_moves_as_one(still, paper17):
    moved = (clip_noise.displace(still, RATE, paper17, step_seed(3, 0), ALL, SECONDS, 1, limbs=True) - still).numpy()
    left = [paper17.index(f"{joint}_left") for joint in ("shoulder", "elbow", "wrist")]
    for frame in moved.reshape(-1, 17, 3):
        if np.abs(frame[left[1]]).max() > 1e-4:
            np.testing.assert_allclose(frame[left[2]], frame[left[1]], atol=1e-5)


def test_gaps_are_missing_joints(still, paper17):
    gaps = np.isnan(clip_noise.remove(still, RATE, paper17, step_seed(0, 0), ALL, SECONDS))
    assert 0.01 < gaps.mean() < 0.7 and (gaps.any(-1) == gaps.all(-1)).all()
    assert not np.isnan(clip_noise.remove(still, RATE, paper17, step_seed(0, 0), NONE, SECONDS)).any()


def test_exchanged_sides_have_each_others_places(still, paper17):
    seen = clip_noise.exchange_sides(still, RATE, paper17, step_seed(0, 0), ALL, SECONDS).numpy()
    twins = still.numpy()[:, :, list(paper17.mirror_joints)]
    changed = np.abs(seen - still).max(-1) > 1e-6
    assert changed.any() and not changed.all()
    np.testing.assert_array_equal(seen[changed], twins[changed])


def test_a_stuck_joint_stays(still):
    stuck = np.zeros((6, 40, 17), bool)
    stuck[:, 10:15, 3] = stuck[:, 0:4, 5] = True
    held = clip_noise.hold(still, stuck).numpy()
    np.testing.assert_array_equal(held[:, 10:15, 3], np.repeat(still[:, 9:10, 3], 5, 1))
    np.testing.assert_array_equal(held[:, 1:4, 5], np.repeat(still[:, 0:1, 5], 3, 1))
    stuck[:, 0] = True
    np.testing.assert_array_equal(held[~stuck], still.numpy()[~stuck])


def test_all_together_is_seeded_and_leaves_clean_clips_alone(paper17, still):
    noise = clip_noise.ClipNoise(clean=0.5, stuck=0.3, zeros=0.3)
    clips, rate = tf.tile(still, [8, 1, 1, 1]), tf.tile(RATE, [8])
    first, again, other = (clip_noise.corrupt(clips, rate, paper17, step_seed(0, n), noise).numpy() for n in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(np.nan_to_num(first), np.nan_to_num(other))
    clean = ((first == clips.numpy()) | np.isnan(first)).all(axis=(1, 2, 3))
    assert 10 < clean.sum() < 40
    assert 0 < np.isnan(first[clean]).any(axis=(1, 2, 3)).sum() < clean.sum()  # gaps are in these too


def test_a_skeleton_without_mirror_pairs(still):
    chain = Skeleton("chain", tuple("abc"), (-1, 0, 1))
    seen = clip_noise.corrupt(still[:, :, :3], RATE, chain, step_seed(0, 0), clip_noise.ClipNoise(clean=0.0)).numpy()
    assert seen.shape == (*still.shape[:2], 3, 3) and not np.array_equal(seen, still[:, :, :3])


@pytest.mark.slow
def test_compiled(paper17, still):
    noise = clip_noise.ClipNoise(stuck=0.3)
    compiled = tf.function(
        lambda clips: clip_noise.corrupt(clips, RATE, paper17, step_seed(0, 0), noise), jit_compile=True
    )
    seen = compiled(still)
    assert seen.shape == still.shape and np.isfinite(seen).mean() > 0.5
