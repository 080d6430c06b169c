"""CMU's own format: a skeleton (`.asf`) for each subject and a motion (`.amc`) for each trial, in one folder.

The skeleton has a bone a block: `direction` and `length` say where it ends at rest, `axis` how its own axes are turned
there, `dof` which rotations about these the motion gives, in that order. A bone begins where its parent in `:hierarchy`
ends. The motion has for each frame its number and a line for each bone that moves, angles in `:DEGREES` or `:RADIANS`;
where it says neither, they are as in the skeleton.

One unit of length is `1 / length` inches, `length` being of `:units` (0.45 in CMU's files). A motion does not say its
rate. CMU recorded at 120 Hz, and frame numbers that go up by n are every n-th frame.

The BVH files that are made of these leave out the bones `thorax`, `lwrist` and `rwrist`: their necks, collars and arms
begin where the thorax begins, some 12 cm too low. The joints here are where CMU has them.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib

import numpy as np
from scipy.spatial.transform import Rotation

from tfpose.errors import DataError
from tfpose.files import blame
from tfpose.formats.clip import Clip
from tfpose.skeleton import Skeleton

_INCH = 0.0254
_RATE = 120.0  # Hz
_FARTHEST = 1e5  # metres: what is farther is no motion of a person
# Each joint of skeleton `cmu31` is where a bone begins.
_BONES = {
    "spine_base": "root",
    "lower_back": "lowerback",
    "spine_mid": "upperback",
    "spine_upper": "thorax",
    "neck_base": "lowerneck",
    "neck": "upperneck",
    "head": "head",
    **{
        f"{joint}_{side}": f"{side[0]}{bone}"
        for side in ("left", "right")
        for joint, bone in {
            "hip_joint": "hipjoint",
            "hip": "femur",
            "knee": "tibia",
            "ankle": "foot",
            "foot": "toes",
            "collar": "clavicle",
            "shoulder": "humerus",
            "elbow": "radius",
            "wrist": "wrist",
            "hand": "hand",
            "hand_tip": "fingers",
            "thumb": "thumb",
        }.items()
    },
}


@dataclasses.dataclass(frozen=True)
class Bone:
    """One bone of a skeleton; `root` is the first and has no length.

    Attributes:
        parent: name of the bone at whose end it begins; empty for `root`.
        offset: `[3]`, from its beginning to its end at rest.
        axis: `Rotation`, of its own axes against the world's at rest.
        dof: what the motion gives of it, in order: "rx", "ry", "rz", and "tx", "ty", "tz" of the root.
    """

    parent: str
    offset: np.ndarray
    axis: Rotation
    dof: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Rig:
    """What an `.asf` file says: `bones` by name, parents first; metres per unit; whether angles are in degrees."""

    bones: dict[str, Bone]
    unit: float
    degrees: bool


def read_file(path: str | os.PathLike) -> list[Clip]:
    """The one clip of an `.amc` file, of skeleton `cmu31`.

    The `.asf` file is that of the subject (`10.asf` for `10_04.amc`), or else the only one in the folder.

    Raises:
        DataError: when a file is damaged, the `.asf` is missing, or it lacks bones of CMU's.
    """
    path = pathlib.Path(path)
    rig = read_rig(_rig_of(path))
    with blame(path, "a motion (AMC) file"):
        numbers, values, degrees = _parse_motion(path, path.read_text(encoding="utf-8-sig"), rig)
        starts = forward_kinematics(dataclasses.replace(rig, degrees=degrees), values)
        cmu = Skeleton.load("cmu31")
        lacking = sorted(bone for bone in _BONES.values() if bone not in starts)
        if lacking:
            raise DataError(f"{path}: its skeleton lacks CMU's bones {', '.join(lacking)}")
        positions = np.stack([starts[_BONES[joint]] for joint in cmu.joints], axis=1) * rig.unit
        if np.abs(positions).max() > _FARTHEST:
            raise DataError(f"{path}: has positions farther than {_FARTHEST:.0f} m away; is it damaged?")
        step = int(np.median(np.diff(numbers))) if len(numbers) > 1 else 1
        return [Clip(positions, cmu, subject=path.parent.name, rate=_RATE / max(step, 1), source=str(path))]


def read_rig(path: str | os.PathLike) -> Rig:
    """Reads an `.asf` file.

    Raises:
        DataError: when it is damaged.
    """
    path = pathlib.Path(path)
    with blame(path, "a skeleton (ASF) file"):
        sections = _sections(path.read_text(encoding="utf-8-sig"))
        missing = [name for name in ("units", "root", "bonedata", "hierarchy") if name not in sections]
        if missing:
            raise DataError(f"{path}: has no :{missing[0]} part; the file may be cut off")
        units = {line[0]: line[1] for line in sections["units"] if len(line) > 1}
        angle, length = units.get("angle", "deg"), float(units.get("length", 1.0))
        if angle not in ("deg", "rad"):
            raise DataError(f"{path}: the angle of :units must be deg or rad, got '{angle[:40]}'")
        if not (np.isfinite(length) and length > 0):
            raise DataError(f"{path}: the length of :units must be positive, got {units['length']}")
        degrees, unit = angle == "deg", _INCH / length
        bones = {"root": _root(sections["root"], degrees)}
        blocks = _blocks(path, sections["bonedata"])
        described = {_field(block, "name")[0]: block for block in blocks}
        if len(described) < len(blocks):
            raise DataError(f"{path}: :bonedata describes a bone twice")
        pairs = [
            (child, line[0]) for block in _blocks(path, sections["hierarchy"]) for line in block for child in line[1:]
        ]
        parents = dict(pairs)
        if len(parents) < len(pairs):
            raise DataError(f"{path}: :hierarchy gives a bone more than one parent")
        unknown = sorted(set(parents) - set(described))
        if unknown:
            raise DataError(f"{path}: :hierarchy names the bone '{unknown[0][:40]}', which :bonedata does not have")
        # Parents first, whatever the order of the file.
        left = dict(parents)
        while left:
            ready = [child for child, parent in left.items() if parent in bones]
            if not ready:
                raise DataError(f"{path}: :hierarchy does not hang on the root: {', '.join(sorted(left))[:200]}")
            for child in ready:
                bones[child] = _bone(described[child], left.pop(child), degrees)
        return Rig(bones, unit, degrees)


def forward_kinematics(rig: Rig, values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Where each bone begins, `[T, 3]` in the file's unit, from the values `[T, n]` of the bones that move."""
    frames = len(values["root"])
    turns, ends, starts = {}, {}, {}
    for name, bone in rig.bones.items():
        given = values.get(name, np.zeros((frames, len(bone.dof))))
        own = Rotation.identity(frames)
        moved = np.zeros((frames, 3))
        for dof, value in zip(bone.dof, given.T):
            if dof[0] == "r":
                # About the axes of rest, one after the other: the first is applied first.
                own = Rotation.from_euler(dof[1], value[:, None], degrees=rig.degrees) * own
            elif dof[0] == "t":
                moved[:, "xyz".index(dof[1])] = value
        own = bone.axis * own * bone.axis.inv()
        turns[name] = turns[bone.parent] * own if bone.parent else own
        starts[name] = ends[bone.parent] if bone.parent else moved + bone.offset
        ends[name] = starts[name] + (turns[name].apply(bone.offset) if bone.parent else 0.0)
    return starts


# --- parsing


def _rig_of(path: pathlib.Path) -> pathlib.Path:
    named = path.with_name(f"{path.stem.partition('_')[0]}.asf")
    if named.is_file():
        return named
    found = sorted(path.parent.glob("*.asf"))
    if len(found) != 1:
        raise DataError(
            f"{path}: needs its skeleton beside it, {named.name} or a single .asf file; found {len(found)} of them"
        )
    return found[0]


def _sections(text: str) -> dict[str, list[list[str]]]:
    """The words of the lines below each `:name`; what stands behind the name is the first line."""
    sections: dict[str, list[list[str]]] = {}
    lines = None
    for line in text.splitlines():
        words = line.partition("#")[0].replace("(", " ").replace(")", " ").split()
        if words and words[0].startswith(":"):
            lines = sections.setdefault(words[0][1:].lower(), [])
            words = words[1:]
        if words and lines is not None:
            lines.append(words)
    return sections


def _blocks(path: pathlib.Path, lines: list[list[str]]) -> list[list[list[str]]]:
    """The lines between each `begin` and `end`."""
    blocks, block = [], None
    for words in lines:
        if words[0] == "begin":
            block = []
        elif words[0] == "end" and block is not None:
            blocks.append(block)
            block = None
        elif block is not None:
            block.append(words)
    if block is not None or not blocks:
        raise DataError(f"{path}: has a part without its 'end'; the file may be cut off")
    return blocks


def _field(block: list[list[str]], name: str) -> list[str]:
    found = [words[1:] for words in block if words[0] == name]
    if len(found) != 1 or not found[0]:
        raise ValueError(f"expected one '{name}' with its value in each bone and in :root")
    return found[0]


def _dof(words: list[str], known: tuple[str, ...]) -> tuple[str, ...]:
    dof = tuple(word.lower() for word in words)
    if not set(dof) <= set(known) or len(set(dof)) < len(dof):
        raise ValueError(f"expected each of {', '.join(known)} at most once, got {' '.join(words)[:40]}")
    return dof


def _root(lines: list[list[str]], degrees: bool) -> Bone:
    order = _dof(_field(lines, "order"), ("tx", "ty", "tz", "rx", "ry", "rz"))
    axis = _field(lines, "axis")[0].lower()
    orientation = [float(value) for value in _field(lines, "orientation")]
    position = np.array([float(value) for value in _field(lines, "position")])
    if position.shape != (3,) or not np.isfinite(position).all():
        raise ValueError("the position of :root must be three numbers")
    return Bone("", position, _turned(axis, orientation, degrees), order)


def _bone(block: list[list[str]], parent: str, degrees: bool) -> Bone:
    direction = np.array([float(value) for value in _field(block, "direction")])
    *angles, order = _field(block, "axis")
    fields = {words[0]: words[1:] for words in block}
    length = float(_field(block, "length")[0])
    offset = direction / max(np.linalg.norm(direction), 1e-9) * length
    if offset.shape != (3,) or not np.isfinite(offset).all() or length < 0:
        raise ValueError(f"bone {_field(block, 'name')[0]} has no direction of three numbers and length")
    dof = _dof(fields.get("dof", []), ("rx", "ry", "rz"))
    return Bone(parent, offset, _turned(order.lower(), [float(angle) for angle in angles], degrees), dof)


def _turned(order: str, angles: list[float], degrees: bool) -> Rotation:
    """Angles about the fixed axes x, y, z in that order, the first applied first."""
    return Rotation.from_euler(order, angles, degrees=degrees)


def _parse_motion(path: pathlib.Path, text: str, rig: Rig) -> tuple[np.ndarray, dict[str, np.ndarray], bool]:
    """The numbers of the frames `[T]`; for each bone that moves, its values `[T, n]`; whether angles are in degrees."""
    moving = {name: bone for name, bone in rig.bones.items() if bone.dof}
    degrees = rig.degrees
    numbers: list[int] = []
    values: dict[str, list] = {name: [] for name in moving}

    def check_last():
        for name in moving:
            if len(values[name]) != len(numbers):
                raise DataError(f"{path}: frame {numbers[-1]} lacks bone '{name}'; the file may be cut off")

    for at, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if words[0].startswith(":"):
            degrees = {":degrees": True, ":radians": False}.get(words[0].lower(), degrees)
            continue
        if len(words) == 1 and words[0].isdigit():
            if numbers:
                check_last()
            numbers.append(int(words[0]))
            if len(numbers) > 1 and numbers[-1] <= numbers[-2]:
                raise DataError(f"{path}: line {at}: the number of a frame must be larger than the one before")
            continue
        name, given = words[0], [float(word) for word in words[1:]]
        if name not in moving or not numbers:
            raise DataError(f"{path}: line {at}: '{name[:40]}' is no bone that moves in the skeleton")
        if len(given) != len(moving[name].dof) or not np.isfinite(given).all():
            raise DataError(
                f"{path}: line {at}: bone '{name}' needs {len(moving[name].dof)} finite numbers, got {len(given)}"
            )
        values[name].append(given)
        if len(values[name]) > len(numbers):
            raise DataError(f"{path}: line {at}: bone '{name}' comes twice in frame {numbers[-1]}")
    if not numbers:
        raise DataError(f"{path}: has no frames; expected a line with a frame's number, then a line for each bone")
    check_last()
    return np.array(numbers), {name: np.array(rows) for name, rows in values.items()}, degrees
