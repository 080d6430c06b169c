"""Joint arrays of any rig: npy, npz and csv files, by default of metres and y up; a skeleton says what the joints are.

npy: `[T, J, 3]` or `[J, 3]`, joints in the skeleton's order.
npz: the same as `positions` (or as the only array); with `joints`, the names of its joints, these are found by name.
csv: one row per frame of J * 3 columns x, y, z in the skeleton's order, or with a header of `joint_x, joint_y,
joint_z` columns in any order among others; an empty cell or `nan` is a missing joint. Joints may be called by the
skeleton's or its native names.
"""

from __future__ import annotations

import csv
import dataclasses
import os
import pathlib
import zipfile

import numpy as np

from tfpose.errors import DataError
from tfpose.files import atomic_write, blame
from tfpose.formats.axes import to_y_up
from tfpose.formats.clip import Clip
from tfpose.skeleton import Skeleton

SUFFIXES = (".npy", ".npz", ".csv")
_PLAUSIBLE_METRES = (0.2, 6.0)  # from a crouching child to a tall man with arms spread and joints far off


def read_file(
    path: str | os.PathLike, skeleton: Skeleton, rate: float | None = None, unit: float = 1.0, up: str = "y"
) -> list[Clip]:
    """The one clip of a file.

    Args:
        path: an npy, npz or csv file.
        skeleton: what the joints are.
        rate: frames per second; these files do not say.
        unit: metres per unit of the file.
        up: the file's upward axis, one of `tfpose.formats.axes.UPS`.

    Raises:
        DataError: when the file is not of this layout, lacks a joint of the skeleton, or is no human size in `unit`.
    """
    path = pathlib.Path(path)
    read = {".npy": _read_npy, ".npz": _read_npz, ".csv": _read_csv}.get(path.suffix.lower())
    if read is None:
        raise DataError(f"{path}: not a joint array: expected one of {', '.join(SUFFIXES)}")
    with blame(path, f"a {path.suffix} file of joints [T, J, 3]"):
        positions, names = read(path, skeleton)
        if positions.dtype.kind not in "fiu":
            raise DataError(f"{path}: expected numbers, got an array of {positions.dtype}")
        if positions.ndim == 2:
            positions = positions[None]
        if names is not None:
            if positions.ndim != 3 or positions.shape[1] != len(names):
                raise DataError(f"{path}: names {len(names)} joints but holds positions {list(positions.shape)}")
            positions = positions[:, _order(path, names, skeleton)]
        clip = Clip(positions * unit, skeleton, rate=rate, source=str(path))
        clip = dataclasses.replace(clip, positions=to_y_up(clip.positions, up))
    _check_size(clip, unit)
    return [clip]


def _check_size(clip: Clip, unit: float):
    whole = clip.positions[~clip.missing.any(axis=1)]
    if not len(whole):
        return
    size = float(np.median(np.ptp(whole, axis=1).max(axis=-1)))
    low, high = _PLAUSIBLE_METRES
    if not low <= size <= high:
        raise DataError(
            f"{clip.source}: its poses are {size:.3g} m large at {unit:g} m per unit, which is no human; give the unit "
            "in metres (0.001 for millimetres, 0.01 for centimetres)"
        )


def write(path: str | os.PathLike, positions: np.ndarray, skeleton: Skeleton, **more: np.ndarray) -> None:
    """Writes positions `[T, J, 3]` or `[J, 3]` so that `read_file` gives them back; the suffix says how. NaN stays NaN.

    A .npz file takes `more` arrays by name beside them; the other formats have no place for these.

    Raises:
        DataError: for another suffix or shape.
    """
    path = pathlib.Path(path)
    positions = np.asarray(positions, np.float32)
    if positions.ndim not in (2, 3) or positions.shape[-2:] != (len(skeleton), 3):
        raise DataError(
            f"{path}: expected positions [T, {len(skeleton)}, 3] for '{skeleton.name}', got {list(positions.shape)}"
        )
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise DataError(f"{path}: cannot write a '{path.suffix}' file; the name must end in {', '.join(SUFFIXES)}")
    with atomic_write(path) as temporary:
        if suffix == ".npy":
            np.save(temporary, positions)
        elif suffix == ".npz":
            np.savez_compressed(temporary, positions=positions, joints=np.array(skeleton.joints), **more)
        else:
            header = ",".join(f"{joint}_{axis}" for joint in skeleton.joints for axis in "xyz")
            # Nine digits bring every float32 back exactly.
            np.savetxt(temporary, positions.reshape(-1, len(skeleton) * 3), "%.9g", ",", header=header, comments="")


def _read_npy(path: pathlib.Path, skeleton: Skeleton):
    with path.open("rb") as file:
        return np.lib.format.read_array(file, allow_pickle=False), None


def _read_npz(path: pathlib.Path, skeleton: Skeleton):
    with zipfile.ZipFile(path):  # np.load would take a pickle or an npy here as well
        pass
    with np.load(path, allow_pickle=False) as file:
        others = [name for name in file.files if name != "joints"]
        key = "positions" if "positions" in others else others[0] if len(others) == 1 else None
        if key is None:
            raise DataError(
                f"{path}: expected an array 'positions' [T, J, 3], it holds {', '.join(file.files) or 'none'}"
            )
        return file[key], [str(name) for name in file["joints"]] if "joints" in file.files else None


def _read_csv(path: pathlib.Path, skeleton: Skeleton):
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = [(number, row) for number, row in enumerate(csv.reader(file), 1) if any(cell.strip() for cell in row)]
    if not rows:
        raise DataError(f"{path}: is empty; expected one row of {len(skeleton) * 3} numbers per frame")
    header = [cell.strip() for cell in rows[0][1]]
    if any(_number(cell) is None for cell in header):
        joints, columns = _columns(path, header, skeleton)
        rows = rows[1:]
    else:
        joints, columns = None, list(range(len(skeleton) * 3))
        if len(header) != len(columns):
            raise DataError(
                f"{path}: expected {len(columns)} columns, x y z of the {len(skeleton)} joints of '{skeleton.name}', "
                f"or a header of names; got {len(header)}"
            )
    values = np.empty((len(rows), len(columns)))
    for at, (number, row) in enumerate(rows):
        if len(row) != len(header):
            raise DataError(f"{path}: line {number} has {len(row)} cells, the first one has {len(header)}")
        for to, column in enumerate(columns):
            value = _number(row[column])
            if value is None:
                raise DataError(f"{path}: line {number}: '{row[column][:40]}' is not a number")
            values[at, to] = value
    return values.reshape(len(rows), len(columns) // 3, 3), joints


def _number(cell: str) -> float | None:
    """The number in a cell, NaN for an empty one, None for what is not a number."""
    try:
        return float(cell) if cell.strip() else np.nan
    except ValueError:
        return None


def _columns(path: pathlib.Path, header: list[str], skeleton: Skeleton) -> tuple[list[str], list[int]]:
    """The joints that a header has x, y and z of, and the numbers of these columns."""
    joints = [name[:-2] for name in header if name.endswith("_x")]
    joints = [joint for joint in joints if {f"{joint}_y", f"{joint}_z"} <= set(header)]
    if not joints:
        raise DataError(
            f"{path}: its header names no joints; expected columns such as "
            f"{', '.join(f'{skeleton.joints[0]}_{axis}' for axis in 'xyz')}"
        )
    return joints, [header.index(f"{joint}_{axis}") for joint in joints for axis in "xyz"]


def _order(path: pathlib.Path, names: list[str], skeleton: Skeleton) -> list[int]:
    """Where in `names` each joint of the skeleton stands."""
    number = {name: at for at, name in enumerate(names)}
    found = [number.get(joint, number.get(skeleton.native.get(joint, joint))) for joint in skeleton.joints]
    lacking = [joint for joint, at in zip(skeleton.joints, found) if at is None]
    if lacking:
        raise DataError(f"{path}: lacks {', '.join(lacking)} of skeleton '{skeleton.name}'; it has {', '.join(names)}")
    return found
