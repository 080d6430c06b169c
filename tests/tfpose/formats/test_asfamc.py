"""CMU's own format: positions worked out by hand, the same trial as BVH, and files that are damaged."""

import itertools
import os
import pathlib

import numpy as np
import pytest

from tfpose.errors import DataError
from tfpose.formats import asfamc, bvh, read
from tfpose.skeleton import Skeleton

DATA = pathlib.Path(os.environ.get("TFPOSE_DATA", "nowhere")) / "cmu"

ASF = """# made up
:version 1.10
:units
  mass 1.0
  length 0.45
  angle deg
:root
   order TX TY TZ RX RY RZ
   axis XYZ
   position 0 0 0
   orientation 0 0 0
:bonedata
  begin
     id 1
     name thigh
     direction 0 -2 0
     length 4
     axis 0 0 90 XYZ
    dof rx rz
    limits (-160.0 20.0)
           (-70.0 70.0)
  end
  begin
     id 2
     name shin
     direction 0 -1 0
     length 3
     axis 0 0 0 XYZ
  end
:hierarchy
  begin
    root thigh
    thigh shin
  end
"""


@pytest.fixture
def rig(tmp_path):
    path = tmp_path / "10.asf"
    path.write_text(ASF)
    return asfamc.read_rig(path)


def values(root=(0, 0, 0, 0, 0, 0), thigh=(0, 0)):
    return {"root": np.array([root], float), "thigh": np.array([thigh], float)}


def shin_starts(rig, **given):
    return asfamc.forward_kinematics(rig, values(**given))["shin"][0]


def test_a_bone_begins_where_its_parent_ends(rig):
    starts = asfamc.forward_kinematics(rig, values(root=(1, 2, 3, 0, 0, 0)))
    np.testing.assert_allclose(starts["root"], [[1, 2, 3]])
    np.testing.assert_allclose(starts["thigh"], [[1, 2, 3]])
    np.testing.assert_allclose(starts["shin"], [[1, -2, 3]], atol=1e-12)  # the direction's own length does not count
    assert rig.unit == pytest.approx(0.0254 / 0.45)


def test_rotations_are_about_the_axes_of_rest_the_first_one_first(rig):
    # The root about x, then y, then z: down goes to -z, then to -x, then to -y.
    np.testing.assert_allclose(shin_starts(rig, root=(0, 0, 0, 90, 90, 90)), [0, -4, 0], atol=1e-9)
    np.testing.assert_allclose(shin_starts(rig, root=(0, 0, 0, 90, 90, 0)), [-4, 0, 0], atol=1e-9)
    # The thigh's x axis is the world's y at rest, so turning about it changes nothing; its z is the world's.
    np.testing.assert_allclose(shin_starts(rig, thigh=(90, 0)), [0, -4, 0], atol=1e-9)
    np.testing.assert_allclose(shin_starts(rig, thigh=(0, 90)), [4, 0, 0], atol=1e-9)
    # And a thigh that is turned turns with the root.
    np.testing.assert_allclose(shin_starts(rig, root=(0, 0, 0, 0, 90, 0), thigh=(0, 90)), [0, 0, -4], atol=1e-9)


def test_angles_may_be_in_radians(tmp_path):
    path = tmp_path / "1.asf"
    path.write_text(ASF.replace("angle deg", "angle rad").replace("axis 0 0 90 XYZ", f"axis 0 0 {np.pi / 2} XYZ"))
    rig = asfamc.read_rig(path)
    np.testing.assert_allclose(shin_starts(rig, thigh=(0, np.pi / 2)), [4, 0, 0], atol=1e-9)


def made_up(folder, frames=(1, 5, 9)):
    """A whole skeleton of CMU's bones, each a unit long and one above the other, and a motion that rises."""
    parents = {
        "lowerback": "root", "upperback": "lowerback", "thorax": "upperback", "lowerneck": "thorax",
        "upperneck": "lowerneck", "head": "upperneck",
    }  # fmt: skip
    for side in "lr":
        parents |= {f"{side}hipjoint": "root", f"{side}clavicle": "thorax"}
        for chain in (
            ("hipjoint", "femur", "tibia", "foot", "toes"),
            ("clavicle", "humerus", "radius", "wrist", "hand", "fingers"),
            ("wrist", "thumb"),
        ):
            parents |= {f"{side}{child}": f"{side}{parent}" for parent, child in itertools.pairwise(chain)}
    bones = "".join(
        f"begin\nname {bone}\ndirection 0 1 0\nlength 1\naxis 0 0 0 XYZ\nend\n" for bone in reversed(list(parents))
    )
    tree = "".join(f"{parent} {child}\n" for child, parent in parents.items())
    head = ASF[: ASF.index(":bonedata")]
    (folder / "10.asf").write_text(f"{head}:bonedata\n{bones}:hierarchy\nbegin\n{tree}end\n")
    path = folder / "10_04.amc"
    motion = "".join(f"{number}\nroot 0 {number} 0 0 0 0\n" for number in frames)
    path.write_text(f"#!OML:ASF\n:FULLY-SPECIFIED\n:DEGREES\n{motion}")
    return path


def test_a_file_is_a_clip_of_cmu31_in_metres(tmp_path):
    (clip,) = read(made_up(tmp_path))
    assert clip.skeleton == Skeleton.load("cmu31") and clip.subject == tmp_path.name and clip.rate == 30
    unit = 0.0254 / 0.45
    assert clip.positions.shape == (3, 31, 3)
    for joint, height in {"spine_base": 0, "neck_base": 3, "hip_left": 1, "ankle_right": 3, "thumb_left": 7}.items():
        column = clip.positions[:, clip.skeleton.index(joint)]
        np.testing.assert_allclose(column, [[0, unit * (height + frame), 0] for frame in (1, 5, 9)], atol=1e-6)
    (clip,) = read(tmp_path, skeleton=Skeleton.load("paper17"))
    assert clip.positions.shape == (3, 17, 3)
    assert asfamc.read_file(made_up(tmp_path, (1,)))[0].rate == 120


@pytest.mark.skipif(not DATA.is_dir(), reason="needs TFPOSE_DATA")
def test_the_same_trial_as_bvh_is_the_same_but_for_the_bones_that_bvh_leaves_out():
    (own,) = asfamc.read_file(DATA / "asfamc" / "10" / "10_04.amc")
    (other,) = bvh.read_file(DATA / "subjects" / "10" / "10_04.bvh")
    difference = own.positions - other.positions[25:]  # this copy of the motion begins later
    below = [own.skeleton.index(j) for j in ("spine_base", "spine_upper", "ankle_left", "foot_right", "knee_left")]
    above = [own.skeleton.index(j) for j in ("neck_base", "head", "collar_left", "elbow_right", "wrist_left")]
    assert np.abs(difference[:, below]).max() < 1e-4
    thorax = difference[:, above[:1]]
    assert np.abs(difference[:, above] - thorax).max() < 1e-4
    np.testing.assert_allclose(np.linalg.norm(thorax, axis=-1), 0.125, atol=1e-3)


@pytest.mark.skipif(not DATA.is_dir(), reason="needs TFPOSE_DATA")
def test_every_file_of_cmu_is_a_person():
    clips = list(read(DATA / "asfamc"))
    assert len(clips) == 48 and sum(len(clip.positions) for clip in clips) == 4696
    for clip in clips:
        head, ankle = (clip.positions[:, clip.skeleton.index(joint)] for joint in ("head", "ankle_left"))
        assert 0.8 < np.median(head[:, 1] - ankle[:, 1]) < 1.8 and clip.rate == 30


def test_a_motion_without_its_skeleton_says_what_it_needs(tmp_path):
    path = made_up(tmp_path)
    (tmp_path / "10.asf").rename(tmp_path / "other.asf")
    assert len(read_all(path)) == 1  # the only one there
    (tmp_path / "third.asf").write_text(ASF)
    with pytest.raises(DataError, match=r"10_04\.amc: needs its skeleton beside it, 10\.asf or a single .*found 2"):
        asfamc.read_file(path)


def read_all(path):
    return list(read(path))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("root 0 5 0 0 0 0", "root 0 5 0 0 0", "line 7: bone 'root' needs 6 finite numbers, got 5"),
        ("root 0 5 0 0 0 0", "root 0 nan 0 0 0 0", "line 7: bone 'root' needs 6 finite numbers"),
        ("root 0 5 0 0 0 0", "tail 0 5", "line 7: 'tail' is no bone that moves"),
        ("root 0 5 0 0 0 0\n", "", "frame 5 lacks bone 'root'"),
        ("root 0 5 0 0 0 0", "root 0 5 0 0 0 0\nroot 0 5 0 0 0 0", "line 8: bone 'root' comes twice in frame 5"),
        ("root 0 5 0 0 0 0", "root 0 five 0 0 0 0", "not a motion"),
        ("root 0 9 0", "root 0 9e20 0", "farther than 100000 m"),
        ("\n5\n", "\n1\n", "the number of a frame must be larger than the one before"),
    ],
)
def test_damaged_motions_are_refused_by_name(tmp_path, old, new, message):
    path = made_up(tmp_path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(DataError, match=rf"10_04\.amc: .*{message}"):
        asfamc.read_file(path)


@pytest.mark.parametrize("header", [":RADIANS", ":radians"])
def test_the_motion_says_whether_its_angles_are_in_degrees(tmp_path, header):
    path = made_up(tmp_path)
    text = path.read_text().replace("root 0 5 0 0 0 0", "root 0 5 0 0 0 90")
    path.write_text(text)
    (degrees,) = asfamc.read_file(path)
    text = text.replace("root 0 5 0 0 0 90", f"root 0 5 0 0 0 {np.pi / 2}")
    path.write_text(text.replace(":DEGREES", header))
    (radians,) = asfamc.read_file(path)
    np.testing.assert_allclose(radians.positions, degrees.positions, atol=1e-6)
    path.write_text(text)
    (wrong,) = asfamc.read_file(path)
    assert np.abs(wrong.positions - degrees.positions).max() > 0.1


def test_a_motion_without_frames_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"10_04\.amc: has no frames"):
        asfamc.read_file(made_up(tmp_path, ()))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (":hierarchy", ":other", "has no :hierarchy part"),
        ("length 0.45", "length -1", "length of :units must be positive"),
        ("thigh shin\n  end", "thigh shin", "without its 'end'"),
        ("root thigh", "shin thigh", "does not hang on the root: shin, thigh"),
        ("thigh shin", "thigh tail", "names the bone 'tail'"),
        ("direction 0 -1 0", "direction 0 -1", "no direction of three numbers"),
        ("length 3", "", "expected one 'length'"),
        ("length 3", "length -3", "no direction of three numbers"),
        ("angle deg", "angle grad", "must be deg or rad, got 'grad'"),
        ("length 0.45", "length 0", "length of :units must be positive"),
        ("name shin", "name thigh", "describes a bone twice"),
        ("thigh shin", "thigh shin\n    root shin", "more than one parent"),
        ("dof rx rz", "dof rx l", "expected each of rx, ry, rz at most once, got rx l"),
        ("dof rx rz", "dof rx rx", "at most once"),
        ("order TX TY", "order TX TX", "at most once"),
        ("position 0 0 0", "position 0 0", "position of :root must be three numbers"),
        ("axis 0 0 0 XYZ", "axis 0 0 XYZ", "not a skeleton"),
    ],
)
def test_damaged_skeletons_are_refused_by_name(tmp_path, old, new, message):
    path = tmp_path / "10.asf"
    assert old in ASF
    path.write_text(ASF.replace(old, new))
    with pytest.raises(DataError, match=rf"10\.asf: .*{message}"):
        asfamc.read_rig(path)
