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
import re
from collections.abc import Iterator, Sequence

import numpy as np
from scipy.spatial.transform import Rotation

from tfpose.errors import DataError, SkeletonError
from tfpose.files import blame, write_text
from tfpose.formats.clip import Clip
from tfpose.formats.recording import USUAL, Options, Recording
from tfpose.formats.text import read_text
from tfpose.formats.turns import best_turn
from tfpose.skeleton import Skeleton

CMU_UNIT = 0.0254 / 0.45  # metres: CMU's own scale, one unit is 1/0.45 inch
CENTIMETRE = 0.01
_USUAL_FRAME_TIME = 1 / 30
_MET = 1e-5  # of the rig's size: nearer than this a joint is where it shall be


@dataclasses.dataclass(frozen=True)
class Joint:
    """One joint of a hierarchy: `parent` is an index into the list of joints, -1 for the root; `offset` `[3]`.

    `end` is the OFFSET of the End Site that hangs on it, None where there is none.
    """

    name: str
    parent: int
    offset: tuple[float, float, float]
    channels: tuple[str, ...]
    end: tuple[float, float, float] | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Motion:
    """What a file holds: `joints`, parents first; the `values` `[T, C]` of their channels; seconds per frame.

    Attributes:
        rest_frames: frames at the beginning that are no motion, and not in the clip.
    """

    joints: tuple[Joint, ...]
    values: np.ndarray
    frame_time: float
    rest_frames: int = 0


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
    else:
        motion, columns = _hierarchy(clip)
        targets = _bridged(np.asarray(clip.positions, np.float64) / CENTIMETRE)
    write_text(path, text_of(motion, solve(motion, columns, targets)))


def solve(motion: Motion, columns: Sequence[int], targets: np.ndarray) -> np.ndarray:
    """Channel values `[T, C]` that bring joints to `targets` `[T, J, 3]`, in the file's unit.

    `columns` are the numbers of these joints in the hierarchy.
    """
    joints, values = motion.joints, motion.values.copy()
    moved = values[motion.rest_frames :]
    local, positions, turns = _posed(joints, moved)
    wanted = np.full_like(positions, np.nan)
    for column, at in enumerate(columns):
        wanted[:, at] = targets[:, column]
    size = max(float(np.ptp(positions[0], axis=0).max()), 1e-6)
    children = [[c for c, joint in enumerate(joints) if joint.parent == at] for at in range(len(joints))]
    new_positions, new_turns, new_local = positions.copy(), list(turns), list(local)
    hold = _offsets_hold(joints, values)
    changed = np.zeros((len(moved), len(joints)), bool)  # whether a joint's orientation in the world has changed
    for at, joint in enumerate(joints):
        parent = joint.parent
        above = new_turns[parent] if parent >= 0 else Rotation.identity(len(moved))
        turn_above = changed[:, parent] if parent >= 0 else np.zeros(len(moved), bool)
        # Where it would be if nothing of its own changed.
        offset = new_local[at][1]
        place = (new_positions[:, parent] + above.apply(offset)) if parent >= 0 else offset
        free = [f"{axis}position" in joint.channels for axis in "XYZ"]
        off = np.linalg.norm(wanted[:, at] - place, axis=-1) > _MET * size
        if all(free) and off.any() and (parent < 0 or not hold):
            target = np.where(off[:, None], wanted[:, at], place)
            offset = above.inv().apply(target - new_positions[:, parent]) if parent >= 0 else target
            offset = np.where(off[:, None], offset, new_local[at][1])
            place = np.where(off[:, None], target, place)
        new_positions[:, at] = place
        following = above * local[at][0]
        own = following
        driven = [
            child
            for child in children[at]
            if np.isfinite(wanted[:, child]).all() and np.linalg.norm(new_local[child][1], axis=-1).min() > _MET * size
        ]
        if driven and any("rotation" in channel for channel in joint.channels):
            offsets = np.stack([new_local[child][1] for child in driven], axis=1)
            aims = np.stack([wanted[:, child] - place for child in driven], axis=1)

            def reached(turn, offsets=offsets, aims=aims):
                there = np.stack([turn.apply(offsets[:, n]) for n in range(offsets.shape[1])], axis=1)
                unit = aims / np.maximum(np.linalg.norm(aims, axis=-1, keepdims=True), 1e-12)
                there /= np.maximum(np.linalg.norm(there, axis=-1, keepdims=True), 1e-12)
                return there, unit, np.linalg.norm(there - unit, axis=-1).max(-1) < 1e-4

            _, _, met = reached(following)
            # From the orientation that it had, so that the twist about the bone stays.
            there, unit, _ = reached(turns[at])
            lengths = np.linalg.norm(offsets, axis=-1, keepdims=True)
            solved = best_turn(there * lengths, unit * lengths) * turns[at]
            own = _choose(met, following, solved)
            same = ~turn_above & met
            changed[:, at] = ~same
        else:
            changed[:, at] = turn_above
        new_turns[at] = own
        new_local[at] = (above.inv() * own, offset)
        touched = changed[:, at] & ~(turn_above & _equal(own, following)) | off
        _set_channels(moved, motion, at, new_local[at], local[at], touched, _MET * size)
    return values


def forward_kinematics(joints: list[Joint] | tuple[Joint, ...], values: np.ndarray) -> np.ndarray:
    """Positions `[T, J, 3]` in the file's unit from channel values `[T, C]`, all frames at once.

    `joints` come parents first; the columns of `values` are their channels in the same order.
    """
    return _posed(joints, values)[1]


def _posed(joints, values: np.ndarray):
    """For each joint its rotation and offset in its parent's frame; positions `[T, J, 3]`; rotations in the world."""
    positions = np.empty((len(values), len(joints), 3))
    local: list[tuple[Rotation, np.ndarray]] = []
    rotations: list[Rotation] = []
    column = 0
    hold = _offsets_hold(joints, values)
    for number, joint in enumerate(joints):
        mine = values[:, column : column + len(joint.channels)]
        column += len(joint.channels)
        offset = np.tile(np.asarray(joint.offset, float), (len(values), 1))
        turn = Rotation.identity(len(values))
        for channel, value in zip(joint.channels, mine.T):
            if channel.endswith("position"):
                if joint.parent < 0 or not hold:
                    offset[:, "XYZ".index(channel[0])] = value
            else:
                turn = turn * Rotation.from_euler(channel[0], value[:, None], degrees=True)
        local.append((turn, offset))
        if joint.parent < 0:
            positions[:, number] = offset
            rotations.append(turn)
        else:
            positions[:, number] = positions[:, joint.parent] + rotations[joint.parent].apply(offset)
            rotations.append(rotations[joint.parent] * turn)
    return local, positions, rotations


def _offsets_hold(joints, values: np.ndarray) -> bool:
    """Whether position channels below the root are there but unused: nothing but zeros, beside OFFSETs that are not."""
    columns, column = [], 0
    for joint in joints:
        for channel in joint.channels:
            if channel.endswith("position") and joint.parent >= 0:
                columns.append(column)
            column += 1
    offsets = [joint.offset for joint in joints if joint.parent >= 0 and "Xposition" in joint.channels]
    return len(columns) >= 3 and np.any(offsets) and not values[:, columns].any()


# --- from positions to channels


def _choose(first_where: np.ndarray, first: Rotation, second: Rotation) -> Rotation:
    return Rotation.from_quat(np.where(first_where[:, None], first.as_quat(), second.as_quat()))


def _equal(a: Rotation, b: Rotation) -> np.ndarray:
    return (a.inv() * b).magnitude() < 1e-9


def _set_channels(values: np.ndarray, motion: Motion, at: int, new, old, touched: np.ndarray, least: float):
    """Writes a joint's rotation and offset into its columns of `values` `[T, C]`, in the frames that are `touched`.

    A coordinate that changes by less than `least` stays.
    """
    if not touched.any():
        return
    joint = motion.joints[at]
    start = sum(len(other.channels) for other in motion.joints[:at])
    rotation, offset = new
    turned = touched & ~_equal(rotation, old[0])
    axes = "".join(channel[0] for channel in joint.channels if channel.endswith("rotation"))
    columns = [start + n for n, channel in enumerate(joint.channels) if channel.endswith("rotation")]
    if axes and turned.any():
        values[np.ix_(turned, columns)] = _angles(rotation[turned], axes, values[np.ix_(turned, columns)])
    for n, channel in enumerate(joint.channels):
        if channel.endswith("position"):
            axis = "XYZ".index(channel[0])
            there = touched & (np.abs(offset[:, axis] - old[1][:, axis]) > least)
            values[there, start + n] = offset[there, axis]


def _angles(rotation: Rotation, axes: str, before: np.ndarray) -> np.ndarray:
    """Degrees `[T, len(axes)]` about the given axes in turn, of the two solutions the one nearer to `before`."""
    count = len(axes)
    if count == 1:
        vector = rotation.as_rotvec(degrees=True)
        angles = vector[:, ["XYZ".index(axes)]]
        return before + _wrapped(angles - before)
    if count == 2 or len(set(axes)) == 2:
        third = axes if count == 3 else axes + next(axis for axis in "XYZ" if axis not in axes)
        angles = _euler(rotation, third)[:, :count]
        return before + _wrapped(angles - before)
    one = _euler(rotation, axes)
    other = np.stack([one[:, 0] + 180, 180 - one[:, 1], one[:, 2] + 180], axis=1)
    ways = [before + _wrapped(way - before) for way in (one, other)]
    nearer = np.abs(ways[0] - before).sum(-1) <= np.abs(ways[1] - before).sum(-1)
    return np.where(nearer[:, None], ways[0], ways[1])


def _euler(rotation: Rotation, axes: str) -> np.ndarray:
    import warnings

    with warnings.catch_warnings():  # at the poles one angle is free, and scipy says so
        warnings.simplefilter("ignore", UserWarning)
        return rotation.as_euler(axes, degrees=True)


def _wrapped(degrees: np.ndarray) -> np.ndarray:
    return (degrees + 180) % 360 - 180


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
    positions = np.nan_to_num(positions, nan=0.0)
    order = _depth_first(skeleton, skeleton.root)
    joints = []
    for at in order:
        parent = skeleton.parents[at]
        offset = np.zeros(3)
        if parent >= 0:
            bones = positions[:, at] - positions[:, parent]
            length = np.linalg.norm(bones[0])
            offset = bones[0] / max(length, 1e-9) * np.median(np.linalg.norm(bones, axis=-1))
        channels = tuple(f"{axis}position" for axis in "XYZ") + tuple(f"{axis}rotation" for axis in "ZXY")
        end = None if skeleton.children[at] else (0.0, 0.0, 0.0)
        joints.append(Joint(clip.names[at], order.index(parent) if parent >= 0 else -1, tuple(offset), channels, end))
    rest = [number for joint in joints for number in (*joint.offset, 0.0, 0.0, 0.0)]
    values = np.tile(np.array(rest), (len(clip), 1))
    columns = [order.index(at) for at in range(len(skeleton))]
    return Motion(tuple(joints), values, 1 / (clip.rate or 30.0)), columns


def _depth_first(skeleton: Skeleton, joint: int) -> list[int]:
    return [joint, *(at for child in skeleton.children[joint] for at in _depth_first(skeleton, child))]


def text_of(motion: Motion, values: np.ndarray) -> str:
    """The text of a file with these channel values `[T, C]`."""
    children = [[c for c, joint in enumerate(motion.joints) if joint.parent == at] for at in range(len(motion.joints))]
    lines = ["HIERARCHY"]

    def write_joint(at: int, depth: int):
        joint, indent = motion.joints[at], "\t" * depth
        lines.append(f"{indent}{'JOINT' if depth else 'ROOT'} {joint.name}")
        lines.append(f"{indent}{{")
        lines.append(f"{indent}\tOFFSET {_numbers(joint.offset)}")
        lines.append(f"{indent}\tCHANNELS {len(joint.channels)} {' '.join(joint.channels)}".rstrip())
        for child in children[at]:
            write_joint(child, depth + 1)
        if joint.end is not None:
            lines.extend([f"{indent}\tEnd Site", f"{indent}\t{{", f"{indent}\t\tOFFSET {_numbers(joint.end)}"])
            lines.append(f"{indent}\t}}")
        lines.append(f"{indent}}}")

    write_joint(0, 0)
    lines += ["MOTION", f"Frames: {len(values)}", f"Frame Time: {motion.frame_time:.10g}"]
    lines += [_numbers(row) for row in values]
    return "\n".join(lines) + "\n"


def _numbers(row) -> str:
    """Numbers as text that gives the very same numbers back; what has more than ten digits is rounded."""
    return " ".join(np.char.mod("%.10g", np.asarray(row, float)))


# --- parsing


_WORD = re.compile(r"[{}]|[^\s{}]+")
_CHANNEL = re.compile(r"([XYZ])\s*(pos|rot)\w*", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?(\d+[.,]?\d*|[.,]\d+)([eE][-+]?\d+)?")


def parse(path: str | os.PathLike, text: str) -> tuple[Motion, tuple[str, ...]]:
    """What a file holds, and what is to be said of it.

    Raises:
        DataError: names the line that cannot be read.
    """
    text = re.sub(r"(?m)(^|\s)(#|//).*$", lambda found: " " * len(found[0]), text)
    words = Words(path, text)
    if next(words, "").upper() != "HIERARCHY":
        raise DataError(f"{path}: not a BVH file: it does not start with HIERARCHY")
    joints = _parse_hierarchy(words)
    frame_time, values, notes = _parse_motion(path, text, words.end, sum(len(joint.channels) for joint in joints))
    return Motion(tuple(joints), values, frame_time), tuple(notes)


class Words:
    """The words of a text one after the other; knows the line of the last one, and where it ends."""

    def __init__(self, path, text: str):
        self.path, self.text, self.start, self.end = path, text, 0, 0
        self._found: Iterator[re.Match] = _WORD.finditer(text)

    def __iter__(self):
        return self

    def __next__(self) -> str:
        found = next(self._found)
        self.start, self.end = found.span()
        return found[0]

    def error(self, what: str) -> DataError:
        return DataError(f"{self.path}: line {_line(self.text, self.start)}: {what}")


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def _parse_hierarchy(words: Words) -> list[Joint]:
    joints: list[Joint] = []
    stack: list[int | None] = []  # the open joints; None marks an open End Site
    channels_of: set[int] = set()
    try:
        for word in words:
            keyword = word.upper()
            if keyword in ("ROOT", "JOINT"):
                name = _name(words)
                if keyword == "ROOT" and joints:
                    raise words.error(f"a second ROOT '{name[:40]}'; a file holds one person, so split it")
                if (keyword == "JOINT" and not stack) or (stack and stack[-1] is None):
                    raise words.error(f"{keyword} '{name[:40]}' stands where none can be; one ROOT holds all joints")
                if name in {joint.name for joint in joints}:
                    raise words.error(f"names a joint twice: {name[:60]}")
                joints.append(Joint(name, stack[-1] if stack else -1, (0.0, 0.0, 0.0), ()))
                stack.append(len(joints) - 1)
            elif keyword in ("END", "ENDSITE") and stack and stack[-1] is not None:
                while next(words) != "{":
                    pass
                stack.append(None)
            elif keyword == "OFFSET":
                offset = tuple(_float(words) for _ in range(3))
                if stack[-1] is not None:
                    joints[stack[-1]] = dataclasses.replace(joints[stack[-1]], offset=offset)
                elif stack[-2] is not None:
                    joints[stack[-2]] = dataclasses.replace(joints[stack[-2]], end=offset)
            elif keyword == "CHANNELS":
                count = next(words)
                if not count.isdecimal() or int(count) > 9 or stack[-1] is None:
                    raise words.error(f"CHANNELS: expected how many the joint has, got '{count[:40]}'")
                channels = tuple(_channel(words) for _ in range(int(count)))
                joints[stack[-1]] = dataclasses.replace(joints[stack[-1]], channels=channels)
                channels_of.add(stack[-1])
            elif keyword == "}":
                stack.pop()
            elif keyword == "MOTION" and joints and not stack:
                return joints
            else:
                raise words.error(
                    f"HIERARCHY: unexpected '{word[:40]}'" + (" before all braces are closed" if stack else "")
                )
    except (StopIteration, IndexError, RuntimeError):
        pass
    if joints and not stack:
        raise DataError(f"{words.path}: has no MOTION part; the file may be cut off")
    raise words.error("HIERARCHY: ends too early or its braces do not match")


def _name(words: Words) -> str:
    """A joint's name: it may hold spaces, and runs up to the brace."""
    parts = []
    while (word := next(words)) != "{":
        if word == "}" or len(parts) > 20:
            raise words.error("expected a joint's name and an opening brace")
        parts.append(word)
    name = " ".join(parts).strip("\"' ")
    if not name:
        raise words.error("a joint without a name")
    return name


def _float(words: Words) -> float:
    word = next(words)
    try:
        value = float(word.replace(",", "."))
    except ValueError:
        raise words.error(f"OFFSET: '{word[:40]}' is not a number") from None
    if not np.isfinite(value):
        raise words.error(f"OFFSET {word[:40]} is not finite")
    return value


def _channel(words: Words) -> str:
    word = next(words)
    found = _CHANNEL.fullmatch(word)
    if not found:
        raise words.error(f"unknown channel {word[:40]}; expected Xposition .. Zrotation")
    return found[1].upper() + ("position" if found[2].lower() == "pos" else "rotation")


def _parse_motion(path, text: str, at: int, channels: int) -> tuple[float, np.ndarray, list[str]]:
    """Seconds per frame, the values `[T, channels]`, and what is to be said of them."""
    notes = []
    frames, at = _field(path, text, at, r"\s*Frames\s*:?\s*(\S+)", int)
    frame_time, at = _field(path, text, at, r"\s*Frame\s*Time\s*:?\s*(\S+)", float)
    if frames is None and frame_time is not None:
        frames, at = _field(path, text, at, r"\s*Frames\s*:?\s*(\S+)", int)
    if frame_time is None:
        frame_time = _USUAL_FRAME_TIME
        notes.append("says no Frame Time; taken at 30 frames per second")
    if not (frame_time > 0 and np.isfinite(frame_time)):
        raise DataError(f"{path}: MOTION: Frame Time must be positive, got {frame_time:g}")
    values = _values(path, text, at, frames, channels, notes)
    if not channels or not len(values) or frames == 0:
        raise DataError(
            f"{path}: MOTION: has no frames; expected {frames or 'some'} frames of {channels} values; the file may be "
            "cut off"
        )
    return frame_time, values, notes


def _field(path, text: str, at: int, pattern: str, kind):
    """The number of a header field, None where it is not there, and where it ends."""
    found = re.compile(pattern, re.IGNORECASE).match(text, at)
    if not found:
        return None, at
    word = found[1].replace(",", ".")
    try:
        return (int(float(word)) if kind is int else float(word)), found.end()
    except (ValueError, OverflowError):
        raise DataError(
            f"{path}: line {_line(text, found.start(1))}: MOTION: expected 'Frames: N' and 'Frame Time: seconds', got "
            f"'{found[1][:40]}'"
        ) from None


def _values(path, text: str, at: int, frames: int | None, channels: int, notes: list[str]) -> np.ndarray:
    body = text[at:]
    if "," in body:
        body = body.replace(",", " " if "." in body else ".")
    words = body.split()
    try:
        values = np.array(words, dtype=object).astype(np.float64)
    except ValueError:
        values = _tolerant(path, text, at, words, channels, notes)
    rows, rest = divmod(values.size, channels) if channels else (0, 0)
    if frames is not None and 0 < frames < rows + bool(rest):
        notes.append(f"says {frames} frames and has {values.size / channels:g}; all whole ones are read")
    elif frames is not None and frames > rows:
        if frames - rows > 1 or rest or not rows:
            raise DataError(
                f"{path}: MOTION: expected {frames} frames of {channels} values, {frames * channels} in all, "
                f"found {values.size}; the file may be cut off"
            )
        notes.append(f"says {frames} frames and has {rows}")
    elif rest:
        raise DataError(
            f"{path}: MOTION: expected frames of {channels} values, found {values.size}, {rest} too many; the file may "
            "be cut off"
        )
    values = values[: rows * channels].reshape(rows, channels)
    bad = ~np.isfinite(values)
    if rows and (np.isinf(values).any() or bad.all(0).any() or bad.mean() > 0.5):
        where = np.argwhere(bad)
        row = f" in frame {where[0][0]}" if len(where) else ""
        raise DataError(f"{path}: MOTION: has values that are not finite{row}")
    if bad.any():
        notes.append(f"{bad.sum()} values are no numbers, and are bridged")
        for column in np.flatnonzero(bad.any(0)):
            seen = ~bad[:, column]
            values[:, column] = np.interp(np.arange(rows), np.flatnonzero(seen), values[seen, column])
    return values


def _tolerant(path, text: str, at: int, words: list[str], channels: int, notes: list[str]) -> np.ndarray:
    """Values where some words are no numbers: Windows' NaNs, and text behind whole frames."""
    values = []
    for number, word in enumerate(words):
        if re.fullmatch(r"[-+]?1\.?#\w+|[-+]?nan(\(\w*\))?", word, re.IGNORECASE):
            values.append(np.nan)
        elif _NUMBER.fullmatch(word):
            values.append(float(word))
        elif channels and values and len(values) % channels == 0 and not any(map(_NUMBER.fullmatch, words[number:])):
            notes.append(f"ends in text that is no motion: '{word[:20]}'")
            break
        else:
            place = next(found for n, found in enumerate(re.finditer(r"\S+", text[at:])) if n >= number)
            raise DataError(
                f"{path}: line {_line(text, at + place.start())}: MOTION: '{word[:40]}' is not a number"
            ) from None
    return np.array(values)


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
