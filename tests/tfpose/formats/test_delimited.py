import dataclasses

import numpy as np
import pytest

from tfpose.errors import DataError
from tfpose.formats import tables
from tfpose.formats.recording import Options
from tfpose.formats.samples import sample
from tfpose.skeleton import Skeleton


def test_csv_headers_may_use_native_names_any_order_and_other_columns(tmp_path):
    skeleton = Skeleton("two", ("a", "b"), (-1, 0), native={"b": "Bee"})
    path = tmp_path / "two.csv"
    path.write_text("time,Bee_z,Bee_y,Bee_x,a_x,a_y,a_z\n0.1,6,5,4,1,2,3\n\n0.2,,,,7,8,nan\n", encoding="utf-8-sig")
    (clip,) = tables.read_file(path, Options(skeleton))
    np.testing.assert_array_equal(clip.positions, [[[1, 2, 3], [4, 5, 6]], [[np.nan] * 3] * 2])


def test_csv_without_a_header_is_in_the_skeletons_order(tmp_path):
    path = tmp_path / "two.csv"
    path.write_text("1,2,3,4,5,6\n")
    (clip,) = tables.read_file(path, Options(Skeleton("two", ("a", "b"), (-1, 0))))
    np.testing.assert_array_equal(clip.positions, [[[1, 2, 3], [4, 5, 6]]])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1,2,3,4,5\n", "expected x y z of each joint in a row, got 5 columns and no header of names"),
        ("1,2,3,4,5,6\n1,2,3,4\n", "line 2 has 4 cells, others have 6"),
        ("1,2,3,4,5,6\n1,2,3,4,5,x\n", "line 2: 'x' is not a number"),
        ("1,2,3,4,5,6\n1,2,3,4,5,inf\n", "joint 'b' is infinite in frame 1"),
        ("p,q,r,s,t,u\n1,2,3,4,5,6\n", "names no joints; expected columns such as hip_x, hip_y, hip_z"),
        ("a_x,a_y,a_z\n1,2,3\n", "lacks b for skeleton 'two'; it has a"),
        ("a_x,a_y,a_z,b_x,b_y,b_z\n", "has a header and no rows of numbers"),
        ("", "is empty"),
    ],
)
def test_damaged_csv(tmp_path, text, says):
    path = tmp_path / "two.csv"
    path.write_text(text)
    with pytest.raises(DataError) as caught:
        tables.read_file(path, Options(Skeleton("two", ("a", "b"), (-1, 0))))
    assert str(caught.value).startswith(f"{path}: ") and says in str(caught.value)


@pytest.mark.parametrize("text", ["1;2;3;4;5;6\n", "a_x,a_y,a_z,b_x,b_y,b_z\n1,2,3,4,5,6\n"])
def test_tsv_has_tabs(tmp_path, text):
    (tmp_path / "two.csv").write_text(text)
    (clip,) = tables.read_file(tmp_path / "two.csv", Options(Skeleton("two", ("a", "b"), (-1, 0))))
    for name, one in (("again", clip), ("new", dataclasses.replace(clip, origin=None))):
        tables.write(tmp_path / f"{name}.tsv", [one])
        rows = (tmp_path / f"{name}.tsv").read_text().splitlines()
        assert rows[-1] == "1\t2\t3\t4\t5\t6"


NAMES = ("hip_left", "hip_right", "knee_left", "knee_right", "ankle_left", "ankle_right", "shoulder_left")
NAMES += ("shoulder_right", "elbow_left", "elbow_right", "wrist_left", "wrist_right")
RIG = Skeleton("rig", NAMES, (-1, *[0] * 11))


@pytest.fixture
def joints():
    paper = Skeleton.load("paper17")
    walk = sample("walk").to(paper).positions[:8]
    return walk[:, [paper.index(name) for name in NAMES]].round(4)


HEADERS = {
    "hip_left_x": lambda name, axis: f"{name}_{axis}",
    "x_hip_left": lambda name, axis: f"{axis}_{name}",
    "hip_left.X": lambda name, axis: f"{name}.{axis.upper()}",
    "hip_left X": lambda name, axis: f"{name} {axis.upper()}",
    "hip_leftX": lambda name, axis: f"{name}{axis.upper()}",
    "hip_left:x": lambda name, axis: f"{name}:{axis}",
}


@pytest.mark.parametrize("style", HEADERS)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_every_header_and_delimiter(tmp_path, joints, style, delimiter):
    lines = [delimiter.join(["frame", *(HEADERS[style](name, axis) for name in NAMES for axis in "xyz")])]
    lines += [delimiter.join([str(at), *map(str, frame.ravel())]) for at, frame in enumerate(joints)]
    path = tmp_path / "walk.csv"
    path.write_text("\n".join(lines))
    (clip,) = tables.read_file(path)
    order = [clip.skeleton.index(name) for name in NAMES]
    np.testing.assert_allclose(clip.positions[:, order], joints, atol=1e-6)
    # It comes back to the letter, but for what is changed.
    moved = clip.positions.copy()
    moved[2, 0, 0] += 1
    tables.write(tmp_path / "out.csv", [dataclasses.replace(clip, positions=moved)])
    written = (tmp_path / "out.csv").read_text().splitlines()
    assert [number for number, (a, b) in enumerate(zip(lines, written)) if a != b] == [3]
    assert sum(a != b for a, b in zip(lines[3].split(delimiter), written[3].split(delimiter))) == 1


def test_a_decimal_comma(tmp_path, joints):
    lines = [";".join(f"{name}_{axis}" for name in NAMES for axis in "xyz")]
    lines += [";".join(str(value).replace(".", ",") for value in frame.ravel()) for frame in joints]
    (tmp_path / "walk.csv").write_text("\n".join(lines) + "\n")
    (clip,) = tables.read_file(tmp_path / "walk.csv", Options(RIG))
    np.testing.assert_allclose(clip.positions, joints, atol=1e-6)
    tables.write(tmp_path / "out.csv", [dataclasses.replace(clip, positions=clip.positions + np.float32(0.5))])
    (again,) = tables.read_file(tmp_path / "out.csv", Options(RIG))
    np.testing.assert_allclose(again.positions, joints + 0.5, atol=1e-5)
    assert "," in (tmp_path / "out.csv").read_text().splitlines()[1]


def test_numbers_alone_and_a_column_of_the_frame(tmp_path, joints):
    for first in ([], ["3"], ["3", "0.1"]):
        rows = [",".join([*first, *map(str, frame.ravel())]) for frame in joints]
        (tmp_path / "walk.csv").write_text("\n".join(rows))
        (clip,) = tables.read_file(tmp_path / "walk.csv", Options(RIG))
        np.testing.assert_allclose(clip.positions, joints, atol=1e-6)


def test_frames_with_nobody_and_words_for_missing(tmp_path, joints):
    lines = [",".join(["time", *(f"{name}_{axis}" for name in NAMES for axis in "xyz")])]
    lines.append("0.0" + "," * 36)
    lines += [",".join([str(at / 25), *map(str, frame.ravel())]) for at, frame in enumerate(joints, 1)]
    cells = lines[4].split(",")
    cells[1:4] = ["NA", "nan", ""]
    lines[4] = ",".join(cells)
    (tmp_path / "walk.csv").write_text("\n".join(lines))
    (clip,) = tables.read_file(tmp_path / "walk.csv", Options(RIG))
    assert len(clip) == 9 and clip.missing[0].all() and clip.missing[3, 0] and clip.missing.sum() == 13
    assert clip.rate == pytest.approx(25)


def test_several_people(tmp_path, joints):
    top = ["scorer", *["S"] * 72], ["individuals", *["a"] * 36, *["b"] * 36]
    names = ["bodyparts", *(name for _ in "ab" for name in NAMES for _ in "xyz")]
    coords = ["coords", *("x", "y", "z") * 24]
    rows = [[str(at), *map(str, frame.ravel()), *map(str, (frame + 1).ravel())] for at, frame in enumerate(joints)]
    (tmp_path / "walk.csv").write_text("\n".join(",".join(row) for row in [*top, names, coords, *rows]))
    one, two = tables.read_file(tmp_path / "walk.csv", Options(RIG))
    assert (one.subject, two.subject) == ("a", "b")
    np.testing.assert_allclose(two.positions, joints + 1, atol=1e-5)
    tables.write(tmp_path / "out.csv", [one, two])
    assert (tmp_path / "out.csv").read_text().split() == (tmp_path / "walk.csv").read_text().split()
