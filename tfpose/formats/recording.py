"""From what a file says to a clip: joints by name, the unit, the axes, and what is missing."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfpose.errors import DataError, SkeletonError
from tfpose.formats import body, names
from tfpose.formats.clip import Clip, Origin
from tfpose.skeleton import Skeleton

# Of trackers that give the axes of a camera.
USUAL_UP = {"blazepose33": "-y", "body25": "-y", "azure32": "-y"}


@dataclasses.dataclass(frozen=True)
class Options:
    """What a user says of files.

    Args:
        skeleton: what the joints are; those of the file are found by its native names, or its own.
        unit: metres per unit; None for what the file says, or else to find it by the lengths of the bones.
        up: the upward axis, one of `tfpose.formats.axes.UPS`; None for what the file says, or else to find it by where
            head and feet are.
        mirrored: whether the axes are left-handed.
        mapping: joint -> what the file calls it; see `names.skeleton_of`.
        rate: frames per second, where the file does not say.
        visibility: below this confidence a landmark of a tracker is missing.
    """

    skeleton: Skeleton | None = None
    unit: float | None = None
    up: str | None = None
    mirrored: bool = False
    mapping: Mapping | None = None
    rate: float | None = None
    visibility: float = 0.5


USUAL = Options()
"""The options of files about which the user says nothing."""
FILLED = USUAL.visibility
"""The least confidence that is written of a joint that was missing and has a place now, so that it is read again."""


@dataclasses.dataclass(frozen=True, eq=False)
class Recording:
    """The joints of one person as a file has them.

    Args:
        format: the name of the format.
        values: `[T, J, 3]` in the file's unit and axes; NaN = missing.
        source: the file.
        joints: their names in the file; None for arrays without names.
        parents: of the joints; None for points.
        skeleton: what the joints are, where the format says it.
        rate: frames per second.
        confidence: `[T, J]`, from 0 to 1.
        unit, up: where the file says them.
        usual_unit, usual_up: what files of this format have most often; without `usual_up`, what the tracker has.
        zero_is_missing: whether a joint that is exactly zero may be missing.
        layout: see `Origin`.
        notes: what is to be said of the file.
        about: further fields of the clip: subject, action, view.
    """

    format: str
    values: np.ndarray
    source: str
    joints: tuple[str, ...] | None = None
    parents: tuple[int, ...] | None = None
    skeleton: Skeleton | None = None
    rate: float | None = None
    confidence: np.ndarray | None = None
    unit: float | None = None
    up: str | None = None
    usual_unit: float = 1.0
    usual_up: str | None = None
    zero_is_missing: bool = True
    layout: Any = None
    notes: tuple[str, ...] = ()
    about: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def clip(self, options: Options) -> Clip:
        """The clip, in the joints of the file; of those that `options.skeleton` has where it is given.

        Raises:
            DataError: when the joints do not fit the skeleton, or are no human size.
            SkeletonError: when it cannot be told what the joints are.
        """
        notes = list(self.notes)
        values = np.array(self.values, np.float64)
        confidence = self.confidence
        if values.ndim != 3 or values.shape[-1] != 3 or not values.size:
            raise DataError(f"{self.source}: expected joints [T, J, 3], got {list(values.shape)}")
        if self.zero_is_missing and (zeros := body.zeros_as_missing(values)):
            notes.append(f"{zeros} joints are exactly zero, and are taken to be missing")
        skeleton, columns = self._skeleton(options, values)
        if confidence is not None:
            confidence = np.clip(np.nan_to_num(confidence), 0.0, 1.0)
            unseen = (confidence < options.visibility) & np.isfinite(values).all(-1)
            confidence = confidence[:, columns]
            if unseen.any():
                values[unseen] = np.nan
                notes.append(f"{unseen.sum()} joints have a confidence below {options.visibility:g}, and are missing")
        own = values[:, columns]
        given = self.unit if options.unit is None else options.unit
        unit, note = body.find_unit(self.source, own, skeleton, given, self.usual_unit)
        notes += [note] if note else []
        up, note = options.up or self.up, ""
        if up is None:
            up, note = body.find_up(own, skeleton, self.usual_up or USUAL_UP.get(skeleton.name, "y"))
        notes += [note] if note else []
        origin = Origin(self.format, values, tuple(columns), unit, up, options.mirrored, self.layout)
        positions = origin.positions()
        if self.up is None and body.is_mirrored(positions, skeleton):
            notes.append(
                "the knees bend backwards: its axes are left-handed, as those of Unity and Unreal are (then say that "
                "they are mirrored), or left and right are exchanged"
            )
        rate = self.rate or options.rate
        return Clip(
            positions,
            skeleton,
            rate=rate,
            source=self.source,
            confidence=confidence,
            origin=origin,
            notes=tuple(notes),
            **self.about,
        )

    def _skeleton(self, options: Options, values: np.ndarray) -> tuple[Skeleton, list[int]]:
        """What the joints are, and their numbers in the file."""
        everything = list(range(values.shape[1]))
        if self.joints is None:
            skeleton = self.skeleton or options.skeleton or body.by_count(self.source, values)
            if len(skeleton) != values.shape[1]:
                raise DataError(
                    f"{self.source}: expected {len(skeleton)} joints of skeleton '{skeleton.name}', got "
                    f"{values.shape[1]}"
                )
            return skeleton, everything
        wanted = options.skeleton or self.skeleton
        if wanted is not None and not options.mapping:
            number = {name: at for at, name in reversed(list(enumerate(self.joints)))}
            columns = [number.get(wanted.native.get(joint, joint), number.get(joint)) for joint in wanted.joints]
            if None not in columns:
                return wanted, columns
        if wanted is None and self.parents is None and not options.mapping:
            shipped = names.shipped(self.joints)
            if shipped is not None:
                return shipped
        try:
            rig = names.skeleton_of(_stem(self.source), self.joints, self.parents, values, options.mapping)
        except SkeletonError as error:
            raise SkeletonError(f"{self.source}: {error}") from error
        if wanted is not None:
            lacking = [joint for joint in wanted.joints if joint not in rig.joints and joint not in rig.derived]
            if lacking:
                raise DataError(
                    f"{self.source}: lacks {', '.join(lacking)} for skeleton '{wanted.name}'; it has "
                    f"{', '.join(self.joints)[:600]}. Say what the file calls each joint with a mapping, or in the "
                    "skeleton's 'native' part"
                )
        return rig, everything


def _stem(source: str) -> str:
    return source.replace("\\", "/").rsplit("/", 1)[-1].partition(".")[0] or "rig"
