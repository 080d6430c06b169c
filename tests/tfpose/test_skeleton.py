"""Skeletons as data: those that ship, a user's own, conversion by joint names, and what is refused."""

import itertools
import json
import pathlib
import re

import numpy as np
import pytest

from tfpose.errors import SkeletonError, TfposeError
from tfpose.skeleton import Skeleton

SHIPPED = {  # name -> number of joints
    "paper17": 17,
    "kinect20": 20,
    "ntu25": 25,
    "h36m32": 32,
    "h36m17": 17,
    "cmu31": 31,
    "mpii16": 16,
    "coco17": 17,
    "blazepose33": 33,
    "azure32": 32,
    "body25": 25,
    "smpl22": 22,
    "smpl24": 24,
}

# What shared/data/README.md gives as index lists into the paper's 17 joints; (2, 3) is the middle of two.
PAPER_FROM = {
    "kinect20": [0, 1, (2, 3), 3, 4, 5, 6, 8, 9, 10, 12, 13, 14, 16, 17, 18, 2],
    "ntu25": [0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 12, 13, 14, 16, 17, 18, 20],
    "h36m32": [0, 12, 14, 15, 17, 18, 19, 25, 26, 27, 6, 7, 8, 1, 2, 3, 13],
    "cmu31": [0, 12, 15, 16, 18, 19, 20, 25, 26, 27, 2, 3, 4, 7, 8, 9, 14],
}


def small(**change) -> dict:
    """The description of a person of five joints, with parts changed."""
    return {
        "name": "small",
        "joints": [["hip", None], ["head", "hip"], ["hand_left", "hip"], ["hand_right", "hip"], ["eye", "head"]],
        "mirror": [["hand_left", "hand_right"]],
        **change,
    }


def written(folder: pathlib.Path, content) -> pathlib.Path:
    path = folder / "rig.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


# --- those that ship


def test_which_skeletons_ship():
    assert set(Skeleton.names()) == set(SHIPPED)


@pytest.mark.parametrize("name", SHIPPED)
def test_each_loads_and_is_a_tree(name):
    skeleton = Skeleton.load(name)
    assert skeleton.name == name
    assert len(skeleton) == SHIPPED[name] == len(skeleton.joints) == len(skeleton.parents)
    assert skeleton.about
    assert len(skeleton.bones) == len(skeleton) - 1
    assert all(skeleton.parents[child] == parent for child, parent in skeleton.bones)
    for joint in range(len(skeleton)):
        steps = 0
        while joint != skeleton.root:
            joint, steps = skeleton.parents[joint], steps + 1
            assert steps < len(skeleton)


@pytest.mark.parametrize("name", SHIPPED)
def test_each_names_left_and_right_consistently(name):
    skeleton = Skeleton.load(name)
    lefts = [joint for joint in skeleton.joints if "_left" in joint]
    assert sorted(left for left, _ in skeleton.mirror) == sorted(lefts)
    assert all(right == left.replace("_left", "_right") for left, right in skeleton.mirror)
    # Mirrored, the tree is the same tree.
    image = skeleton.mirror_joints
    for joint, parent in enumerate(skeleton.parents):
        assert image[image[joint]] == joint
        assert skeleton.parents[image[joint]] == (image[parent] if parent >= 0 else -1)


@pytest.mark.parametrize("name", SHIPPED)
def test_each_survives_a_round_trip(name):
    skeleton = Skeleton.load(name)
    again = Skeleton.from_dict(json.loads(json.dumps(skeleton.to_dict())))
    assert again == skeleton and hash(again) == hash(skeleton)
    assert again.parents == skeleton.parents and again.derived == skeleton.derived


@pytest.mark.parametrize("name", SHIPPED)
def test_each_becomes_the_papers(name, paper17):
    matrix = Skeleton.load(name).to(paper17)
    assert matrix.shape == (17, SHIPPED[name]) and matrix.dtype == np.float32
    assert matrix.sum(1) == pytest.approx(np.ones(17))
    assert (matrix >= 0).all()


@pytest.mark.parametrize("name", [name for name in SHIPPED if name != "paper17"])
def test_native_names_are_distinct(name):
    native = Skeleton.load(name).native
    assert len(set(native.values())) == len(native) > 0


def test_different_skeletons_are_not_equal():
    skeletons = [Skeleton.load(name) for name in SHIPPED]
    assert len(set(skeletons)) == len(SHIPPED)
    assert skeletons[0] != "paper17"


def test_the_papers_tree(paper17):
    assert paper17.parents == (-1, 0, 16, 2, 16, 4, 5, 16, 7, 8, 0, 10, 11, 0, 13, 14, 1)
    assert paper17.joints[paper17.root] == "spine_base"
    assert [paper17.joints[c] for c in paper17.children[16]] == ["neck", "shoulder_left", "shoulder_right"]
    # Sec. 3.2 counts, over both subnets, 6 nodes with no input from others, 26 with one and 2 with three: the recursive
    # subnet's nodes hear their children, the diffuse subnet's their parent, which only the root lacks.
    hears = [len(children) for children in paper17.children] + [int(parent >= 0) for parent in paper17.parents]
    assert [hears.count(number) for number in (0, 1, 2, 3)] == [6, 26, 0, 2]


def test_ntu_tree_is_the_official_one():
    official = [-1, 0, 20, 2, 20, 4, 5, 6, 20, 8, 9, 10, 0, 12, 13, 14, 0, 16, 17, 18, 1, 7, 7, 11, 11]
    assert list(Skeleton.load("ntu25").parents) == official


# --- conversion by names


@pytest.mark.parametrize("name", PAPER_FROM)
def test_conversion_by_names_agrees_with_the_known_index_lists(name, paper17):
    poses = np.random.default_rng(0).normal(size=(4, SHIPPED[name], 3))
    expected = np.stack([poses[:, np.atleast_1d(index)].mean(1) for index in PAPER_FROM[name]], 1)
    assert Skeleton.load(name).to(paper17) @ poses == pytest.approx(expected)


def test_human36m_32_becomes_its_usual_17():
    usual = [0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27]
    matrix = Skeleton.load("h36m32").to(Skeleton.load("h36m17"))
    assert np.argmax(matrix, 1).tolist() == usual
    assert matrix.max(1) == pytest.approx(1)


def test_conversion_to_itself_is_the_identity(paper17):
    assert (paper17.to(paper17) == np.eye(17)).all()


def test_h36m17_and_paper17_are_each_other_reordered(paper17):
    h36m = Skeleton.load("h36m17")
    assert (paper17.to(h36m) @ h36m.to(paper17) == np.eye(17)).all()


def test_impossible_conversion_names_every_missing_joint(paper17):
    with pytest.raises(SkeletonError) as error:
        paper17.to(Skeleton.load("kinect20"))
    message = str(error.value)
    assert "skeleton 'paper17' cannot become 'kinect20'" in message
    assert "hand_left, hand_right, foot_left, foot_right" in message
    assert "'derived' part of 'paper17'" in message


# --- what follows from the tree


def test_derived_facts_of_a_small_tree():
    skeleton = Skeleton.from_dict(small())
    assert skeleton.parents == (-1, 0, 0, 0, 1)
    assert skeleton.root == 0
    assert skeleton.children == ((1, 2, 3), (4,), (), (), ())
    assert skeleton.bones == ((1, 0), (2, 0), (3, 0), (4, 1))
    assert skeleton.mirror_joints == (0, 1, 3, 2, 4)
    assert skeleton.mirror_bones == ((1, 2),)
    assert skeleton.levels_by_depth == ((0,), (1, 2, 3), (4,))
    assert skeleton.levels_by_height == ((2, 3, 4), (1,), (0,))


def test_the_root_may_stand_anywhere_and_children_before_their_parents():
    skeleton = Skeleton("late root", ("tip", "middle", "base"), (1, 2, -1))
    assert skeleton.root == 2
    assert skeleton.bones == ((0, 1), (1, 2))
    assert skeleton.levels_by_depth == ((2,), (1,), (0,))
    assert skeleton.levels_by_height == ((0,), (1,), (2,))


def test_a_single_joint_is_a_skeleton():
    skeleton = Skeleton("point", ("point",), (-1,))
    assert skeleton.bones == () and skeleton.levels_by_depth == skeleton.levels_by_height == ((0,),)


@pytest.mark.parametrize("name", SHIPPED)
def test_levels_hold_every_joint_once_and_in_an_order_that_works(name):
    skeleton = Skeleton.load(name)
    everything = list(range(len(skeleton)))
    done = set()
    for level in skeleton.levels_by_depth:  # from the root: the parent was before
        assert all(skeleton.parents[j] in done for j in level if j != skeleton.root)
        done.update(level)
    assert sorted(j for level in skeleton.levels_by_depth for j in level) == everything
    done = set()
    for level in skeleton.levels_by_height:  # from the leaves: all children were before
        assert all(child in done for j in level for child in skeleton.children[j])
        done.update(level)
    assert sorted(j for level in skeleton.levels_by_height for j in level) == everything


def test_mirror_bones_of_the_paper(paper17):
    def name(bone):
        return tuple(paper17.joints[j] for j in paper17.bones[bone])

    pairs = [(name(left), name(right)) for left, right in paper17.mirror_bones]
    assert len(pairs) == 6
    assert (("wrist_left", "elbow_left"), ("wrist_right", "elbow_right")) in pairs
    assert (("hip_left", "spine_base"), ("hip_right", "spine_base")) in pairs
    assert all(tuple(joint.replace("_left", "_right") for joint in left) == right for left, right in pairs)


def test_a_mirrored_root_has_no_bone_to_mirror():
    skeleton = Skeleton("odd", ("hand_left", "hand_right"), (-1, 0), mirror=(("hand_left", "hand_right"),))
    assert skeleton.mirror_bones == ()


def test_index_by_name(paper17):
    assert paper17.index("wrist_left") == 6
    with pytest.raises(SkeletonError, match="skeleton 'paper17' has no joint 'tail'; it has spine_base, spine_mid"):
        paper17.index("tail")


# --- a user's own rig


def test_a_users_own_rig_is_one_more_file(tmp_path, paper17):
    rig = small(
        derived={"spine_base": {"hip": 1.0}, "neck": {"hip": 0.25, "head": 0.75}},
        native={"hip": "mixamorig:Hips"},
        torso=["hip", "head"],
        about="Five joints of my robot.",
    )
    skeleton = Skeleton.load(written(tmp_path, rig))
    assert skeleton.name == "small" and skeleton.native["hip"] == "mixamorig:Hips"
    assert skeleton == Skeleton.load(str(tmp_path / "rig.json"))
    target = Skeleton("two", ("spine_base", "neck"), (-1, 0))
    pose = np.arange(15.0).reshape(5, 3)
    assert skeleton.to(target) @ pose == pytest.approx(np.stack([pose[0], 0.25 * pose[0] + 0.75 * pose[1]]))
    with pytest.raises(SkeletonError, match="'small' cannot become 'paper17': it has no spine_mid"):
        skeleton.to(paper17)


def test_names_need_not_be_ascii(tmp_path):
    joints = [["Hüfte", None], ["頭", "Hüfte"]]
    path = tmp_path / "rig.json"
    path.write_text(json.dumps({"name": "eigen", "joints": joints}, ensure_ascii=False), encoding="utf-8")
    assert Skeleton.load(path).joints == ("Hüfte", "頭")


def test_a_skeleton_cannot_be_changed(paper17):
    with pytest.raises(AttributeError):
        paper17.name = "other"


# --- what is refused, in a file: the message names the file and the fault

REFUSED = {
    "cycle": (
        small(joints=[["hip", None], ["a", "b"], ["b", "a"]], mirror=[]),
        "skeleton 'small' has a cycle through 'a'",
    ),
    "own parent": (small(joints=[["hip", None], ["a", "a"]], mirror=[]), "has a cycle through 'a'"),
    "two roots": (
        small(joints=[["hip", None], ["head", None]], mirror=[]),
        "must have exactly one root, it has 2: hip, head",
    ),
    "no root": (small(joints=[["a", "b"], ["b", "a"]], mirror=[]), "must have exactly one root, it has 0: none"),
    "unknown parent": (
        small(joints=[["hip", None], ["head", "neck"]], mirror=[]),
        "skeleton 'small' names the parent 'neck', which is none of its joints",
    ),
    "joint twice": (
        small(joints=[["hip", None], ["head", "hip"], ["head", "hip"]], mirror=[]),
        "skeleton 'small' names a joint twice: head",
    ),
    "mirrored twice": (
        small(mirror=[["hand_left", "hand_right"], ["eye", "hand_right"]]),
        "names a mirrored joint twice: hand_right",
    ),
    "its own mirror image": (small(mirror=[["eye", "eye"]]), "names a mirrored joint twice: eye"),
    "unknown in mirror": (small(mirror=[["foot_left", "foot_right"]]), "does not have: foot_left, foot_right"),
    "unknown in torso": (small(torso=["chest"]), "uses joints that it does not have: chest"),
    "unknown in derived": (small(derived={"neck": {"chin": 1.0}}), "uses joints that it does not have: chin"),
    "unknown in native": (small(native={"tail": "Tail"}), "uses joints that it does not have: tail"),
    "no joints": (small(joints=[], mirror=[]), "skeleton 'small' has no joints"),
    "unknown part": (small(colour="red"), "got also colour"),
    "no name": ({"joints": [["hip", None]]}, "expected an object with 'name', 'joints'"),
    "a list": ([["hip", None]], "expected an object with 'name', 'joints'"),
    "a number": ("3", "expected an object with 'name', 'joints'"),
    "joints without parents": (
        small(joints=["hip", "head"]),
        "'joints' of skeleton 'small' must be a list of pairs",
    ),
    "a mirror of three": (
        small(mirror=[["hand_left", "hand_right", "eye"]]),
        "'mirror' of skeleton 'small' must be a list of pairs",
    ),
    "joints as a number": (small(joints=5), "'joints' of skeleton 'small' must be a list of pairs"),
    "derived as a list": (small(derived=["neck"]), "a part of skeleton 'small' has the wrong form"),
    "bad JSON": ('{"name": "small",', "line 1 column"),
    "empty file": ("", "Expecting value"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_bad_file_is_refused_by_name_and_fault(tmp_path, what):
    content, message = REFUSED[what]
    path = written(tmp_path, content)
    with pytest.raises(SkeletonError, match=re.escape(message)) as error:
        Skeleton.load(path)
    assert str(error.value).startswith(f"{path}: not a skeleton: ")
    assert "\n" not in str(error.value)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "rig.json"
    path.write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(SkeletonError, match=r"rig\.json: not a skeleton: 'utf-8' codec"):
        Skeleton.load(path)


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(SkeletonError, match=r"not a skeleton: .*[Dd]irectory"):
        Skeleton.load(tmp_path)


def test_an_unknown_name_lists_the_known():
    with pytest.raises(SkeletonError, match="no skeleton 'kinect': it is neither a file nor one of azure32, blaze"):
        Skeleton.load("kinect")


def test_one_kind_of_error_catches_all():
    assert issubclass(SkeletonError, TfposeError) and issubclass(TfposeError, ValueError)


@pytest.mark.parametrize(
    ("joints", "parents", "message"),
    [
        (("a", "b"), (-1,), "has 2 joints but 1 parents"),
        (("a", "b"), (-1, 7), "joint 'b' has no parent number 7"),
        (("a", "b"), (-1, -3), "joint 'b' has no parent number -3"),
    ],
)
def test_bad_parents_in_code(joints, parents, message):
    with pytest.raises(SkeletonError, match=re.escape(message)):
        Skeleton("odd", joints, parents)


# --- the trunk's pairs and the limbs


def test_the_trunks_pairs_are_hips_first_and_shoulders_last():
    for name in Skeleton.names():
        assert Skeleton.load(name).torso_pairs == (("hip_left", "hip_right"), ("shoulder_left", "shoulder_right")), name


@pytest.mark.parametrize("name", Skeleton.names())
def test_limbs_hold_every_paired_joint_once_with_its_twin(name):
    skeleton = Skeleton.load(name)
    image = skeleton.mirror_joints
    joints = [joint for limb in skeleton.limbs for joint in limb]
    assert sorted(joints) == [joint for joint in range(len(skeleton)) if image[joint] != joint]
    assert all({image[joint] for joint in limb} == set(limb) for limb in skeleton.limbs)
    # Arms and legs are apart, also where one hangs on the other (COCO, BlazePose).
    of = {skeleton.joints[joint]: number for number, limb in enumerate(skeleton.limbs) for joint in limb}
    assert of["elbow_left"] == of["wrist_right"] == of["shoulder_left"]
    assert of["knee_left"] == of["ankle_right"] == of["hip_left"] != of["elbow_left"]
    if "eye_left" in of:  # the pairs of a head are its own
        assert not {of["eye_left"], of["ear_right"]} & {of["elbow_left"], of["hip_left"]}


def test_a_skeleton_without_a_trunk_has_limbs_that_start_at_their_first_pair():
    joints = ("hip", "hand_right", "finger_left", "hand_left", "finger_right", "tail")
    skeleton = Skeleton(
        "small", joints, (-1, 0, 3, 0, 1, 0), (("hand_left", "hand_right"), ("finger_left", "finger_right"))
    )
    assert skeleton.torso_pairs == () and skeleton.limbs == ((1, 2, 3, 4),)
    assert Skeleton("pole", ("hip", "head"), (-1, 0)).limbs == ()


@pytest.mark.parametrize("name", Skeleton.names())
def test_ancestry_is_the_way_along_the_parents(name):
    skeleton = Skeleton.load(name)
    for joint in range(len(skeleton)):
        way = skeleton.ancestry(joint)
        assert way[0] == joint and way[-1] == skeleton.root and len(set(way)) == len(way)
        assert all(skeleton.parents[below] == above for below, above in itertools.pairwise(way))


def test_ancestry_goes_to_the_root():
    paper = Skeleton.load("paper17")
    assert [paper.joints[joint] for joint in paper.ancestry(paper.index("head"))] == [
        *("head", "neck", "spine_shoulder", "spine_mid", "spine_base"),
    ]
