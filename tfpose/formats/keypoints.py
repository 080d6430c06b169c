"""JSON of trackers: MediaPipe, OpenPose, mmpose, Azure Kinect, and plain lists of joints.

One reader finds the poses by what they look like. A pose is a list of `{"x", "y", "z"}` (with `visibility`), of
`[x, y, z]` (or with a score), the same numbers in one list, or an object of these by joint. Around it stand objects and
lists of people and frames with the names that these programs use. World coordinates are preferred to those of an image.

- MediaPipe: frames of 33 landmarks (`pose_world_landmarks`, `poseWorldLandmarks`, ...); the results of its Tasks by
  `from_results`.
- OpenPose: one file a frame, `NAME_000000000000_keypoints.json`, with `pose_keypoints_3d`; the folder is the clip.
- mmpose: `instance_info`, its frames with `instances` of `keypoints` and `keypoint_scores`.
- Azure Kinect (offline_processor): `frames` with `bodies` of `joint_positions` in millimetres, y down.
- any other: `{"joints": [...], "rate": 30, "unit": 1, "up": "y", "positions": [T][J][3]}`, which `write` writes too.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfpose.errors import DataError
from tfpose.files import blame, write_text
from tfpose.formats import axes
from tfpose.formats.clip import Clip, one_source
from tfpose.formats.recording import FILLED, USUAL, Options, Recording
from tfpose.formats.text import read_text
from tfpose.formats.times import places_of, rate_of
from tfpose.skeleton import Skeleton

SEQUENCE = re.compile(r"(?P<name>.*?)_?(?P<frame>\d{3,})_keypoints\.json")
"""The name of OpenPose's file of one frame."""
POSES = (
    *("pose_world_landmarks", "poseWorldLandmarks", "world_landmarks", "worldLandmarks", "pose_keypoints_3d"),
    *("keypoints_3d", "keypoints3D", "joints_3d", "joint_positions", "positions", "keypoints", "pose_landmarks"),
    *("poseLandmarks", "landmarks", "landmark", "pose", "joints", "skeleton", "skeletons"),
)
PEOPLE = ("people", "instances", "bodies", "persons", "individuals", "predictions")
FRAMES = ("frames", "instance_info", "data", "results", "sequence", "annotations", "clips")
CERTAIN = ("keypoint_scores", "scores", "confidence", "visibility", "confidences")
_TIMES = ("timestamp_usec", "timestamp_ms", "timestampMs", "timestamp")
_IDENTITY = ("body_id", "track_id", "person_id", "id")
_DEEPEST = 200
_NOBODY = "", '{"people": []}'  # the name and text of a frame that has no file


@dataclasses.dataclass(frozen=True, eq=False)
class Layout:
    """Where a clip was read.

    Args:
        texts: the texts of the files by name; the same object for all clips of one reading.
        people: which person of each frame it is, -1 where it is not there.
        part: the numbers in "clips", from the outside in, that lead to its part of the document.
    """

    texts: tuple[tuple[str, str], ...]
    people: tuple[int, ...]
    part: tuple[int, ...] = ()


def read_file(path: str | os.PathLike, options: Options = USUAL) -> list[Clip]:
    """A clip for each person, the one seen in most frames first.

    Raises:
        DataError: when there are no poses of three dimensions in the file.
        SkeletonError: when it cannot be told what the joints are.
    """
    path = pathlib.Path(path)
    with blame(path, "a JSON file of joints in three dimensions"):
        texts = tuple((file.name, read_text(file)) if file else _NOBODY for file in _sequence(path))
        documents = [_parsed(path, text) for _, text in texts]
        return _clips(path, documents, texts, options)


def from_results(results: Sequence, rate: float | None = None, options: Options = USUAL) -> list[Clip]:
    """The clips of MediaPipe's results, one `PoseLandmarkerResult` (or the older `pose_world_landmarks`) a frame."""

    def plain(landmark) -> dict[str, float]:
        seen = getattr(landmark, "visibility", None)
        return {"x": landmark.x, "y": landmark.y, "z": landmark.z, "visibility": 1.0 if seen is None else seen}

    frames = []
    for result in results:
        people = getattr(result, "pose_world_landmarks", result) or []
        people = [people.landmark] if hasattr(people, "landmark") else people
        frames.append([[plain(landmark) for landmark in person] for person in people])
    document = {"fps": rate, "frames": frames}
    return _clips("MediaPipe results", [document], (("", json.dumps(document)),), options)


def write(path: str | os.PathLike, clips: list[Clip]) -> int:
    """Writes clips: those that were all read from one such file as it came; others plainly.

    Args:
        path: the file; for OpenPose's sequence that of its first frame, the others are written beside it.
        clips: one, or several.

    Returns:
        How many joints have a place now, in frames in which the file has nobody.

    Raises:
        DataError: when the file cannot be written.
    """
    path = pathlib.Path(path)
    texts = one_source(clips, lambda origin: origin.layout.texts if isinstance(origin.layout, Layout) else None)
    one_a_frame = bool(SEQUENCE.fullmatch(path.name))
    if texts and (one_a_frame or len(texts) == 1):
        documents, unplaced = [json.loads(text) for _, text in texts], 0
        for clip in clips:
            parts = _parts(documents, clip.origin.layout.part)
            unplaced += _fill([frame for part in parts for frame in _frames(part)], clip)
        if len(documents) == 1 and isinstance(documents[0], dict) and clips[0].rate and not _rate(documents[0]):
            documents[0]["rate"] = clips[0].rate
        for text, document in zip(texts, documents):
            if text != _NOBODY:
                write_text(path.with_name(text[0]) if one_a_frame else path, json.dumps(document))
        return unplaced
    people = []
    for clip in clips:
        values, unit, up = clip.native()
        values = np.round(values, 6)
        people.append(
            {
                **({"subject": clip.subject} if clip.subject else {}),
                "joints": clip.names,
                "rate": clip.rate,
                "unit": unit,
                "up": up,
                "positions": [[None if np.isnan(j).any() else j.tolist() for j in frame] for frame in values],
            }
        )
    write_text(path, json.dumps(people[0] if len(people) == 1 else {"clips": people}))
    return 0


def _parts(documents: list, part: tuple[int, ...]) -> list:
    """The documents that hold the frames of a clip."""
    if not part:
        return documents
    inside = documents[0]
    for number in part:
        inside = inside["clips"][number]
    return [inside]


def _sequence(path: pathlib.Path) -> list[pathlib.Path | None]:
    """All frames of OpenPose's sequence that a file is of, None for those without a file; else the file alone."""
    named = SEQUENCE.fullmatch(path.name)
    if not named:
        return [path]
    found = [(m, file) for file in path.parent.glob("*_keypoints.json") if (m := SEQUENCE.fullmatch(file.name))]
    files = {int(m["frame"]): file for m, file in found if m["name"] == named["name"]}
    places = dict(zip(places_of(sorted(files)).tolist(), sorted(files)))
    return [files[places[at]] if at in places else None for at in range(max(places) + 1)]


def _parsed(path, text: str):
    depth = deepest = 0
    for character in re.findall(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', text):
        depth += (character in "[{") - (character in "]}")
        deepest = max(deepest, depth)
    if deepest > _DEEPEST:
        raise DataError(f"{path}: is nested {deepest} deep, which no file of joints is")
    return json.loads(text)


def _clips(path, documents: list, texts, options: Options, part: tuple[int, ...] = ()) -> list[Clip]:
    about = documents[0] if isinstance(documents[0], dict) else {}
    if "clips" in about and isinstance(about["clips"], list) and all(isinstance(c, dict) for c in about["clips"]):
        inside = enumerate(about["clips"])
        return [clip for number, one in inside for clip in _clips(path, [one], texts, options, (*part, number))]
    frames = [_people(frame) for document in documents for frame in _frames(document)]
    tracks: dict[Any, list[int]] = {}
    for at, people in enumerate(frames):
        for number, person in enumerate(people):
            tracks.setdefault(_identity(person, number), [-1] * len(frames))[at] = number
    if not tracks:
        raise DataError(f"{path}: holds no poses; expected landmarks, keypoints or joints with x, y and z")
    recordings = []
    for identity, track in sorted(tracks.items(), key=lambda item: item[1].count(-1)):
        poses = [_numbers(path, frames[at][number]) if number >= 0 else None for at, number in enumerate(track)]
        seen = [pose for pose in poses if pose is not None]
        counts = {len(values) for values, _, _ in seen}
        if len(counts) != 1:
            raise DataError(f"{path}: has poses of {' and of '.join(map(str, sorted(counts)[:3]))} joints")
        count = counts.pop()
        values = np.full((len(track), count, 3), np.nan)
        confidence = np.zeros((len(track), count))
        for at, pose in enumerate(poses):
            if pose is not None:
                values[at], confidence[at] = pose[0], pose[1]
        recordings.append(
            _recording(path, about, values, confidence, seen[0][2], Layout(texts, tuple(track), part), identity)
        )
    return [recording.clip(options) for recording in recordings]


def _recording(path, about: dict, values, confidence, names, layout: Layout, identity) -> Recording:
    names = names or next((about[key] for key in ("joint_names", "joints") if _are_names(about.get(key))), None)
    if names is None and isinstance(about.get("meta_info"), dict):
        names = next((n for n in [about["meta_info"].get("keypoint_id2name")] if _are_names(n)), None)
    gaps = layout.texts.count(_NOBODY)
    azure = "joint_names" in about and "frames" in about
    unit = about.get("unit") if isinstance(about.get("unit"), int | float) else 0.001 if azure else None
    up = about.get("up") if about.get("up") in axes.UPS else "-y" if azure else None
    count = values.shape[1]
    skeleton = Skeleton.load("body25") if SEQUENCE.fullmatch(layout.texts[0][0]) and count == 25 else None
    return Recording(
        "keypoints",
        values,
        str(path),
        tuple(names) if names and len(names) == count else None,
        skeleton=skeleton,
        rate=_rate(about),
        confidence=None if (confidence == 1).all() else confidence,
        unit=unit,
        up=up,
        usual_up="-y" if count == 33 or skeleton else None,
        layout=layout,
        notes=(f"{gaps} of its {len(layout.texts)} frames have no file, and nobody is seen in them",) if gaps else (),
        about={"subject": identity if isinstance(identity, str) else str(about.get("subject") or "")},
    )


def _rate(about: dict) -> float | None:
    for key in ("fps", "frame_rate", "rate", "frameRate"):
        if isinstance(about.get(key), int | float) and 0 < about[key] < 10_000:
            return float(about[key])
    frames = about.get("frames")
    for key in _TIMES:
        times = (
            [frame.get(key) for frame in frames or () if isinstance(frame, dict)] if isinstance(frames, list) else []
        )
        if len(times) > 1 and all(isinstance(time, int | float) for time in times):
            return rate_of(times, key)
    return None


# --- where the poses are


def _frames(document) -> list:
    """The frames of a document, whatever stands around them."""
    if isinstance(document, dict):
        for key in FRAMES:
            if isinstance(document.get(key), list):
                return document[key]
        for key in POSES:
            if isinstance(document.get(key), list) and _is_pose(_first(document[key])):
                return document[key]
        return [document]
    if isinstance(document, list) and not _is_pose(document):
        return document
    return [document]


def _people(frame) -> list:
    """The people of a frame: poses, or objects that hold one."""
    if isinstance(frame, dict):
        for key in PEOPLE:
            if isinstance(frame.get(key), list):
                return frame[key]
        for key in POSES:
            if key in frame and frame[key] is not None:
                inside = frame[key]
                if not inside:
                    return []
                return [frame] if _is_pose(inside) else inside if isinstance(inside, list) else [frame]
        return [frame] if _is_pose(frame) else []
    if not frame:
        return []
    return [frame] if _is_pose(frame) else frame if isinstance(frame, list) else []


def _identity(person, number: int):
    if isinstance(person, dict):
        return next((str(person[key]) for key in _IDENTITY if isinstance(person.get(key), str | int)), number)
    return number


def _pose(person):
    """The pose in a person."""
    if isinstance(person, dict) and not _is_pose(person):
        found = next((person[key] for key in POSES if _is_pose(person.get(key))), None)
        if found is None and "pose_keypoints_2d" in person:
            raise ValueError("has 2D keypoints only; OpenPose needs --3d, or lift them with 'tfpose lift'")
        return found
    return person


def _is_pose(value) -> bool:
    if isinstance(value, dict):
        return len(value) > 3 and all(_is_point(point) for point in value.values())
    if not isinstance(value, list) or len(value) < 3:
        return False
    return all(_is_point(point) or point is None for point in value) or (
        len(value) >= 12 and all(isinstance(number, int | float) for number in value)
    )


def _is_point(point) -> bool:
    if isinstance(point, dict):  # a browser writes null for NaN
        return all(axis in point and isinstance(point[axis], int | float | None) for axis in "xy")
    return isinstance(point, list) and 2 <= len(point) <= 5 and all(isinstance(n, int | float | None) for n in point)


def _numbers(path, person) -> tuple[np.ndarray, np.ndarray, list[str] | None]:
    """`[J, 3]`, the confidence `[J]`, and the names where there are any."""
    pose = _pose(person)
    if pose is None:
        raise DataError(f"{path}: holds an object without a pose; expected one of {', '.join(POSES[:8])}")
    names = list(pose) if isinstance(pose, dict) else None
    points = list(pose.values()) if isinstance(pose, dict) else pose
    certain = None
    if points and isinstance(points[0], int | float):
        flat = np.array(points, np.float64)
        step = 4 if len(flat) % 4 == 0 and (len(flat) % 3 or len(flat) in (100, 132, 68)) else 3
        if len(flat) % step:
            raise DataError(f"{path}: a pose of {len(flat)} numbers; expected 3 or 4 for each joint")
        table = flat.reshape(-1, step)
        values, certain = table[:, :3], table[:, 3] if step == 4 else None
    elif any(isinstance(point, dict) for point in points):
        if not all(point is None or "z" in point for point in points):
            raise DataError(f"{path}: its landmarks have no z; give world landmarks, or lift them with 'tfpose lift'")
        values = np.array([[np.nan] * 3 if p is None else [p[axis] for axis in "xyz"] for p in points], np.float64)
        certain = np.array([0.0 if p is None else p.get("visibility", p.get("score", 1.0)) for p in points], np.float64)
        named = [p.get("name") for p in points if p is not None]
        names = names or (named if len(named) == len(points) and all(isinstance(n, str) for n in named) else None)
    else:
        widths = {len(point) for point in points if point is not None}
        if not widths:  # nobody is seen
            return np.full((len(points), 3), np.nan), np.ones(len(points)), names
        if widths == {2}:
            raise DataError(f"{path}: its poses have two coordinates; 'tfpose lift' makes three of them")
        if len(widths) != 1 or widths.pop() not in (3, 4):
            raise DataError(f"{path}: expected joints of x, y, z")
        rows = [[None] * 4 if point is None else point for point in points]
        values = np.array([row[:3] for row in rows], np.float64)  # None becomes NaN
        certain = np.array([row[3] or 0.0 for row in rows], np.float64) if len(_first(points)) == 4 else None
    if isinstance(person, dict):
        beside = next((person[key] for key in CERTAIN if isinstance(person.get(key), list)), None)
        if beside is not None and len(beside) == len(values):
            certain = np.array(beside, np.float64)
    if certain is None or not ((certain >= 0) & (certain <= 1)).all():
        certain = np.ones(len(values))
    return values, certain, names


def _fill(frames: list, clip: Clip) -> int:
    """Puts a clip's positions into the frames that it was read from. Returns for how many joints there is no place."""
    values = clip.origin.whole(clip.positions)
    unchanged, filled, unplaced = clip.origin.unchanged(values).all(-1), clip.origin.filled(values), 0
    for at, number in enumerate(clip.origin.layout.people):
        if number < 0:
            unplaced += int(np.isfinite(values[at]).all(-1).sum())
            continue
        person = _people(frames[at])[number]
        pose = _pose(person)
        points = list(pose.values()) if isinstance(pose, dict) else pose
        beside = next((person[key] for key in CERTAIN if isinstance(person, dict) and key in person), None)
        for joint, point in enumerate(values[at]):
            if unchanged[at, joint] or np.isnan(point).any():
                continue
            numbers = [round(float(number), 9) for number in point]
            step = len(points) // len(values[at])
            if isinstance(points[joint], dict):
                points[joint].update(zip("xyz", numbers))
            elif isinstance(points[joint], list):
                points[joint][:3] = numbers
            elif isinstance(pose, list) and isinstance(points[0], int | float):
                points[step * joint : step * joint + 3] = numbers
            elif isinstance(like := _first(points), dict):
                pose[joint] = dict(zip("xyz", numbers))
            else:
                pose[joint] = numbers + [FILLED] * (len(like or numbers) - 3)
            if filled[at, joint]:  # it was missing, and shall not be when it is read again
                _raise(points[joint], "visibility", "score", 3)
                _raise(points, *([4 * joint + 3] if step == 4 else []))
                _raise(beside, joint)
    return unplaced


def _raise(holder, *keys):
    """Makes confidences at least `FILLED`, those of `keys` that `holder` has."""
    for key in keys:
        with contextlib.suppress(KeyError, IndexError, TypeError):
            holder[key] = max(float(holder[key]), FILLED)


def _first(values):
    return next((value for value in values if value is not None), None)


def _are_names(value) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(name, str) for name in value)
