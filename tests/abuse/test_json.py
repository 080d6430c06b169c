"""JSON that parses and is wrong, or that does not parse: one short line that names the file, never a traceback."""

import json

import numpy as np
import pytest
import tally

from tfpose.datasets import read_codes
from tfpose.errors import LONGEST, DataError, SkeletonError, TfposeError
from tfpose.files import blame
from tfpose.formats import human36m, nucla, read
from tfpose.skeleton import Skeleton, as_name

SKELETONS = {
    "nested": "[" * 100_000,
    "digits": '{"name": "a", "joints": [["a", null]], "derived": {"b": {"a": %s}}}' % ("1" * 5000),
    "overflow": '{"name": "a", "joints": [["a", null]], "derived": {"b": {"a": %s}}}' % ("1" * 4000),
    "not a number": '{"name": "a", "joints": [["a", null]], "derived": {"b": {"a": NaN}}}',
    "true": '{"name": "a", "joints": [["a", null]], "derived": {"b": {"a": true}}}',
    "nul": r'{"name": "a\u0000b", "joints": [["a", null]]}',
    "path": '{"name": "a/../b", "joints": [["a", null]]}',
    "path of a joint": '{"name": "a", "joints": [["../a", null]]}',
    "backslash": r'{"name": "a\\b", "joints": [["a", null]]}',
    "escape": r'{"name": "\u001b[31m", "joints": [["a", null]]}',
    "long": '{"name": "%s", "joints": []}' % ("a" * 100_000),
    "many": json.dumps({"name": "a", "joints": [["a", None]], "torso": [str(number) for number in range(10_000)]}),
    "no UTF-8": "\udcff",
    "list": "[]",
    "number as a joint": '{"name": "a", "joints": [[1, null]]}',
}


@pytest.mark.parametrize("content", SKELETONS.values(), ids=SKELETONS)
def test_skeletons_that_are_none(tmp_path, content):
    path = tmp_path / "rig.json"
    path.write_text(content, errors="surrogateescape")
    with pytest.raises(SkeletonError, match=f"^{path}: not a skeleton: ") as caught:
        Skeleton.load(path)
    is_one_line(caught.value)


def is_one_line(error: TfposeError):
    assert str(error).isprintable() and len(str(error)) <= LONGEST
    tally.count("files", "JSON that is wrong", {"refused": 1})


HUGE = 50_000_000
LARGE = {  # what begins, goes on and ends
    "nested": ("", "[", ""),
    "one text": ('{"name": "', "x", '"}'),
    "numbers": ("[", "1, ", "1]"),
    "one number": ('{"name": ', "1", "}"),
    "cut off": ('{"keypoints": [', "[0.5, 0.5, 0.5], ", ""),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE)
def test_files_of_50_mb(tmp_path, name):
    path = tmp_path / "walk.json"
    start, part, end = LARGE[name]
    path.write_text(start + part * (HUGE // len(part)) + end)
    for load in (lambda: list(read(path)), lambda: Skeleton.load(path)):
        with pytest.raises(TfposeError, match=f"^{path}: ") as caught:
            load()
        is_one_line(caught.value)


@pytest.mark.parametrize("path", ["a\0b", "a" * 10_000, "/dev/null/a"])
def test_paths_that_are_none(path):
    with pytest.raises(SkeletonError) as caught:
        Skeleton.load(path)
    is_one_line(caught.value)


def test_names_of_rigs_are_made_fit():
    assert as_name("group/Left\\Arm\0\x1b") == "group_Left_Arm__"
    assert as_name("héad of rig:1 (L)") == "héad of rig:1 (L)"


def no_skeleton_but(**changes) -> dict:
    return {"shards": {"codes-0.tfrecord": 2}, "pose_code": [17, 16], "view_code": [3, 3], "clips": 2} | changes


SUMMARIES = {
    "no shards": {"0": {"codes-0.tfrecord": 2}, "pose_code": [20, 16], "view_code": [16, 16], "clips": 2},
    "no name": no_skeleton_but(shards={"": 2}),
    "another folder": no_skeleton_but(shards={"../codes-0.tfrecord": 2}),
    "another format": no_skeleton_but(shards={"codes-0.csv": 2}),
    "shards as a list": no_skeleton_but(shards=["codes-0.tfrecord"]),
    "text as a count": no_skeleton_but(shards={"codes-0.tfrecord": "2"}),
    "negative": no_skeleton_but(pose_code=[17, -1]),
    "three lengths": no_skeleton_but(view_code=[3, 3, 3]),
    "huge": no_skeleton_but(pose_code=[17, 10**30]),
    "other clips": no_skeleton_but(clips=3),
    "other joints": no_skeleton_but(pose_code=[16, 17], skeleton=Skeleton.load("paper17").to_dict()),
    "no skeleton": no_skeleton_but(skeleton=5),
    "list": [],
    "nothing": None,
}


@pytest.mark.parametrize("summary", SUMMARIES.values(), ids=SUMMARIES)
def test_summaries_of_codes_that_are_none(tmp_path, summary):
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    with pytest.raises(TfposeError, match=rf"^{tmp_path}/summary\.json: ") as caught:
        list(read_codes(tmp_path))
    is_one_line(caught.value)


POSE = [[1, 2, 3]] * 20


@pytest.mark.parametrize("wrong", [["1", "2", "3"], [None, 2, 3], "123", [1, 2, 10**400], {"x": 1}, [1, 2]])
def test_numbers_of_northwestern_ucla(tmp_path, wrong):
    path = tmp_path / "a01_s01_e00_v01.json"
    path.write_text(json.dumps({"skeletons": [POSE]}))
    assert nucla.read_file(path)[0].positions[0, 0].tolist() == [1, 2, 3]
    path.write_text(json.dumps({"skeletons": [[wrong, *POSE[1:]]]}))
    with pytest.raises(DataError, match=f"^{path}: ") as caught:
        nucla.read_file(path)
    is_one_line(caught.value)


@pytest.mark.parametrize("wrong", ["1", None, [1, 2], True])
def test_numbers_of_human36m(tmp_path, wrong):
    camera = {"R": np.eye(3).tolist(), "T": [1, 2, 3], "f": [1, 2], "c": [1, 2], "k": [0, 0, 0], "p": [0, 0], "name": 1}
    path = tmp_path / "cameras.json"
    path.write_text(json.dumps({"S1": [camera]}))
    assert human36m.read_cameras(path)["S1"][0].focal.tolist() == [1, 2]
    path.write_text(json.dumps({"S1": [{**camera, "f": [wrong, wrong]}]}))
    with pytest.raises(DataError, match=f"^{path}: ") as caught:
        human36m.read_cameras(path)
    is_one_line(caught.value)
    poses = np.full((2, 32, 3), str(wrong))
    np.savez(tmp_path / "data.npz", positions_3d=np.array({"S1": {"Walking": poses}}, object))
    with pytest.raises(DataError, match="expected numbers, got an array of <U"):
        human36m.read_file(tmp_path / "data.npz")


def test_messages_are_bounded_and_printable():
    error = TfposeError("walk.bvh: joint '" + "x" * 50_000 + "\0\x1b[31m' is none; give another")
    assert str(error).startswith("walk.bvh: joint 'xxx") and str(error).endswith(
        r"x\x00\x1b[31m' is none; give another"
    )
    assert len(str(error)) == LONGEST and " ... " in str(error)


def test_every_error_names_its_file():
    with (
        pytest.raises(SkeletonError, match=r"^rig\.json: skeleton 'a' has no joints") as caught,
        blame("rig.json", "x"),
    ):
        Skeleton("a", (), ())
    with pytest.raises(SkeletonError) as again, blame("rig.json", "x"):
        raise caught.value
    assert again.value is caught.value
