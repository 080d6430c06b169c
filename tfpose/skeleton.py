"""A skeleton is data: joint names, a tree, left-right pairs. Everything else is derived from these."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import pathlib
from collections.abc import Mapping

import numpy as np

from tfpose.errors import SkeletonError

_FOLDER = pathlib.Path(__file__).parent / "skeletons"


@dataclasses.dataclass(frozen=True, eq=False)
class Skeleton:
    """A tree of named joints.

    Joint names come from one vocabulary shared by all skeletons (`spine_base`, `shoulder_left`, ...), so that two
    skeletons can be converted by name. Layers take a `Skeleton` and derive every index from it; nobody passes
    joint indices around.

    Args:
        name: what the skeleton is called.
        joints: the joint names, in the order of the data's joint axis.
        parents: for each joint the index of its parent, -1 for the one root.
        mirror: pairs `(left, right)` of joint names; a joint in no pair is its own mirror image.
        torso: the joints of the rigid trunk; `tfpose.noise.bodies` moves them as rigs define them differently.
        derived: how a joint that this skeleton lacks is made from joints that it has:
            `{"neck": {"spine_shoulder": 0.5, "head": 0.5}}`.
        native: what the format's own files call a joint, `{"spine_base": "Hips"}`.
        about: one sentence of description.

    Raises:
        SkeletonError: for a cycle, no root or two, a name twice, an unknown name, or one with a path separator or
            with what cannot be printed.

    Examples:
        >>> skeleton = Skeleton.load("paper17")
        >>> skeleton.joints[skeleton.root]
        'spine_base'
        >>> matrix = Skeleton.load("kinect20").to(skeleton)   # [17, 20]
        >>> poses = matrix @ kinect_poses                      # [..., 17, 3]
    """

    name: str
    joints: tuple[str, ...]
    parents: tuple[int, ...]
    mirror: tuple[tuple[str, str], ...] = ()
    torso: tuple[str, ...] = ()
    derived: Mapping[str, Mapping[str, float]] = dataclasses.field(default_factory=dict)
    native: Mapping[str, str] = dataclasses.field(default_factory=dict)
    about: str = ""

    def __post_init__(self):
        self._check()

    def __len__(self) -> int:
        return len(self.joints)

    def __repr__(self) -> str:
        return f"<Skeleton '{self.name}': {len(self)} joints, root '{self.joints[self.root]}'>"

    def __eq__(self, other) -> bool:
        return isinstance(other, Skeleton) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((self.name, self.joints, self.parents))

    # --- what follows from the tree

    @functools.cached_property
    def root(self) -> int:
        """Index of the root joint."""
        return self.parents.index(-1)

    @functools.cached_property
    def children(self) -> tuple[tuple[int, ...], ...]:
        """For each joint, the indices of its children in joint order."""
        return tuple(tuple(c for c, p in enumerate(self.parents) if p == j) for j in range(len(self)))

    @functools.cached_property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """The `(child, parent)` pairs, in the order of the child joint: J - 1 of them."""
        return tuple((c, p) for c, p in enumerate(self.parents) if p >= 0)

    @functools.cached_property
    def mirror_joints(self) -> tuple[int, ...]:
        """For each joint, the index of its mirror image (itself when it has none)."""
        image = list(range(len(self)))
        for left, right in self.mirror:
            a, b = self.index(left), self.index(right)
            image[a], image[b] = b, a
        return tuple(image)

    @functools.cached_property
    def torso_pairs(self) -> tuple[tuple[str, str], ...]:
        """The mirror pairs of the trunk as `(left, right)` names, hips first, shoulders last."""
        pairs = [pair for pair in self.mirror if set(pair) <= set(self.torso)]
        return tuple(sorted(pairs, key=lambda pair: self.torso.index(pair[0])))

    @functools.cached_property
    def limbs(self) -> tuple[tuple[int, ...], ...]:
        """The joints of mirrored limbs, both sides together.

        A pair of joints belongs to the pair of the trunk that it hangs on, elsewhere to the first pair above it.
        """
        image, limbs = self.mirror_joints, {}
        trunk = [self.index(joint) for pair in self.torso_pairs for joint in pair]
        for joint in range(len(self)):
            paired = [above for above in self.ancestry(joint) if image[above] != above]
            if image[joint] != joint:
                top = next((above for above in paired if above in trunk), paired[-1])
                limbs.setdefault(min(top, image[top]), []).append(joint)
        return tuple(tuple(limb) for _, limb in sorted(limbs.items()))

    def ancestry(self, joint: int) -> list[int]:
        """The joint, its parent, and so on to the root."""
        joints = []
        while joint >= 0:
            joints.append(joint)
            joint = self.parents[joint]
        return joints

    @functools.cached_property
    def mirror_bones(self) -> tuple[tuple[int, int], ...]:
        """Pairs `(left, right)` of indices into `bones` that are each other's mirror image."""
        number = {bone: i for i, bone in enumerate(self.bones)}
        image = self.mirror_joints
        pairs = []
        for left, _ in self.mirror:
            child = self.index(left)
            bone = (child, self.parents[child])
            mirrored = (image[child], image[bone[1]])
            if bone in number and mirrored in number:
                pairs.append((number[bone], number[mirrored]))
        return tuple(pairs)

    @functools.cached_property
    def levels_by_depth(self) -> tuple[tuple[int, ...], ...]:
        """Joints grouped by distance from the root, the root first."""
        depth = [len(self.ancestry(joint)) for joint in range(len(self))]
        return tuple(tuple(j for j in range(len(self)) if depth[j] == d) for d in range(1, max(depth) + 1))

    @functools.cached_property
    def levels_by_height(self) -> tuple[tuple[int, ...], ...]:
        """Joints grouped by distance from their farthest leaf, the leaves first."""
        height = [0] * len(self)
        for level in reversed(self.levels_by_depth):
            for joint in level:
                height[joint] = max((height[c] + 1 for c in self.children[joint]), default=0)
        return tuple(tuple(j for j in range(len(self)) if height[j] == h) for h in range(max(height) + 1))

    def index(self, joint: str) -> int:
        """Index of a joint by name.

        Raises:
            SkeletonError: when there is no such joint.
        """
        try:
            return self.joints.index(joint)
        except ValueError:
            raise SkeletonError(
                f"skeleton '{self.name}' has no joint '{joint}'; it has {', '.join(self.joints)}"
            ) from None

    # --- conversion

    def to(self, target: Skeleton) -> np.ndarray:
        """The matrix `[J_target, J_self]` that turns poses of this skeleton into poses of `target`: `matrix @ pose`.

        A target joint is taken by name, or made by this skeleton's `derived` rule for it. Rows sum to 1.

        Raises:
            SkeletonError: names every target joint that can be neither taken nor made.
        """
        matrix = np.zeros((len(target), len(self)), np.float32)
        missing = []
        for row, joint in enumerate(target.joints):
            if joint in self.joints:
                matrix[row, self.index(joint)] = 1.0
            elif joint in self.derived:
                for source, weight in self.derived[joint].items():
                    matrix[row, self.index(source)] = weight
            else:
                missing.append(joint)
        if missing:
            raise SkeletonError(
                f"skeleton '{self.name}' cannot become '{target.name}': it has no {', '.join(missing)}. "
                f"Add a rule for each to the 'derived' part of '{self.name}', such as "
                '{"neck": {"spine_shoulder": 0.5, "head": 0.5}}.'
            )
        return matrix

    # --- in and out

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The skeletons that come with tfpose."""
        return tuple(sorted(path.stem for path in _FOLDER.glob("*.json")))

    @classmethod
    def load(cls, name_or_path: str | os.PathLike) -> Skeleton:
        """One of `Skeleton.names()`, or a user's own skeleton from a JSON file (the shipped ones show the form).

        Raises:
            SkeletonError: when there is no such skeleton or the file is not one; the message names the file.
        """
        shipped = str(name_or_path) in cls.names()
        path = _FOLDER / f"{name_or_path}.json" if shipped else pathlib.Path(name_or_path)
        try:
            return cls.from_dict(json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise SkeletonError(
                f"no skeleton '{name_or_path}': it is neither a file nor one of {', '.join(cls.names())}"
            ) from None
        # ValueError: no UTF-8, no JSON, a number of thousands of digits, a path with a NUL; or a SkeletonError.
        except (OSError, ValueError, RecursionError) as error:
            raise SkeletonError(f"{path}: not a skeleton: {error}") from error

    @classmethod
    def from_dict(cls, data: Mapping) -> Skeleton:
        """The inverse of `to_dict`.

        Raises:
            SkeletonError: when it is none.
        """
        unknown = set(data) - {field.name for field in dataclasses.fields(cls)} if isinstance(data, Mapping) else None
        if unknown is None or unknown or "name" not in data or "joints" not in data:
            raise SkeletonError(
                "expected an object with 'name', 'joints' as [name, parent] pairs (null for the root's parent) and "
                "optionally 'mirror', 'torso', 'derived', 'native', 'about'"
                + (f"; got also {', '.join(sorted(unknown))}" if unknown else "")
            )
        for part in ("joints", "mirror"):
            pairs = data.get(part, [])
            if not isinstance(pairs, list | tuple) or any(
                not isinstance(pair, list | tuple) or len(pair) != 2 for pair in pairs
            ):
                raise SkeletonError(f"'{part}' of skeleton '{data['name']}' must be a list of pairs")
        try:
            names = [joint for joint, _ in data["joints"]]
            parents = tuple(-1 if p is None else _position(names, p, data["name"]) for _, p in data["joints"])
            return cls(
                name=data["name"],
                joints=tuple(names),
                parents=parents,
                mirror=tuple((left, right) for left, right in data.get("mirror", ())),
                torso=tuple(data.get("torso", ())),
                derived={joint: dict(rule) for joint, rule in data.get("derived", {}).items()},
                native=dict(data.get("native", {})),
                about=data.get("about", ""),
            )
        except SkeletonError:
            raise
        except (TypeError, AttributeError, ValueError, OverflowError) as error:
            raise SkeletonError(f"a part of skeleton '{data['name']}' has the wrong form: {error}") from error

    def to_dict(self) -> dict:
        """A JSON-ready description; layers keep it in their config, so a saved model knows its joints."""
        return {
            "name": self.name,
            "about": self.about,
            "joints": [[j, None if p < 0 else self.joints[p]] for j, p in zip(self.joints, self.parents)],
            "mirror": [list(pair) for pair in self.mirror],
            "torso": list(self.torso),
            "derived": {joint: dict(rule) for joint, rule in self.derived.items()},
            "native": dict(self.native),
        }

    # --- checks

    def _check(self):
        where = f"skeleton '{self.name}'"
        if not self.joints:
            raise SkeletonError(f"{where} has no joints")
        if not all(isinstance(text, str) for text in (self.name, *self.joints, *self.native.values())):
            raise SkeletonError(f"{where}: the names of the skeleton, its joints and its native joints must be text")
        for name in (self.name, *self.joints):
            if name != as_name(name):
                raise SkeletonError(f"{where}: a name has '/', '\\' or what cannot be printed: '{name}'")
        if len(self.parents) != len(self.joints):
            raise SkeletonError(f"{where} has {len(self.joints)} joints but {len(self.parents)} parents")
        for what, given in (("joint", self.joints), ("mirrored joint", [j for pair in self.mirror for j in pair])):
            twice = sorted({j for j in given if given.count(j) > 1})
            if twice:
                raise SkeletonError(f"{where} names a {what} twice: {', '.join(twice)}")
        roots = [self.joints[i] for i, p in enumerate(self.parents) if p == -1]
        if len(roots) != 1:
            raise SkeletonError(
                f"{where} must have exactly one root, it has {len(roots)}: {', '.join(roots) or 'none'}"
            )
        for joint, parent in enumerate(self.parents):
            if not -1 <= parent < len(self.joints):
                raise SkeletonError(f"{where}: joint '{self.joints[joint]}' has no parent number {parent}")
            at, steps = joint, 0
            while self.parents[at] >= 0:
                at, steps = self.parents[at], steps + 1
                if steps > len(self.joints):
                    raise SkeletonError(f"{where} has a cycle through '{self.joints[joint]}'")
        for joint, rule in self.derived.items():
            weights = list(rule.values())
            # (The comparison that NaN fails.)
            numbers = all(isinstance(weight, (int, float)) and not isinstance(weight, bool) for weight in weights)
            if not numbers or not abs(sum(weights) - 1) <= 1e-6:
                raise SkeletonError(f"{where}: the weights of the rule for '{joint}' must be numbers that sum to 1")
        used = [j for pair in self.mirror for j in pair] + list(self.torso) + list(self.native)
        used += [source for rule in self.derived.values() for source in rule]
        unknown = sorted(set(used) - set(self.joints))
        if unknown:
            raise SkeletonError(f"{where} uses joints that it does not have: {', '.join(unknown)}")


def as_name(text: str) -> str:
    """The text as the name of a skeleton or a joint: path separators and what cannot be printed become "_"."""
    return "".join(one if one.isprintable() and one not in "/\\" else "_" for one in text)


def _position(names: list[str], parent: str, skeleton: str) -> int:
    if parent not in names:
        raise SkeletonError(f"skeleton '{skeleton}' names the parent '{parent}', which is none of its joints")
    return names.index(parent)
