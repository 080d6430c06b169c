"""Biovision hierarchy files (BVH), read as programs write them, and written back as they came.

HIERARCHY: a tree of ROOT and JOINT, each with an OFFSET from its parent and CHANNELS in any order; an End Site is no
joint.
MOTION: `Frames:`, `Frame Time:` and one line of channel values per frame, angles in degrees.
A joint's rotations apply in the order of its channels, each about the axis that the ones before it have turned:
`Zrotation Xrotation` is R_z R_x. Position channels, on any joint, replace its OFFSET (as Blender reads them); where
all of a file's joints but the root have none but zeros, its OFFSETs hold. A joint's position is the near end of its
bone.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib

import numpy as np

from tfpose.errors import DataError, SkeletonError
from tfpose.files import blame, write_text
from tfpose.formats.body import CMU_UNIT
from tfpose.formats.bvh_text import parse, text_of
from tfpose.formats.clip import Clip
from tfpose.formats.kinematics import Joint, Motion, forward_kinematics, solve
from tfpose.formats.recording import USUAL, Options, Recording
from tfpose.formats.text import read_text
from tfpose.formats.times import USUAL_RATE
from tfpose.skeleton import Skeleton

CENTIMETRE = 0.01


def read_file(path: str | os.PathLike, options: Options = USUAL, drop_first: bool | None = None) -> list[Clip]:
    """The one clip of a file.

    A file with all joint names of skeleton `cmu31` is CMU's. The joints of any other are known by the names that common
    programs give them; see `tfpose.formats.names`.

    Args:
        path: the file; may be packed by gzip.
        options: see `Options`. Joints of `options.skeleton` are found by its `native` names (its own names where it has
            none).
        drop_first: leave out frame 0; by default only of CMU's files that begin in a T-pose.

    Raises:
        DataError: when the file is not BVH, lacks joints of the skeleton, or is no human size.
    """
    path = pathlib.Path(path)
    with blame(path, "a BVH file"):
        motion, notes = parse(path, read_text(path))
        names = [joint.name for joint in motion.joints]
        cmu = Skeleton.load("cmu31")
        is_cmu = set(cmu.native.values()) <= set(names)
        positions = forward_kinematics(motion.joints, motion.values)
        if drop_first is None:
            drop_first = is_cmu and _begins_in_t_pose(positions, names, cmu)
        if drop_first:
            if len(motion.values) == 1:
                raise DataError(f"{path}: has only its T-pose frame and no motion; drop_first=False keeps that frame")
            motion = dataclasses.replace(motion, rest_frames=1)
            notes = (*notes, "its frame 0 is a T-pose, and is left out")
        positions = positions[motion.rest_frames :]
        wanted = options.skeleton
        if is_cmu and not options.mapping and (wanted is None or not _has(names, wanted)):
            options = dataclasses.replace(options, skeleton=cmu)
        try:
            clip = Recording(
                "bvh",
                positions,
                str(path),
                tuple(names),
                tuple(joint.parent for joint in motion.joints),
                rate=1 / motion.frame_time,
                usual_unit=CMU_UNIT if is_cmu else CENTIMETRE,
                usual_up=_up_at_rest(motion),
                zero_is_missing=False,
                layout=motion,
                notes=notes,
                about={"subject": path.parent.name if is_cmu else ""},
            ).clip(options)
        except SkeletonError as error:
            raise DataError(f"{error}; its hierarchy is no usable skeleton") from error
        return [clip if wanted is None else clip.to(wanted)]


def write(path: str | os.PathLike, clip: Clip) -> None:
    """Writes a clip. One that was read from a BVH file keeps its hierarchy, offsets, channels and rate.

    Joints that are where the file had them keep their channels to the last digit. For others the rotations are solved
    from the root on, so that each bone points at the joint at its end; bones keep their length. What hangs on a moved
    joint and is not in the clip, such as an end site, follows it. Position channels, where a joint has three, put it
    exactly where it shall be. A clip from elsewhere gets a hierarchy with six channels a joint. Gaps are bridged,
    because the format has none.

    Raises:
        DataError: when the file cannot be written.
    """
    origin = clip.origin
    if origin is not None and isinstance(origin.layout, Motion):
        motion, columns = origin.layout, origin.columns
        targets = _bridged(origin.native(clip.positions))
    elif clip.missing.all():
        raise DataError(f"{path}: nobody is seen in the clip, which BVH cannot say")
    else:
        motion, columns = _hierarchy(clip)
        targets = _bridged(np.asarray(clip.positions, np.float64) / CENTIMETRE)
    write_text(path, text_of(motion, solve(motion, columns, targets)))


def _bridged(positions: np.ndarray) -> np.ndarray:
    """Positions `[T, J, 3]` with gaps bridged linearly; joints that are never seen stay NaN."""
    positions = positions.copy()
    frames = np.arange(len(positions))
    for joint in range(positions.shape[1]):
        seen = np.isfinite(positions[:, joint]).all(-1)
        if seen.any() and not seen.all():
            for axis in range(3):
                positions[:, joint, axis] = np.interp(frames, frames[seen], positions[seen, joint, axis])
    return positions


def _hierarchy(clip: Clip) -> tuple[Motion, list[int]]:
    """A hierarchy of a clip's skeleton, its offsets as in the first frame with a usual length, in centimetres.

    Also the number in it of each joint of the clip.
    """
    skeleton = clip.skeleton
    positions = _bridged(np.asarray(clip.positions, np.float64)) / CENTIMETRE
    order = _depth_first(skeleton, skeleton.root)
    joints = []
    for at in order:
        parent = skeleton.parents[at]
        offset = np.zeros(3)
        if parent >= 0:
            bones = np.nan_to_num(positions[:, at] - positions[:, parent])  # none of a joint that is never seen
            length = np.linalg.norm(bones[0])
            offset = bones[0] / max(length, 1e-9) * np.median(np.linalg.norm(bones, axis=-1))
        channels = tuple(f"{axis}position" for axis in "XYZ") + tuple(f"{axis}rotation" for axis in "ZXY")
        end = None if skeleton.children[at] else (0.0, 0.0, 0.0)
        joints.append(Joint(clip.names[at], order.index(parent) if parent >= 0 else -1, tuple(offset), channels, end))
    rest = [number for joint in joints for number in (*joint.offset, 0.0, 0.0, 0.0)]
    values = np.tile(np.array(rest), (len(clip), 1))
    columns = [order.index(at) for at in range(len(skeleton))]
    return Motion(tuple(joints), values, 1 / (clip.rate or USUAL_RATE)), columns


def _depth_first(skeleton: Skeleton, joint: int) -> list[int]:
    return [joint, *(at for child in skeleton.children[joint] for at in _depth_first(skeleton, child))]


# --- what the rig says of itself


def _begins_in_t_pose(positions: np.ndarray, names: list[str], cmu: Skeleton) -> bool:
    """Whether arms are spread and legs straight in frame 0, and another pose follows at once."""
    first = {joint: positions[0, names.index(name)] for joint, name in cmu.native.items()}

    def direction(start: str, end: str) -> np.ndarray:
        vector = first[end] - first[start]
        return vector / max(np.linalg.norm(vector), 1e-9)

    left, right = (direction(f"shoulder_{side}", f"wrist_{side}") for side in ("left", "right"))
    legs = [direction(f"hip_{side}", f"ankle_{side}") for side in ("left", "right")]
    spread = left @ right < -0.9 and all(abs(leg @ left) < 0.2 for leg in legs) and legs[0] @ legs[1] > 0.95
    if not spread or len(positions) < 2:
        return bool(spread)
    poses = positions[:2] - positions[:2, :1]
    leg = np.linalg.norm(first["hip_left"] - first["ankle_left"])
    return bool(np.linalg.norm(poses[1] - poses[0], axis=-1).mean() > 0.05 * leg)


def _up_at_rest(motion: Motion) -> str:
    """The axis along which the rig is tallest without any rotation, if it is the third; else y."""
    rest = forward_kinematics([dataclasses.replace(joint, channels=()) for joint in motion.joints], np.zeros((1, 0)))[0]
    names = {joint.name.lower(): at for at, joint in enumerate(motion.joints)}
    head = next((at for name, at in names.items() if name.endswith("head")), None)
    foot = next((at for name, at in names.items() if "foot" in name), None)
    if head is None or foot is None:
        return "y"
    upward = rest[head] - rest[foot]
    return "z" if upward[2] > 2 * abs(upward[1]) else "y"


def _has(names: list[str], skeleton: Skeleton) -> bool:
    return {skeleton.native.get(joint, joint) for joint in skeleton.joints} <= set(names)
