"""Metrics against values computed by hand, and the properties that make them metrics."""

import re
import subprocess
import sys

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from tfpose import metrics
from tfpose.errors import TfposeError
from tfpose.skeleton import Skeleton

# A T on its side: two arms of one joint each at a root, so that every length is plain to see.
TEE = Skeleton.from_dict(
    {
        "name": "tee",
        "joints": [["root", None], ["hand_left", "root"], ["hand_right", "root"], ["head", "root"]],
        "mirror": [["hand_left", "hand_right"]],
    }
)
TEE_POSE = np.array([[0, 0, 0], [0.5, 0, 0], [-0.5, 0, 0], [0, 0.3, 0]])
CORNERS = np.array([[0.0, 0, 0], [1, 0, 0], [0, 2, 0], [0, 0, 3]])  # no symmetry: one best alignment


def rotation(seed: int) -> np.ndarray:
    q, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return q * np.sign(np.linalg.det(q))


# --- MPJPE and what is built like it


def test_mpjpe_is_the_mean_over_all_joints_not_one_seventeenth_of_it():
    # Joint j is off by j centimetres: the mean is 8 cm. Dividing by 17 at every turn of the loop over joints, as the
    # paper's published code does, gives about 1/17 of the last joint's 16 cm.
    truth = np.zeros((1, 17, 3))
    predicted = truth.copy()
    predicted[0, :, 1] = np.arange(17) / 100
    assert metrics.mpjpe(predicted, truth) == pytest.approx(0.08)


def test_mpjpe_by_hand_over_joints_and_poses():
    truth = np.zeros((2, 2, 3))
    predicted = [[[3, 4, 0], [0, 0, 0]], [[0, 0, -2], [1, 2, 2]]]  # 5, 0, 2, 3
    assert metrics.mpjpe(predicted, truth) == pytest.approx(2.5)
    assert metrics.per_joint_error(predicted, truth) == pytest.approx([3.5, 1.5])
    assert metrics.pck(predicted, truth, threshold=2.0) == pytest.approx(0.5)


def test_a_clip_weighs_its_joints_like_a_batch(standing_pose):
    rng = np.random.default_rng(0)
    truth = np.tile(standing_pose, (2, 5, 1, 1))
    predicted = truth + rng.normal(0, 0.05, truth.shape)
    flat = (10, 17, 3)
    for metric in (metrics.mpjpe, metrics.pa_mpjpe, metrics.pck):
        assert metric(predicted, truth) == pytest.approx(metric(predicted.reshape(flat), truth.reshape(flat)))


def test_one_pose_without_a_batch_axis(standing_pose):
    assert metrics.mpjpe(standing_pose + np.float32([0, 0.1, 0]), standing_pose) == pytest.approx(0.1, abs=1e-6)
    assert metrics.per_joint_error(standing_pose, standing_pose).shape == (17,)


def test_pck_counts_the_threshold_itself():
    truth = np.zeros((1, 4, 3))
    predicted = truth.copy()
    predicted[0, :, 0] = [0.0, 0.125, 0.15, 0.1501]
    assert metrics.pck(predicted, truth) == pytest.approx(0.75)
    assert metrics.pck(predicted, truth, 0.1) == pytest.approx(0.25)


def test_float32_input_is_averaged_in_double_precision():
    truth = np.zeros((20000, 17, 3), np.float32)
    assert metrics.mpjpe(truth + np.float32(0.25), truth) == pytest.approx(0.25 * np.sqrt(3), rel=1e-12)


# --- masks


def test_mask_averages_over_the_counted_joints_of_all_poses():
    truth = np.zeros((2, 3, 3))
    predicted = truth.copy()
    predicted[0, :, 0] = [1, 2, 3]
    predicted[1, :, 0] = [10, 20, 30]
    mask = np.array([[True, True, False], [False, False, True]])
    assert metrics.mpjpe(predicted, truth, mask) == pytest.approx((1 + 2 + 30) / 3)
    assert metrics.per_joint_error(predicted, truth, mask) == pytest.approx([1, 2, 30])
    assert metrics.pck(predicted, truth, 2, mask) == pytest.approx(2 / 3)


def test_mask_of_joints_serves_every_pose_and_a_joint_never_counted_is_nan():
    truth = np.zeros((2, 3, 3))
    predicted = truth + np.array([1.0, 0, 0])
    error = metrics.per_joint_error(predicted, truth, [True, False, True])
    assert error == pytest.approx([1, np.nan, 1], nan_ok=True)


def test_coordinates_outside_the_mask_may_be_nan(standing_pose, paper17):
    predicted = np.tile(standing_pose, (3, 1, 1))
    predicted[:, 6] = np.nan
    truth = np.tile(standing_pose, (3, 1, 1))
    mask = np.arange(17) != 6
    assert metrics.mpjpe(predicted, truth, mask) == 0
    assert metrics.pa_mpjpe(predicted, truth, mask) == pytest.approx(0, abs=1e-7)
    assert metrics.bone_length_error(predicted, truth, paper17, mask) == 0
    assert metrics.symmetry_error(predicted, paper17, mask) == pytest.approx(0, abs=1e-7)


def test_a_bone_counts_when_both_ends_do():
    longer = TEE_POSE * [2, 1, 1]  # each arm grows by 0.5 m
    assert metrics.bone_length_error(longer, TEE_POSE, TEE) == pytest.approx(1 / 3)
    assert metrics.bone_length_error(longer, TEE_POSE, TEE, [True, True, False, True]) == pytest.approx(0.25)
    with pytest.raises(TfposeError, match="leaves no bone to count"):
        metrics.bone_length_error(longer, TEE_POSE, TEE, [False, True, True, True])
    with pytest.raises(TfposeError, match="leaves no mirrored bone to count"):
        metrics.symmetry_error(longer, TEE, [True, True, False, True])


# --- Procrustes


@pytest.mark.parametrize("seed", range(3))
def test_pa_mpjpe_is_zero_under_rotation_scale_and_shift(standing_pose, seed):
    rng = np.random.default_rng(seed)
    truth = standing_pose + rng.normal(0, 0.1, (4, 17, 3))
    predicted = np.stack(
        [rng.uniform(0.2, 5) * p @ rotation(10 * seed + i) + rng.normal(size=3) for i, p in enumerate(truth)]
    )
    assert metrics.mpjpe(predicted, truth) > 0.1
    assert metrics.pa_mpjpe(predicted, truth) == pytest.approx(0, abs=1e-9)


def test_pa_mpjpe_does_not_change_when_the_prediction_is_moved(standing_pose):
    rng = np.random.default_rng(1)
    truth = np.tile(standing_pose, (4, 1, 1))
    predicted = truth + rng.normal(0, 0.1, truth.shape)
    moved = 3.0 * predicted @ rotation(5) + [1, -2, 3]
    assert metrics.pa_mpjpe(moved, truth) == pytest.approx(metrics.pa_mpjpe(predicted, truth))
    assert metrics.pa_mpjpe(predicted, truth) < metrics.mpjpe(predicted, truth)


def test_pa_mpjpe_never_mirrors():
    # With a reflection allowed the alignment would be perfect.
    mirrored = CORNERS * [-1, 1, 1]
    assert metrics.pa_mpjpe(mirrored, CORNERS) > 0.1


def test_pa_mpjpe_by_hand():
    # A square with one pair of opposite corners raised by h and the other lowered by h is best laid on the flat square
    # without turning; the scale is 1 / (1 + h^2), since the corners are 1 m from the centre.
    square = np.array([[1.0, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]])
    h = 0.5
    bent = square + np.array([[0, 0, h], [0, 0, -h]] * 2)
    scale = 1 / (1 + h**2)
    assert metrics.pa_mpjpe(bent, square) == pytest.approx(np.hypot(1 - scale, scale * h))


def test_pa_mpjpe_is_the_least_squares_optimum(standing_pose):
    """No small turn, scaling or shift of the aligned pose comes nearer in squared error."""
    rng = np.random.default_rng(2)
    truth = standing_pose[None].astype(float)
    predicted = truth + rng.normal(0, 0.2, truth.shape)
    mask = np.ones((1, 17), bool)
    best = metrics._aligned(predicted, truth, mask)
    least = ((best - truth) ** 2).sum()
    for _ in range(50):
        wx, wy, wz = rng.normal(0, 0.02, 3)
        skew = np.array([[0, -wz, wy], [wz, 0, -wx], [-wy, wx, 0]])
        turn = np.linalg.qr(np.eye(3) + skew)[0]
        turn *= np.sign(np.diag(turn))
        other = rng.uniform(0.97, 1.03) * best @ turn + rng.normal(0, 0.01, 3)
        assert ((other - truth) ** 2).sum() > least


def test_pa_mpjpe_aligns_on_counted_joints_only(standing_pose):
    truth = standing_pose[None].astype(float)
    predicted = 1.3 * truth @ rotation(3) + [0, 1, 0]
    predicted[0, 6] += 10.0
    mask = np.arange(17) != 6
    assert metrics.pa_mpjpe(predicted, truth, mask) == pytest.approx(0, abs=1e-9)
    assert metrics.pa_mpjpe(predicted, truth) > 0.05


def test_pa_mpjpe_of_a_collapsed_prediction_is_the_spread_of_the_truth():
    predicted = np.ones((1, 4, 3))
    expected = np.linalg.norm(CORNERS - CORNERS.mean(0), axis=-1).mean()
    assert metrics.pa_mpjpe(predicted, CORNERS[None]) == pytest.approx(expected)


def test_pa_mpjpe_refuses_too_few_joints_but_skips_empty_poses():
    poses = np.tile(CORNERS, (3, 1, 1))
    with pytest.raises(TfposeError, match=re.escape("at least 3 counted joints in a pose, 1 of 3 have fewer")):
        metrics.pa_mpjpe(poses, poses, np.array([[True] * 4, [True, True, False, False], [True] * 4]))
    empty_second = np.array([[True] * 4, [False] * 4, [True] * 4])
    assert metrics.pa_mpjpe(poses, poses, empty_second) == pytest.approx(0, abs=1e-9)


# --- bones


def test_bone_length_and_symmetry_error_by_hand():
    longer_left = TEE_POSE.copy()
    longer_left[1, 0] = 0.8  # 0.3 m longer than the truth and than the right arm
    poses = np.stack([TEE_POSE, longer_left])
    assert metrics.bone_length_error(poses, np.stack([TEE_POSE] * 2), TEE) == pytest.approx(0.3 / 6)
    assert metrics.symmetry_error(poses, TEE) == pytest.approx(0.15)


def test_bone_errors_see_lengths_and_nothing_else(standing_pose, paper17):
    moved = standing_pose @ rotation(7).astype(np.float32) + 1
    assert metrics.bone_length_error(moved, standing_pose, paper17) == pytest.approx(0, abs=1e-6)
    assert metrics.symmetry_error(standing_pose, paper17) == pytest.approx(0, abs=1e-6)
    assert metrics.bone_length_error(1.1 * standing_pose, standing_pose, paper17) > 0.01


def test_symmetry_error_needs_mirrored_bones():
    chain = Skeleton("chain", ("a", "b"), (-1, 0))
    with pytest.raises(TfposeError, match="skeleton 'chain' has no mirrored bones"):
        metrics.symmetry_error(np.zeros((2, 3)), chain)


# --- retrieval


def test_hit_at_k_by_hand():
    gallery = np.array([[0.0], [1.0], [2.0], [10.0]])
    query = np.array([[0.1], [1.6], [2.1]])  # the second is nearer to entry 2 than to its own
    assert metrics.hit_at_k(query, gallery, 1) == pytest.approx(2 / 3)
    assert metrics.hit_at_k(query, gallery, 2) == 1.0


def test_hit_at_k_is_chance_for_random_codes_and_one_for_equal_ones():
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(2500, 4, 8)).astype(np.float32)
    assert metrics.hit_at_k(codes, codes, 1) == 1.0
    chance = metrics.hit_at_k(rng.normal(size=(2500, 4, 8)), codes, 500)
    assert chance == pytest.approx(0.2, abs=0.03)


def test_hit_at_k_agrees_with_sorting():
    rng = np.random.default_rng(3)
    gallery = rng.normal(size=(60, 5))
    query = gallery[:40] + rng.normal(0, 1.5, (40, 5))
    order = np.argsort(np.linalg.norm(query[:, None] - gallery, axis=-1), axis=1)
    for k in (1, 3, 10):
        expected = np.mean([i in order[i, :k] for i in range(40)])
        assert 0 < expected < 1
        assert metrics.hit_at_k(query, gallery, k) == pytest.approx(expected)


def test_hit_at_k_gives_a_collapsed_encoder_nothing():
    same = np.tile(np.random.default_rng(0).normal(size=(1, 32)), (50, 1))
    assert metrics.hit_at_k(same, same, 1) == 0.0
    assert metrics.hit_at_k(same, same, 49) == 0.0


@pytest.mark.parametrize(
    ("query", "gallery", "k", "message"),
    [
        (np.zeros((3, 4)), np.zeros((3, 5)), 1, "got (3, 4) and (3, 5)"),
        (np.zeros((3, 4)), np.zeros((2, 4)), 1, "got (3, 4) and (2, 4)"),
        (np.zeros((0, 4)), np.zeros((2, 4)), 1, "got (0, 4) and (2, 4)"),
        (np.zeros(3), np.zeros(3), 1, "got (3,) and (3,)"),
        (np.zeros((3, 4)), np.zeros((3, 4)), 0, "k between 1 and the 3 codes of the gallery, got 0"),
        (np.zeros((3, 4)), np.zeros((3, 4)), 4, "k between 1 and the 3 codes of the gallery, got 4"),
        (np.full((3, 4), np.nan), np.zeros((3, 4)), 1, "not finite"),
    ],
)
def test_hit_at_k_refuses(query, gallery, k, message):
    with pytest.raises(TfposeError, match=re.escape(message)):
        metrics.hit_at_k(query, gallery, k)


def test_hits_by_distance_are_hits_by_code():
    rng = np.random.default_rng(3)
    gallery = rng.normal(size=(60, 5))
    query = gallery[:40] + rng.normal(0, 1.5, (40, 5))
    distances = np.linalg.norm(query[:, None] - gallery, axis=-1)
    for k in (1, 3, 10):
        assert metrics.hit_at_k_by_distance(distances, k) == metrics.hit_at_k(query, gallery, k)
    assert metrics.hit_at_k_by_distance(np.ones((5, 5)), 4) == 0.0  # a tie counts against
    with pytest.raises(TfposeError, match=re.escape("M >= N >= 1, got [3, 2]")):
        metrics.hit_at_k_by_distance(np.zeros((3, 2)))
    with pytest.raises(TfposeError, match="k between 1 and 3, got 4"):
        metrics.hit_at_k_by_distance(np.zeros((3, 3)), 4)


def test_rigid_distances_see_through_turns_and_shifts_not_through_size_or_mirrors():
    turned = CORNERS @ rotation(1).T + [1, 2, 3]
    mirrored, larger = CORNERS * [-1, 1, 1], 2 * CORNERS
    distances = metrics.rigid_distances(CORNERS[None], np.stack([turned, mirrored, larger]))
    assert distances.shape == (1, 3)
    assert distances[0, 0] == pytest.approx(0, abs=1e-7)
    spread = np.sqrt(((CORNERS - CORNERS.mean(0)) ** 2).sum() / 4)
    assert distances[0, 2] == pytest.approx(spread)  # what is left of twice itself
    _, left = Rotation.align_vectors(CORNERS - CORNERS.mean(0), mirrored - mirrored.mean(0))
    assert left > 0.1
    assert distances[0, 1] == pytest.approx(left / 2)  # the root of a sum over four joints


# --- what is refused everywhere

TWO_SIDED = [
    metrics.mpjpe,
    metrics.pa_mpjpe,
    metrics.per_joint_error,
    metrics.pck,
    lambda predicted, truth, mask=None: metrics.bone_length_error(predicted, truth, TEE, mask),
]


@pytest.mark.parametrize("metric", TWO_SIDED)
@pytest.mark.parametrize(
    ("predicted", "truth", "message"),
    [
        (np.zeros((2, 4, 3)), np.zeros((3, 4, 3)), "(2, 4, 3) and (3, 4, 3)"),
        (np.zeros((2, 4, 3)), np.zeros((4, 3)), "(2, 4, 3) and (4, 3)"),  # broadcasting would hide a mistake
        (np.zeros((2, 4, 2)), np.zeros((2, 4, 2)), "[..., J, 3] with at least one pose, got (2, 4, 2)"),
        (np.zeros((0, 4, 3)), np.zeros((0, 4, 3)), "[..., J, 3] with at least one pose, got (0, 4, 3)"),
        (np.full((1, 4, 3), np.inf), np.zeros((1, 4, 3)), "4 of 4 counted joints are not finite"),
    ],
)
def test_shapes_and_values_refused(metric, predicted, truth, message):
    with pytest.raises(TfposeError, match=re.escape(message)):
        metric(predicted, truth)


@pytest.mark.parametrize("metric", TWO_SIDED)
@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.zeros((2, 4), bool), "leaves no joint to count"),
        (np.ones((2, 4)), "mask must be boolean (which joints count), got float64"),
        (np.ones((2, 3), bool), "got (2, 3) for (2, 4, 3)"),
    ],
)
def test_masks_refused(metric, mask, message):
    poses = np.zeros((2, 4, 3))
    with pytest.raises(TfposeError, match=re.escape(message)):
        metric(poses, poses, mask=mask)


def test_the_skeleton_must_fit(paper17):
    with pytest.raises(TfposeError, match=re.escape("skeleton 'paper17' has 17 joints, the poses are (2, 4, 3)")):
        metrics.bone_length_error(np.zeros((2, 4, 3)), np.zeros((2, 4, 3)), paper17)
    with pytest.raises(TfposeError, match=re.escape("skeleton 'paper17' has 17 joints, the poses are (4, 3)")):
        metrics.symmetry_error(np.zeros((4, 3)), paper17)
    with pytest.raises(TfposeError, match=re.escape("skeleton 'paper17' has 17 joints, the poses are (4, 3)")):
        metrics.bone_lengths(np.zeros((4, 3)), paper17)
    with pytest.raises(TfposeError, match=re.escape("lengths over time need clips [..., T, J, 3], got [17, 3]")):
        metrics.bone_length_spread(np.zeros((17, 3)), paper17)
    with pytest.raises(TfposeError, match=re.escape("rigid_distances needs poses [N, J, 3] and [M, J, 3]")):
        metrics.rigid_distances(np.zeros((2, 4, 3)), np.zeros((2, 5, 3)))


def test_anything_array_like_is_taken(standing_pose):
    class Tensor:
        """Looks like a framework's tensor: knows only how to become an array."""

        def __array__(self, dtype=None, copy=None):
            return np.asarray(standing_pose, dtype)

    assert metrics.mpjpe(Tensor(), standing_pose.tolist()) == pytest.approx(0, abs=1e-7)


@pytest.mark.parametrize("module", ["metrics", "plots"])
def test_needs_no_tensorflow(module):
    code = (
        f"import sys, tfpose.{module}; "
        "loaded = {'tensorflow', 'keras', 'matplotlib.pyplot'} & set(sys.modules); assert not loaded, loaded"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
