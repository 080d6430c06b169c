"""The swap evaluator, on models that are known to keep pose and view apart, or not."""

import numpy as np
import pytest
import tensorflow as tf

from tfpose.geometry import frames
from tfpose.layers import PoseNormalizer
from tfpose.trainers.evaluators import denoise, swap


class Ideal:
    """The view code is the rotation of the trunk, the pose code are the joints in the trunk's frame."""

    def __init__(self, skeleton):
        self.skeleton = skeleton
        self.normalizer = PoseNormalizer()

    def encode(self, joints):
        normalized, _ = self.normalizer(joints)
        frame = frames.torso_frame(joints, self.skeleton)
        return {"pose_code": tf.matmul(normalized, frame), "view_code": frame}

    def transfer_view(self, joints, view_from):
        _, frame = self.normalizer(joints)
        pose, view = self.encode(joints)["pose_code"], self.encode(view_from)["view_code"]
        return self.normalizer.restore(tf.matmul(pose, view, transpose_b=True), frame)

    def reconstruct(self, joints):
        return self.transfer_view(joints, joints)


class Entangled(Ideal):
    """Its pose code holds the view as well."""

    def encode(self, joints):
        codes = super().encode(joints)
        return codes | {"pose_code": self.normalizer(joints)[0]}

    def transfer_view(self, joints, view_from):
        return joints


@pytest.fixture(scope="module")
def ideal(poses, skeleton):
    return swap.measure(Ideal(skeleton), poses, seed=0)


@pytest.fixture(scope="module")
def entangled(poses, skeleton):
    return swap.measure(Entangled(skeleton), poses, seed=0)


def test_swapping_costs_nothing_when_the_codes_are_pose_and_rotation(ideal, poses):
    assert ideal["poses"] == 300
    assert ideal["swap"][0] == pytest.approx(0, abs=0.05)
    # Where the trunk is whole; a displaced hip turns its frame in both views alike.
    assert ideal["swap"] == pytest.approx(ideal["reconstruction"], abs=0.05)
    tests = denoise.corrupt_by_count(poses, seed=0)
    nothing = [1000 * np.linalg.norm(test.observed - test.truth, axis=-1).mean() for test in tests.values()]
    assert ideal["reconstruction"] == pytest.approx(nothing, abs=0.05)


def test_swapping_costs_nothing_in_any_view(poses, skeleton):
    report = swap.measure(Ideal(skeleton), poses, seed=0, views="so3", most_poses=100)
    assert report["poses"] == 100
    assert report["swap"] == pytest.approx(report["reconstruction"], abs=0.05)
    assert 110 < report["probe"]["chance"]["ridge"] < 145  # the mean angle of uniform rotations: 126.5 degrees


def test_swapping_is_dear_when_the_pose_code_holds_the_view(entangled):
    assert entangled["reconstruction"][0] == pytest.approx(0, abs=1e-2)
    assert min(entangled["swap"]) > 100


class ViewHoldsAll(Ideal):
    """Both codes hold everything; the decoder takes the view code's word. Swaps between views of one pose work."""

    def transfer_view(self, joints, view_from):
        return self.normalizer.restore(self.normalizer(view_from)[0], self.normalizer(joints)[1])


def test_another_poses_view_shows_what_swapping_cannot(poses, skeleton, ideal):
    leaky = swap.measure(ViewHoldsAll(skeleton), poses, seed=0)
    assert leaky["swap"][0] == pytest.approx(0, abs=1e-2)
    assert leaky["other_pose"]["transfer"] == pytest.approx(leaky["other_pose"]["giver"], rel=0.05)
    assert leaky["other_pose"]["giver"] > 100
    # The trunk's frame is not that of the hips: a bend of one pose passes for a view.
    assert ideal["other_pose"]["transfer"] < 0.7 * ideal["other_pose"]["giver"]


def test_a_probe_finds_the_view_where_it_is_and_nowhere_else(ideal, entangled):
    chance = ideal["probe"]["chance"]
    assert 75 < chance["ridge"] == chance["mlp"] < 105  # a heading is off by 90 degrees on average
    assert ideal["probe"]["view code"]["ridge"] < 25
    assert ideal["probe"]["pose code"]["ridge"] > 65
    assert entangled["probe"]["pose code"]["ridge"] < 40
    # 150 poses teach an MLP little.
    assert ideal["probe"]["view code"]["mlp"] < 25 < 40 < entangled["probe"]["pose code"]["mlp"] < 70
    assert ideal["probe"]["root-relative"] == entangled["probe"]["root-relative"]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # so few poses
def test_the_same_seed_gives_the_same_report(poses, skeleton, ideal):
    few = [swap.measure(Ideal(skeleton), poses, seed, most_poses=40) for seed in (0, 0, 1)]
    assert few[0] == few[1] != few[2]


def test_rotations_are_told_by_the_nearest_one():
    turn = np.array([[[0.0, -1, 0], [1, 0, 0], [0, 0, 1]], np.eye(3)])
    np.testing.assert_allclose(swap._nearest_rotations(0.3 * turn), turn, atol=1e-12)
    assert swap._mean_angle(turn, np.stack([np.eye(3)] * 2)) == pytest.approx(45)  # 90 and 0 degrees
    mirror = np.diag([1.0, 1.0, -0.1])
    assert np.linalg.det(swap._nearest_rotations(mirror[None])[0]) == pytest.approx(1)


def test_the_tables_have_the_numbers(ideal):
    half = tf.nest.map_structure(lambda value: value / 2, ideal)
    lines = swap.markdown({"mean": ideal, "std": half}).split("\n")
    assert lines[0] == "300 poses for each k, MPJPE of the autoencoder"
    k3 = ideal["swap"][3]
    assert any(line.startswith("| swap") and f"{k3:.1f} ± {k3 / 2:.1f}" in line for line in lines)
    assert any(line.startswith("Swap over reconstruction: 1.000. ") for line in lines)
    other = ideal["other_pose"]["giver"]
    assert any(f"it would be {other:.1f} ± {other / 2:.1f} mm" in line for line in lines)
    chance = ideal["probe"]["chance"]["ridge"]
    assert any(line.startswith(f"| chance | {chance:.1f} ± {chance / 2:.1f} | ") for line in lines)
    nothing = tf.nest.map_structure(lambda value: None, ideal)
    assert "±" not in swap.markdown({"mean": ideal, "std": nothing})


def test_summary_is_of_clean_poses(poses, skeleton):
    assert swap.summary(Ideal(skeleton), poses) == pytest.approx({"own_view_mm": 0, "swap_mm": 0}, abs=0.05)
    assert swap.summary(Entangled(skeleton), poses)["swap_mm"] > 100
