"""The joints of a rig by what its programs call them, and the skeleton that they make.

Known are the names of CMU, Mixamo, Rokoko, Perception Neuron, MotionBuilder (HumanIK), Unreal, Unity and VRM, Xsens,
SMPL, LAFAN1, 100STYLE, Bandai-Namco, 3ds Max Biped, Rigify, MakeHuman, Daz, Kinect, OpenPose, OpenSim and MediaPipe.
Prefixes, quotes, case and separators do not matter, and a side may stand on either end, in full or as a letter.
"""

from __future__ import annotations

import itertools
import json
import os
import pathlib
import re
from collections.abc import Mapping, Sequence

import numpy as np

from tfpose.errors import SkeletonError
from tfpose.files import blame
from tfpose.skeleton import Skeleton, as_name

PREFIX = re.compile(
    r"(mixamorig\d*|bip\d+|valvebiped|j_bip|cc_base|def|org|mch|jnt|joint|bone|bn|b|character\d*|rig|skel)[-_. ]+",
    re.IGNORECASE,
)
SIDES = {"left": "left", "l": "left", "lft": "left", "right": "right", "r": "right", "rgt": "right"}
# Joint -> what programs call it, without its side; the first that a rig has. A name is taken once, in this order: a
# "shoulder" is the collar where there is an "arm", and the "hand" is the wrist where there is no "wrist".
PAIRED = {
    "hip": "upleg upperleg upperleg1 thigh femur legupper hip hipjoint",
    "knee": "knee lowerleg lowerleg1 lowleg leglower shin calf tibia leg",
    "ankle": "ankle foot foot1",
    "foot": "toebase toe toes ball bigtoe footindex foot",
    "shoulder": "upperarm upperarm1 uparm armupper arm shldr humerus shoulder",
    "elbow": "elbow forearm lowerarm lowerarm1 lowarm armlower radius",
    "wrist": "wrist hand",
    "collar": "collar clavicle shoulder",
    "hand": "hand",
    "ear": "ear",
}
SINGLE = {
    "spine_base": "spinebase hips pelvis hip midhip hipcenter hipscenter root",
    "spine_mid": "spinemid spinenavel",
    "spine_shoulder": "spineshoulder shouldercenter shoulderscenter thorax spinechest",
    "neck": "neck neck1 necknose neckbase",
    "head": "head head1 headcenter",
    "nose": "nose",
}
LIMBS = ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
# For rigs without a hierarchy: joint -> the joint that it hangs on, or what that one hangs on.
PARENTS = {
    "spine_mid": "spine_base",
    "spine_shoulder": "spine_mid",
    "neck": "spine_shoulder",
    "head": "neck",
    **{
        f"{joint}_{side}": parent if parent.startswith("spine") else f"{parent}_{side}"
        for side in ("left", "right")
        for joint, parent in {
            "hip": "spine_base",
            "knee": "hip",
            "ankle": "knee",
            "foot": "ankle",
            "collar": "spine_shoulder",
            "shoulder": "collar",
            "elbow": "shoulder",
            "wrist": "elbow",
            "hand": "wrist",
            "ear": "spine_shoulder",
        }.items()
    },
}


def split(name: str) -> tuple[str, str]:
    """`"mixamorig:LeftUpLeg"` -> `("left", "upleg")`: the side, "" where there is none, and the rest."""
    name = re.split(r"[:|/]", name.strip().strip("\"'"))[-1].strip()
    name = PREFIX.sub("", name, count=1) if PREFIX.match(name) else name
    words = [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)]
    words = [str(int(word)) if word.isdigit() else word for word in words]
    words = [word for word in words if word not in ("c", "m")] or words
    for at in (0, -1):
        if words and words[at] in SIDES and len(words) > 1:
            side = SIDES[words.pop(at)]
            return side, "".join(words)
    whole = "".join(words)
    for side in ("left", "right"):
        if whole != side and (whole.startswith(side) or whole.endswith(side)):
            return side, whole.removeprefix(side) if whole.startswith(side) else whole.removesuffix(side)
    return "", whole


def known_joints(names: Sequence[str]) -> dict[str, int]:
    """Joint of the shared vocabulary -> its number in `names`, for all that are known by name."""
    number: dict[tuple[str, str], int] = {}
    for at, name in enumerate(names):
        number.setdefault(split(name), at)
    found: dict[str, int] = {}
    taken: set[int] = set()

    def take(joint: str, side: str, parts: str):
        for part in parts.split():
            at = number.get((side, part))
            if at is not None and at not in taken:
                found[joint] = at
                taken.add(at)
                return

    for (joint, parts), side in itertools.product(PAIRED.items(), ("left", "right")):
        take(f"{joint}_{side}", side, parts)
    for joint, parts in SINGLE.items():
        take(joint, "", parts)
    return found


def shipped(names: Sequence[str]) -> tuple[Skeleton, list[int]] | None:
    """The skeleton that ships with just these joints by its own or its native names, and their numbers in `names`."""
    number = {split(name): at for at, name in enumerate(names)}
    found = []
    for skeleton in map(Skeleton.load, Skeleton.names()):
        for spelled in (skeleton.native, {}):
            columns = [number.get(split(spelled.get(joint, joint))) for joint in skeleton.joints]
            if None not in columns and sorted(columns) == list(range(len(names))):
                found.append((skeleton, columns))
    # Of two with the same joints the one in the same order.
    return min(found, key=lambda pair: pair[1] != sorted(pair[1]), default=None)


def skeleton_of(
    name: str,
    names: Sequence[str],
    parents: Sequence[int] | None = None,
    positions: np.ndarray | None = None,
    mapping: Mapping | None = None,
) -> Skeleton:
    """The skeleton of a rig: joints that are known have the vocabulary's names, all others their own.

    What the vocabulary has beyond these, such as the middle of the spine, is derived from them.

    Args:
        name: of the skeleton.
        names: of the rig's joints.
        parents: their parents; None for points without a hierarchy.
        positions: `[T, J, 3]`, for points without a hierarchy: an unknown point hangs on the known joint whose distance
            changes least.
        mapping: joint -> the rig's name, a list of names (their middle), or names with weights; before all others.

    Raises:
        SkeletonError: when the mapping names joints that the rig does not have, or the hierarchy is no tree.
    """
    rules = _rules(name, names, mapping or {})
    found = {joint: at for joint, at in known_joints(names).items() if joint not in rules}
    named = {next(iter(rule)) for rule in rules.values() if len(rule) == 1}
    found = {joint: at for joint, at in found.items() if at not in named}
    found.update({joint: next(iter(rule)) for joint, rule in rules.items() if len(rule) == 1})
    limbs = [joint for joint in {*found, *rules} if joint.rpartition("_")[0] in LIMBS]
    if len(limbs) < 8 and not rules:
        found = {}  # no rig of a person by its names
    if found:
        _add_trunk(found, parents)
    own = _own_names(names, found)
    if parents is None:
        parents = _hung(names, found, positions)
    derived = _derived(found, {joint: rule for joint, rule in rules.items() if len(rule) > 1})
    sides = {}
    for at, joint in enumerate(names):
        side, part = split(joint)
        if side:
            sides.setdefault(part, {})[side] = own[at]
    return Skeleton(
        name=as_name(name),
        joints=tuple(own),
        parents=tuple(parents),
        mirror=tuple((pair["left"], pair["right"]) for pair in sides.values() if len(pair) == 2),
        derived={joint: {own[at]: weight for at, weight in rule.items()} for joint, rule in derived.items()},
        native={own[at]: given for at, given in enumerate(names) if own[at] != given},
    )


def read_mapping(path: str | os.PathLike) -> dict:
    """A mapping of `skeleton_of` from a JSON file.

    Raises:
        DataError: when it is none.
    """
    with blame(path, 'a mapping such as {"hip_left": "LThigh", "wrist_left": ["LWRA", "LWRB"]}'):
        mapping = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
        if not isinstance(mapping, dict) or not mapping:
            raise ValueError("expected an object")
        return mapping


def _rules(where: str, names: Sequence[str], mapping: Mapping) -> dict[str, dict[int, float]]:
    number = {given: at for at, given in enumerate(names)}
    rules = {}
    for joint, given in mapping.items():
        parts = {given: 1.0} if isinstance(given, str) else given
        parts = dict.fromkeys(parts, 1.0) if isinstance(parts, list | tuple) else parts
        if not isinstance(parts, Mapping) or not parts or not all(isinstance(w, int | float) for w in parts.values()):
            raise SkeletonError(f"{where}: the mapping of '{joint}' must be a name, a list of names, or weights")
        lacking = [part for part in parts if part not in number]
        if lacking:
            raise SkeletonError(f"{where}: has no '{lacking[0]}' for '{joint}'; it has {', '.join(names)[:500]}")
        total = sum(parts.values())
        if not total:
            raise SkeletonError(f"{where}: the weights of '{joint}' sum to zero")
        rules[joint] = {number[part]: weight / total for part, weight in parts.items()}
    return rules


def _add_trunk(found: dict[str, int], parents: Sequence[int] | None):
    """Adds the joints of the trunk that are known by where they stand: on the way from the hips to the head."""

    def way(top: int, bottom: int) -> list[int]:
        joints = []
        while parents is not None and top >= 0:
            joints.append(top)
            if top == bottom:
                return joints[::-1]
            top = parents[top]
        return []

    base, neck, head = found.get("spine_base"), found.get("neck"), found.get("head")
    if head is None and neck is not None:
        above = [at for at, parent in enumerate(parents or ()) if parent == neck]
        if len(above) == 1 and above[0] not in found.values():
            found["head"] = head = above[0]
    if "spine_shoulder" not in found and neck is not None:
        # What programs call the neck begins between the shoulders.
        found["spine_shoulder"] = found.pop("neck")
        between = way(head, neck)[1:-1] if head is not None else []
        if between:
            found["neck"] = between[len(between) // 2]
    if "spine_mid" not in found and base is not None and "spine_shoulder" in found:
        spine = way(found["spine_shoulder"], base)[1:-1]
        if spine:
            found["spine_mid"] = spine[len(spine) // 2]


def _own_names(names: Sequence[str], found: Mapping[str, int]) -> list[str]:
    of = {at: joint for joint, at in found.items()}
    own: list[str] = []
    for at, name in enumerate(names):
        own.append(of.get(at, as_name(name) if name not in found else f"{name}_of_the_file"))
    return own


def _hung(names: Sequence[str], found: Mapping[str, int], positions: np.ndarray | None) -> list[int]:
    """Parents of points without a hierarchy."""
    root = found.get("spine_base", next(iter(found.values()), 0))
    parents = [-1 if at == root else root for at in range(len(names))]
    for joint, at in found.items():
        above = PARENTS.get(joint)
        while above is not None and above not in found:
            above = PARENTS.get(above)
        if at != root and above is not None:
            parents[at] = found[above]
    if positions is not None and found:
        some = positions[:: max(len(positions) // 200, 1)]
        for at in set(range(len(names))) - set(found.values()):
            distances = np.linalg.norm(some[:, list(found.values())] - some[:, at : at + 1], axis=-1)
            with np.errstate(all="ignore"):
                spread = np.array(
                    [np.std(d[np.isfinite(d)]) if np.isfinite(d).sum() > 1 else np.inf for d in distances.T]
                )
            if np.isfinite(spread).any():
                parents[at] = list(found.values())[int(np.argmin(spread))]
    return parents


def _derived(found: Mapping[str, int], rules: Mapping) -> dict[str, dict[int, float]]:
    """How to make what a rig lacks of hips, spine, neck and head."""
    derived = dict(rules)

    def middle(*joints: str) -> dict[int, float] | None:
        parts = [{found[joint]: 1.0} if joint in found else derived.get(joint) for joint in joints]
        if not all(parts):
            return None
        rule: dict[int, float] = {}
        for part in parts:
            for at, weight in part.items():
                rule[at] = rule.get(at, 0.0) + weight / len(parts)
        return rule

    for joint, ways in {
        "spine_base": [("hip_left", "hip_right")],
        "spine_shoulder": [("shoulder_left", "shoulder_right")],
        "spine_mid": [("spine_base", "spine_shoulder")],
        "head": [("ear_left", "ear_right"), ("nose",)],
        "neck": [("spine_shoulder", "head")],
    }.items():
        for way in ways:
            rule = middle(*way)
            if joint not in found and joint not in derived and rule:
                derived[joint] = rule
    return derived
