import itertools
import pathlib

import numpy as np
import pytest
from made_up import BVH, write_bvh

from tfpose.errors import DataError
from tfpose.formats import bvh, read
from tfpose.formats.recording import Options
from tfpose.skeleton import Skeleton


def test_forward_kinematics_by_hand(tmp_path):
    (clip,) = bvh.read_file(write_bvh(tmp_path), Options(unit=1.0))
    assert clip.skeleton.joints == ("hip", "knee Left", "ankle", "chest")
    assert clip.skeleton.parents == (-1, 0, 1, 0)
    assert clip.rate == pytest.approx(50)
    # The hip's position channels replace its offset, so does the ankle's one position channel its z.
    np.testing.assert_allclose(clip.positions[0], [[10, 20, 30], [10, 16, 30], [10, 11, 31], [10, 26, 30]], atol=1e-5)
    # The hip turns by 90 degrees about z: down becomes +x, up becomes -x; the knee turns back.
    np.testing.assert_allclose(clip.positions[1], [[1, 2, 3], [5, 2, 3], [5, -3, 10], [-5, 2, 3]], atol=1e-5)


def about(axis: str, degrees: float) -> np.ndarray:
    """The rotation matrix, written out."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array(
        {
            "X": [[1, 0, 0], [0, c, -s], [0, s, c]],
            "Y": [[c, 0, s], [0, 1, 0], [-s, 0, c]],
            "Z": [[c, -s, 0], [s, c, 0], [0, 0, 1]],
        }[axis]
    )


@pytest.mark.parametrize("order", ["".join(order) for order in itertools.permutations("XYZ")] + ["ZXZ", "Y", "XZ"])
def test_every_channel_order(order):
    rng = np.random.default_rng(0)
    values = rng.uniform(-180, 180, (5, 2 * len(order)))
    channels = tuple(f"{axis}rotation" for axis in order)
    offsets = rng.normal(size=(3, 3))
    joints = [
        bvh.Joint("a", -1, tuple(offsets[0]), channels),
        bvh.Joint("b", 0, tuple(offsets[1]), channels),
        bvh.Joint("c", 1, tuple(offsets[2]), ()),
    ]
    got = bvh.forward_kinematics(joints, values)
    for frame, row in enumerate(values):
        first, second = np.eye(3), np.eye(3)
        for axis, degrees in zip(order, row[: len(order)]):
            first = first @ about(axis, degrees)
        for axis, degrees in zip(order, row[len(order) :]):
            second = second @ about(axis, degrees)
        b = offsets[0] + first @ offsets[1]
        np.testing.assert_allclose(got[frame], [offsets[0], b, b + first @ second @ offsets[2]], atol=1e-9)


def cmu_bvh(frames: int = 3, size: float = 1.0) -> str:
    """CMU's names on a rig whose bones all point up, one unit long; it rises by one unit per frame."""
    cmu = Skeleton.load("cmu31")

    def joint(number: int) -> str:
        inside = "".join(joint(child) for child in cmu.children[number]) or "End Site { OFFSET 0 1 0 }"
        kind = "ROOT" if number == cmu.root else "JOINT"
        channels = "6 Xposition Yposition Zposition" if number == cmu.root else "3"
        name = cmu.native[cmu.joints[number]]
        return f"{kind} {name} {{ OFFSET 0 {size} 0 CHANNELS {channels} Zrotation Yrotation Xrotation {inside} }}\n"

    rows = [" ".join(["0", str(frame), "0", *["0"] * 93]) for frame in range(frames)]
    return f"HIERARCHY\n{joint(cmu.root)}MOTION\nFrames: {frames}\nFrame Time: 0.0333\n" + "\n".join(rows)


def test_cmu_is_known_by_its_joint_names(tmp_path):
    path = tmp_path / "09_01.bvh"
    path.write_text(cmu_bvh())
    (clip,) = bvh.read_file(path, drop_first=True)
    assert clip.skeleton == Skeleton.load("cmu31")
    assert len(clip) == 2, "the T-pose in frame 0 goes"
    np.testing.assert_allclose(clip.positions[:, 0, 1], np.array([1, 2]) * clip.origin.unit, rtol=1e-5)
    assert len(bvh.read_file(path, drop_first=False)[0]) == 3
    paper = Skeleton.load("paper17")
    assert bvh.read_file(path, Options(paper))[0].skeleton == paper
    (clip,) = read(path, skeleton=paper)
    assert clip.skeleton == paper


def test_a_cmu_file_with_nothing_but_its_t_pose_is_refused(tmp_path):
    path = tmp_path / "t.bvh"
    path.write_text(cmu_bvh(frames=1))
    with pytest.raises(DataError, match="only its T-pose"):
        bvh.read_file(path, drop_first=True)


def test_a_users_skeleton_takes_joints_by_native_names(tmp_path):
    mine = Skeleton("mine", ("root", "foot"), (-1, 0), native={"root": "hip", "foot": "ankle"})
    (clip,) = bvh.read_file(write_bvh(tmp_path), Options(mine, unit=1.0))
    assert clip.skeleton == mine
    np.testing.assert_allclose(clip.positions[1], [[1, 2, 3], [5, -3, 10]], atol=1e-5)
    absent = Skeleton("absent", ("hip", "wing"), (-1, 0))
    with pytest.raises(DataError, match=r"rig\.bvh: lacks wing for skeleton 'absent'; it has hip, knee Left"):
        bvh.read_file(tmp_path / "rig.bvh", Options(absent, unit=1.0))


def test_a_rig_of_no_human_size_asks_for_its_unit(tmp_path):
    with pytest.raises(DataError, match=r"^.*rig\.bvh: its poses are 0\.1\d* m large at 0\.01 m per unit"):
        bvh.read_file(write_bvh(tmp_path))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("HIERARCHY", "HIERARCHIE", "does not start with HIERARCHY"),
        ("MOTION", "MOTIO", "line 26: HIERARCHY: unexpected 'MOTIO'"),
        ("Frames: 2", "Frames: 4", "expected 4 frames of 13 values, 52 in all, found 26"),
        ("Frames: 2", "Frames: 0", "has no frames"),
        ("Frames: 2", "Frames: two", "expected 'Frames: N'"),
        ("Frame Time: 0.02", "Frame Time: 0", "must be positive"),
        ("Frame Time: 0.02", "Frame Time: soon", "soon"),
        ("10 20 30", "10 2O 30", "line 29: MOTION: '2O' is not a number"),
        ("10 20 30", "10 inf 30", "not finite"),
        ("Yrotation Zrotation", "Yrotation Wrotation", "unknown channel Wrotation"),
        ("CHANNELS 3 Y", "CHANNELS 4 Y", "unknown channel"),
        ("OFFSET 0 -4 0", "OFFSET 0 -4", "line 9: OFFSET: 'CHANNELS' is not a number"),
        ("OFFSET 0 -4 0", "OFFSET 0 inf 0", "not finite"),
        ("End Site", "Site", "unexpected 'Site'"),
        ("JOINT chest", "ROOT chest", "line 21: a second ROOT 'chest'"),
        ("JOINT chest", "JOINT hip", "names a joint twice: hip"),
        ("CHANNELS 0\n    }", "CHANNELS 0", "braces"),
    ],
)
def test_damage_is_one_error_that_says_where(tmp_path, old, new, says):
    assert old in BVH
    path = tmp_path / "bad.bvh"
    path.write_text(BVH.replace(old, new, 1))
    with pytest.raises(DataError) as caught:
        bvh.read_file(path, Options(unit=1.0))
    assert str(caught.value).startswith(f"{path}: ") and says in str(caught.value)


def test_real_cmu(data_dir):
    frames, clips = 0, 0
    for clip in read(data_dir / "cmu" / "subjects"):
        assert clip.skeleton.name == "cmu31" and clip.rate == pytest.approx(30, rel=1e-3)
        assert clip.subject == pathlib.Path(clip.source).parent.name
        frames, clips = frames + len(clip) + 1, clips + 1  # the T-pose counts
    # All begin in a T-pose but those of 131.
    assert (clips, frames) == (122, 39_887 + 3)
