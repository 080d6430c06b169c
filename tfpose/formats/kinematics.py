"""Joints that turn: positions from the channels of a hierarchy, and channels from positions."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Sequence

import numpy as np
from scipy.spatial.transform import Rotation

from tfpose.formats.turns import best_turn

_MET = 1e-5  # of the rig's size: nearer than this a joint is where it shall be
_POINTED = 1e-4  # radians: a bone that points so exactly at its end is not turned


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


def solve(motion: Motion, columns: Sequence[int], targets: np.ndarray) -> np.ndarray:
    """Channel values `[T, C]` that bring joints to `targets` `[T, J, 3]`, in the file's unit.

    From the root on each joint is turned so that its bones point at the joints at their ends, by the smallest turn of
    the orientation that it had. Where its bones point there already, and nothing above it was turned, its channels
    stay. A joint whose bones have no targets follows what it hangs on. Three position channels put a joint exactly
    where it shall be.

    Args:
        motion: the hierarchy and its channels.
        columns: the numbers of the J joints in the hierarchy.
        targets: where they shall be.
    """
    joints, values = motion.joints, motion.values.copy()
    moved = values[motion.rest_frames :]
    local, positions, turns = _posed(joints, moved)
    wanted = np.full_like(positions, np.nan)
    wanted[:, list(columns)] = targets
    near = _MET * max(float(np.ptp(positions[0], axis=0).max()), 1e-6)
    hold = _offsets_hold(joints, values)
    nothing = Rotation.identity(len(moved))
    place, new_turns = positions.copy(), list(turns)
    turned = np.zeros((len(moved), len(joints)), bool)  # whether a joint's orientation in the world has changed
    for at, joint in enumerate(joints):
        root = joint.parent < 0
        above, above_turned = (nothing, turned[:, at]) if root else (new_turns[joint.parent], turned[:, joint.parent])
        origin = 0.0 if root else place[:, joint.parent]
        rotation, offset = local[at]
        place[:, at] = origin + above.apply(offset)
        off = np.linalg.norm(wanted[:, at] - place[:, at], axis=-1) > near
        if off.any() and _has_position(joint) and (root or not hold):
            place[off, at] = wanted[off, at]
            offset = np.where(off[:, None], above.inv().apply(place[:, at] - origin), offset)
        following = above * rotation
        ends = [
            child
            for child, other in enumerate(joints)
            if other.parent == at
            and np.isfinite(wanted[:, child]).all()
            and np.linalg.norm(local[child][1], axis=-1).min() > near
        ]
        if ends and any(channel.endswith("rotation") for channel in joint.channels):
            bones = np.stack([local[child][1] for child in ends], axis=1)
            aims = wanted[:, ends] - place[:, at, None]
            new_turns[at], met = _pointed(following, turns[at], bones, aims)
            turned[:, at] = above_turned | ~met
        else:
            new_turns[at], met = following, np.ones(len(moved), bool)
            turned[:, at] = above_turned
        _set_channels(moved, motion, at, (above.inv() * new_turns[at], offset), local[at], ~met | off, near)
    return values


def _has_position(joint: Joint) -> bool:
    return all(f"{axis}position" in joint.channels for axis in "XYZ")


def _pointed(following: Rotation, before: Rotation, bones: np.ndarray, aims: np.ndarray) -> tuple[Rotation, np.ndarray]:
    """The orientation of a joint whose `bones` `[T, N, 3]` shall point at `aims`; and where `following` does it."""
    lengths = np.linalg.norm(bones, axis=-1, keepdims=True)
    directions = aims / np.maximum(np.linalg.norm(aims, axis=-1, keepdims=True), 1e-12)

    def apply(turn: Rotation) -> np.ndarray:
        return np.stack([turn.apply(bones[:, bone]) for bone in range(bones.shape[1])], axis=1)

    met = np.linalg.norm(apply(following) / lengths - directions, axis=-1).max(-1) < _POINTED
    # From the orientation that it had, so that the twist about the bone stays.
    solved = best_turn(apply(before), directions * lengths) * before
    return Rotation.from_quat(np.where(met[:, None], following.as_quat(), solved.as_quat())), met


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
    with warnings.catch_warnings():  # at the poles one angle is free, and scipy says so
        warnings.simplefilter("ignore", UserWarning)
        return rotation.as_euler(axes, degrees=True)


def _wrapped(degrees: np.ndarray) -> np.ndarray:
    return (degrees + 180) % 360 - 180
