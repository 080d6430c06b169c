"""The losses of Sec. 3.3 against values computed by hand."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tfpose import losses
from tfpose.losses import LossWeights
from tfpose.skeleton import Skeleton

# root - (left, right) arms and a head: bones in the order left, right, head.
TEE = Skeleton("tee", ("root", "hand_left", "hand_right", "head"), (-1, 0, 0, 0), mirror=(("hand_left", "hand_right"),))
TRUTH = np.array([[0, 0, 0], [3, 0, 0], [-3, 0, 0], [0, 2, 0]], np.float32)
PREDICTED = np.array([[0, 0, 1], [3, 4, 1], [-2, 0, 1], [0, 2, 1]], np.float32)
# Distances: 1, sqrt(17), sqrt(2), 1. Predicted bones: 5, 2, 2 against 3, 3, 2.
POSITION = 2 + np.sqrt(17) + np.sqrt(2)
BONES = 2 + 1 + 0
SYMMETRY = 3


def gradient(function, *inputs):
    inputs = [tf.constant(value) for value in inputs]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        value = function(*inputs)
    return [gradient.numpy() for gradient in tape.gradient(value, inputs)]


# --- eq. 9


def test_terms_of_one_pose_by_hand():
    predicted, truth = PREDICTED[None], TRUTH[None]
    assert float(losses.position(predicted, truth)) == pytest.approx(POSITION)
    assert float(losses.bone_length(predicted, truth, TEE)) == pytest.approx(BONES)
    assert float(losses.symmetry(predicted, TEE)) == pytest.approx(SYMMETRY)
    assert float(losses.reconstruction(predicted, truth, TEE)) == pytest.approx(POSITION + BONES + SYMMETRY)


def test_sums_over_joints_and_bones_but_averages_over_poses():
    predicted, truth = np.stack([PREDICTED, TRUTH, PREDICTED, TRUTH]), np.stack([TRUTH] * 4)
    assert float(losses.position(predicted, truth)) == pytest.approx(POSITION / 2)
    assert float(losses.bone_length(predicted, truth, TEE)) == pytest.approx(BONES / 2)
    assert float(losses.symmetry(predicted, TEE)) == pytest.approx(SYMMETRY / 2)
    clips = predicted.reshape(2, 2, 4, 3)
    assert float(losses.reconstruction(clips, truth.reshape(2, 2, 4, 3), TEE)) == pytest.approx(
        (POSITION + BONES + SYMMETRY) / 2
    )


def test_bone_lengths_by_hand():
    np.testing.assert_allclose(losses.bone_lengths(np.stack([TRUTH, PREDICTED]), TEE), [[3, 3, 2], [5, 2, 2]])


@pytest.mark.parametrize("name", Skeleton.names())
def test_against_loops_on_the_shipped_skeletons(name):
    skeleton = Skeleton.load(name)
    predicted, truth = np.random.default_rng(0).normal(size=(2, 3, len(skeleton), 3)).astype(np.float32)

    def length(pose, bone):
        child, parent = skeleton.bones[bone]
        return np.linalg.norm(pose[child] - pose[parent])

    bones = [abs(length(p, b) - length(t, b)) for p, t in zip(predicted, truth) for b in range(len(skeleton.bones))]
    sides = [abs(length(p, left) - length(p, right)) for p in predicted for left, right in skeleton.mirror_bones]
    assert float(losses.position(predicted, truth)) == pytest.approx(
        np.linalg.norm(predicted - truth, axis=-1).sum() / 3, rel=1e-5
    )
    assert float(losses.bone_length(predicted, truth, skeleton)) == pytest.approx(sum(bones) / 3, rel=1e-5)
    assert float(losses.symmetry(predicted, skeleton)) == pytest.approx(sum(sides) / 3, rel=1e-5)


def test_zero_at_the_truth(standing_pose, paper17):
    truth = standing_pose[None]
    assert float(losses.position(truth, truth)) == 0
    assert float(losses.bone_length(truth, truth, paper17)) == 0
    assert float(losses.symmetry(truth, paper17)) == pytest.approx(0, abs=1e-6)  # he stands symmetrically


def test_bone_and_symmetry_terms_do_not_see_where_and_how_a_pose_stands(paper17):
    predicted, truth = np.random.default_rng(0).normal(size=(2, 4, 17, 3)).astype(np.float32)
    turn, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))
    moved = (predicted @ turn + [1, 2, 3]).astype(np.float32)
    assert float(losses.bone_length(moved, truth, paper17)) == pytest.approx(
        float(losses.bone_length(predicted, truth, paper17)), rel=1e-4
    )
    assert float(losses.symmetry(moved, paper17)) == pytest.approx(float(losses.symmetry(predicted, paper17)), rel=1e-4)


# --- eq. 10, L_f


def test_orthogonality_by_hand():
    code = np.array([[1, 2], [0, 1]], np.float32)  # h^T h = [[1, 2], [2, 5]]
    assert float(losses.orthogonality(code[None])) == pytest.approx(np.sqrt(4 + 4 + 16))
    assert float(losses.orthogonality(np.stack([code, np.eye(2, dtype=np.float32)]))) == pytest.approx(np.sqrt(24) / 2)


def test_orthogonality_is_zero_for_rotations_and_not_for_others():
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(5, 16, 16)))
    assert float(losses.orthogonality(turn.astype(np.float32))) == pytest.approx(0, abs=1e-5)
    assert float(losses.orthogonality(np.zeros((1, 16, 16), np.float32))) == pytest.approx(4)


def test_feature_by_hand():
    code = np.zeros((2, 3, 2), np.float32)
    other = code.copy()
    other[0, 0] = 1, 2
    other[0, 2] = 2, 4  # a Frobenius norm of 5
    assert float(losses.feature(code, other)) == pytest.approx(2.5)
    assert float(losses.feature(other, other)) == 0


# --- eq. 11


def test_the_papers_weights():
    assert dataclasses.asdict(LossWeights()) == {
        "transfer": 0.01,
        "transfer_rotated": 0.01,
        "feature": 0.1,
        "orthogonality": 0.1,
        "rotated": 1.0,
    }


def test_eq_11_is_the_weighted_sum():
    terms = {
        "plain": 1.0,
        "rotated": 10.0,
        "transfer": 100.0,
        "transfer_rotated": 1e3,
        "feature": 1e4,
        "orthogonality": 1e5,
    }
    assert losses.siamese(terms, LossWeights()) == pytest.approx(
        1 + 10 + 0.01 * 100 + 0.01 * 1e3 + 0.1 * 1e4 + 0.1 * 1e5
    )
    weights = LossWeights(transfer=2, transfer_rotated=3, feature=4, orthogonality=5, rotated=6)
    assert losses.siamese(terms, weights) == pytest.approx(1 + 6 * 10 + 2 * 100 + 3 * 1e3 + 4 * 1e4 + 5 * 1e5)


# --- trust


def test_trust_by_hand():
    truth = np.zeros((1, 4, 3), np.float32)
    observed = truth.copy()
    observed[0, :, 0] = 0.0, 0.09, 0.11, 5.0  # right, right, wrong, missing
    seen = np.array([[[1], [1], [1], [0]]], np.float32)
    logits = np.array([[[0], [2], [1], [7]]], np.float32)
    expected = np.log(2) + np.log1p(np.exp(-2)) + np.log1p(np.exp(1))
    assert float(losses.trust(logits, observed, truth, seen, 0.1)) == pytest.approx(expected, rel=1e-6)


def test_trust_stays_finite_when_it_is_sure():
    truth = np.zeros((1, 2, 3), np.float32)
    logits = np.array([[[1e4], [-1e4]]], np.float32)
    seen = np.ones((1, 2, 1), np.float32)
    assert float(losses.trust(logits, truth, truth, seen, 0.1)) == pytest.approx(1e4)
    (slope,) = gradient(lambda logits: losses.trust(logits, truth, truth, seen, 0.1), logits)
    np.testing.assert_allclose(slope[0, :, 0], [0, -1], atol=1e-6)  # the wrong one learns, the right one rests


# --- gradients


@pytest.mark.parametrize("truth", ["the same", "other"])
def test_gradients_are_finite_at_zero_length_bones(paper17, standing_pose, truth):
    predicted = np.zeros((2, 17, 3), np.float32)
    truth = predicted if truth == "the same" else np.stack([standing_pose] * 2)
    for slope in gradient(lambda p, t: losses.reconstruction(p, t, paper17), predicted, truth):
        assert np.isfinite(slope).all()


def test_gradients_are_finite_at_identical_codes_and_orthogonal_views():
    code = np.random.default_rng(0).normal(size=(2, 17, 16)).astype(np.float32)
    for slope in gradient(losses.feature, code, code.copy()):
        np.testing.assert_array_equal(slope, 0)
    (slope,) = gradient(losses.orthogonality, np.eye(16, dtype=np.float32)[None])
    np.testing.assert_array_equal(slope, 0)


def test_norm_has_the_gradient_of_a_norm_and_none_at_zero():
    vectors = np.array([[3, 4, 0], [0, 0, 0], [1e-20, 0, 0]], np.float32)  # the square of the last underflows
    np.testing.assert_allclose(losses.norm(vectors), [5, 0, 0])
    (slope,) = gradient(lambda v: tf.reduce_sum(losses.norm(v)), vectors)
    np.testing.assert_allclose(slope, [[0.6, 0.8, 0], [0, 0, 0], [0, 0, 0]], atol=1e-6)


def test_gradients_of_eq_9_agree_with_differences(paper17):
    predicted, truth = np.random.default_rng(0).normal(size=(2, 1, 17, 3))
    step = 1e-6
    direction = np.random.default_rng(1).normal(size=predicted.shape)

    def loss(pose):  # in double precision, which the differences need
        lengths = [
            np.linalg.norm(p[:, [c for c, _ in paper17.bones]] - p[:, [q for _, q in paper17.bones]], axis=-1)
            for p in (pose, truth)
        ]
        left, right = np.array(paper17.mirror_bones).T
        return (
            np.linalg.norm(pose - truth, axis=-1).sum()
            + np.abs(lengths[0] - lengths[1]).sum()
            + np.abs(lengths[0][:, left] - lengths[0][:, right]).sum()
        )

    (slope,) = gradient(
        lambda p: losses.reconstruction(p, truth.astype(np.float32), paper17), predicted.astype(np.float32)
    )
    difference = (loss(predicted + step * direction) - loss(predicted - step * direction)) / (2 * step)
    assert (slope * direction).sum() == pytest.approx(difference, rel=1e-4)
