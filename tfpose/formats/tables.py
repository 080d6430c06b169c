"""Tables of joints in text: CSV with any header, delimiter and decimal sign, wide or long.

- no header: one row a frame, x y z of each joint; a frame number or a time may stand first.
- one line of header: `hip_x, hip_y, hip_z`, `x_hip`, `hip.X`, `x1, y1, z1, v1`, among other columns. `_visibility`,
  `_likelihood`, `_score`, `_confidence` or `v1` is a joint's confidence (Anipose, MediaPipe).
- two lines and more: joints above, coordinates below, and scorer and individuals above these (DeepLabCut, pandas).
- long: a row a joint, with columns for the frame, the joint, x, y and z.

An empty cell, `NA` or `nan` is a missing joint.
"""

from __future__ import annotations

import os
import pathlib
import re

import numpy as np

from tfpose.errors import DataError
from tfpose.files import blame, write_text
from tfpose.formats.clip import Clip, one_source
from tfpose.formats.delimited import Layout, Table
from tfpose.formats.recording import USUAL, Options, Recording
from tfpose.formats.text import read_text
from tfpose.formats.times import rate_of

_CERTAIN = ("visibility", "likelihood", "score", "confidence", "conf", "presence", "prob", "v", "c", "p")
_FRAME = ("frame", "fnum", "frame_id", "frame_number", "frame#", "frameid", "frame_index", "index", "image_id")
_TIME = ("time", "timestamp", "t", "time_s", "seconds", "time(s)", "timestamp_ms", "time_ms", "timestamp_us")
_JOINT = ("joint", "landmark", "keypoint", "bodypart", "marker", "name", "joint_name", "landmark_id", "landmark_name")
_PERSON = ("individual", "individuals", "person", "person_id", "body", "body_id", "subject", "track_id")


def read_file(path: str | os.PathLike, options: Options = USUAL) -> list[Clip]:
    """The clips of a file: one, or one for each individual.

    Raises:
        DataError: when it is no table of joints; names the line.
    """
    path = pathlib.Path(path)
    with blame(path, "a table of joints, such as a CSV file with columns hip_x, hip_y, hip_z"):
        table = Table(path, read_text(path))
        long = _long_columns(table)
        parts = _long(table, *long) if long else _wide(table)
        return [recording.clip(options) for recording in parts]


def write(path: str | os.PathLike, clips: list[Clip]) -> None:
    """Writes clips: those that were all read from one such file as it came; one from elsewhere in columns `hip_x`, ...

    Numbers that did not change keep their text.

    Raises:
        DataError: for several clips that are not of one such file, or when the file cannot be written.
    """
    first = clips[0]
    read = one_source(clips, lambda origin: origin.layout.rows if isinstance(origin.layout, Layout) else None)
    if read is not None:
        layout, rows = first.origin.layout, [list(row) for row in read]
        for clip in clips:
            _fill(rows, clip)
        lines, delimiter = list(layout.before), layout.delimiter
    else:
        if len(clips) > 1:
            raise DataError(f"{path}: a table of joints holds one person; give a folder")
        names = first.names
        values = first.origin.native(first.positions) if first.origin else first.positions
        lines, delimiter = [], ","
        rows = [[f"{name}_{axis}" for name in names for axis in "xyz"]]
        rows += [[_said(value, values.dtype) for value in row] for row in values.reshape(len(values), -1)]
    delimiter = "\t" if pathlib.Path(path).suffix.lower() == ".tsv" else delimiter
    lines += [delimiter.join(map(_quoted(delimiter), row)) for row in rows]
    write_text(path, "\n".join(lines) + "\n")


def _fill(rows: list[list[str]], clip: Clip):
    layout = clip.origin.layout
    values = clip.origin.whole(clip.positions)
    changed = ~((values == clip.origin.values) | (np.isnan(values) & np.isnan(clip.origin.values)))
    for frame, joint, axis in np.argwhere(changed):
        row, column = layout.cells[frame, joint, axis]
        if row < 0:
            continue  # a long table has no row for a joint that was missing
        text = _said(values[frame, joint, axis], values.dtype)
        rows[row][column] = text.replace(".", ",") if layout.comma else text


def _said(value: float, dtype) -> str:
    if np.isnan(value):
        return ""
    return f"{value:.9g}" if dtype == np.float32 else f"{value:.10g}"  # nine digits bring every float32 back


def _quoted(delimiter: str):
    return lambda cell: f'"{cell}"' if delimiter in cell or '"' in cell else cell


def _wide(table: Table) -> list[Recording]:
    """The recordings of a table with a row a frame."""
    header = [[cell.lower() for cell in row] for row in table.header]
    if len(table.header) > 1:
        people = _several_lines(table)
    elif header:
        people = {"": _one_line(table)}
    else:
        people = {"": _no_header(table)}
    rate = _rate(table, header[-1] if header else [])
    count = len(table.rows) - table.start
    recordings = []
    for person, (names, columns, certain) in people.items():
        cells = np.empty((count, len(columns), 3, 2), int)
        cells[..., 0] = np.arange(table.start, len(table.rows))[:, None, None]
        cells[..., 1] = np.array(columns)[None]
        numbers = {at: table.column(at) for joint in columns for at in joint}
        values = np.stack([np.stack([numbers[at] for at in joint], axis=-1) for joint in columns], axis=1)
        confidence = None
        if certain and all(at is not None for at in certain):
            confidence = np.stack([table.column(at) for at in certain], axis=-1)
            if not ((confidence >= 0) & (confidence <= 1) | np.isnan(confidence)).all():
                confidence = None
        recordings.append(
            Recording(
                "table",
                values,
                str(table.path),
                tuple(names) if names else None,
                rate=rate,
                confidence=confidence,
                layout=table.layout(cells),
                about={"subject": person},
            )
        )
    return recordings


def _no_header(table: Table):
    width, start = table.width, 0
    if width % 3 and width % 4 == 0:
        step = 4
    else:
        step = 3
        if width % 3 == 1 or (width % 3 == 2 and len(table.rows) > 1):
            start = width % 3  # a number of the frame, and a time
    if (width - start) // step < 2:
        raise DataError(
            f"{table.path}: expected x y z of each joint in a row, got {width} columns and no header of names"
        )
    columns = [[at, at + 1, at + 2] for at in range(start, width, step)]
    return None, columns, [at + 3 for at in range(start, width, step)] if step == 4 else None


def _one_line(table: Table):
    """Names, columns of x, y, z, and columns of the confidence (None where there is none)."""
    names = [cell.strip().strip("'\"") for cell in table.header[0]]
    best: dict[str, dict[str, int]] = {}
    for pattern in (r"(?P<joint>.+?)[ _.:/-]*(?P<axis>[xyz])", r"(?P<axis>[xyz])[ _.:/-]*(?P<joint>.+)"):
        found: dict[str, dict[str, int]] = {}
        for at, name in enumerate(names):
            match = re.fullmatch(pattern, name, re.IGNORECASE)
            if match:
                found.setdefault(match["joint"], {}).setdefault(match["axis"].lower(), at)
        whole = {joint: axes for joint, axes in found.items() if set(axes) == set("xyz")}
        best = whole if len(whole) > len(best) else best
    if not best:
        raise DataError(
            f"{table.path}: its header names no joints; expected columns such as hip_x, hip_y, hip_z, got "
            f"{', '.join(names)[:200]}"
        )
    small = {name.lower(): at for at, name in enumerate(names)}

    def certain(joint: str) -> int | None:
        for word in _CERTAIN:
            for spelled in (
                f"{joint}_{word}",
                f"{joint}.{word}",
                f"{word}_{joint}",
                f"{word}{joint}",
                f"{joint}{word}",
            ):
                if spelled.lower() in small:
                    return small[spelled.lower()]
        return None

    joints = list(best)
    if all(joint.isdigit() for joint in joints):
        joints.sort(key=int)
        columns = [[best[joint][axis] for axis in "xyz"] for joint in joints]
        return None, columns, [certain(joint) for joint in joints]
    return joints, [[best[joint][axis] for axis in "xyz"] for joint in joints], [certain(joint) for joint in joints]


def _several_lines(table: Table):
    """Person -> names, columns, columns of the confidence, of a header of joints above coordinates."""
    lines = [list(row) for row in table.header]
    coordinates = next((row for row in reversed(lines) if {"x", "y", "z"} <= {cell.lower() for cell in row}), None)
    if coordinates is None:
        raise DataError(f"{table.path}: a header of {len(lines)} lines, of which none has x, y and z")
    above = lines[: lines.index(coordinates)]
    titles = {row[0].lower(): row for row in above}
    joints = titles.get("bodyparts") or titles.get("keypoints") or titles.get("joints") or above[-1]
    individuals = titles.get("individuals") or titles.get("individual")
    joints, individuals = _merged(joints), _merged(individuals) if individuals else None
    people: dict[str, dict[str, dict[str, int]]] = {}
    for at, (joint, axis) in enumerate(zip(joints, coordinates)):
        axis = axis.lower()
        kind = axis if axis in ("x", "y", "z") else "certain" if axis in _CERTAIN else None
        if kind and joint:
            people.setdefault(individuals[at] if individuals else "", {}).setdefault(joint, {})[kind] = at
    result = {}
    for person, found in people.items():
        whole = {joint: at for joint, at in found.items() if {"x", "y", "z"} <= set(at)}
        if whole:
            columns = [[at[axis] for axis in "xyz"] for at in whole.values()]
            result[person] = list(whole), columns, [at.get("certain") for at in whole.values()]
    if not result:
        raise DataError(f"{table.path}: no joint has x, y and z; tracks of two dimensions are not enough")
    return result


def _merged(row: list[str]) -> list[str]:
    """A line of the header, its empty cells as the one before."""
    filled, last = [], ""
    for cell in row:
        last = cell or last
        filled.append(last)
    return filled


def _long_columns(table: Table):
    """The columns of a long table, None where it is none: frame, joint, (x, y, z), confidence, person."""
    if not table.header:
        return None
    names = [cell.strip().lower() for cell in table.rows[0]]

    def first(words):
        return next((names.index(word) for word in words if word in names), None)

    axes = [first((axis, f"world_{axis}", f"{axis}_world", f"pos_{axis}")) for axis in "xyz"]
    joint, frame = first(_JOINT), first(_FRAME)
    frame = first(_TIME) if frame is None else frame
    if None in axes or joint is None or frame is None:
        return None
    return frame, joint, axes, first(_CERTAIN), first(_PERSON)


def _long(table: Table, frame: int, joint: int, axes: list[int], certain: int | None, person: int | None):
    rows = range(1, len(table.rows))
    frames = np.array([table.number(row, frame) for row in rows])
    moments, frame_of = np.unique(frames, return_inverse=True)
    recordings = []
    everybody = list(dict.fromkeys(table.rows[row][person] if person is not None else "" for row in rows))
    for one in everybody:
        mine = [row for row in rows if person is None or table.rows[row][person] == one]
        names = list(dict.fromkeys(table.rows[row][joint] for row in mine))
        if len(moments) * len(names) > 50 * len(mine) + 1000:
            raise DataError(f"{table.path}: hardly a joint is in two frames; are its columns what they are named?")
        number = {name: at for at, name in enumerate(names)}
        cells = np.full((len(moments), len(names), 3, 2), -1)
        values = np.full((len(moments), len(names), 3), np.nan)
        confidence = np.zeros((len(moments), len(names)))
        for row in mine:
            at = frame_of[row - 1], number[table.rows[row][joint]]
            if cells[at][0, 0] >= 0:
                raise DataError(f"{table.path}: line {table.lines[row]}: joint '{names[at[1]]}' comes twice in a frame")
            cells[at] = [[row, column] for column in axes]
            values[at] = [table.number(row, column) for column in axes]
            if certain is not None:
                confidence[at] = table.number(row, certain)
        numbered = all(name.isdigit() for name in names)
        if numbered:
            order = sorted(range(len(names)), key=lambda at: int(names[at]))
            cells, values, confidence = cells[:, order], values[:, order], confidence[:, order]
        title = table.rows[0][frame].lower()
        recordings.append(
            Recording(
                "table",
                values,
                str(table.path),
                None if numbered else tuple(names),
                rate=rate_of(moments, title) if title in _TIME else None,
                confidence=None if certain is None else confidence,
                layout=table.layout(cells),
                about={"subject": one},
            )
        )
    return recordings


def _rate(table: Table, header: list[str]) -> float | None:
    for at, name in enumerate(header):
        if name in _TIME and len(table.rows) > table.start + 1:
            return rate_of(table.column(at), name)
    return None
