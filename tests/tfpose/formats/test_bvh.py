import dataclasses
import gzip
import itertools
import pathlib

import numpy as np
import pytest
from made_up import BVH, write_bvh

from tfpose.errors import DataError
from tfpose.formats import bvh, read
from tfpose.formats.clip import Clip
from tfpose.formats.recording import Options
from tfpose.formats.samples import sample
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
    assert any("frame 0 is a T-pose" in note for note in clip.notes)
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


@pytest.mark.slow
def test_real_cmu(data_dir):
    frames, clips = 0, 0
    for clip in read(data_dir / "cmu" / "subjects"):
        assert clip.skeleton.name == "cmu31" and clip.rate == pytest.approx(30, rel=1e-3)
        assert clip.subject == pathlib.Path(clip.source).parent.name
        frames, clips = frames + len(clip) + 1, clips + 1  # the T-pose counts
    # All begin in a T-pose but those of 131.
    assert (clips, frames) == (122, 39_887 + 3)


# --- as programs write them

RIG = [
    ("Hips", None, (0, 95, 0)), ("Spine", "Hips", (0, 20, 0)), ("Chest", "Spine", (0, 25, 0)),
    ("Neck", "Chest", (0, 8, 0)), ("Head", "Neck", (0, 12, 0)),
    *[
        (f"{side}{name}", f"{side}{above}" if above in ("Arm", "ForeArm", "UpLeg", "Leg") else above, (sign * x, y, z))
        for side, sign in (("Left", 1), ("Right", -1))
        for name, above, (x, y, z) in [
            ("Arm", "Chest", (18, 0, 0)), ("ForeArm", "Arm", (28, 0, 0)), ("Hand", "ForeArm", (25, 0, 0)),
            ("UpLeg", "Hips", (9, -4, 0)), ("Leg", "UpLeg", (0, -42, 0)), ("Foot", "Leg", (0, -42, 0)),
        ]
    ],
]  # fmt: skip


def plain(
    frames: int = 3,
    end: str = "End Site\n{{\nOFFSET 0 5 0\n}}",
    channels: str = "Zrotation Xrotation Yrotation",
    root: str = "6 Xposition Yposition Zposition Zrotation Xrotation Yrotation",
    size: float = 1.0,
) -> str:
    """A small rig that bends its arms and legs a little, in centimetres."""

    def joint(name: str) -> str:
        (offset,) = (offset for other, _, offset in RIG if other == name)
        below = [other for other, above, _ in RIG if above == name]
        inside = "\n".join(map(joint, below)) or end.format()
        kind, given = ("ROOT", root) if name == "Hips" else ("JOINT", f"3 {channels}")
        numbers = " ".join(f"{size * number:.4f}" for number in offset)
        return f"{kind} {name}\n{{\nOFFSET {numbers}\nCHANNELS {given}\n{inside}\n}}"

    angles = np.random.default_rng(0).normal(0, 8, (frames, 3 * len(RIG))).round(4)
    rows = [" ".join(map(str, [0, 95 * size, number * size, *row])) for number, row in enumerate(angles)]
    head = f"HIERARCHY\n{joint('Hips')}\nMOTION\nFrames: {frames}\nFrame Time: 0.033333\n"
    return head + "\n".join(rows) + "\n"


def times(factor: float) -> str:
    return plain(size=factor)


AS_WRITTEN = {
    "small keywords": lambda text: text.replace("HIERARCHY", "hierarchy").replace("JOINT", "joint"),
    "title keywords": lambda text: text.replace("MOTION", "Motion").replace("ROOT", "Root"),
    "small channels": lambda text: text.replace("Zrotation", "zrotation").replace("Xposition", "XPOSITION"),
    "small header": lambda text: text.replace("Frames:", "frames :").replace("Frame Time:", "FRAME TIME:"),
    "tabs": lambda text: text.replace(" ", "\t").replace("End\tSite", "End Site").replace("Frame\tTime", "Frame Time"),
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "CR": lambda text: text.replace("\n", "\r"),
    "BOM": lambda text: "\ufeff" + text,
    "quotes": lambda text: text.replace("JOINT Spine", 'JOINT "Spine"').replace("ROOT Hips", 'ROOT "Hips"'),
    "prefix": lambda text: text.replace("JOINT ", "JOINT mixamorig:").replace("ROOT ", "ROOT mixamorig:"),
    "spaces in names": lambda text: text.replace("LeftArm", "Left Arm").replace("RightArm", "Right Arm"),
    "braces joined": lambda text: text.replace("\n{", " {"),
    "one line": lambda text: text.replace("\n{\n", " { ").replace("\n}", " }"),
    "EndSite": lambda text: text.replace("End Site", "EndSite"),
    "end site": lambda text: text.replace("End Site", "end site"),
    "no end site": lambda text: text.replace("End Site\n{\nOFFSET 0 5 0\n}\n", ""),
    "no Frames": lambda text: text.replace("Frames: 3\n", ""),
    "no Frame Time": lambda text: text.replace("Frame Time: 0.033333\n", ""),
    "joined time": lambda text: text.replace("Frame Time: ", "Frame Time:").replace("Frames: ", "Frames:"),
    "decimal comma": lambda text: text.replace(".", ","),
    "comments": lambda text: "# exported\n" + text.replace("MOTION", "// the motion\nMOTION"),
    "empty lines": lambda text: text.replace("\n", "\n\n"),
    "trailing text": lambda text: text + "\nEND\n",
    "NUL": lambda text: text + "\0\0",
    "scientific": lambda text: text.replace("95.0000", "9.5e+01"),
    "a joint called MOTIONLESS": lambda text: text.replace("JOINT Spine", "JOINT MOTIONLESS"),
    "a joint called End": lambda text: text.replace("JOINT Head", "JOINT End"),
    "one frame more": lambda text: text.replace("Frames: 3", "Frames: 2"),
    "one frame less": lambda text: text.replace("Frames: 3", "Frames: 4"),
    "inches": lambda _: times(1 / 2.54),
    "metres": lambda _: times(0.01),
    "millimetres": lambda _: times(10),
    "feet": lambda _: times(1 / 30.48),
    "unused positions": lambda text: unused_positions(text),
}  # fmt: skip


def unused_positions(text: str) -> str:
    """Position channels on every joint, all zero, beside OFFSETs that hold."""
    head, motion = text.split("MOTION")
    head = head.replace("CHANNELS 3 ", "CHANNELS 6 Xposition Yposition Zposition ")
    rows = motion.strip().split("\n")
    wide = []
    for row in rows[2:]:
        numbers = row.split()
        rotations = [" ".join(("0 0 0", *numbers[at : at + 3])) for at in range(6, len(numbers), 3)]
        wide.append(" ".join([*numbers[:6], *rotations]))
    return "\n".join([f"{head}MOTION", *rows[:2], *wide])


def in_the_models_joints(path) -> np.ndarray:
    (clip,) = bvh.read_file(path)
    return clip.to(Skeleton.load("paper17")).positions


@pytest.mark.parametrize("way", AS_WRITTEN)
def test_a_file_is_read_as_programs_write_it(tmp_path, way):
    (tmp_path / "plain.bvh").write_text(plain())
    expected = in_the_models_joints(tmp_path / "plain.bvh")
    text = AS_WRITTEN[way](plain())
    assert text != plain()
    (tmp_path / "other.bvh").write_text(text, newline="", encoding="utf-8")
    got = in_the_models_joints(tmp_path / "other.bvh")
    # At most 0.05 mm: OFFSETs have four digits, in feet too.
    np.testing.assert_allclose(got, expected, atol=1e-4)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "latin-1", "shift-jis", "gzip"])
def test_encodings(tmp_path, encoding):
    (tmp_path / "plain.bvh").write_text(plain())
    content = gzip.compress(plain().encode()) if encoding == "gzip" else plain().encode(encoding)
    if encoding in ("latin-1", "shift-jis"):
        name = "Rücken" if encoding == "latin-1" else "腰"
        content = content.replace(b"JOINT Spine", b"JOINT " + name.encode(encoding))
    path = tmp_path / ("other.bvh.gz" if encoding == "gzip" else "other.bvh")
    path.write_bytes(content)
    np.testing.assert_allclose(in_the_models_joints(path), in_the_models_joints(tmp_path / "plain.bvh"), atol=1e-6)
    assert len(list(read(path))) == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (plain().replace("JOINT Chest", "JOINT Spine"), "line 11: names a joint twice: Spine"),
        (plain().replace("\nMOTION", "\nROOT Other\n{\nOFFSET 0 0 0\n}\nMOTION"), "a second ROOT 'Other'"),
        (plain().split("Frames")[0] + "Frames: 0\nFrame Time: 0.03\n", "has no frames"),
        (plain().replace("CHANNELS 3", "CHANNELS three", 1), "line 9: CHANNELS: expected how many"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_one_line(tmp_path, text, says):
    path = tmp_path / "bad.bvh"
    path.write_text(text)
    with pytest.raises(DataError) as caught:
        bvh.read_file(path)
    assert str(caught.value).startswith(f"{path}: ") and says in str(caught.value) and "\n" not in str(caught.value)


# --- and written back


def test_what_did_not_change_is_written_as_it_was(tmp_path):
    for text in (plain(), unused_positions(plain()), BVH):
        source, out = tmp_path / "in.bvh", tmp_path / "out.bvh"
        source.write_text(text)
        (clip,) = bvh.read_file(source, Options(unit=0.1 if text == BVH else 0.01))
        bvh.write(out, clip)
        before, _ = bvh.parse(source, source.read_text())
        after, _ = bvh.parse(out, out.read_text())
        assert after.joints == before.joints and after.frame_time == before.frame_time
        np.testing.assert_array_equal(after.values, before.values)


@pytest.mark.parametrize("order", ["ZXY", "XYZ", "YXY"])
def test_rotations_are_solved_so_that_joints_are_met(tmp_path, order):
    """An arm and a leg that are turned elsewhere, with bones of the same length: all are met, the rest stays."""
    source, out = tmp_path / "in.bvh", tmp_path / "out.bvh"
    source.write_text(plain(6, channels=" ".join(f"{axis}rotation" for axis in order)))
    (clip,) = bvh.read_file(source)
    motion = clip.origin.layout
    column = {joint.name: sum(len(j.channels) for j in motion.joints[:at]) for at, joint in enumerate(motion.joints)}
    values = motion.values.copy()
    values[2, column["LeftArm"] : column["LeftArm"] + 3] += [40, -20, 70]
    values[4, column["RightLeg"] : column["RightLeg"] + 3] += [10, 60, 0]
    values[:, 0] += 7.0  # and the person steps aside
    target = bvh.forward_kinematics(motion.joints, values) * clip.origin.unit
    bvh.write(out, dataclasses.replace(clip, positions=target))
    (got,) = bvh.read_file(out)
    np.testing.assert_allclose(got.positions, target, atol=2e-5)
    changed = np.abs(got.origin.layout.values - motion.values) > 1e-9
    assert set(np.flatnonzero(changed[:, 1:].any(1))) == {2, 4} and changed[:, 0].all()
    spine = column["Spine"]
    assert not changed[:, spine : spine + 3].any()


def test_bones_keep_their_length_where_a_joint_cannot_be_met(tmp_path):
    source, out = tmp_path / "in.bvh", tmp_path / "out.bvh"
    source.write_text(plain())
    (clip,) = bvh.read_file(source)
    positions = clip.positions.copy()
    positions[1, clip.skeleton.index("wrist_left")] += [0.1, 0.2, 0.1]
    bvh.write(out, dataclasses.replace(clip, positions=positions))
    (got,) = bvh.read_file(out)
    bone = [clip.skeleton.index(joint) for joint in ("elbow_left", "wrist_left")]
    for poses in (clip.positions, got.positions):
        np.testing.assert_allclose(np.linalg.norm(poses[1, bone[0]] - poses[1, bone[1]]), 0.25, atol=1e-5)
    wanted, reached = (poses[1, bone[1]] - poses[1, bone[0]] for poses in (positions, got.positions))
    assert wanted @ reached / np.linalg.norm(wanted) / np.linalg.norm(reached) > 1 - 1e-6, "it points there"


def test_gaps_are_bridged(tmp_path):
    paper = Skeleton.load("paper17")
    positions = sample("walk").to(paper).positions.copy()
    positions[10:12, 3] = np.nan
    bvh.write(tmp_path / "out.bvh", Clip(positions, paper, rate=30))
    (got,) = bvh.read_file(tmp_path / "out.bvh")
    order = [got.names.index(joint) for joint in paper.joints]
    np.testing.assert_allclose(
        got.positions[:, order][~np.isnan(positions)], positions[~np.isnan(positions)], atol=1e-4
    )
    assert np.isfinite(got.positions).all()


def test_all_of_cmu_comes_back(data_dir, tmp_path):
    """Every eighth file: unchanged, and with an arm bent in an episode."""
    for path in sorted((data_dir / "cmu" / "subjects").rglob("*.bvh"))[::8]:
        (clip,) = bvh.read_file(path)
        bvh.write(tmp_path / "out.bvh", clip)
        (got,) = bvh.read_file(tmp_path / "out.bvh", drop_first=bool(clip.origin.layout.rest_frames))
        np.testing.assert_array_equal(got.positions, clip.positions)
        assert got.rate == pytest.approx(clip.rate)
