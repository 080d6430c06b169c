"""Random bodies: the same pose, another person."""

import numpy as np
import pytest
import tensorflow as tf

from tfpose.errors import SkeletonError
from tfpose.geometry import frames, rotations
from tfpose.noise.bodies import randomize
from tfpose.skeleton import Skeleton

SHIPPED = Skeleton.names()
MANY = 4000


def some_poses(skeleton, count=6):
    """Random but mirror-symmetric in no way: `[count, J, 3]`."""
    return np.random.default_rng(len(skeleton)).normal(0, 0.5, (count, len(skeleton), 3)).astype(np.float32)


def standing(skeleton):
    """A person with left at +x and the torso's joints higher the later they are named, the rest at random."""
    pose = some_poses(skeleton, 1)[0]
    for joint in skeleton.torso:
        side = 0.2 if joint.endswith("_left") else -0.2 if joint.endswith("_right") else 0.0
        height = 1.0 + 0.05 * skeleton.torso.index(joint.replace("_right", "_left"))
        pose[skeleton.index(joint)] = side, height, 0.0
    return pose


def vectors(poses, skeleton):
    child, parent = np.array(skeleton.bones).T
    return np.asarray(poses)[:, child] - np.asarray(poses)[:, parent]


def lengths(poses, skeleton):
    return np.linalg.norm(vectors(poses, skeleton), axis=-1)


def trunk_bones(skeleton):
    return np.array([all(skeleton.joints[joint] in skeleton.torso for joint in bone) for bone in skeleton.bones])


# --- bones and size


@pytest.mark.parametrize("name", SHIPPED)
def test_bones_keep_their_direction_and_the_root_its_place(name):
    skeleton = Skeleton.load(name)
    poses = some_poses(skeleton)
    bodies = randomize(poses, skeleton, [1, 2], joint_offset_std=0.0).numpy()
    assert bodies.shape == poses.shape and bodies.dtype == np.float32
    np.testing.assert_allclose(bodies[:, skeleton.root], poses[:, skeleton.root], atol=1e-6)
    before, after = vectors(poses, skeleton), vectors(bodies, skeleton)
    cosine = (before * after).sum(-1) / np.linalg.norm(before, axis=-1) / np.linalg.norm(after, axis=-1)
    np.testing.assert_allclose(cosine, 1, atol=1e-4)
    assert np.abs(lengths(bodies, skeleton) / lengths(poses, skeleton) - 1).max() > 0.1


@pytest.mark.parametrize("name", SHIPPED)
def test_limbs_turn_and_the_trunk_does_not(name):
    skeleton = Skeleton.load(name)
    poses = some_poses(skeleton)
    moved = randomize(poses, skeleton, [1, 2], bones=0.0, size=0.0, joint_offset_std=0.0, limbs=0.3).numpy()
    np.testing.assert_allclose(lengths(moved, skeleton), lengths(poses, skeleton), rtol=1e-4)
    np.testing.assert_allclose(moved[:, skeleton.root], poses[:, skeleton.root], atol=1e-6)
    trunk = trunk_bones(skeleton)
    before, after = vectors(poses, skeleton), vectors(moved, skeleton)
    np.testing.assert_allclose(after[:, trunk], before[:, trunk], atol=1e-5)
    assert (np.abs(after[:, ~trunk] - before[:, ~trunk]).max(axis=(0, 2)) > 0.01).all()


def test_limbs_turn_by_as_much_as_is_said():
    skeleton = Skeleton.load("paper17")
    poses = np.repeat(some_poses(skeleton, 1), MANY, axis=0)
    moved = randomize(poses, skeleton, [1, 2], bones=0.0, size=0.0, joint_offset_std=0.0, limbs=0.05).numpy()
    before, after = (vectors(p, skeleton)[:, ~trunk_bones(skeleton)] for p in (poses, moved))
    cosine = (before * after).sum(-1) / np.linalg.norm(before, axis=-1) / np.linalg.norm(after, axis=-1)
    # Of the three components of a small turn, two change the direction of a bone.
    np.testing.assert_allclose(np.sqrt(np.mean(np.arccos(np.clip(cosine, -1, 1)) ** 2)), 0.05 * np.sqrt(2), rtol=0.05)


def test_jitter_shifts_every_joint_alone():
    skeleton = Skeleton.load("paper17")
    poses = some_poses(skeleton, MANY)
    moved = randomize(poses, skeleton, [1, 2], bones=0.0, size=0.0, joint_offset_std=0.0, jitter=0.02).numpy()
    shifts = (moved - poses).reshape(MANY, -1)
    np.testing.assert_allclose(shifts.std(axis=0), 0.02, rtol=0.1)
    correlation = np.corrcoef(shifts, rowvar=False) - np.eye(shifts.shape[1])
    assert np.abs(correlation).max() < 0.1


@pytest.mark.parametrize("name", SHIPPED)
def test_mirror_bones_get_the_same_factor(name):
    skeleton = Skeleton.load(name)
    poses = some_poses(skeleton)
    factors = lengths(randomize(poses, skeleton, [1, 2], joint_offset_std=0.0), skeleton) / lengths(poses, skeleton)
    left, right = np.array(skeleton.mirror_bones).T
    np.testing.assert_allclose(factors[:, left], factors[:, right], rtol=1e-3)
    # Of bones that are nobody's mirror image, no two have the same.
    free = np.delete(factors, right, axis=1)[0]
    assert np.diff(np.sort(free)).min() > 1e-5


def test_lengths_and_sizes_are_log_normal(paper17, standing_pose):
    poses = np.tile(standing_pose, (MANY, 1, 1))

    def logs(**sizes):
        bodies = randomize(poses, paper17, [1, 2], **{"bones": 0.0, "size": 0.0, "joint_offset_std": 0.0, **sizes})
        return np.log(lengths(bodies, paper17) / lengths(poses, paper17))

    error = 4 / np.sqrt(2 * MANY)  # of a standard deviation, relative, at four sigma
    bones = logs(bones=0.2)
    trunk = trunk_bones(paper17)
    np.testing.assert_allclose(bones[:, ~trunk].std(0), 0.2, rtol=error)
    np.testing.assert_allclose(bones[:, trunk].std(0), 0.2 * np.sqrt(2), rtol=error)  # one more factor in common
    np.testing.assert_allclose(bones.mean(0), 0, atol=4 * 0.2 * np.sqrt(2 / MANY))
    size = logs(size=0.1)
    np.testing.assert_allclose(size, np.tile(size[:, :1], 16), atol=1e-5)
    assert size[:, 0].std() == pytest.approx(0.1, rel=error)
    wrist, ankle = (
        paper17.bones.index((paper17.index(j), paper17.parents[paper17.index(j)])) for j in ("wrist_left", "ankle_left")
    )
    assert abs(np.corrcoef(bones[:, wrist], bones[:, ankle])[0, 1]) < 4 / np.sqrt(MANY)


def test_nothing_random_changes_nothing(paper17, standing_pose):
    same = randomize(standing_pose[None], paper17, [1, 2], bones=0.0, size=0.0, joint_offset_std=0.0)
    np.testing.assert_allclose(same, standing_pose[None], atol=1e-6)


def test_a_seed_says_it_all(paper17, standing_pose):
    poses = np.tile(standing_pose, (50, 1, 1))
    bodies = randomize(poses, paper17, [1, 2]).numpy()
    np.testing.assert_array_equal(randomize(poses, paper17, tf.constant([1, 2])), bodies)
    assert np.abs(randomize(poses, paper17, [1, 3]) - bodies).max() > 0.1
    assert np.unique(lengths(bodies, paper17).round(5), axis=0).shape[0] == 50  # a body for every sample


# --- joint definitions


@pytest.mark.parametrize("name", SHIPPED)
def test_shifts_are_mirrored_in_the_trunk_and_nothing_else_moves(name):
    skeleton = Skeleton.load(name)
    turned = rotations.rotate(standing(skeleton), rotations.uniform(20, [7, 8])).numpy()
    shifted = randomize(turned, skeleton, [1, 2], bones=0.0, size=0.0, joint_offset_std=0.03).numpy()
    inside = np.einsum("njc,ncd->njd", shifted - turned, frames.torso_frame(turned, skeleton))
    torso = np.array([joint in skeleton.torso for joint in skeleton.joints])
    np.testing.assert_allclose(inside[:, ~torso], 0, atol=1e-5)
    assert (np.abs(inside[:, torso]).max(-1) > 1e-4).all()
    np.testing.assert_allclose(inside, inside[:, skeleton.mirror_joints] * [-1, 1, 1], atol=1e-5)


def test_shifts_have_their_size(paper17, standing_pose):
    poses = np.tile(standing_pose, (MANY, 1, 1))
    shifts = (randomize(poses, paper17, [1, 2], bones=0.0, size=0.0) - poses).numpy()
    hip = shifts[:, paper17.index("hip_left")]  # the frame of a standing pose is that of the room, but for a small lean
    np.testing.assert_allclose(hip.std(0), [0.03, 0.06, 0.03], rtol=4 / np.sqrt(2 * MANY) + 0.005)
    assert np.abs(shifts[:, paper17.index("neck"), 0]).max() < 1e-6


def test_the_spine_goes_where_other_rigs_have_it(paper17, standing_pose):
    poses = rotations.rotate(np.tile(standing_pose, (MANY, 1, 1)), rotations.uniform(MANY, [7, 8])).numpy()
    still = {"bones": 0.0, "size": 0.0, "joint_offset_std": 0.0}
    frame = frames.torso_frame(poses, paper17).numpy()
    hips, shoulders = (
        (poses[:, paper17.index(f"{part}_left")] + poses[:, paper17.index(f"{part}_right")]) / 2
        for part in ("hip", "shoulder")
    )
    height = np.linalg.norm(shoulders - hips, axis=-1)[:, None]
    moves = {}
    for option, most in (("rise", 0.3), ("forward", 0.2), ("base", 0.5)):
        moved = randomize(poses, paper17, [1, 2], **still, **{option: most}).numpy()
        moves[option] = np.einsum("njc,ncd->njd", moved - poses, frame)
        still_joints = [
            joint for joint in paper17.joints if joint not in paper17.torso or joint.endswith(("left", "right"))
        ]
        np.testing.assert_allclose(moves[option][:, [paper17.index(j) for j in still_joints]], 0, atol=1e-5)
    top = [paper17.index(joint) for joint in ("spine_shoulder", "neck", "head")]
    spine = [paper17.index(joint) for joint in ("spine_base", "spine_mid", "spine_shoulder", "neck", "head")]
    for option, joints, axis in (("rise", top, 1), ("forward", spine, 2)):
        share = moves[option][:, joints, axis] / height
        np.testing.assert_allclose(share, np.broadcast_to(share[:, :1], share.shape), atol=1e-4)  # all by the same
        most = {"rise": 0.3, "forward": 0.2}[option]
        assert 0 <= share.min() < 0.01 and most - 0.01 < share.max() <= most + 1e-4
        assert np.abs(np.delete(moves[option][:, joints], axis, axis=-1)).max() < 1e-5
        others = [joint for joint in spine if joint not in joints]
        np.testing.assert_allclose(moves[option][:, others], 0, atol=1e-5)
    way = np.einsum("nc,ncd->nd", hips - poses[:, paper17.root], frame)
    share = (moves["base"][:, paper17.root] @ way[0]) / (way[0] @ way[0])
    assert 0 <= share.min() < 0.01 and 0.49 < share.max() <= 0.5 + 1e-4
    np.testing.assert_allclose(moves["base"][:, paper17.root], share[:, None] * way, atol=1e-4)
    np.testing.assert_allclose(moves["base"][:, 1:], 0, atol=1e-5)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_rig_has_some_spine_or_none(name):
    skeleton = Skeleton.load(name)
    turned = rotations.rotate(standing(skeleton), rotations.uniform(20, [7, 8])).numpy()
    still = {"bones": 0.0, "size": 0.0, "joint_offset_std": 0.0}
    for option in ("rise", "forward"):
        moved = randomize(turned, skeleton, [1, 2], **still, **{option: 0.3}).numpy()
        spine = [joint for joint in skeleton.torso if not joint.endswith(("_left", "_right"))]
        assert (np.abs(moved - turned).max() > 0.01) == bool(spine)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_trunks_frame_turns_with_the_body(name):
    skeleton = Skeleton.load(name)
    frame = frames.torso_frame(standing(skeleton)[None], skeleton).numpy()[0]
    np.testing.assert_allclose(frame[:, 0], [1, 0, 0], atol=1e-5)
    assert frame[1, 1] > 0.9 and frame[2, 2] > 0.9  # up is up, forward is forward
    np.testing.assert_allclose(frame.T @ frame, np.eye(3), atol=1e-5)
    turn = rotations.uniform(5, [1, 2]).numpy()
    turned = frames.torso_frame(rotations.rotate(standing(skeleton), turn), skeleton)
    np.testing.assert_allclose(turned, turn @ frame, atol=1e-5)


# --- a user's own rig


@pytest.mark.parametrize(
    "skeleton",
    [
        Skeleton("point", ("point",), (-1,)),
        Skeleton("no torso", ("a", "b"), (-1, 0)),
        Skeleton("only the root", ("a", "b"), (-1, 0), torso=("a",)),
        Skeleton("no sides", ("a", "b", "c"), (-1, 0, 1), torso=("a", "b", "c")),
        Skeleton("one pair", ("a", "l", "r"), (-1, 0, 0), mirror=(("l", "r"),), torso=("l", "r")),
    ],
    ids=lambda skeleton: skeleton.name,
)
def test_rigs_of_few_joints(skeleton):
    poses = some_poses(skeleton)
    bodies = randomize(poses, skeleton, [1, 2], base=1.0, rise=0.3, forward=0.2).numpy()
    assert bodies.shape == poses.shape and np.isfinite(bodies).all()


@pytest.mark.parametrize("name", SHIPPED)
def test_poses_without_extent_stay_finite(name):
    skeleton = Skeleton.load(name)
    poses = np.zeros((3, len(skeleton), 3), np.float32)
    bodies = randomize(poses, skeleton, [1, 2], base=1.0, rise=0.3, forward=0.2)
    np.testing.assert_array_equal(bodies, poses)


# --- mirror


@pytest.mark.parametrize("name", SHIPPED)
def test_mirroring_twice_is_nothing(name):
    skeleton = Skeleton.load(name)
    poses = some_poses(skeleton)
    chosen = np.arange(6) % 2 == 0
    once = frames.mirror(poses, skeleton, chosen).numpy()
    np.testing.assert_array_equal(once[~chosen], poses[~chosen])
    np.testing.assert_array_equal(frames.mirror(once, skeleton, chosen), poses)
    pairs = np.array(skeleton.mirror_bones)
    np.testing.assert_allclose(
        lengths(once, skeleton)[::2, pairs], lengths(poses, skeleton)[::2, pairs[:, ::-1]], rtol=1e-5
    )


def test_the_mirror_image_of_a_raised_left_arm_is_a_raised_right_arm(paper17, standing_pose):
    pose = standing_pose.copy()
    pose[paper17.index("wrist_left")] = 0.3, 1.9, 0.1
    image = frames.mirror(pose[None], paper17, np.array([True])).numpy()[0]
    np.testing.assert_allclose(image[paper17.index("wrist_right")], [-0.3, 1.9, 0.1], atol=1e-7)
    np.testing.assert_allclose(image[paper17.index("wrist_left")], [0.27, 0.89, 0.05], atol=1e-7)


# --- XLA


def test_compiled_equals_eager(same_draws, paper17):
    def change(poses, seed):
        return frames.mirror(randomize(poses, paper17, seed), paper17, tf.constant([True, False] * 3))

    poses, seed = tf.constant(some_poses(paper17)), tf.constant([1, 2])
    np.testing.assert_allclose(tf.function(change, jit_compile=True)(poses, seed), change(poses, seed), atol=2e-5)


# --- the hand-made view-invariant frame


def test_facing_forward_takes_heading_and_place_away_and_nothing_else(paper17, standing_pose):
    bow = standing_pose.copy()
    bow[paper17.index("head")] = 0.0, 1.2, 0.5  # in front of the person, which is at +z
    turn = rotations.about_axis(np.linspace(-3, 3, 7))
    turned = (rotations.rotate(bow, turn) + tf.constant([1.0, 2.0, 3.0])).numpy()
    forward = frames.face_forward(turned, paper17).numpy()
    np.testing.assert_allclose(forward, np.tile(bow - bow[paper17.root], (7, 1, 1)), atol=1e-5)
    # Clips and tensors are fine too.
    clips = frames.face_forward(tf.constant(turned[None]), paper17)
    np.testing.assert_array_equal(clips[0], forward)


@pytest.mark.parametrize("name", SHIPPED)
def test_facing_forward_lays_the_hips_along_x(name):
    skeleton = Skeleton.load(name)
    poses = some_poses(skeleton)
    forward = frames.face_forward(poses, skeleton).numpy()
    across = forward[:, skeleton.index("hip_left")] - forward[:, skeleton.index("hip_right")]
    assert (across[:, 0] > 0).all()
    np.testing.assert_allclose(across[:, 2], 0, atol=1e-6)
    np.testing.assert_allclose(forward[..., 1], poses[..., 1] - poses[:, skeleton.root, 1][:, None], atol=1e-6)
    np.testing.assert_allclose(lengths(forward, skeleton), lengths(poses, skeleton), rtol=1e-5)


def test_who_has_no_heading_is_not_turned(paper17, standing_pose):
    lying, unseen = standing_pose.copy(), standing_pose.copy()
    lying[paper17.index("hip_left")] = lying[paper17.index("hip_right")] + [0, 0.2, 0]
    unseen[paper17.index("hip_left")] = np.nan
    poses = np.stack([lying, unseen])
    np.testing.assert_allclose(
        frames.face_forward(poses, paper17), poses - poses[:, paper17.root : paper17.root + 1], atol=1e-7
    )


def test_without_hips_other_pairs_tell_where_a_body_faces():
    arms = Skeleton("arms", ("chest", "wrist_left", "wrist_right"), (-1, 0, 0), (("wrist_left", "wrist_right"),))
    pose = np.float32([[0, 1, 0], [0, 1, -0.6], [0, 1, 0.4]])
    np.testing.assert_allclose(frames.face_forward(pose, arms), [[0, 0, 0], [0.6, 0, 0], [-0.4, 0, 0]], atol=1e-6)
    with pytest.raises(SkeletonError, match="skeleton 'pole' has no mirror pairs, which tell where a body faces"):
        frames.face_forward(pose[:2], Skeleton("pole", ("hip", "head"), (-1, 0)))
