"""Corruption: as many joints as asked, moved as far as asked, everything else untouched."""

import numpy as np
import pytest
import tensorflow as tf

from tfpose.noise import joints as joint_noise
from tfpose.seeds import split_seed
from tfpose.skeleton import Skeleton

MANY = 20_000


@pytest.fixture
def poses(standing_pose):
    return np.tile(standing_pose, (500, 1, 1))


# --- which joints


@pytest.mark.parametrize("joints", [5, 17, 33])
def test_exactly_as_many_joints_as_asked(joints):
    counts = np.arange(400) % (joints + 1)
    chosen = joint_noise.choose_joints(counts, joints, [1, 2]).numpy()
    assert chosen.shape == (400, joints) and chosen.dtype == bool
    np.testing.assert_array_equal(chosen.sum(1), counts)


def test_equal_scores_do_not_choose_too_many(monkeypatch):
    monkeypatch.setattr(tf.random, "stateless_uniform", lambda shape, seed: tf.zeros(shape))
    np.testing.assert_array_equal(joint_noise.choose_joints(np.arange(6), 5, [1, 2]).numpy().sum(1), np.arange(6))


def test_joints_are_chosen_uniformly_and_in_all_pairs():
    chosen = joint_noise.choose_joints(np.full(MANY, 2), 6, [1, 2]).numpy()
    first, second = np.nonzero(chosen)[1].reshape(-1, 2).T
    seen = np.bincount(first * 6 + second, minlength=36).reshape(6, 6)[np.triu_indices(6, 1)]
    chi_squared = ((seen - MANY / 15) ** 2 / (MANY / 15)).sum()
    assert chi_squared < 36.1  # the 0.1 % point of 14 degrees of freedom


def test_random_counts_include_both_ends():
    counts = joint_noise.random_counts(MANY, 1, 5, [3, 4]).numpy()
    assert counts.dtype == np.int32
    seen = np.bincount(counts, minlength=7)
    assert seen[[0, 6]].sum() == 0
    assert ((seen[1:6] - MANY / 5) ** 2 / (MANY / 5)).sum() < 18.5  # the 0.1 % point of 4 degrees of freedom
    np.testing.assert_array_equal(joint_noise.random_counts(3, 2, 2, [3, 4]), [2, 2, 2])


# --- displacement


def test_displacement_moves_the_chosen_joints_and_no_others(poses):
    moved = joint_noise.choose_joints(np.arange(500) % 6, 17, [1, 2]).numpy()
    corrupted = joint_noise.displace(poses, moved, [3, 4]).numpy()
    np.testing.assert_array_equal(corrupted[~moved], poses[~moved])
    length = np.linalg.norm(corrupted - poses, axis=-1)[moved]
    assert length.min() > 0.2 - 1e-5 and length.max() < 0.8 + 1e-5


def test_displacement_has_the_length_and_the_direction_said(poses):
    everything = np.ones((500, 17), bool)
    step = (joint_noise.displace(poses, everything, [3, 4], 0.1, 0.5) - poses).numpy().reshape(-1, 3)
    length = np.linalg.norm(step, axis=1)
    expected = np.sort((length - 0.1) / 0.4)
    n = len(length)
    assert np.abs(expected - np.arange(n) / n).max() < 1.95 / np.sqrt(n)  # uniform in length: Kolmogorov-Smirnov
    direction = step / length[:, None]
    assert np.abs(direction.mean(0)).max() < 4 / np.sqrt(3 * n)
    # On a uniform sphere every coordinate is uniform in [-1, 1].
    for coordinate in np.sort(direction, axis=0).T:
        assert np.abs((coordinate + 1) / 2 - np.arange(n) / n).max() < 1.95 / np.sqrt(n)
    assert abs(np.corrcoef(length, direction[:, 1])[0, 1]) < 4 / np.sqrt(n)


# --- noise, missing joints, swapped sides


def test_noise_has_its_size(poses):
    noise = (joint_noise.add_noise(poses, [5, 6], 0.02) - poses).numpy()
    assert noise.std() == pytest.approx(0.02, rel=4 / np.sqrt(2 * noise.size))
    assert abs(noise.mean()) < 4 * 0.02 / np.sqrt(noise.size)
    np.testing.assert_array_equal(joint_noise.add_noise(poses, [5, 6], 0.0), poses)


def test_every_pose_may_have_noise_of_its_own_level(poses):
    level = np.linspace(0, 0.05, 500, dtype=np.float32)
    noise = (joint_noise.add_noise(poses, [5, 6], level[:, None, None]) - poses).numpy()
    np.testing.assert_array_equal(noise[0], 0)
    # 51 numbers each: their spread is off by a tenth.
    np.testing.assert_allclose(noise[1:].std((1, 2)) / level[1:], 1, atol=0.45)
    assert (noise[1:].std((1, 2)) / level[1:]).mean() == pytest.approx(0.99, abs=0.02)


def test_removed_joints_are_nan_and_no_others(poses):
    missing = joint_noise.choose_joints(np.arange(500) % 4, 17, [1, 2]).numpy()
    removed = joint_noise.remove(tf.constant(poses), missing).numpy()
    assert np.isnan(removed[missing]).all()
    np.testing.assert_array_equal(removed[~missing], poses[~missing])


@pytest.mark.parametrize("name", Skeleton.names())
def test_swapping_sides_twice_is_nothing(name):
    skeleton = Skeleton.load(name)
    poses = np.random.default_rng(0).normal(size=(4, len(skeleton), 3)).astype(np.float32)
    swapped = np.array([True, False, True, False])
    once = joint_noise.swap_sides(poses, swapped, skeleton).numpy()
    np.testing.assert_array_equal(joint_noise.swap_sides(once, swapped, skeleton), poses)
    np.testing.assert_array_equal(once[~swapped], poses[~swapped])
    for left, right in skeleton.mirror:
        a, b = skeleton.index(left), skeleton.index(right)
        np.testing.assert_array_equal(once[swapped][:, [a, b]], poses[swapped][:, [b, a]])
    middle = [joint for joint, image in enumerate(skeleton.mirror_joints) if joint == image]
    np.testing.assert_array_equal(once[:, middle], poses[:, middle])


def test_only_the_arms_swapped(paper17, standing_pose):
    arms = np.array([[j.split("_")[0] in ("shoulder", "elbow", "wrist") for j in paper17.joints]])
    swapped = joint_noise.swap_sides(standing_pose[None], arms, paper17).numpy()[0]
    wrist, ankle = paper17.index("wrist_left"), paper17.index("ankle_left")
    np.testing.assert_array_equal(swapped[wrist], standing_pose[paper17.index("wrist_right")])
    np.testing.assert_array_equal(swapped[ankle], standing_pose[ankle])


LIMBS = {  # what hangs on the hips, on the shoulders, and the pairs of the head
    "paper17": {("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist")},
    "ntu25": {
        ("hip", "knee", "ankle", "foot"),
        ("shoulder", "elbow", "wrist", "hand", "hand_tip", "thumb"),
    },
    # Trees in which the head's pairs hang on the nose, the shoulders and the hips on another.
    "coco17": {("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist"), ("eye", "ear")},
}


@pytest.mark.parametrize("name", Skeleton.names())
def test_limbs_are_exchanged_one_or_all_and_as_often_as_asked(name):
    skeleton = Skeleton.load(name)
    poses = np.random.default_rng(0).normal(size=(3000, len(skeleton), 3)).astype(np.float32)
    exchanged = joint_noise.exchange_limbs(poses, [1, 2], 0.6, skeleton).numpy()
    image = poses[:, list(skeleton.mirror_joints)]
    # Every joint is where it was, or where its twin was.
    moved = (exchanged != poses).any(-1)
    np.testing.assert_array_equal(exchanged[moved], image[moved])
    kinds = [np.isin(np.arange(len(skeleton)), limb) for limb in skeleton.limbs]
    kinds.append(np.any(kinds, axis=0))
    share = [(moved == kind).all(1).mean() for kind in kinds]
    np.testing.assert_allclose(share, 0.6 / len(kinds), atol=0.04)
    assert (~moved).all(1).mean() + sum(share) == pytest.approx(1)
    if name in LIMBS:
        found = {tuple(skeleton.joints[joint] for joint in np.nonzero(kind)[0]) for kind in kinds[:-1]}
        wanted = LIMBS[name]
        sides = [{f"{joint}_{side}" for joint in limb for side in ("left", "right")} for limb in wanted]
        assert sorted(map(sorted, found)) == sorted(map(sorted, sides))


def test_no_share_and_all_of_them(poses, paper17):
    np.testing.assert_array_equal(joint_noise.exchange_limbs(poses, [1, 2], 0.0, paper17), poses)
    everywhere = joint_noise.exchange_limbs(poses, [1, 2], 1.0, paper17).numpy()
    assert (everywhere != poses).any((1, 2)).all()


def test_a_skeleton_without_sides_has_nothing_to_exchange():
    pole = Skeleton("pole", ("hip", "head"), (-1, 0))
    poses = np.ones((4, 2, 3), np.float32)
    np.testing.assert_array_equal(joint_noise.exchange_limbs(poses, [1, 2], 1.0, pole), poses)


# --- seeds and XLA


def corrupt(poses, seed, skeleton):
    count_seed, joint_seed, step_seed, noise_seed, missing_seed, limb_seed = split_seed(seed, 6)
    counts = joint_noise.random_counts(poses.shape[0], 0, 5, count_seed)
    moved = joint_noise.choose_joints(counts, len(skeleton), joint_seed)
    poses = joint_noise.swap_sides(poses, counts > 3, skeleton)
    poses = joint_noise.exchange_limbs(poses, limb_seed, 0.3, skeleton)
    poses = joint_noise.add_noise(joint_noise.displace(poses, moved, step_seed), noise_seed, 0.01)
    return joint_noise.remove(poses, joint_noise.choose_joints(counts // 2, len(skeleton), missing_seed)), moved


def test_a_seed_says_it_all(poses, paper17):
    first, moved = corrupt(poses, [1, 2], paper17)
    again, moved_again = corrupt(poses, tf.constant([1, 2]), paper17)
    other, moved_other = corrupt(poses, [1, 3], paper17)
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(moved, moved_again)
    assert not np.array_equal(moved, moved_other) and not np.array_equal(first, other, equal_nan=True)
    assert len(np.unique(np.array(moved), axis=0)) > 250  # samples differ


def test_compiled_equals_eager(same_draws, poses, paper17):
    seed = tf.constant([1, 2])
    compiled = tf.function(lambda poses, seed: corrupt(poses, seed, paper17), jit_compile=True)
    for one, other in zip(compiled(poses, seed), corrupt(poses, seed, paper17)):
        np.testing.assert_allclose(one, other, atol=2e-5)
