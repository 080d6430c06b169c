"""A clip: one person's joints over time."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfpose.errors import DataError, SkeletonError
from tfpose.formats import axes, correction
from tfpose.skeleton import Skeleton

FARTHEST = 1e6
"""Metres from the origin: what is farther is no person, but damage or a wrong unit."""


@dataclasses.dataclass(frozen=True, eq=False)
class Origin:
    """The values of a clip as its file has them.

    Args:
        format: the name of the format.
        values: `[T, P, 3]` float64, all points of the file, in its unit and axes; NaN = missing.
        columns: the number in the file of each of the clip's J joints.
        unit: metres per unit of the file.
        up: the file's upward axis, one of `tfpose.formats.axes.UPS`.
        mirrored: whether the file's axes are left-handed.
        layout: what else the format needs to write the file as it came; each format has its own.
    """

    format: str
    values: np.ndarray
    columns: tuple[int, ...]
    unit: float = 1.0
    up: str = "y"
    mirrored: bool = False
    layout: Any = None

    def positions(self) -> np.ndarray:
        """The clip's joints in metres, right-handed, y up: `[T, J, 3]` float32."""
        with np.errstate(over="ignore"):  # what overflows is refused as infinite by `Clip`
            values = self.values[:, list(self.columns)] * self._signs() * self.unit
            return axes.to_y_up(values, self.up).astype(np.float32)

    def native(self, positions: np.ndarray) -> np.ndarray:
        """Positions `[T, J, 3]` in metres, y up, as the file has them; where nothing changed, the very values."""
        given, before = (
            axes.from_y_up(np.asarray(poses, np.float64), self.up) / self.unit * self._signs()
            for poses in (positions, self.positions())
        )
        if given.shape != before.shape:
            return given
        return np.where(given == before, self.values[:, list(self.columns)], given)

    def whole(self, positions: np.ndarray) -> np.ndarray:
        """All points of the file `[T, P, 3]`, those of the clip's joints from positions `[T, J, 3]`; see `native`."""
        values = self.values.copy()
        values[:, list(self.columns)] = self.native(positions)
        return values

    def unchanged(self, values: np.ndarray) -> np.ndarray:
        """Which of `values` `[T, P, 3]`, of `whole`, are those of the file: bool `[T, P, 3]`."""
        return (values == self.values) | (np.isnan(values) & np.isnan(self.values))

    def filled(self, values: np.ndarray) -> np.ndarray:
        """Which points of `values` `[T, P, 3]`, of `whole`, were missing and are not any more: bool `[T, P]`."""
        return np.isnan(self.values).any(-1) & np.isfinite(values).all(-1)

    def _signs(self) -> np.ndarray:
        return np.array([-1.0 if self.mirrored else 1.0, 1.0, 1.0])


def one_source(clips: Sequence[Clip], part: Callable[[Origin], Any]) -> Any:
    """What all clips were read from at once, as `part` finds it in their origins: one object, or None."""
    found = [part(clip.origin) if clip.origin else None for clip in clips]
    return found[0] if all(one is found[0] for one in found) else None


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
        confidence: `[T, J]` from 0 to 1, as the tracker gives it; None where it gives none.
        origin: the values as the file has them, so that they can be written back; None where there is no file.
        notes: what was found out about the file by looking at the poses, one sentence each.

    Raises:
        DataError: for a wrong shape, an infinite coordinate, or one farther than `FARTHEST`.
    """

    positions: np.ndarray
    skeleton: Skeleton
    subject: str = ""
    action: str = ""
    view: str = ""
    rate: float | None = None
    source: str = ""
    confidence: np.ndarray | None = None
    origin: Origin | None = None
    notes: tuple[str, ...] = ()

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
        far = ~(np.abs(np.nan_to_num(positions, posinf=np.inf)) <= FARTHEST)
        if far.any():
            frame, joint, _ = np.argwhere(far)[0]
            what = "infinite" if np.isinf(positions[frame, joint]).any() else f"over {FARTHEST:.0e} m away"
            raise DataError(
                f"{where}: joint '{self.skeleton.joints[joint]}' is {what} in frame {frame}; "
                "use NaN for a missing joint, and check the unit"
            )
        if self.confidence is not None and np.shape(self.confidence) != positions.shape[:2]:
            raise DataError(
                f"{where}: expected a confidence {list(positions.shape[:2])} for its positions, got "
                f"{list(np.shape(self.confidence))}"
            )
        positions[np.isnan(positions).any(axis=-1)] = np.nan
        object.__setattr__(self, "positions", positions)

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def missing(self) -> np.ndarray:
        """Which joints are missing: `[T, J]` bool."""
        return np.isnan(self.positions[..., 0])

    def native(self) -> tuple[np.ndarray, float, str]:
        """The positions `[T, J, 3]` in the unit and axes of the file, metres per unit, and the upward axis; metres and
        y without a file. They are right-handed, even where the file is not."""
        if self.origin is None:
            return self.positions.astype(np.float64), 1.0, "y"
        values = self.origin.native(self.positions)
        return values * [-1.0, 1.0, 1.0] if self.origin.mirrored else values, self.origin.unit, self.origin.up

    @property
    def names(self) -> list[str]:
        """What the file calls the joints."""
        return [self.skeleton.native.get(joint, joint) for joint in self.skeleton.joints]

    def to(self, skeleton: Skeleton) -> Clip:
        """This clip with the joints of `skeleton`, by joint names.

        A joint is missing only where one that it is made from is missing, and as certain as the least certain of them.

        Raises:
            SkeletonError: names the source and the joints that cannot be made.
        """
        if skeleton == self.skeleton:
            return self
        try:
            matrix = self.skeleton.to(skeleton)
        except SkeletonError as error:
            raise SkeletonError(f"{self.source}: {error}" if self.source else str(error)) from error
        # 0 * NaN is NaN: multiply numbers and missing marks apart, so that NaN reaches only the joints made from it.
        positions = matrix @ np.nan_to_num(self.positions, nan=0.0)
        positions[(self.missing.astype(np.float32) @ (matrix != 0).T) > 0] = np.nan
        confidence = self.confidence
        if confidence is not None:
            confidence = np.where(matrix != 0, confidence[:, None], 1.0).min(-1)
        return dataclasses.replace(self, positions=positions, skeleton=skeleton, confidence=confidence, origin=None)

    def corrected(self, positions: np.ndarray, skeleton: Skeleton | None = None, keep_small: bool = True) -> Clip:
        """This clip with the joints where a model has put them.

        Joints that the model knows come from it, where it has moved them; joints that it does not know move rigidly
        with the bone that they hang on. All others stay as they are, to the last bit; see `correction.corrected`.

        Args:
            positions: `[T, K, 3]` metres, y up: this clip's `to(skeleton)`, cleaned.
            skeleton: the model's, by default `paper17`.
            keep_small: whether a joint that was clean stays where the model moved it by less than 2 mm.

        Raises:
            DataError: when the positions do not fit the clip and the skeleton.
            SkeletonError: when this clip cannot be given in `skeleton`.
        """
        skeleton = skeleton or Skeleton.load("paper17")
        positions = np.asarray(positions, np.float32)
        if positions.shape != (len(self), len(skeleton), 3):
            raise DataError(
                f"{self.source or 'clip'}: expected corrected positions [{len(self)}, {len(skeleton)}, 3], got "
                f"{list(positions.shape)}"
            )
        observed = self.to(skeleton).positions
        moved = correction.corrected(self.positions, observed, positions, self.skeleton, skeleton, keep_small)
        return dataclasses.replace(self, positions=moved)
