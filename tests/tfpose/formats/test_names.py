"""Rigs of common programs are known by their joints' names."""

import itertools

import pytest

from tfpose.errors import SkeletonError
from tfpose.formats import names
from tfpose.skeleton import Skeleton

PAPER = Skeleton.load("paper17")


def sides(words: str, pattern: str) -> list[str]:
    """Names for both sides: `{}` of the pattern is the word."""
    return [pattern.format(side, word) for side in ("L", "R") for word in words.split()]


def left_right(words: str) -> list[str]:
    return [f"{side}{word}" for side in ("Left", "Right") for word in words.split()]


UNITY = ("UpperLeg", "LowerLeg", "Foot", "Toes", "Shoulder", "UpperArm", "LowerArm", "Hand")
DAZ = ("Thigh", "Shin", "Foot", "Toe", "Collar", "Shldr", "ForeArm", "Hand")
FULL = "UpLeg Leg Foot ToeBase Shoulder Arm ForeArm Hand"
RIGS = {
    "Mixamo": ["mixamorig:" + n for n in ["Hips", "Spine", "Spine1", "Spine2", "Neck", "Head", *left_right(FULL)]],
    "Rokoko": ["Hips", "Spine", "Spine1", "Spine2", "Spine3", "Spine4", "Neck", "Head",
               *left_right("Thigh Shin Foot Toe Shoulder Arm ForeArm Hand")],
    "Perception Neuron": ["Hips", "Spine", "Spine1", "Spine2", "Spine3", "Neck", "Head",
                          *left_right("UpLeg Leg Foot Shoulder Arm ForeArm Hand InHandIndex")],
    "HumanIK": ["Character1_" + n for n in ["Hips", "Spine", "Spine1", "Spine2", "Spine3", "Neck", "Head",
                                            *left_right(FULL)]],
    "Unreal": ["root", "pelvis", "spine_01", "spine_02", "spine_03", "neck_01", "head",
               *(f"{word}_{side}" for side in "lr"
                 for word in ["thigh", "calf", "foot", "ball", "clavicle", "upperarm", "lowerarm", "hand"])],
    "VRM": ["J_Bip_C_Hips", "J_Bip_C_Spine", "J_Bip_C_Chest", "J_Bip_C_UpperChest", "J_Bip_C_Neck", "J_Bip_C_Head",
            *sides("UpperLeg LowerLeg Foot ToeBase Shoulder UpperArm LowerArm Hand", "J_Bip_{}_{}")],
    "VRM humanoid": ["hips", "spine", "chest", "upperChest", "neck", "head",
                     *(f"{side}{word}" for side in ("left", "right")
                       for word in UNITY)],
    "Xsens": ["Hips", "Chest", "Chest2", "Chest3", "Chest4", "Neck", "Head",
              *left_right("Collar Shoulder Elbow Wrist Hip Knee Ankle Toe")],
    "SMPL": ["Pelvis", "Spine1", "Spine2", "Spine3", "Neck", "Head",
             *sides("Hip Knee Ankle Foot Collar Shoulder Elbow Wrist Hand", "{}_{}")],
    "LAFAN1": ["Hips", "Spine", "Spine1", "Spine2", "Neck", "Head",
               *left_right("UpLeg Leg Foot Toe Shoulder Arm ForeArm Hand")],
    "100STYLE": ["Hips", "Chest", "Chest2", "Chest3", "Chest4", "Neck", "Head",
                 *left_right("Hip Knee Ankle Toe Collar Shoulder Elbow Wrist")],
    "Bandai-Namco": ["joint_Root", "Hips", "Spine", "Chest", "Neck", "Head",
                     *(f"{word}_{side}" for side in "LR"
                       for word in UNITY)],
    "Biped": ["Bip01", "Bip01 Pelvis", "Bip01 Spine", "Bip01 Spine1", "Bip01 Neck", "Bip01 Head",
              *sides("Thigh Calf Foot Toe0 Clavicle UpperArm Forearm Hand", "Bip01 {} {}")],
    "Rigify": ["DEF-hips", "DEF-spine.001", "DEF-chest", "DEF-neck", "DEF-head",
               *(f"DEF-{word}.{side}" for side in "LR"
                 for word in ["thigh", "shin", "foot", "toe", "shoulder", "upper_arm", "forearm", "hand"])],
    "Daz": ["hip", "abdomen", "chest", "neck", "head",
            *(f"{side}{word}" for side in "lr" for word in DAZ)],
    "older": ["Hips", "Chest", "Neck", "Head", *left_right("Collar Shoulder Elbow Wrist Hip Knee Ankle")],
    "Azure": ["PELVIS", "SPINE_NAVEL", "SPINE_CHEST", "NECK", "HEAD",
              *(f"{word}_{side}" for side in ("LEFT", "RIGHT")
                for word in ["CLAVICLE", "SHOULDER", "ELBOW", "WRIST", "HAND", "HIP", "KNEE", "ANKLE", "FOOT"])],
    "OpenPose": ["Nose", "Neck", "MidHip", *sides("Shoulder Elbow Wrist Hip Knee Ankle BigToe Eye Ear", "{}{}")],
}  # fmt: skip
EXPECTED = {  # part -> which of a rig's names, by a piece of it in small letters
    "hip": ("upleg", "upperleg", "thigh", "hip"),
    "knee": ("knee", "lowerleg", "calf", "shin", "leg"),
    "ankle": ("ankle", "foot"),
    "elbow": ("elbow", "forearm", "lowerarm"),
    "wrist": ("wrist", "hand"),
}


def parents_of(joints: list[str]) -> list[int]:
    """A hierarchy as these programs have it: the trunk one above the other, limbs in the order of their names."""
    trunk = [at for at, name in enumerate(joints) if not names.split(name)[0]]
    parents = [-1] * len(joints)
    for above, at in itertools.pairwise(trunk):
        parents[at] = above
    for at in range(len(joints)):
        if at not in trunk:
            parents[at] = trunk[0]
    return parents


@pytest.mark.parametrize("rig", RIGS)
def test_the_rig_can_be_given_in_the_models_joints(rig):
    joints = RIGS[rig]
    skeleton = names.skeleton_of(rig, joints, parents_of(joints))
    assert len(skeleton) == len(joints)
    matrix = skeleton.to(PAPER)
    assert (abs(matrix.sum(1) - 1) < 1e-6).all()
    for part, words in EXPECTED.items():
        for side in ("left", "right"):
            own = skeleton.native.get(f"{part}_{side}", f"{part}_{side}")
            assert names.split(own)[0] == side
            assert any(word in own.lower().replace("_", "") for word in words), own
    shoulder = skeleton.native.get("shoulder_left", "shoulder_left").lower()
    assert "collar" not in shoulder and "clavicle" not in shoulder
    if any("forearm" in name.lower() or "upperarm" in name.lower() for name in joints):
        assert "shoulder" not in shoulder, "that is the collar's name here"
    mirrored = {joint for pair in skeleton.mirror for joint in pair}
    assert {f"{part}_{side}" for part in EXPECTED for side in ("left", "right")} <= mirrored


def test_points_without_a_hierarchy_get_one():
    joints = RIGS["SMPL"]
    skeleton = names.skeleton_of("points", joints)
    assert skeleton.joints[skeleton.parents[skeleton.index("knee_left")]] == "hip_left"
    assert skeleton.joints[skeleton.root] == "spine_base"


def test_names_that_are_no_persons_stay_as_they_are():
    skeleton = names.skeleton_of("chair", ["seat", "Left leg", "back"], [-1, 0, 0])
    assert skeleton.joints == ("seat", "Left leg", "back") and not skeleton.native


def test_a_mapping_comes_before_all_names():
    joints = [*RIGS["SMPL"], "LMARK", "LMARK2"]
    skeleton = names.skeleton_of("m", joints, None, None, {"wrist_left": ["LMARK", "LMARK2"], "ankle_left": "L_Foot"})
    assert skeleton.derived["wrist_left"] == {"LMARK": 0.5, "LMARK2": 0.5}
    assert skeleton.native["ankle_left"] == "L_Foot"
    with pytest.raises(SkeletonError, match="has no 'nope' for 'wrist_left'"):
        names.skeleton_of("m", joints, None, None, {"wrist_left": "nope"})
    with pytest.raises(SkeletonError, match="must be a name, a list of names, or weights"):
        names.skeleton_of("m", joints, None, None, {"wrist_left": 3})


def test_a_name_is_split_into_its_side_and_the_rest():
    for name, expected in {
        "mixamorig:LeftUpLeg": ("left", "upleg"),
        "J_Bip_C_Hips": ("", "hips"),
        "thigh_l": ("left", "thigh"),
        '"R Hip"': ("right", "hip"),
        "LEFTFOOT": ("left", "foot"),
        "Armature|upperarm.R": ("right", "upperarm"),
        "lShldr": ("left", "shldr"),
        "Spine_01": ("", "spine1"),
        "Leg": ("", "leg"),
    }.items():
        assert names.split(name) == expected
