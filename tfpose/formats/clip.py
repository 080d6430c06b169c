"""A clip: one person's joints over time."""

from __future__ import annotations

import dataclasses

import numpy as np

from tfpose.errors import DataError
from tfpose.skeleton import Skeleton


@dataclasses.dataclass(frozen=True, eq=False)
class Clip:
    """One person moving, as joint positions in metres, right-handed, y up.

    Args:
        positions: `[T, J, 3]`, T at least 1; NaN marks a missing joint (one NaN coordinate makes the joint missing).
        skeleton: what the J joints are.
        subject: who moves, as the data set codes it.
        action: what they do, as the data set codes it.
        view: which camera saw it; empty for world coordinates.
        rate: frames per second, None when the file does not say.
        source: the file it came from; it starts error messages.

    Raises:
        DataError: for a wrong shape or an infinite coordinate.
    """

    positions: np.ndarray
    skeleton: Skeleton
    subject: str = ""
    action: str = ""
    view: str = ""
    rate: float | None = None
    source: str = ""

    def __post_init__(self):
        where = self.source or "clip"
        with np.errstate(over="ignore"):  # what overflows float32 is refused as infinite below
            positions = np.array(self.positions, np.float32)
        expected = (len(self.skeleton), 3)
        if positions.ndim != 3 or positions.shape[1:] != expected or not len(positions):
            raise DataError(
                f"{where}: expected positions [T, {len(self.skeleton)}, 3] for skeleton '{self.skeleton.name}' with at "
                f"least one frame, got {list(positions.shape)}"
            )
        if np.isinf(positions).any():
            frame, joint, _ = np.argwhere(np.isinf(positions))[0]
            raise DataError(
                f"{where}: joint '{self.skeleton.joints[joint]}' is infinite in frame {frame}; "
                "use NaN for a missing joint"
            )
        positions[np.isnan(positions).any(axis=-1)] = np.nan
        object.__setattr__(self, "positions", positions)

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def missing(self) -> np.ndarray:
        """Which joints are missing: `[T, J]` bool."""
        return np.isnan(self.positions[..., 0])

    def to(self, skeleton: Skeleton) -> Clip:
        """This clip with the joints of `skeleton`, by joint names.

        A joint is missing only where one that it is made from is missing.

        Raises:
            SkeletonError: names the joints that cannot be made.
        """
        if skeleton == self.skeleton:
            return self
        matrix = self.skeleton.to(skeleton)
        # 0 * NaN is NaN: multiply numbers and missing marks apart, so that NaN reaches only the joints made from it.
        positions = matrix @ np.nan_to_num(self.positions, nan=0.0)
        positions[(self.missing.astype(np.float32) @ (matrix != 0).T) > 0] = np.nan
        return dataclasses.replace(self, positions=positions, skeleton=skeleton)
