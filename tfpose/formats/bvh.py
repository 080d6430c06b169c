"""Biovision hierarchy files (BVH), as motion capture systems and CMU's data base give them.

HIERARCHY: a tree of ROOT and JOINT, each with an OFFSET from its parent and CHANNELS in any order; an End Site is no
joint.
MOTION: `Frames:`, `Frame Time:` and one line of channel values per frame, angles in degrees.
A joint's rotations apply in the order of its channels, each about the axis that the ones before it have turned:
`Zrotation Xrotation` is R_z R_x. Position channels, on any joint, replace its OFFSET (as Blender reads them).
A joint's position is the near end of its bone.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re

import numpy as np
from scipy.spatial.transform import Rotation

from tfpose.errors import DataError, SkeletonError
from tfpose.files import blame
from tfpose.formats.clip import Clip
from tfpose.skeleton import Skeleton

CMU_UNIT = 0.0254 / 0.45  # metres: CMU's own scale, one unit is 1/0.45 inch
CENTIMETRE = 0.01
_PLAUSIBLE_METRES = (0.3, 3.0)  # the reach of a rig at rest, from a child to a tall man with arms spread


def read_file(
    path: str | os.PathLike,
    skeleton: Skeleton | None = None,
    unit: float | None = None,
    drop_first: bool | None = None,
) -> list[Clip]:
    """The one clip of a file.

    A file with all joint names of skeleton `cmu31` is CMU's. Any other becomes a skeleton of its own, named after the
    file, with the file's joint names.

    Args:
        path: the file.
        skeleton: take these joints, found in the file by the skeleton's `native` names (its own names where it has
            none);
            a file of CMU's that lacks such names is converted from `cmu31`.
        unit: metres per unit of the file; by default CMU's for CMU's files and 0.01 for others.
        drop_first: leave out frame 0; by default only for CMU's files, where it is a T-pose.

    Raises:
        DataError: when the file is not BVH, lacks joints of `skeleton`, or is no human size in the default unit.
        SkeletonError: when CMU's joints cannot become `skeleton`.
    """
    path = pathlib.Path(path)
    with blame(path, "a BVH file"):
        text = path.read_text(encoding="utf-8-sig")
        head, motion = _split(path, text)
        joints = _parse_hierarchy(path, head)
        frame_time, values = _parse_motion(path, motion, channels=sum(len(joint.channels) for joint in joints))

        is_cmu = set(Skeleton.load("cmu31").native.values()) <= {joint.name for joint in joints}
        if unit is None:
            unit = CMU_UNIT if is_cmu else CENTIMETRE
            _check_size(path, joints, unit)
        if (is_cmu if drop_first is None else drop_first) and len(values):
            values = values[1:]
            if not len(values):
                raise DataError(f"{path}: has only its T-pose frame and no motion; drop_first=False keeps that frame")
        positions = forward_kinematics(joints, values) * unit

        rig = _rig(path, joints, skeleton, is_cmu)
        positions = _take(path, joints, positions, rig)
        clip = Clip(positions, rig, subject=path.parent.name if is_cmu else "", rate=1 / frame_time, source=str(path))
        return [clip if skeleton is None else clip.to(skeleton)]


@dataclasses.dataclass(frozen=True)
class Joint:
    """One joint of a hierarchy: `parent` is an index into the list of joints, -1 for the root; `offset` `[3]`."""

    name: str
    parent: int
    offset: tuple[float, float, float]
    channels: tuple[str, ...]


def forward_kinematics(joints: list[Joint], values: np.ndarray) -> np.ndarray:
    """Positions `[T, J, 3]` in the file's unit from channel values `[T, C]`, all frames at once.

    `joints` come parents first; the columns of `values` are their channels in the same order.
    """
    positions = np.empty((len(values), len(joints), 3))
    rotations: list[Rotation] = []
    column = 0
    for number, joint in enumerate(joints):
        mine = values[:, column : column + len(joint.channels)]
        column += len(joint.channels)
        local = np.tile(np.asarray(joint.offset, float), (len(values), 1))
        turn = Rotation.identity(len(values))
        for channel, value in zip(joint.channels, mine.T):
            if channel.endswith("position"):
                local[:, "XYZ".index(channel[0])] = value
            else:
                turn = turn * Rotation.from_euler(channel[0], value[:, None], degrees=True)
        if joint.parent < 0:
            positions[:, number] = local
        else:
            positions[:, number] = positions[:, joint.parent] + rotations[joint.parent].apply(local)
            turn = rotations[joint.parent] * turn
        rotations.append(turn)
    return positions


# --- parsing


_CHANNEL = re.compile(r"[XYZ](position|rotation)")


def _split(path: pathlib.Path, text: str) -> tuple[str, str]:
    head, keyword, motion = text.partition("MOTION")
    if not head.lstrip().startswith("HIERARCHY"):
        raise DataError(f"{path}: not a BVH file: it does not start with HIERARCHY")
    if not keyword:
        raise DataError(f"{path}: has no MOTION part; the file may be cut off")
    return head, motion


def _parse_hierarchy(path: pathlib.Path, head: str) -> list[Joint]:
    words = iter(head.split()[1:])
    joints: list[Joint] = []
    stack: list[int | None] = []  # the open joints; None marks an open End Site

    def complain(what: str) -> DataError:
        return DataError(f"{path}: HIERARCHY: {what}")

    try:
        for word in words:
            if word in ("ROOT", "JOINT"):
                if (word == "ROOT") == bool(joints) or (stack and stack[-1] is None):
                    raise complain(f"{word} {next(words)} stands where none can be; one ROOT holds all joints")
                # A name may hold spaces: it runs up to the brace.
                name = [next(words)]
                while (word := next(words)) != "{":
                    name.append(word)
                joints.append(Joint(" ".join(name), stack[-1] if stack else -1, (0.0, 0.0, 0.0), ()))
                stack.append(len(joints) - 1)
            elif word == "End":
                while next(words) != "{":
                    pass
                stack.append(None)
            elif word == "OFFSET":
                offset = tuple(float(next(words)) for _ in range(3))
                if not np.isfinite(offset).all():
                    raise complain(f"OFFSET {offset} is not finite")
                if stack[-1] is not None:
                    joints[stack[-1]] = dataclasses.replace(joints[stack[-1]], offset=offset)
            elif word == "CHANNELS":
                channels = tuple(next(words) for _ in range(int(next(words))))
                wrong = [channel for channel in channels if not _CHANNEL.fullmatch(channel)]
                if wrong:
                    raise complain(f"unknown channel {wrong[0]}; expected Xposition .. Zrotation")
                joints[stack[-1]] = dataclasses.replace(joints[stack[-1]], channels=channels)
            elif word == "}":
                stack.pop()
            else:
                raise complain(f"unexpected '{word[:40]}'")
    except (StopIteration, IndexError, RuntimeError):
        raise complain("ends too early or its braces do not match") from None
    if stack or not joints:
        raise complain("ends too early or its braces do not match")
    return joints


def _parse_motion(path: pathlib.Path, motion: str, channels: int) -> tuple[float, np.ndarray]:
    """Seconds per frame and the values `[T, channels]`."""
    header = re.match(r"\s*Frames:\s*(\d+)\s+Frame\s+Time:\s*(\S+)", motion)
    if not header:
        raise DataError(f"{path}: MOTION: expected 'Frames: N' and 'Frame Time: seconds'; the file may be cut off")
    frames, frame_time = int(header[1]), float(header[2])
    if not (frame_time > 0 and np.isfinite(frame_time)):
        raise DataError(f"{path}: MOTION: Frame Time must be positive, got {header[2]}")
    values = np.array(motion[header.end() :].split(), dtype=object).astype(np.float64)
    if not frames or not channels or values.size != frames * channels:
        raise DataError(
            f"{path}: MOTION: expected {frames} frames of {channels} values, {frames * channels} in all, "
            f"found {values.size}; the file may be cut off"
        )
    if not np.isfinite(values).all():
        raise DataError(f"{path}: MOTION: has values that are not finite")
    return frame_time, values.reshape(frames, channels)


# --- from the file's rig to a skeleton


def _check_size(path: pathlib.Path, joints: list[Joint], unit: float):
    rest = forward_kinematics([dataclasses.replace(joint, channels=()) for joint in joints], np.zeros((1, 0)))[0]
    size = float(np.ptp(rest, axis=0).max()) * unit
    low, high = _PLAUSIBLE_METRES
    if not low <= size <= high:
        raise DataError(
            f"{path}: its rig would be {size:.3g} m large at {unit:.4g} m per unit, which is no human; "
            "give the unit in metres (0.01 for centimetres, 1 for metres, 0.0254 for inches)"
        )


def _rig(path: pathlib.Path, joints: list[Joint], skeleton: Skeleton | None, is_cmu: bool) -> Skeleton:
    """The skeleton that the file's joints are named after."""
    if is_cmu and (skeleton is None or not {_native(skeleton, j) for j in skeleton.joints} <= {j.name for j in joints}):
        return Skeleton.load("cmu31")  # which becomes `skeleton` by joint names
    return skeleton or _own_skeleton(path, joints)


def _native(skeleton: Skeleton, joint: str) -> str:
    return skeleton.native.get(joint, joint)


def _take(path: pathlib.Path, joints: list[Joint], positions: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    column = {joint.name: number for number, joint in enumerate(joints)}
    wanted = [_native(skeleton, joint) for joint in skeleton.joints]
    lacking = [name for name in wanted if name not in column]
    if lacking:
        raise DataError(
            f"{path}: lacks {', '.join(lacking)} for skeleton '{skeleton.name}'; it has {', '.join(column)}. "
            "The skeleton's 'native' part says what the file calls each joint."
        )
    return positions[:, [column[name] for name in wanted]]


def _own_skeleton(path: pathlib.Path, joints: list[Joint]) -> Skeleton:
    names = [joint.name for joint in joints]
    try:
        return Skeleton(
            name=path.stem,
            joints=tuple(names),
            parents=tuple(joint.parent for joint in joints),
            mirror=tuple(
                (name, name.replace("Left", "Right"))
                for name in names
                if "Left" in name and name.replace("Left", "Right") in names
            ),
            about=f"The rig of {path.name}.",
        )
    except SkeletonError as error:
        raise DataError(f"{path}: its hierarchy is no usable skeleton: {error}") from error
