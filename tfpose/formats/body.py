"""What the size and the posture of a body say of a file: its unit, its upward axis, whether its axes are mirrored."""

from __future__ import annotations

import numpy as np

from tfpose.errors import DataError, SkeletonError
from tfpose.skeleton import Skeleton

# Metres, of a grown person (Winter, Biomechanics and Motor Control of Human Movement: shares of 1.75 m).
BONES = {("hip", "knee"): 0.43, ("knee", "ankle"): 0.43, ("shoulder", "elbow"): 0.32, ("elbow", "wrist"): 0.26}
CMU_UNIT = 0.0254 / 0.45  # metres: CMU's own scale, one unit is 1/0.45 inch
UNITS = {
    1.0: "metres",
    0.01: "centimetres",
    0.001: "millimetres",
    0.0254: "inches",
    0.3048: "feet",
    0.1: "decimetres",
    CMU_UNIT: "CMU's unit of 1/0.45 inch",
}
SIZES = (0.55, 1.4)  # of a grown person, from a child of six to a very tall man
BEARABLE = (0.35, 2.2)  # beyond this a unit that was given is taken to be wrong
HEIGHTS = (0.2, 6.0)  # metres: what is larger or smaller than this from end to end is no person
_MOST = 2000  # frames that are looked at


def find_unit(source: str, values: np.ndarray, skeleton: Skeleton, given: float | None, usual: float):
    """Metres per unit of `values` `[T, J, 3]`, and a sentence where it is not the usual unit.

    The lengths of thighs, shins and arms tell. `given` is taken as it is, unless the body would be absurd. Where no
    body can be made out, the unit is `given`, or `usual` if that makes something of a person's size.

    Raises:
        DataError: when there is no human size in any unit, or in the one given.
    """
    size = _size(values, skeleton)
    if size is None:
        if given is None:
            _check_whole(source, values, usual)
        return usual if given is None else given, ""
    if given is not None:
        if not BEARABLE[0] <= size * given <= BEARABLE[1]:
            raise DataError(
                f"{source}: at {given:g} m per unit its bones would be {size * given:.3g} times as long as a grown "
                f"person's; give another unit, or none, so that it is found ({_said(_nearest(size))})"
            )
        return given, ""
    if SIZES[0] <= size * usual <= SIZES[1]:
        return usual, ""
    unit = _nearest(size)
    if not SIZES[0] <= size * unit <= SIZES[1]:
        unit = 1.0 / size
        return unit, (
            f"its bones fit no unit of length; taken at {unit:.4g} m per unit, which makes a person of 1.75 m; "
            "give the unit if you know it"
        )
    return unit, f"taken to be in {_said(unit)}, by the length of its bones; give the unit if it is another"


def find_up(values: np.ndarray, skeleton: Skeleton, usual: str) -> tuple[str, str]:
    """The upward axis of `values` `[T, J, 3]`, and a sentence where it is not the usual one.

    It is where the upper body is above the feet, if that is one axis in nearly all frames; or above the hips, where no
    feet are seen.
    """
    joints = _joints(values, skeleton)
    feet, hips = (_upward(joints, below) for below in ("ankle", "hip"))
    upward, called = (feet, "feet") if len(feet) else (hips, "hips")
    if not len(upward):
        return usual, ""
    middle = np.median(upward, axis=0)
    axis = int(np.argmax(np.abs(middle)))
    found = ("" if middle[axis] > 0 else "-") + "xyz"[axis]
    clear = (upward[:, axis] * np.sign(middle[axis]) > 0.75).mean() > 0.9
    if not clear or found == usual:
        return usual, ""
    because = f"the {called} are below the head along it"
    return found, f"taken to have {found} up, because {because}; say which axis is up if not"


def _upward(joints: dict[str, np.ndarray], below: str) -> np.ndarray:
    """Directions `[N, 3]` from a joint of both sides to head and shoulders, in the frames where all are seen."""
    top = [joints[j] for j in ("head", "shoulder_left", "shoulder_right") if j in joints]
    bottom = [joints[j] for j in (f"{below}_left", f"{below}_right") if j in joints]
    if not top or len(bottom) < 2:
        return np.zeros((0, 3))
    with np.errstate(all="ignore"):
        upward = np.mean(top, axis=0) - np.mean(bottom, axis=0)
        upward /= np.linalg.norm(upward, axis=-1, keepdims=True)
    return upward[np.isfinite(upward).all(-1)]


def is_mirrored(positions: np.ndarray, skeleton: Skeleton) -> bool:
    """Whether the knees bend and the feet point backwards in nearly all frames of `[T, J, 3]`, metres, y up."""
    joints = _joints(positions, skeleton)
    needed = [f"{joint}_{side}" for joint in ("hip", "knee", "ankle") for side in ("left", "right")]
    if any(joint not in joints for joint in needed):
        return False
    left = joints["hip_left"] - joints["hip_right"]
    forward = np.cross(left, [0.0, 1.0, 0.0])
    with np.errstate(all="ignore"):
        forward /= np.linalg.norm(forward, axis=-1, keepdims=True)
        ahead = []
        for side in ("left", "right"):
            hip, knee, ankle = (joints[f"{joint}_{side}"] for joint in ("hip", "knee", "ankle"))
            ahead.append(((knee - (hip + ankle) / 2) * forward).sum(-1))
            if f"foot_{side}" in joints:
                ahead.append(((joints[f"foot_{side}"] - ankle) * forward).sum(-1))
        ahead = np.mean(ahead, axis=0)
    ahead = ahead[np.isfinite(ahead)]
    return len(ahead) > 0 and float((ahead < -0.01).mean()) > 0.8 and float(np.median(ahead)) < -0.02


def zeros_as_missing(values: np.ndarray) -> int:
    """Makes joints of `values` `[T, J, 3]` that are exactly zero NaN, unless the zero is where the file is centred.

    Returns:
        How many there were.
    """
    zero = (values == 0).all(-1)
    # A joint at zero in most of the frames that have anybody is the middle of the file, not missing.
    somebody = (np.isfinite(values).all(-1) & ~zero).any(1)
    centre = zero[somebody].mean(0) > 0.5 if somebody.any() else np.zeros(zero.shape[1], bool)
    if centre.sum() > 1:
        centre[:] = False
    missing = zero & ~(centre[None] & somebody[:, None])
    values[missing] = np.nan
    return int(missing.sum())


def _size(values: np.ndarray, skeleton: Skeleton) -> float | None:
    """How many units a grown person's metre is; None where the bones are those of no body."""
    joints = _joints(values, skeleton)
    sizes, spreads, sides = [], [], []
    for (parent, child), usual in BONES.items():
        pair = []
        for side in ("left", "right"):
            ends = [joints.get(f"{joint}_{side}") for joint in (parent, child)]
            if any(end is None for end in ends):
                continue
            lengths = np.linalg.norm(ends[0] - ends[1], axis=-1)
            lengths = lengths[np.isfinite(lengths)]
            if not len(lengths) or not np.median(lengths) > 0:
                continue
            pair.append(np.median(lengths))
            spreads.append(np.median(np.abs(lengths - pair[-1])) / pair[-1])
            sizes.append(pair[-1] / usual)
        if len(pair) == 2:
            sides.append(max(pair) / min(pair))
    # Bones of a body keep their length, are alike on both sides, and have a body's proportions.
    if len(sizes) < 4 or not sides or np.median(spreads) > 0.15 or max(sides) > 1.35 or max(sizes) > 1.8 * min(sizes):
        return None
    return float(np.median(sizes))


def _joints(values: np.ndarray, skeleton: Skeleton) -> dict[str, np.ndarray]:
    some = np.asarray(values, np.float64)[:: max(len(values) // _MOST, 1)]
    found = {joint: some[:, number] for number, joint in enumerate(skeleton.joints)}
    for joint, rule in skeleton.derived.items():
        found[joint] = sum(weight * some[:, skeleton.index(part)] for part, weight in rule.items())
    return found


def _nearest(size: float) -> float:
    return min(UNITS, key=lambda unit: abs(np.log(size * unit)))


def _said(unit: float) -> str:
    return f"{UNITS[unit]}, {unit:.4g} m"


def _check_whole(source: str, values: np.ndarray, unit: float):
    """Refuses poses of no human size, where no bones are known by name."""
    whole = values[np.isfinite(values).all((1, 2))]
    if not len(whole):
        return
    size = float(np.median(np.ptp(whole, axis=1).max(axis=-1))) * unit
    if not HEIGHTS[0] <= size <= HEIGHTS[1]:
        raise DataError(
            f"{source}: its poses are {size:.3g} m large at {unit:.4g} m per unit, which is no human; give the unit in "
            "metres (0.01 for centimetres, 0.001 for millimetres, 0.0254 for inches)"
        )


def by_count(source: str, values: np.ndarray) -> Skeleton:
    """The skeleton of `values` `[T, J, 3]` that come without names: of those with J joints, the one that fits.

    It fits when bones keep their length and both sides are alike.

    Raises:
        SkeletonError: when there is none, or two fit as well.
    """
    count = values.shape[1]
    known = [Skeleton.load(name) for name in Skeleton.names()]
    names = [skeleton for skeleton in known if len(skeleton) == count]
    advice = f"give the skeleton: a JSON file or one of {', '.join(Skeleton.names())}"
    if not names:
        raise SkeletonError(f"{source}: no skeleton that comes with tfpose has {count} joints; {advice}")
    scores = sorted((*_misfit(values, skeleton), number) for number, skeleton in enumerate(names))
    if len(scores) > 1 and not (scores[0][0] < 0.7 * scores[1][0] and scores[0][1] < 0.2):
        fitting = ", ".join(skeleton.name for skeleton in names)
        raise SkeletonError(f"{source}: its {count} joints may be those of {fitting}; {advice}")
    return names[scores[0][-1]]


def _misfit(values: np.ndarray, skeleton: Skeleton) -> tuple[float, float]:
    """How badly a skeleton fits; and how much bones change their length and sides differ, relative to the lengths."""
    some = np.asarray(values, np.float64)[:: max(len(values) // 200, 1)]
    child, parent = np.array(skeleton.bones).T
    lengths = np.linalg.norm(some[:, child] - some[:, parent], axis=-1)
    lengths = lengths[np.isfinite(lengths).all(-1)]
    if not len(lengths):
        return np.inf, np.inf
    middle = np.median(lengths, axis=0)
    left, right = np.array(skeleton.mirror_bones).T
    uneven = np.abs(middle[left] - middle[right]) / np.maximum(middle[left] + middle[right], 1e-9)
    changing = np.median(np.abs(lengths - middle), axis=0).sum() / max(middle.sum(), 1e-9)
    unlike = float(changing + uneven.mean())
    # Of two trees over the same points the one with shorter bones is the body.
    return (unlike + 0.02) * float(middle.sum()), unlike
