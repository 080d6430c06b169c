"""Labelled clips of one length, to learn actions from, and where they come from."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np

from tfpose.datasets import checked
from tfpose.errors import DataError
from tfpose.formats.clip import Clip
from tfpose.skeleton import Skeleton


@dataclasses.dataclass(frozen=True, eq=False)
class ClipSet:
    """Clips in metres, y up, all of T frames, each with what is done in it; no joint missing.

    Args:
        name: set and split, such as "nucla/test".
        positions: `[N, T, J, 3]`.
        labels: `[N]` int, places in `actions`.
        actions: what the labels are called.
        skeleton: what the J joints are.
        views, subjects: `[N]`, which camera saw the clip and who moves in it, as the data set codes them.
        lineage: what data this is, with the acknowledgement that its owner asks for.

    Attributes:
        checksum: the first 16 hex digits of the SHA-256 of joint names, action names, positions and labels.

    Raises:
        DataError: for wrong shapes, no clips, positions that are not finite, or labels without a name.
    """

    name: str
    positions: np.ndarray
    labels: np.ndarray
    actions: tuple[str, ...]
    skeleton: Skeleton
    views: tuple[str, ...]
    subjects: tuple[str, ...]
    lineage: str = ""
    checksum: str = dataclasses.field(init=False)

    def __post_init__(self):
        shape, advice = ("N", "T", len(self.skeleton), 3), "fill missing joints with `resample`"
        positions = checked.array(self.name, "clips", self.positions, shape, advice=advice)
        labels = checked.array(self.name, "labels", self.labels, positions.shape[:1], np.int32)
        for what, values in (("views", self.views), ("subjects", self.subjects)):
            if np.shape(values) != labels.shape:
                raise DataError(f"{self.name}: expected {what} [{len(labels)}], got {list(np.shape(values))}")
        if labels.min() < 0 or labels.max() >= len(self.actions):
            raise DataError(f"{self.name}: has label {labels.max()}, there are {len(self.actions)} actions")
        checksum = checked.checksum([*self.skeleton.joints, *self.actions], positions, labels)
        checked.complete(self, positions=positions, labels=labels, checksum=checksum)

    def __len__(self) -> int:
        return len(self.positions)

    @classmethod
    def of_clips(cls, name: str, clips: Iterable[Clip], actions, skeleton: Skeleton, frames: int, lineage: str = ""):
        """Makes a set of clips whose `action` is one of the keys of `actions` (code -> name), resampled to `frames`.

        Clips in which a joint is never seen are left out: nothing can be put in its place.

        Raises:
            DataError: when a clip's action has no name, or no clip is left.
        """
        codes = sorted(actions)
        positions, labels, views, subjects = [], [], [], []
        for clip in clips:
            if clip.action not in actions:
                raise DataError(f"{clip.source or name}: no action '{clip.action}'; there are {', '.join(codes)}")
            clip = clip.to(skeleton)
            if clip.missing.all(axis=0).any():
                continue
            positions.append(resample(clip.positions, frames))
            labels.append(codes.index(clip.action))
            views.append(clip.view)
            subjects.append(clip.subject)
        if not positions:
            raise DataError(f"{name}: holds no clip in which every joint of '{skeleton.name}' is seen")
        names = tuple(actions[code] for code in codes)
        return cls(name, np.stack(positions), labels, names, skeleton, tuple(views), tuple(subjects), lineage)


def resample(positions: np.ndarray, frames: int) -> np.ndarray:
    """A clip `[T, J, 3]` at `frames` moments evenly spaced from its first to its last: `[frames, J, 3]`.

    Between frames positions are interpolated linearly, and so are missing joints between the frames in which they are
    seen; before the first and after the last of these they stand still. A joint that is never seen stays NaN.
    """
    moments = np.linspace(0, len(positions) - 1, frames)
    resampled = np.full((frames, *positions.shape[1:]), np.nan, np.float32)
    for joint in range(positions.shape[1]):
        (seen,) = np.isfinite(positions[:, joint]).all(axis=-1).nonzero()
        if len(seen):
            for axis in range(3):
                resampled[:, joint, axis] = np.interp(moments, seen, positions[seen, joint, axis])
    return resampled
