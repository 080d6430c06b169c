"""The joints of a rig after the model has corrected those that it knows."""

import dataclasses

import numpy as np
import pytest

from tfpose.errors import DataError
from tfpose.formats.clip import Clip
from tfpose.formats.samples import sample
from tfpose.skeleton import Skeleton

PAPER = Skeleton.load("paper17")


@pytest.fixture
def clip():
    return sample("walk")


def moved(clip, joint, frames, step):
    """The clip in the model's joints, one of them moved in some frames."""
    positions = clip.to(PAPER).positions.copy()
    positions[frames, PAPER.index(joint)] += step
    return positions


def test_a_joint_of_the_model_comes_from_it_and_all_else_stays_bit_for_bit(clip):
    cleaned = moved(clip, "knee_left", slice(10, 12), [0.2, 0.1, 0.0])
    cleaned += np.random.default_rng(0).normal(0, 0.0004, cleaned.shape).astype(np.float32)  # as good as nothing
    result = clip.corrected(cleaned)
    knee = clip.skeleton.index("knee_left")
    np.testing.assert_array_equal(result.positions[10:12, knee], cleaned[10:12, PAPER.index("knee_left")])
    others = np.delete(result.positions, knee, axis=1), np.delete(clip.positions, knee, axis=1)
    np.testing.assert_array_equal(*others)
    np.testing.assert_array_equal(result.positions[12:, knee], clip.positions[12:, knee])


def test_noise_in_a_joint_is_taken_from_it_in_all_frames(clip):
    cleaned = clip.to(PAPER).positions + np.random.default_rng(0).normal(0, 0.01, (len(clip), 17, 3)).astype(np.float32)
    result = clip.corrected(cleaned)
    np.testing.assert_array_equal(result.to(PAPER).positions, cleaned)


def test_what_hangs_on_a_joint_turns_with_the_bone_that_ends_there(clip):
    wrist, hand, tip = (clip.skeleton.index(f"{joint}_left") for joint in ("wrist", "hand", "hand_tip"))
    result = clip.corrected(moved(clip, "wrist_left", slice(20, 22), [0.02, 0.03, 0.0]))
    for joint in (hand, tip):
        before, after = (
            np.linalg.norm(positions[:, joint] - positions[:, wrist], axis=-1)
            for positions in (clip.positions, result.positions)
        )
        np.testing.assert_allclose(before, after, atol=1e-6)
    changed = (result.positions != clip.positions).any((1, 2))
    assert set(np.flatnonzero(changed)) == {20, 21}
    assert np.linalg.norm(result.positions[20, tip] - clip.positions[20, tip]) > 0.02


def test_a_hand_that_was_right_stays_where_only_its_wrist_was_wrong(clip):
    wrist, hand = clip.skeleton.index("wrist_left"), clip.skeleton.index("hand_left")
    seen = clip.positions.copy()
    seen[30:34, wrist] += [0.3, 0.0, 0.2]
    broken = dataclasses.replace(clip, positions=seen)
    result = broken.corrected(clip.to(PAPER).positions)
    np.testing.assert_array_equal(result.positions[:, hand], clip.positions[:, hand])
    # And one that went with it comes back with it.
    seen[30:34, hand] += [0.3, 0.0, 0.2]
    result = dataclasses.replace(clip, positions=seen).corrected(clip.to(PAPER).positions)
    assert np.linalg.norm(result.positions[30:34, hand] - clip.positions[30:34, hand], axis=-1).max() < 0.05


def test_a_joint_between_two_moves_with_both(clip):
    cleaned = clip.to(PAPER).positions.copy()
    cleaned[5] += [0.1, 0.0, 0.0]
    result = clip.corrected(cleaned)
    np.testing.assert_allclose(result.positions[5] - clip.positions[5], np.tile([0.1, 0, 0], (31, 1)), atol=1e-5)


def test_landmarks_that_a_joint_is_made_from_move_as_it_does():
    rig = Skeleton.load("blazepose33")
    positions = np.random.default_rng(0).normal(size=(4, 33, 3)).astype(np.float32)
    clip = Clip(positions, rig)
    cleaned = clip.to(PAPER).positions.copy()
    cleaned[2, PAPER.index("head")] += [0.0, 0.2, 0.0]
    result = clip.corrected(cleaned).positions
    for ear in ("ear_left", "ear_right"):
        np.testing.assert_allclose(result[2, rig.index(ear)] - positions[2, rig.index(ear)], [0, 0.2, 0], atol=1e-6)
    np.testing.assert_array_equal(result[:, rig.index("ankle_left")], positions[:, rig.index("ankle_left")])


def test_missing_joints_are_filled_and_what_hangs_on_them_stays_missing(clip):
    wrist, hand = clip.skeleton.index("wrist_left"), clip.skeleton.index("hand_left")
    seen = clip.positions.copy()
    seen[8, [wrist, hand]] = np.nan
    result = dataclasses.replace(clip, positions=seen).corrected(clip.to(PAPER).positions)
    np.testing.assert_array_equal(result.positions[8, wrist], clip.positions[8, wrist])
    assert np.isnan(result.positions[8, hand]).all()
    # A frame that a model leaves missing stays so.
    cleaned = clip.to(PAPER).positions.copy()
    cleaned[8, PAPER.index("wrist_left")] = np.nan
    assert np.isnan(dataclasses.replace(clip, positions=seen).corrected(cleaned).positions[8, wrist]).all()


def test_root_motion_above_the_hips_stays():
    names = ("reference", *PAPER.joints)
    rig = Skeleton("rig", names, (-1, *(0 if p < 0 else p + 1 for p in PAPER.parents)))
    body = sample("walk").to(PAPER).positions
    positions = np.concatenate([np.zeros((len(body), 1, 3), np.float32), body], axis=1)
    result = Clip(positions, rig).corrected(body + np.float32(0.1))
    np.testing.assert_array_equal(result.positions[:, 0], 0)
    np.testing.assert_allclose(result.positions[:, 1:], body + 0.1, atol=1e-6)


def test_positions_that_do_not_fit_are_refused(clip):
    with pytest.raises(DataError, match=r"walk\.bvh: expected corrected positions \[70, 17, 3\], got \[3, 17, 3\]"):
        clip.corrected(np.zeros((3, 17, 3)))
