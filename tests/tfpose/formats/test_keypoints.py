"""JSON of trackers: several people, gaps, names, and what is no pose."""

import dataclasses
import json
import types

import numpy as np
import pytest
import wild

from tfpose.errors import DataError
from tfpose.formats import keypoints, read, write
from tfpose.formats.clip import Clip
from tfpose.formats.recording import Options
from tfpose.skeleton import Skeleton

BLAZE = Skeleton.load("blazepose33")


def document(tmp_path, content):
    path = tmp_path / "walk.json"
    path.write_text(json.dumps(content))
    return path


def landmarks(frame, **more):
    return [{"x": x, "y": y, "z": z, **more} for x, y, z in frame.tolist()]


def quiet(path, **options):
    return list(read(path, on_note=lambda note: None, **options))


@pytest.fixture
def walk():
    return wild.walk(BLAZE)[:12] * [1, -1, -1]


@pytest.mark.parametrize(
    "shape",
    [
        lambda frames: frames,
        lambda frames: {"frames": [{"poseWorldLandmarks": frame} for frame in frames]},
        lambda frames: [{"landmarks": frame, "frame": at} for at, frame in enumerate(frames)],
        lambda frames: {"data": [{"pose_world_landmarks": [frame]} for frame in frames]},
        lambda frames: {"positions": [[[p["x"], p["y"], p["z"]] for p in frame] for frame in frames]},
    ],
)
def test_the_poses_are_found_whatever_stands_around_them(tmp_path, walk, shape):
    (clip,) = quiet(document(tmp_path, shape([landmarks(frame) for frame in walk])))
    assert clip.skeleton == BLAZE and clip.origin.up == "-y"
    np.testing.assert_allclose(clip.positions, walk * [1, -1, -1], atol=1e-6)


def test_several_people_and_frames_without_them(tmp_path, walk):
    frames = [{"people": [{"id": "a", "keypoints": (frame + 1).tolist()}]} for frame in walk]
    for frame, pose in zip(frames[4:], walk[4:]):
        frame["people"].insert(0, {"id": "b", "keypoints": pose.tolist()})
    frames[6]["people"] = []
    first, second = quiet(document(tmp_path, frames))
    assert (first.subject, second.subject) == ("a", "b")
    assert first.missing.all(1).tolist() == [at == 6 for at in range(12)]
    assert second.missing.all(1).tolist() == [at < 4 or at == 6 for at in range(12)]
    np.testing.assert_allclose(second.positions[7], walk[7] * [1, -1, -1], atol=1e-6)
    # Both go back into one file, each into its place.
    write(tmp_path / "out.json", [first, second])
    assert json.loads((tmp_path / "out.json").read_text()) == frames


def test_frames_of_a_sequence_without_a_file_stay_empty(tmp_path):
    joints = wild.walk(Skeleton.load("body25"))[:4]
    for number, pose in zip((10, 12, 14, 20), joints):
        people = [{"pose_keypoints_3d": np.concatenate([pose * [1, -1, -1], np.ones((25, 1))], 1).ravel().tolist()}]
        (tmp_path / f"walk_{number:012d}_keypoints.json").write_text(json.dumps({"people": people}))
    files = sorted(tmp_path.iterdir())
    (clip,) = quiet(files[0])
    assert "2 of its 6 frames have no file, and nobody is seen in them" in clip.notes
    np.testing.assert_array_equal(clip.missing.all(1), [False] * 3 + [True] * 2 + [False])
    np.testing.assert_allclose(clip.positions[5], joints[3], atol=1e-5)
    write(tmp_path / "again" / files[0].name, [clip])
    assert [file.name for file in sorted((tmp_path / "again").iterdir())] == [file.name for file in files]
    files[0].rename(tmp_path / "walk_999999999999_keypoints.json")
    assert len(quiet(files[1])[0]) == 4  # numbers that count no frames


def test_what_is_hardly_seen_is_missing(tmp_path, walk):
    frames = [landmarks(frame, visibility=0.9) for frame in walk]
    frames[3][BLAZE.index("wrist_left")]["visibility"] = 0.1
    path = document(tmp_path, frames)
    (clip,) = quiet(path)
    assert clip.missing.sum() == 1 and clip.missing[3, BLAZE.index("wrist_left")]
    assert clip.confidence[3, BLAZE.index("wrist_left")] == pytest.approx(0.1)
    (clip,) = quiet(path, visibility=0.05)
    assert not clip.missing.any()


def test_results_of_mediapipe(walk):
    def result(frame):
        person = [types.SimpleNamespace(x=x, y=y, z=z, visibility=0.8) for x, y, z in frame]
        return types.SimpleNamespace(pose_world_landmarks=[person])

    (clip,) = keypoints.from_results([result(frame) for frame in walk], rate=25)
    assert clip.rate == 25 and clip.skeleton == BLAZE
    np.testing.assert_allclose(clip.positions, walk * [1, -1, -1], atol=1e-6)
    empty = types.SimpleNamespace(pose_world_landmarks=[])
    (clip,) = keypoints.from_results([result(walk[0]), empty, result(walk[2])], options=Options())
    assert clip.missing.all(1).tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"cameras": [1, 2]}, "holds no poses"),
        ([], "holds no poses"),
        ([[[1, 2]] * 17], "two coordinates; 'tfpose lift'"),
        ({"people": [{"pose_keypoints_2d": [1.0] * 75}]}, "2D keypoints only"),
        ([[{"x": 1, "y": 2}] * 33], "no z"),
        ([[[1, 2, 3]] * 33, [[1, 2, 3]] * 17], "poses of 17 and of 33 joints"),
        ([[["a", "b", "c"]] * 33], "walk.json"),
    ],
)
def test_what_is_no_pose_is_said(tmp_path, content, says):
    path = document(tmp_path, content)
    with pytest.raises(DataError) as caught:
        quiet(path)
    assert str(caught.value).startswith(f"{path}: ") and says in str(caught.value) and len(str(caught.value)) < 500


def test_a_document_nested_without_end_is_refused(tmp_path):
    path = tmp_path / "deep.json"
    path.write_text("[" * 100_000 + "]" * 100_000)
    with pytest.raises(DataError, match=r"deep\.json: is nested 100000 deep"):
        quiet(path)


def moved(clip):
    return dataclasses.replace(clip, positions=clip.positions + np.float32(0.25))


def test_several_clips_of_a_file_go_back_each_into_its_part(tmp_path, walk):
    one, two = Clip(walk[:5], BLAZE, rate=30), Clip(walk[2:] + 1, BLAZE, rate=25)
    write(tmp_path / "both.json", [one, two])
    before = quiet(tmp_path / "both.json")
    assert [(len(clip), clip.rate) for clip in before] == [(5, 30), (10, 25)]
    write(tmp_path / "out.json", [moved(clip) for clip in before])
    for found, clip in zip(quiet(tmp_path / "out.json"), before, strict=True):
        np.testing.assert_allclose(found.positions, clip.positions + 0.25, atol=1e-5)
        assert found.rate == clip.rate
    # One of them alone: the other stays as it is.
    write(tmp_path / "out.json", moved(before[1]))
    found = quiet(tmp_path / "out.json")
    np.testing.assert_allclose(found[0].positions, before[0].positions, atol=1e-5)
    np.testing.assert_allclose(found[1].positions, before[1].positions + 0.25, atol=1e-5)


@pytest.mark.parametrize("width", [None, 3, 4])
@pytest.mark.parametrize("nothing", ["null", "of null"])
def test_a_joint_that_was_null_comes_back_as_its_neighbours_are(tmp_path, walk, width, nothing):
    def point(joint):
        return dict(zip("xyz", joint)) if width is None else [*joint, 0.9][:width]

    frames = [[point(joint) for joint in frame] for frame in walk.tolist()]
    frames[3][5] = None if nothing == "null" else point([None] * 3)
    (before,) = quiet(document(tmp_path, {"frames": frames}))
    assert np.argwhere(before.missing).tolist() == [[3, 5]]
    clip = dataclasses.replace(before, positions=np.where(before.missing[..., None], 0.5, before.positions))
    write(tmp_path / "out.json", clip)
    (after,) = quiet(tmp_path / "out.json")
    np.testing.assert_allclose(after.positions, clip.positions, atol=1e-5)
    written = json.loads((tmp_path / "out.json").read_text())["frames"][3][5]
    assert set(written) == set("xyz") if width is None else len(written) == width


def test_a_frame_with_nobody_is_read_again(tmp_path, walk):
    walk[3] = np.nan
    write(tmp_path / "walk.json", Clip(walk, BLAZE))
    (clip,) = quiet(tmp_path / "walk.json")
    assert clip.missing.all(1).tolist() == [at == 3 for at in range(12)] and clip.confidence is None


@pytest.mark.parametrize(
    ("key", "step", "rate"),
    [
        ("timestamp", 1 / 25, 25),
        ("timestamp", 40, 25),
        ("timestamp_ms", 40, 25),
        ("timestamp_usec", 40_000, 25),
        ("timestamp", 0, None),
        ("timestamp", 1e7, None),
    ],
)
def test_the_rate_is_found_by_the_times_of_the_frames(tmp_path, walk, key, step, rate):
    frames = [{"pose_world_landmarks": landmarks(frame), key: at * step} for at, frame in enumerate(walk)]
    (clip,) = quiet(document(tmp_path, {"frames": frames}))
    assert clip.rate == (rate and pytest.approx(rate))


def test_people_without_a_name_have_none(tmp_path, walk):
    frames = [{"people": [{"keypoints": frame.tolist()}]} for frame in walk]
    frames[0]["people"] = []
    frames[1]["people"].append({"keypoints": (walk[1] + 1).tolist()})
    assert [clip.subject for clip in quiet(document(tmp_path, frames))] == ["", ""]


def test_what_the_user_says_of_unit_and_axes_holds(tmp_path, walk):
    frames = [[point.tolist() for point in frame * 1000] for frame in walk]
    path = document(tmp_path, {"unit": 1.0, "up": "y", "positions": frames})
    (clip,) = quiet(path, unit=0.001, up="-y")
    assert (clip.origin.unit, clip.origin.up) == (0.001, "-y")
    np.testing.assert_allclose(clip.positions, walk * [1, -1, -1], atol=1e-6)
