"""Poses to train on or to measure with, and where they come from."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np

from tfpose.datasets import checked
from tfpose.formats.clip import Clip
from tfpose.skeleton import Skeleton


@dataclasses.dataclass(frozen=True, eq=False)
class PoseSet:
    """Single poses in metres, y up, no joint missing.

    Args:
        name: set and split, such as "cmu/test".
        positions: `[N, J, 3]`.
        skeleton: what the J joints are.
        moved: `[N, J]` bool, the joints that a protocol moves; None lets the user draw them.
        k: `[N]` int, how many joints the protocol moves in each pose.
        lineage: what data this is, with the acknowledgement that its owner asks for.

    Attributes:
        checksum: the first 16 hex digits of the SHA-256 of joint names, positions, moved and k.

    Raises:
        DataError: for wrong shapes, no poses, or positions that are not finite.
    """

    name: str
    positions: np.ndarray
    skeleton: Skeleton
    moved: np.ndarray | None = None
    k: np.ndarray | None = None
    lineage: str = ""
    checksum: str = dataclasses.field(init=False)

    def __post_init__(self):
        advice = "leave out poses with missing joints"
        positions = checked.array(self.name, "poses", self.positions, ("N", len(self.skeleton), 3), advice=advice)
        checked.complete(self, positions=positions)
        for name, shape, dtype in (("moved", positions.shape[:2], bool), ("k", positions.shape[:1], np.int32)):
            if (value := getattr(self, name)) is not None:
                checked.complete(self, **{name: checked.array(self.name, name, value, shape, dtype)})
        arrays = [array for array in (positions, self.moved, self.k) if array is not None]
        checked.complete(self, checksum=checked.checksum(self.skeleton.joints, *arrays))

    @classmethod
    def of_clips(cls, name: str, clips: Iterable[Clip], skeleton: Skeleton) -> PoseSet:
        """Every complete pose of the user's own clips."""
        return cls(name, complete_poses(clips, skeleton), skeleton, lineage="the user's own clips")

    def __len__(self) -> int:
        return len(self.positions)

    def batches(self, batch: int, seed: int, start: int = 0):
        """What a training draws from, see `tfpose.datasets.pipeline.batches`.

        Elements are `{"poses": [batch, J, 3]}`, and `"moved": [batch, J]` too where the set prescribes it.
        """
        from tfpose.datasets import pipeline  # imports TensorFlow, which poses do not need

        arrays = {"poses": self.positions} | ({} if self.moved is None else {"moved": self.moved})
        return pipeline.batches(arrays, batch, seed, start)

    def thinned(self, count: int) -> PoseSet:
        """`count` of the poses, evenly spaced from the first to the last; all where there are fewer."""
        parts = {name: getattr(self, name) for name in ("positions", "moved", "k")}
        return dataclasses.replace(
            self, **{name: None if part is None else evenly(part, count) for name, part in parts.items()}
        )


def complete_poses(clips: Iterable[Clip], skeleton: Skeleton, every: int = 1) -> np.ndarray:
    """Every `every`-th pose of each clip in `skeleton`, `[N, J, 3]`, without those that miss a joint."""
    poses = [clip.to(skeleton).positions[::every] for clip in clips]
    stacked = np.concatenate([np.zeros((0, len(skeleton), 3), np.float32), *poses])
    return stacked[np.isfinite(stacked).all(axis=(1, 2))]


def evenly(values: np.ndarray, count: int) -> np.ndarray:
    """`count` of the values, evenly spaced from the first to the last; all where there are fewer."""
    return values[places(len(values), count)]


def places(length: int, count: int) -> np.ndarray:
    """`count` places in a sequence of that length, evenly spaced from the first to the last; all where it has fewer."""
    return np.linspace(0, length - 1, min(count, length)).round().astype(int)
