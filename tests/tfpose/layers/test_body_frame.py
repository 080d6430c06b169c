"""The frame of a body: it turns as the body turns, and broken joints turn it little."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfpose.errors import SkeletonError
from tfpose.geometry import rotations
from tfpose.layers import BodyFrame
from tfpose.skeleton import Skeleton

PAPER = Skeleton.load("paper17")
UPRIGHT = pytest.mark.parametrize("upright", [True, False])


@pytest.fixture
def poses(standing_pose):
    """Standing people in the network's unit, a little different, centred."""
    noise = np.random.default_rng(0).normal(0, 0.03, (20, 17, 3))
    poses = (standing_pose + noise).astype(np.float32)
    return (poses - poses.mean(1, keepdims=True)) / np.float32(0.4)


def made(skeleton=PAPER, residual=0.02, **options) -> BodyFrame:
    """With a residual that is not nothing."""
    keras.utils.set_random_seed(0)
    layer = BodyFrame(skeleton, units=8, **options)
    layer.build((None, len(skeleton), 3))
    layer.residual.kernel.assign(np.random.default_rng(0).normal(0, residual, layer.residual.kernel.shape))
    return layer


def angles(one, other) -> np.ndarray:
    """Between rotations `[B, 3, 3]`, in degrees."""
    cosine = (np.einsum("bij,bij->b", one, other) - 1) / 2
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def frames(layer, poses, observed=None) -> np.ndarray:
    return layer(tf.constant(poses), None if observed is None else tf.constant(observed))[1].numpy()


@UPRIGHT
def test_it_turns_as_the_pose_turns(poses, upright):
    layer = made(upright=upright)
    turn = rotations.uniform(20, (1, 2)) if not upright else rotations.about_axis(np.linspace(-3, 3, 20, dtype="f"))
    (turned, view), (again, turned_view) = layer(poses), layer(rotations.rotate(poses, turn))
    np.testing.assert_allclose(again, turned, atol=1e-5)
    np.testing.assert_allclose(turned_view, tf.matmul(view, turn, transpose_b=True), atol=1e-5)
    assert angles(view.numpy(), turned_view.numpy()).max() > 100


@UPRIGHT
@pytest.mark.parametrize("name", Skeleton.names())
def test_it_turns_as_the_pose_turns_whatever_is_missing(name, upright):
    skeleton = Skeleton.load(name)
    layer = made(skeleton, upright=upright)
    rng = np.random.default_rng(3)
    poses = rng.normal(0, 1, (60, len(skeleton), 3)).astype(np.float32)
    observed = rng.random((60, len(skeleton), 1)) > rng.uniform(0, 0.4, (60, 1, 1))
    poses, observed = np.where(observed, poses, 0), observed.astype(np.float32)
    angle = np.linspace(-3, 3, 60, dtype=np.float32)
    turn = rotations.about_axis(angle) if upright else rotations.uniform(60, (1, 2))
    (turned, view), (again, turned_view) = (
        [part.numpy() for part in layer(given, observed)] for given in (poses, rotations.rotate(poses, turn))
    )
    # A direction of next to no length turns with its last digits.
    clear = clearness(layer, poses, observed) > 0.1
    assert clear.mean() > 0.7
    np.testing.assert_allclose(again[clear], turned[clear], atol=1e-5)
    expected = view @ turn.numpy().transpose(0, 2, 1)
    np.testing.assert_allclose(turned_view[clear], expected[clear], atol=1e-5)
    np.testing.assert_allclose(np.linalg.det(turned_view), 1.0, atol=1e-5)


def clearness(layer, poses, observed) -> np.ndarray:
    """The length of what says where left is (on the ground, or across what says where up is)."""

    def direction(differences, weights):
        vectors = np.einsum("bjc,jv->bvc", poses, differences)
        length = np.linalg.norm(vectors, axis=-1, keepdims=True)
        there = (observed[..., 0] @ np.abs(differences) == 2)[..., None]
        return (vectors / (length + 0.25) * weights[:, None] * there).sum(1)

    left = direction(*layer.left)
    if layer.up is None:
        return np.linalg.norm(left[:, ::2], axis=-1)
    return np.linalg.norm(np.cross(left / np.linalg.norm(left, axis=-1, keepdims=True), direction(*layer.up)), axis=-1)


def test_a_joint_that_is_missing_has_no_say(poses):
    """What stands in its place is not looked at by the start of the frame."""
    layer = made(residual=0.0)
    observed = np.ones((20, 17, 1), np.float32)
    observed[:, PAPER.index("hip_left")] = 0.0
    elsewhere = poses.copy()
    elsewhere[:, PAPER.index("hip_left")] = 3.0
    np.testing.assert_array_equal(frames(layer, elsewhere, observed), frames(layer, poses, observed))
    assert angles(frames(layer, elsewhere), frames(layer, poses)).max() > 10


@UPRIGHT
def test_the_view_code_is_the_rotation_back(poses, upright):
    turned, view = made(upright=upright, residual=0.3)(poses)
    np.testing.assert_allclose(tf.matmul(turned, view), poses, atol=1e-5)
    np.testing.assert_allclose(tf.matmul(view, view, transpose_b=True), np.tile(np.eye(3), (20, 1, 1)), atol=1e-6)
    np.testing.assert_allclose(np.linalg.det(view), 1.0, atol=1e-5)


def test_an_untrained_frame_looks_along_z_with_the_left_at_x(poses):
    turn = rotations.about_axis(np.linspace(-3, 3, 20, dtype="f"))
    turned, view = made(residual=0.0)(rotations.rotate(poses, turn))
    hips = turned.numpy()[:, PAPER.index("hip_left")] - turned.numpy()[:, PAPER.index("hip_right")]
    assert np.median(hips[:, 0] / np.linalg.norm(hips, axis=-1)) > 0.95
    np.testing.assert_allclose(view[:, 1], np.tile([0.0, 1.0, 0.0], (20, 1)), atol=1e-6)  # upright


@UPRIGHT
@pytest.mark.parametrize("joint", ["hip_left", "shoulder_right", "spine_base"])
@pytest.mark.parametrize("fault", ["missing", "moved"])
def test_one_broken_joint_of_the_trunk_turns_it_little(poses, upright, joint, fault):
    layer = made(upright=upright, residual=0.0)
    broken, observed = poses.copy(), np.ones((20, 17, 1), np.float32)
    at = PAPER.index(joint)
    if fault == "missing":
        broken[:, at], observed[:, at] = 0.0, 0.0
    else:
        directions = np.random.default_rng(1).normal(size=(20, 3))
        broken[:, at] += 2.0 * directions / np.linalg.norm(directions, axis=-1, keepdims=True)  # 0.8 m
    found = angles(frames(layer, poses), frames(layer, broken, observed))
    # Without a residual that has learned; results/faults/ has what it makes of it.
    assert np.median(found) < (12 if fault == "missing" else 35) and found.max() < (30 if fault == "missing" else 90)


def test_it_stands_without_hips_or_without_the_whole_trunk(poses):
    layer = made(residual=0.0)
    for joints in (["hip_left", "hip_right"], ["shoulder_left", "shoulder_right"], PAPER.torso):
        missing = np.isin(PAPER.joints, joints)
        broken, observed = poses.copy(), np.tile(1.0 - missing[None, :, None], (20, 1, 1)).astype(np.float32)
        broken[:, missing] = 0.0
        assert np.median(angles(frames(layer, poses), frames(layer, broken, observed))) < 20


def test_exchanged_legs_or_hips_turn_it_less_than_half_round(poses):
    layer = made(residual=0.0)
    twins = np.array(PAPER.mirror_joints)
    hips = np.isin(PAPER.joints, ["hip_left", "hip_right"])
    for exchanged in (hips, np.isin(np.arange(17), PAPER.limbs[1])):
        broken = np.where(exchanged[None, :, None], poses[:, twins], poses)
        assert np.median(angles(frames(layer, poses), frames(layer, broken))) < 90


@UPRIGHT
@pytest.mark.parametrize("case", ["one point", "vertical line", "nothing observed", "flat"])
def test_poses_without_a_frame_give_a_rotation_and_finite_gradients(poses, upright, case):
    layer = made(upright=upright, residual=0.3)
    degenerate, observed = np.zeros((2, 17, 3), np.float32), np.ones((2, 17, 1), np.float32)
    if case == "vertical line":
        degenerate[..., 1] = np.linspace(-1, 1, 17)
    if case == "flat":
        degenerate[..., 0] = np.linspace(-1, 1, 17)
    observed *= case != "nothing observed"
    inputs = tf.constant(degenerate)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        turned, view = layer(inputs, tf.constant(observed))
        value = tf.reduce_sum(turned[..., 0]) + tf.reduce_sum(view * np.arange(9.0).reshape(3, 3))
    np.testing.assert_allclose(tf.matmul(view, view, transpose_b=True), np.tile(np.eye(3), (2, 1, 1)), atol=1e-5)
    for gradient in tape.gradient(value, [inputs, *(w.value for w in layer.trainable_variables)]):
        assert np.isfinite(gradient).all()


@pytest.mark.parametrize("missing", [(), ("hip_left", "hip_right"), ("hip_left",)], ids=str)
@pytest.mark.parametrize("name", ["paper17", "coco17"])
def test_up_is_up_in_every_tree(name, missing, paper17, standing_pose):
    """Also where the root is no joint of the trunk but the nose (COCO), which is above it."""
    skeleton = Skeleton.load(name)
    standing = dict(zip(paper17.joints, standing_pose))
    standing |= {"nose": np.float32([0, 1.62, 0.12])}
    for side, x in (("left", 0.03), ("right", -0.03)):
        standing |= {f"eye_{side}": np.float32([x, 1.66, 0.1]), f"ear_{side}": np.float32([2.5 * x, 1.64, 0.02])}
    pose = np.stack([standing[joint] for joint in skeleton.joints])[None] / np.float32(0.4)
    pose -= pose.mean(1, keepdims=True)
    observed = 1 - np.isin(skeleton.joints, missing)[None, :, None].astype(np.float32)
    view = frames(made(skeleton, residual=0.0, upright=False), pose * observed, observed)
    np.testing.assert_allclose(view[0, 0], [1, 0, 0], atol=0.1)
    # The line from the hips to the shoulders is nearly vertical.
    assert np.degrees(np.arccos(view[0, 1, 1])) < 12


@UPRIGHT
@pytest.mark.parametrize("name", Skeleton.names())
def test_every_skeleton_that_ships_has_a_frame(name, upright):
    skeleton = Skeleton.load(name)
    poses = np.random.default_rng(0).normal(0, 1, (4, len(skeleton), 3)).astype(np.float32)
    view = frames(made(skeleton, upright=upright), poses)
    np.testing.assert_allclose(view @ view.transpose(0, 2, 1), np.tile(np.eye(3), (4, 1, 1)), atol=1e-5)


def test_what_a_skeleton_lacks_is_said():
    with pytest.raises(SkeletonError, match=r"skeleton 'stick' has no mirror pairs.*--config\.model\.view=free"):
        BodyFrame(Skeleton("stick", ("hip", "head"), (-1, 0)))
    flat = Skeleton("flat", ("hip", "left", "right"), (-1, 0, 0), mirror=(("left", "right"),))
    assert frames(made(flat), np.eye(3, dtype=np.float32)[None]).shape == (1, 3, 3)
    with pytest.raises(SkeletonError, match=r"skeleton 'flat' has no trunk above its hips.*rotations=upright"):
        BodyFrame(flat, upright=False)


@UPRIGHT
def test_a_config_makes_the_same_layer(poses, upright):
    layer = made(upright=upright)
    again = BodyFrame.from_config(layer.get_config())
    again.build((None, 17, 3))
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(poses)[1], layer(poses)[1])
