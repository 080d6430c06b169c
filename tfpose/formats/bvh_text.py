"""The text of BVH files: parsed as programs write it, and written."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterator

import numpy as np

from tfpose.errors import DataError
from tfpose.formats.kinematics import Joint, Motion

_USUAL_FRAME_TIME = 1 / 30


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
    """Numbers as text, with ten significant digits."""
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
