"""The denoise evaluator, on models whose results are known without training."""

import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from scipy.spatial.transform import Rotation

from tfpose import metrics
from tfpose.datasets.pose_set import PoseSet
from tfpose.layers import PoseNormalizer
from tfpose.trainers.evaluators import denoise
from tfpose.trainers.evaluators.baselines import baselines, mean_pose, with_bone_lengths

KS = (1, 2, 3, 4, 5)


@pytest.fixture(scope="module")
def protocol(poses, skeleton) -> PoseSet:
    """The same 60 poses once per k, with joints that the protocol chose: always the last k."""
    clean = poses.positions[::5]
    moved = np.concatenate([np.tile(np.arange(17) >= 17 - k, (len(clean), 1)) for k in KS])
    return PoseSet("labelled", np.tile(clean, (5, 1, 1)), skeleton, moved=moved, k=np.repeat(KS, len(clean)))


class Ideal:
    """The view code is the rotation of the body's own frame, the pose code are the joints in that frame."""

    refinements = 0

    def __init__(self, skeleton):
        self.skeleton = skeleton
        self.normalizer = PoseNormalizer()

    def encode(self, joints):
        normalized, frame = self.normalizer(joints)
        first = tf.math.l2_normalize(joints[:, 1] - joints[:, 0], axis=-1)
        third = tf.math.l2_normalize(tf.linalg.cross(first, joints[:, 2] - joints[:, 0]), axis=-1)
        view = tf.stack([first, tf.linalg.cross(third, first), third], axis=1)
        return tf.matmul(normalized, view, transpose_b=True), view, frame

    def reconstruct(self, joints):
        return self.transfer_view(joints, joints)

    def denoise(self, joints):
        return self.reconstruct(joints)

    def transfer_view(self, joints, view_from):
        pose, _, frame = self.encode(joints)
        _, view, _ = self.encode(view_from)
        return self.normalizer.restore(tf.matmul(pose, view), frame)


class Perfect(Ideal):
    """Knows the truth."""

    refinements = 1

    def __init__(self, skeleton, truth):
        super().__init__(skeleton)
        self.truth = truth

    def denoise(self, joints):
        return tf.constant(self.truth)


@pytest.fixture(scope="module")
def report(poses, skeleton):
    return denoise.measure(Ideal(skeleton), denoise.Data(poses, poses), seed=4)


# --- the corruption


def assert_moved_by(test, count):
    distance = np.linalg.norm(test.observed - test.truth, axis=-1)
    np.testing.assert_array_equal(distance > 0, test.moved)
    assert (test.moved.sum(1) == count).all()
    moved = distance[test.moved]
    if count:
        assert moved.min() > 0.2 - 1e-5 and moved.max() < 0.8 + 1e-5
        assert moved.min() < 0.25 and moved.max() > 0.75  # all of the range is used
        assert moved.mean() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("k", [0, *KS])
def test_exactly_k_joints_move_by_20_to_80_cm(poses, k):
    test = denoise.corrupt_by_count(poses, seed=1)[k]
    np.testing.assert_array_equal(test.truth, poses.positions)
    assert_moved_by(test, k)
    if k:
        assert test.moved.any(0).all()  # every joint's turn comes
        assert len(np.unique(test.moved, axis=0)) > 15


@pytest.mark.parametrize("k", KS)
def test_the_protocols_own_choice_is_taken(protocol, k):
    test = denoise.corrupt_by_count(protocol, seed=1)[k]
    np.testing.assert_array_equal(test.truth, protocol.positions[protocol.k == k])
    np.testing.assert_array_equal(test.moved, protocol.moved[protocol.k == k])
    assert_moved_by(test, k)


def test_without_corruption_the_protocols_poses_stay(protocol):
    test = denoise.corrupt_by_count(protocol, seed=1)[0]
    assert not test.moved.any()
    np.testing.assert_array_equal(test.observed, test.truth)
    np.testing.assert_array_equal(test.truth, protocol.positions[protocol.k == 1])


def test_thinned_poses_keep_their_labels(protocol):
    for k, test in denoise.corrupt_by_count(protocol, seed=1, most_poses=7).items():
        assert test.truth.shape == (7, 17, 3)
        whole = protocol.positions[protocol.k == max(k, 1)]
        np.testing.assert_array_equal(test.truth[[0, -1]], whole[[0, -1]])
        assert (test.moved.sum(1) == k).all()


def test_corruption_is_drawn_anew_for_every_seed_and_k(poses):
    first, again, other = (denoise.corrupt_by_count(poses, seed=seed) for seed in (1, 1, 2))
    for k in KS:
        np.testing.assert_array_equal(first[k].observed, again[k].observed)
        assert np.abs(first[k].observed - other[k].observed).max() > 0.1
    assert (first[4].moved & first[5].moved).sum(1).max() < 4 or (first[4].moved != first[5].moved).mean() > 0.2


def test_a_bad_tracker_holds_its_errors_for_a_while(poses):
    clip = poses.positions[:30]
    offsets = denoise.corrupt_clip(clip, seed=3, moved=3, hold=8) - clip
    off = np.linalg.norm(offsets, axis=-1)
    for start in range(0, 30, 8):
        episode = off[start : start + 8]
        assert ((episode > 1e-3).sum(1) == 3).all()
        assert episode[episode > 1e-3].min() > 0.2 - 1e-4 and episode.max() < 0.5 + 1e-4
        np.testing.assert_allclose(
            offsets[start : start + 8], offsets[start : start + 1].repeat(len(episode), 0), atol=1e-5
        )
    assert ((off[0] > 1e-3) != (off[8] > 1e-3)).any()


# --- the rows


def test_doing_nothing_has_the_error_that_was_made(poses, report):
    row = report["rows"]["doing nothing"]
    assert row["mpjpe"][0] == 0
    for k, test in denoise.corrupt_by_count(poses, seed=4).items():
        made = np.linalg.norm(test.observed - test.truth, axis=-1).sum() / (len(poses) * 17)
        assert row["mpjpe"][k] == pytest.approx(1000 * made, rel=1e-5)
        assert row["mpjpe"][k] == pytest.approx(1000 * 0.5 * k / 17, rel=0.05)  # k joints by 0.5 m on average
    assert row["mpjpe_mean"] == pytest.approx(np.mean(row["mpjpe"][1:]))
    corrupted = list(denoise.corrupt_by_count(poses, seed=4).values())[1:]
    aligned = [metrics.pa_mpjpe(test.observed, test.truth) for test in corrupted]
    assert row["pa_mpjpe"] == pytest.approx(1000 * np.mean(aligned))
    assert row["bone_length"] > 10 and row["symmetry"] > 10


def test_a_model_that_changes_nothing_ties_with_doing_nothing(report):
    nothing, model = report["rows"]["doing nothing"], report["rows"]["autoencoder"]
    assert model["mpjpe"] == pytest.approx(nothing["mpjpe"], abs=1e-2)
    for name in ("mpjpe_mean", "pa_mpjpe", "bone_length", "symmetry"):
        assert model[name] == pytest.approx(nothing[name], abs=1e-2)


def test_a_perfect_model_has_no_error(poses, skeleton):
    report = denoise.measure(Perfect(skeleton, poses.positions), denoise.Data(poses, poses))
    row = report["rows"]["autoencoder + trust"]
    # Bodies are symmetric in the synthetic poses.
    assert row["mpjpe"] == [0.0] * 6
    assert [row[name] for name in ("mpjpe_mean", "pa_mpjpe", "bone_length", "symmetry")] == pytest.approx(
        [0] * 4, abs=1e-3
    )
    assert report["rows"]["autoencoder"]["mpjpe_mean"] > 50  # the rows do not share a method


def test_a_model_without_trust_has_one_row(report):
    assert list(report["rows"]) == ["doing nothing", "mean pose", "mean bone lengths", "autoencoder"]
    assert report["poses"] == 300


def test_baselines_help_against_corruption_and_harm_clean_poses(report):
    rows = report["rows"]
    assert rows["mean pose"]["mpjpe"][0] > 20
    assert rows["mean bone lengths"]["bone_length"] < 0.5 * rows["doing nothing"]["bone_length"]


def test_the_same_seed_gives_the_same_report(poses, skeleton, report):
    assert denoise.measure(Ideal(skeleton), denoise.Data(poses, poses), seed=4) == report
    other = denoise.measure(Ideal(skeleton), denoise.Data(poses, poses), seed=5)
    assert other["rows"]["doing nothing"]["mpjpe"] != report["rows"]["doing nothing"]["mpjpe"]
    assert json.loads(json.dumps(report)) == report


def test_the_table_has_the_numbers(report):
    count, _, header, rule, *lines = denoise.markdown({"mean": report}).split("\n")
    assert count == f"{report['poses']} poses for each k"
    cells = [line.strip("| ").split(" | ") for line in [header, *lines[:4]]]
    assert cells[0] == ["mm", *(f"k = {k}" for k in range(6)), "mean 1-5", "PA-MPJPE", "bone length", "symmetry"]
    assert rule.count("|") == header.count("|")
    for (name, *numbers), (method, row) in zip(cells[1:], report["rows"].items()):
        assert name == method
        expected = [*row["mpjpe"], row["mpjpe_mean"], row["pa_mpjpe"], row["bone_length"], row["symmetry"]]
        assert [float(number) for number in numbers] == pytest.approx(expected, abs=0.051)


def test_summary_is_the_clean_and_the_mean_corrupted_error(poses, skeleton, report):
    assert denoise.summary(Ideal(skeleton), denoise.Data(poses, poses), seed=4) == pytest.approx(
        {"clean_mm": 0, "corrupted_mm": report["rows"]["doing nothing"]["mpjpe_mean"]}, abs=1e-2
    )


def test_batches_of_any_number_keep_their_order():
    values = np.arange(2300, dtype=np.float32).reshape(-1, 1, 1) * np.ones((1, 2, 3), np.float32)
    traces = []

    def both(one, other):
        traces.append(one.shape)
        return one + 2 * other

    run = denoise.batched(both)
    np.testing.assert_array_equal(run(values, values[::-1].copy()), values + 2 * values[::-1])
    np.testing.assert_array_equal(run(values[:7], values[:7]), 3 * values[:7])
    assert len(traces) <= 3


@pytest.mark.parametrize("number", [300, 3])
def test_the_picture_is_drawn(tmp_path, poses, skeleton, number):
    few = PoseSet("few", poses.positions[:number], skeleton)
    denoise.draw(tmp_path / "figure.png", Ideal(skeleton), denoise.Data(few, few))
    with Image.open(tmp_path / "figure.png") as image:
        image.load()
        assert image.format == "PNG" and image.width > 500


# --- the baselines


def turned(positions, seed):
    rotation = Rotation.random(len(positions), random_state=seed).as_matrix()
    shift = np.random.default_rng(seed).normal(size=(len(positions), 1, 3))
    return positions @ rotation.transpose(0, 2, 1) + shift


def test_the_mean_of_one_pose_seen_from_everywhere_is_that_pose(poses):
    pose = poses.positions[:1].astype(float)
    mean = mean_pose(turned(np.tile(pose, (40, 1, 1)), seed=1))
    assert 1000 * metrics.mpjpe(metrics.procrustes(pose[0], mean), mean) < 1e-6


def test_the_mean_pose_does_not_depend_on_the_view(poses):
    clean = poses.positions.astype(float)
    one = mean_pose(np.concatenate([clean[:1], clean[1:]]))
    other = mean_pose(np.concatenate([clean[:1], turned(clean[1:], seed=2)]))
    np.testing.assert_allclose(one, other, atol=1e-6)
    assert np.ptp(one, axis=0).min() > 0.1  # a person, no stick


def test_the_mean_pose_baseline_turns_with_its_input(poses, skeleton):
    guess = baselines(poses.positions, skeleton)["mean pose"]
    observed = denoise.corrupt_by_count(poses, seed=1, most_poses=20)[3].observed.astype(float)
    rotation = Rotation.random(random_state=5).as_matrix()
    np.testing.assert_allclose(guess(observed @ rotation.T + 1.0), guess(observed) @ rotation.T + 1.0, atol=1e-6)


def test_bones_get_the_lengths_that_are_asked_for(poses, skeleton):
    lengths = metrics.bone_lengths(poses.positions, skeleton).mean(0)
    observed = denoise.corrupt_by_count(poses, seed=1)[3].observed
    before = observed.copy()
    recovered = with_bone_lengths(observed, lengths, skeleton)
    child, parent = np.transpose(skeleton.bones)
    made = np.linalg.norm(recovered[:, child] - recovered[:, parent], axis=-1)
    np.testing.assert_allclose(made, np.tile(lengths, (len(made), 1)), atol=2e-3)
    np.testing.assert_array_equal(observed, before)  # the input is the caller's


def test_a_clean_pose_of_mean_lengths_stays(poses, skeleton):
    person = poses.positions[:60]  # one clip, so one body
    lengths = metrics.bone_lengths(person, skeleton).mean(0)
    np.testing.assert_allclose(with_bone_lengths(person, lengths, skeleton), person, atol=1e-4)


def test_bones_without_length_stay_finite(skeleton):
    heap = np.zeros((2, 17, 3), np.float32)
    assert np.isfinite(with_bone_lengths(heap, np.full(16, 0.3), skeleton)).all()
