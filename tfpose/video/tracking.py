"""One person's joints, frame by frame."""

from __future__ import annotations

import contextlib
import os
import pathlib

import numpy as np
from tqdm import tqdm

from tfpose.errors import DataError, TfposeError
from tfpose.formats.clip import Clip
from tfpose.formats.recording import USUAL, Recording
from tfpose.skeleton import Skeleton
from tfpose.video.drawing import drawn
from tfpose.video.frames import Video, writing
from tfpose.video.landmarker import Landmarker, Pose, Region

UP = "-y"
"""The upward axis of the landmarker: x is right, y down and z away from the camera."""


def track(
    path: str | os.PathLike, *, person: int = 0, draw: str | os.PathLike | None = None, progress: bool = False
) -> Clip:
    """The joints of one person of a video.

    Args:
        path: a video that ffmpeg reads.
        person: who, 0 for the largest of those who are there in the first frame that has so many, 1 for the next
            smaller one, and so on.
        draw: another file to write, .mp4: the video with the joints over it.
        progress: whether to show a bar.

    Returns:
        A clip of skeleton `blazepose33`, metres from the middle of the hips, y up, z towards the camera. Joints that
        are hidden, and all joints of frames in which the person is not found, are missing. Nothing is smoothed.

    Raises:
        DataError: when the video cannot be read, or the person is in none of its frames.
        TfposeError: when a package is not installed, or `person` is negative.
    """
    if person < 0:
        raise TfposeError(f"person: expected 0 for the largest one, 1, ...; got {person}")
    if draw and pathlib.Path(draw).resolve() == pathlib.Path(path).resolve():
        raise DataError(f"{draw}: the video cannot be drawn into itself")
    skeleton, video, poses = Skeleton.load("blazepose33"), Video(path), []
    with contextlib.ExitStack() as stack:
        stack.callback(video.close)
        tracker = _Tracker(Landmarker(), person)
        add = stack.enter_context(writing(draw, video.size, video.rate)) if draw else None
        bar = stack.enter_context(tqdm(total=video.about, unit="frame", disable=not progress))
        for frame in video:
            pose = tracker.next(frame)
            poses.append(pose)
            if add:
                add(drawn(frame, pose, skeleton, USUAL.visibility) if pose else frame)
            bar.update()
        if not poses:
            raise DataError(f"{path}: has no frames")
        if not tracker.found:
            who = "nobody" if person == 0 else f"no person {person} (the first is 0)"
            raise DataError(f"{path}: {who} found in {len(poses)} frames")
    hidden = np.full((len(skeleton), 3), np.nan), np.zeros(len(skeleton))
    values, visibility = zip(*((pose.world, pose.visibility) if pose else hidden for pose in poses))
    return Recording(
        "mediapipe",
        np.stack(values),
        str(path),
        skeleton=skeleton,
        rate=video.rate,
        confidence=np.stack(visibility),
        unit=1.0,
        up=UP,
    ).clip(USUAL)


class _Tracker:
    """Follows one person by where the last landmarks were; detects people where there are none.

    Attributes:
        found: whether the person was in any frame.
    """

    def __init__(self, landmarker: Landmarker, person: int):
        self._landmarker, self._person = landmarker, person
        self._last: Region | None = None
        self._lost = True
        self.found = False

    def next(self, frame: np.ndarray) -> Pose | None:
        """The person in the next frame."""
        region = self._choose(self._landmarker.detect(frame)) if self._lost else self._last
        pose = self._landmarker.pose(frame, region) if region else None
        self._lost = pose is None
        if pose:
            self.found, self._last = True, pose.region
        return pose

    def _choose(self, regions: list[Region]) -> Region | None:
        """Who was lost is looked for where they were last."""
        if self._last is not None:
            return min(regions, key=lambda region: np.hypot(*(region.centre - self._last.centre)), default=None)
        largest = sorted(regions, key=lambda region: -region.size)
        return largest[self._person] if self._person < len(largest) else None
