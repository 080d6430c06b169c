"""Track Row Column files (TRC): markers of OpenSim, Pose2Sim and FreeMoCap.

Five lines of header say the rate, the unit and the names of the markers. Each row has its frame, its time and x, y, z
of each marker, separated by tabs; an empty cell is a gap.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib

import numpy as np

from tfpose.errors import DataError
from tfpose.files import blame, write_text
from tfpose.formats import axes
from tfpose.formats.clip import Clip
from tfpose.formats.recording import USUAL, Options, Recording
from tfpose.formats.text import read_text
from tfpose.formats.times import USUAL_RATE

UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001, "in": 0.0254, "ft": 0.3048}
LONGER = {"meters": "m", "metres": "m", "meter": "m", "millimeters": "mm", "centimeters": "cm", "inches": "in"}


@dataclasses.dataclass(frozen=True, eq=False)
class Layout:
    """The lines of the header, and the first two cells of every row."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, str], ...]


def read_file(path: str | os.PathLike, options: Options = USUAL) -> list[Clip]:
    """The one clip of a file.

    Raises:
        DataError: when it is not of this layout; names the line.
    """
    path = pathlib.Path(path)
    with blame(path, "a TRC file"):
        lines = read_text(path).split("\n")
        if len(lines) < 6 or not lines[0].lower().startswith("pathfiletype"):
            raise DataError(f"{path}: not a TRC file: its first line does not begin with PathFileType")
        about = dict(zip((word.lower() for word in _cells(lines[1])), _cells(lines[2])))
        names = [cell for cell in _cells(lines[3])[2:] if cell]
        rows, values = [], []
        for number, line in enumerate(lines[5:], 6):
            if not line.strip():
                continue
            cells = _cells(line)
            cells += [""] * (2 + 3 * len(names) - len(cells))
            if len(cells) > 2 + 3 * len(names) and any(cells[2 + 3 * len(names) :]):
                raise DataError(
                    f"{path}: line {number}: expected {len(names)} markers, x y z each, got {len(cells) - 2} numbers"
                )
            rows.append((cells[0], cells[1]))
            values.append([_number(path, number, cell) for cell in cells[2 : 2 + 3 * len(names)]])
        if not values or not names:
            raise DataError(f"{path}: has no {'frames' if names else 'markers'}; the file may be cut off")
        recording = Recording(
            "trc",
            np.array(values).reshape(len(values), len(names), 3),
            str(path),
            tuple(names),
            rate=_rate(about),
            unit=_unit(about.get("units", "")),
            usual_up="y",
            layout=Layout(tuple(lines[:5]), tuple(rows)),
        )
        return [recording.clip(options)]


def write(path: str | os.PathLike, clip: Clip) -> None:
    """Writes a clip: one that was read from such a file with its header, rows, unit and axes.

    Others are written y up, because the format cannot say its axes, in the unit of their source where TRC has it, else
    in metres.
    """
    layout = clip.origin.layout if clip.origin else None
    if isinstance(layout, Layout):
        header, rows, values = layout.header, layout.rows, clip.origin.whole(clip.positions)
    else:
        values, metres, up = clip.native()
        unit = next((name for name, size in UNITS.items() if size == metres), "m")
        values = axes.to_y_up(values, up) * (metres / UNITS[unit])
        header, rows = _header(path, clip, unit), _rows(clip)
    lines = list(header) + ([""] if not isinstance(layout, Layout) else [])
    for row, frame in zip(rows, values.reshape(len(values), -1)):
        lines.append("\t".join([*row, *("" if np.isnan(value) else f"{value:.10g}" for value in frame)]))
    write_text(path, "\n".join(lines) + "\n")


def _header(path, clip: Clip, unit: str) -> list[str]:
    rate, count = clip.rate or USUAL_RATE, len(clip)
    names = clip.names
    about = {
        "DataRate": f"{rate:g}",
        "CameraRate": f"{rate:g}",
        "NumFrames": count,
        "NumMarkers": len(names),
        "Units": unit,
        "OrigDataRate": f"{rate:g}",
        "OrigDataStartFrame": 1,
        "OrigNumFrames": count,
    }
    return [
        f"PathFileType\t4\t(X/Y/Z)\t{pathlib.Path(path).name}",
        "\t".join(about),
        "\t".join(map(str, about.values())),
        "Frame#\tTime\t" + "\t".join(f"{name}\t\t" for name in names),
        "\t\t" + "\t".join(f"{axis}{number}" for number in range(1, len(names) + 1) for axis in "XYZ"),
    ]


def _rows(clip: Clip) -> list[tuple[str, str]]:
    return [(str(frame + 1), f"{frame / (clip.rate or USUAL_RATE):.6f}") for frame in range(len(clip))]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in (line.split("\t") if "\t" in line else line.split())]


def _number(path, line: int, cell: str) -> float:
    if not cell or cell.lower() in ("nan", "na"):
        return np.nan
    try:
        return float(cell.replace(",", "."))
    except ValueError:
        raise DataError(f"{path}: line {line}: '{cell[:40]}' is not a number") from None


def _rate(about: dict[str, str]) -> float | None:
    for key in ("datarate", "camerarate"):
        try:
            rate = float(about.get(key, "").replace(",", "."))
        except ValueError:
            continue
        if np.isfinite(rate) and rate > 0:
            return rate
    return None


def _unit(said: str) -> float | None:
    said = said.lower()
    return UNITS.get(LONGER.get(said, said))
