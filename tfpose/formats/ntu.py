"""NTU RGB+D `.skeleton` files (`SsssCcccPpppRrrrAaaa.skeleton`), Kinect v2, metres, camera frame, y up, 30 Hz.

Text: the number of frames; per frame the number of bodies; per body a line of 10 fields whose first is the body's id,
the number of joints (25), and one line of 12 fields per joint: x y z, depth x y, colour x y, quaternion w x y z,
tracking state (0 not tracked, 1 inferred, 2 tracked).
"""

from __future__ import annotations

import os
import pathlib
import re
from collections.abc import Collection
from typing import NamedTuple

import numpy as np

from tfpose.errors import DataError
from tfpose.files import blame
from tfpose.formats.clip import Clip
from tfpose.skeleton import Skeleton

RATE = 30.0
# x-sub trains on these performers, x-view on these cameras (Shahroudy et al., NTU RGB+D, 2016).
TRAIN_PERFORMERS = frozenset((1, 2, 4, 5, 8, 9, 13, 14, 15, 16, 17, 18, 19, 25, 27, 28, 31, 34, 35, 38))
TRAIN_CAMERAS = frozenset((2, 3))
_NAMES = (
    "drink water, eat meal, brush teeth, brush hair, drop, pick up, throw, sit down, stand up, clapping, reading, "
    "writing, tear up paper, put on jacket, take off jacket, put on a shoe, take off a shoe, put on glasses, "
    "take off glasses, put on a hat, take off a hat, cheer up, hand waving, kicking something, reach into pocket, "
    "hopping, jump up, phone call, play with phone, type on a keyboard, point to something, taking a selfie, "
    "check time, rub two hands, nod head, shake head, wipe face, salute, put palms together, cross hands in front, "
    "sneeze or cough, staggering, falling down, headache, chest pain, back pain, neck pain, nausea, fan self, "
    "punch or slap, kicking, pushing, pat on back, point finger, hugging, giving object, touch pocket, shaking hands, "
    "walking towards, walking apart"
)
ACTIONS = {f"A{number:03d}": name for number, name in enumerate(_NAMES.split(", "), 1)}

_JOINTS = 25
_NOT_TRACKED = 0


class Sample(NamedTuple):
    """The numbers in a sample's name."""

    setup: int
    camera: int
    performer: int
    repetition: int
    action: int


def parse_name(name: str) -> Sample:
    """`"S001C002P003R002A013"` (a file name or path is fine) -> its numbers.

    Raises:
        DataError: when the name is not of that form.
    """
    match = re.match(r"S(\d{3})C(\d{3})P(\d{3})R(\d{3})A(\d{3})(?!\d)", pathlib.Path(name).name)
    if not match:
        raise DataError(f"{name}: an NTU sample is named SsssCcccPpppRrrrAaaa, such as S001C002P003R002A013")
    return Sample(*map(int, match.groups()))


def read_missing(path: str | os.PathLike) -> frozenset[str]:
    """The sample names in the official `..._samples_with_missing_skeletons.txt`.

    Raises:
        DataError: when there are none in it.
    """
    with blame(path, "the list of NTU samples with missing skeletons"):
        names = re.findall(r"\bS\d{3}C\d{3}P\d{3}R\d{3}A\d{3}\b", pathlib.Path(path).read_text(encoding="utf-8"))
        if not names:
            raise DataError(f"{path}: names no NTU sample, such as S001C002P003R002A013")
        return frozenset(names)


def read_file(path: str | os.PathLike, missing_samples: Collection[str] = ()) -> list[Clip]:
    """One clip of skeleton `ntu25` per body, the body seen in most frames first.

    Every clip has all frames of the recording, so that cameras and bodies stay in step: where a body is not seen its
    joints are NaN. Joints that are not tracked are NaN. A sample in which nobody is seen gives no clips.

    Args:
        path: the file.
        missing_samples: names whose skeletons are officially unusable (`read_missing`); they give no clips.

    Raises:
        DataError: when the file is not of this layout.
    """
    path = pathlib.Path(path)
    with blame(path, "an NTU .skeleton file"):
        sample = parse_name(path.name) if path.name.startswith("S") else None
        if path.stem in missing_samples:
            return []
        bodies = _parse(path, path.read_text(encoding="ascii").split())
        clips = []
        for body in sorted(bodies.values(), key=lambda body: -np.isfinite(body[:, 0, 0]).sum()):
            body[body[..., 3] == _NOT_TRACKED] = np.nan
            clips.append(
                Clip(
                    body[..., :3],
                    Skeleton.load("ntu25"),
                    subject=f"P{sample.performer:03d}" if sample else "",
                    action=f"A{sample.action:03d}" if sample else "",
                    view=f"C{sample.camera:03d}" if sample else "",
                    rate=RATE,
                    source=str(path),
                )
            )
        return clips


def _parse(path: pathlib.Path, words: list[str]) -> dict[str, np.ndarray]:
    """Body id -> `[T, 25, 4]`: x, y, z, tracking state; NaN where the body is not seen."""
    at = 0

    def take(count: int) -> list[str]:
        nonlocal at
        if len(words) < at + count:
            raise DataError(f"{path}: ends too early; the file may be cut off")
        at += count
        return words[at - count : at]

    def take_count(what: str, most: int) -> int:
        (word,) = take(1)
        if not word.isdecimal() or int(word) > most:
            raise DataError(f"{path}: expected the number of {what}, got '{word[:40]}'")
        return int(word)

    frames = take_count("frames", most=1_000_000)
    if frames > len(words):
        raise DataError(f"{path}: ends too early; the file may be cut off")
    bodies: dict[str, np.ndarray] = {}
    for frame in range(frames):
        for _ in range(take_count("bodies", most=100)):
            identity = take(10)[0]
            if take_count("joints", most=1000) != _JOINTS:
                raise DataError(f"{path}: frame {frame}: expected {_JOINTS} joints")
            joints = (
                np.array(take(_JOINTS * 12), dtype=object).astype(np.float64).reshape(_JOINTS, 12)[:, [0, 1, 2, 11]]
            )
            if not np.isfinite(joints).all():
                raise DataError(f"{path}: frame {frame}: has positions that are not finite")
            bodies.setdefault(identity, np.full((frames, _JOINTS, 4), np.nan))[frame] = joints
    if at != len(words):
        raise DataError(f"{path}: goes on after its {frames} frames")
    return bodies
