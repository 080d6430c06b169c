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
from tfpose.formats.delimited import Layout, Table, number_of
from tfpose.formats.recording import FILLED, USUAL, Options, Recording
from tfpose.formats.text import read_text
from tfpose.formats.times import places_of, rate_of
from tfpose.skeleton import Skeleton

_CERTAIN = ("visibility", "likelihood", "score", "confidence", "conf", "presence", "prob", "v", "c", "p")
_FRAME = ("frame", "fnum", "frame_id", "frame_number", "frame#", "frameid", "frame_index", "index", "image_id")
_TIME = (
    "time",
    "timestamp",
    "t",
    "time_s",
    "time_sec",
    "seconds",
    "time(s)",
    "timestamp_ms",
    "time_ms",
    "timestamp_us",
)
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
        joints = len(options.skeleton) if options.skeleton else None
        parts = _long(table, *long) if long else _wide(table, joints)
        return [recording.clip(options) for recording in parts]


def write(path: str | os.PathLike, clips: list[Clip]) -> int:
    """Writes clips: those that were all read from one such file as it came; one from elsewhere in columns `time`, where
    its rate is known, and `hip_x`, ...

    Numbers that did not change keep their text.

    Returns:
        How many joints have a place now and no cells.

    Raises:
        DataError: for several clips that are not of one such file, or when the file cannot be written.
    """
    first, unplaced = clips[0], 0
    read = one_source(clips, lambda origin: origin.layout.rows if isinstance(origin.layout, Layout) else None)
    if read is not None:
        layout, rows = first.origin.layout, [list(row) for row in read]
        for clip in clips:
            unplaced += _fill(rows, clip)
        lines, delimiter = list(layout.before), layout.delimiter
    else:
        if len(clips) > 1:
            raise DataError(f"{path}: a table of joints holds one person; give a folder")
        names = first.names
        values = first.native()[0]
        values = values if first.origin else values.astype(np.float32)
        lines, delimiter = [], ","
        rows = [[f"{name}_{axis}" for name in names for axis in "xyz"]]
        rows += [[_said(value, values.dtype) for value in row] for row in values.reshape(len(values), -1)]
        if first.rate:
            times = ["time", *(f"{frame / first.rate:.6f}" for frame in range(len(first)))]
            rows = [[time, *row] for time, row in zip(times, rows)]
    delimiter = "\t" if pathlib.Path(path).suffix.lower() == ".tsv" else delimiter
    lines += [delimiter.join(map(_quoted(delimiter), row)) for row in rows]
    write_text(path, "\n".join(lines) + "\n")
    return unplaced


def _fill(rows: list[list[str]], clip: Clip) -> int:
    layout = clip.origin.layout
    values = clip.origin.whole(clip.positions)
    changed = ~clip.origin.unchanged(values)

    def written(text: str) -> str:
        return text.replace(".", ",") if layout.comma else text

    for frame, joint, axis in np.argwhere(changed):
        row, column = layout.cells[frame, joint, axis]
        if row < 0:
            continue  # no row of the table is of this frame, or of the joint in it
        rows[row][column] = written(_said(values[frame, joint, axis], values.dtype))
    if layout.certain is not None:
        filled = clip.origin.filled(values)
        for row, column in layout.certain[filled & (layout.cells[..., 0, 0] >= 0)]:
            cell = rows[row][column].replace(",", ".") if layout.comma else rows[row][column]
            if not number_of(cell) >= FILLED:
                rows[row][column] = written(f"{FILLED:g}")
    return int((changed & (layout.cells[..., 0] < 0)).any(-1).sum())


def _said(value: float, dtype) -> str:
    if np.isnan(value):
        return ""
    return f"{value:.9g}" if dtype == np.float32 else f"{value:.10g}"  # nine digits bring every float32 back


def _quoted(delimiter: str):
    def quoted(cell: str) -> str:
        doubled = cell.replace('"', '""')
        return f'"{doubled}"' if delimiter in cell or '"' in cell else cell

    return quoted


def _wide(table: Table, joints: int | None) -> list[Recording]:
    """The recordings of a table with a row a frame, of so many `joints` where it is known."""
    if len(table.header) > 1:
        people = _several_lines(table)
    elif table.header:
        people = {"": _one_line(table)}
    else:
        people = {"": _no_header(table, joints)}
    titles = _titles(table.header[-1]) if table.header else []
    numbered = next((titles.index(word) for word in (*_FRAME, *_TIME) if word in titles), None)
    rows = range(table.start, len(table.rows))
    said = [None if numbered is None else table.said(row, numbered) for row in rows]
    places = np.arange(len(rows)) if None in said else places_of(said)  # some name images there
    rate = _rate(table, titles)
    recordings = []
    for person, (names, columns, certain) in people.items():
        cells = np.full((places[-1] + 1, len(columns), 3, 2), -1)
        cells[places, ..., 0] = np.array(rows)[:, None, None]
        cells[places, ..., 1] = np.array(columns)[None]
        numbers = {at: table.column(at) for joint in columns for at in joint}
        values = np.stack([np.stack([numbers[at] for at in joint], axis=-1) for joint in columns], axis=1)
        confidence = cells_of_confidence = None
        if certain and all(at is not None for at in certain):
            confidence = np.stack([table.column(at) for at in certain], axis=-1)
            if _are_certain(confidence):
                cells_of_confidence = cells[:, :, 0].copy()
                cells_of_confidence[places, :, 1] = certain
            else:
                confidence = None
        recordings.append(
            Recording(
                "table",
                _spread(values, places, np.nan),
                str(table.path),
                tuple(names) if names else None,
                rate=rate,
                confidence=None if confidence is None else _spread(confidence, places, 0.0),
                layout=table.layout(cells, cells_of_confidence),
                notes=_gaps(places),
                about={"subject": person},
            )
        )
    return recordings


def _no_header(table: Table, joints: int | None):
    """As `_one_line`, of rows without a header: so many columns first, then three or four for each joint.

    What fits is told by the number of joints, that of the skeleton or of one that ships; by a first column that counts
    up; and by a fourth number that may be a confidence.
    """
    known = {joints} if joints else {len(Skeleton.load(name)) for name in Skeleton.names()}
    first = np.diff(table.column(0))
    counts = len(first) == 0 or (first[0] > 0 and np.allclose(first, first[0], rtol=0.2))
    fitting = []
    for order, (start, step) in enumerate(((0, 3), (1, 3), (0, 4), (2, 3), (1, 4), (2, 4))):
        number, rest = divmod(table.width - start, step)
        if rest or number < 2:
            continue
        certain = [at + 3 for at in range(start, table.width, step)] if step == 4 else None
        if certain and not all(_are_certain(table.column(at)) for at in certain):
            continue
        columns = [[at, at + 1, at + 2] for at in range(start, table.width, step)]
        fitting.append((number not in known, bool(start) and not counts, order, (None, columns, certain)))
    if not fitting:
        raise DataError(
            f"{table.path}: expected x y z of each joint in a row, got {table.width} columns and no header of names"
        )
    return min(fitting, key=lambda one: one[:-1])[-1]


def _are_certain(values: np.ndarray) -> bool:
    return bool(((values >= 0) & (values <= 1) | np.isnan(values)).all())


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


def _titles(row: list[str]) -> list[str]:
    """A line of the header as `_FRAME` and the others spell it."""
    return [cell.lower().replace(" ", "") for cell in row]


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
    names = _titles(table.rows[0])

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
    moments, starts, moment_of = np.unique(frames, return_index=True, return_inverse=True)
    places = places_of(moments)
    frame_of, count = places[moment_of], places[-1] + 1
    titles = _titles(table.rows[0])
    timed = next((at for at, title in enumerate(titles) if title in _TIME), None)
    times = [] if timed is None else [table.number(rows[start], timed) for start in starts]
    rate = rate_of(times, titles[timed]) if times else None
    recordings = []
    everybody = list(dict.fromkeys(table.rows[row][person] if person is not None else "" for row in rows))
    for one in everybody:
        mine = [row for row in rows if person is None or table.rows[row][person] == one]
        names = list(dict.fromkeys(table.rows[row][joint] for row in mine))
        if len(moments) * len(names) > 50 * len(mine) + 1000:
            raise DataError(f"{table.path}: hardly a joint is in two frames; are its columns what they are named?")
        number = {name: at for at, name in enumerate(names)}
        cells = np.full((count, len(names), 3, 2), -1)
        values = np.full((count, len(names), 3), np.nan)
        confidence = np.zeros((count, len(names)))
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
        recordings.append(
            Recording(
                "table",
                values,
                str(table.path),
                None if numbered else tuple(names),
                rate=rate,
                confidence=None if certain is None else confidence,
                layout=table.layout(cells, None if certain is None else cells[:, :, 0] * [1, 0] + [0, certain]),
                notes=_gaps(places),
                about={"subject": one},
            )
        )
    return recordings


def _spread(values: np.ndarray, places: np.ndarray, rest: float) -> np.ndarray:
    """Values `[N, ...]` at their places of a longer clip, and `rest` at the others."""
    result = np.full((places[-1] + 1, *values.shape[1:]), rest)
    result[places] = values
    return result


def _gaps(places: np.ndarray) -> tuple[str, ...]:
    gaps = places[-1] + 1 - len(places)
    return (f"{gaps} frames are left out between its rows; they are empty here",) if gaps else ()


def _rate(table: Table, header: list[str]) -> float | None:
    for at, name in enumerate(header):
        if name in _TIME and len(table.rows) > table.start + 1:
            return rate_of(table.column(at), name)
    return None
