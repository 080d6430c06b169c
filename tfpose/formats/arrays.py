"""Joint arrays of any rig: npy and npz files.

npy: `[T, J, 3]` or `[J, 3]`; `[T, J, 4]` with the confidence last, as of MediaPipe; `[T, 3 J]`.
npz: the same as `positions`, `joints`, `poses_3d` or `keypoints`, or as the only array of that form. Beside it may
stand the names of the joints as `joints` or `joint_names`, `confidence` `[T, J]`, `rate` (or `fps`,
`mocap_framerate`), `unit` in metres and `up`.

Without names, joints are those of the skeleton that is given, or of the shipped one that has as many and fits: the
outputs of VideoPose3D and MotionBERT (17), HumanML3D (22), SMPL (24), MediaPipe (33).
"""

from __future__ import annotations

import dataclasses
import io
import os
import pathlib
import zipfile

import numpy as np

from tfpose.errors import DataError
from tfpose.files import atomic_write, blame
from tfpose.formats import axes
from tfpose.formats.clip import Clip
from tfpose.formats.recording import FILLED, USUAL, Options, Recording
from tfpose.skeleton import Skeleton

SUFFIXES = (".npy", ".npz")
_KEYS = ("positions", "poses_3d", "positions_3d", "joints_3d", "keypoints_3d", "keypoints", "joints", "poses")
_NAMES = ("joints", "joint_names", "names")
_CERTAIN = ("confidence", "conf", "visibility", "scores", "score")
_RATES = ("rate", "fps", "frame_rate", "mocap_framerate", "mocap_frame_rate")


@dataclasses.dataclass(frozen=True, eq=False)
class Layout:
    """All arrays of a file by name, and the name of the positions; an npy file's name is empty."""

    arrays: dict[str, np.ndarray]
    key: str


def read_file(path: str | os.PathLike, options: Options = USUAL) -> list[Clip]:
    """The one clip of a file.

    Raises:
        DataError: when the file is not of this layout, lacks a joint of the skeleton, or is no human size.
        SkeletonError: when it cannot be told what the joints are.
    """
    path = pathlib.Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise DataError(f"{path}: not a joint array: expected one of {', '.join(SUFFIXES)}")
    with blame(path, f"a {path.suffix} file of joints [T, J, 3]"):
        arrays, pickled = _read_npz(path) if path.suffix.lower() == ".npz" else ({"": _read_npy(path)}, [])
        key = _key(path, arrays)
        positions, confidence = _positions(path, arrays[key], _joint_count(arrays, key, options))
        names = next((arrays[name] for name in _NAMES if name != key and _is_text(arrays.get(name))), None)
        if names is not None and len(names) != positions.shape[1]:
            raise DataError(f"{path}: names {len(names)} joints but holds positions {list(positions.shape)}")
        beside = next((arrays[name] for name in _CERTAIN if np.shape(arrays.get(name)) == positions.shape[:2]), None)
        unit = _scalar(arrays, ("unit",))
        up = str(arrays["up"]) if "up" in arrays and arrays["up"].dtype.kind == "U" else None
        if up is not None and up not in axes.UPS:
            raise DataError(f"{path}: 'up' must be one of {', '.join(axes.UPS)}, got '{up[:20]}'")
        return [
            Recording(
                "arrays",
                positions,
                str(path),
                tuple(str(name) for name in names) if names is not None else None,
                rate=_scalar(arrays, _RATES),
                confidence=confidence if beside is None else np.asarray(beside, np.float64),
                unit=unit,
                up=up,
                layout=Layout(arrays, key),
                notes=tuple(f"its pickled array '{name[:40]}' is not read, and not written back" for name in pickled),
            ).clip(options)
        ]


def write(path: str | os.PathLike, positions: np.ndarray, skeleton: Skeleton, **more: np.ndarray) -> None:
    """Writes positions `[T, J, 3]` or `[J, 3]` so that `read_file` gives them back; the suffix says how. NaN stays NaN.

    A .npz file takes `more` arrays by name beside them; a .npy file has no place for these.

    Raises:
        DataError: for another suffix or shape.
    """
    path = pathlib.Path(path)
    positions = np.asarray(positions, np.float32)
    if positions.ndim not in (2, 3) or positions.shape[-2:] != (len(skeleton), 3):
        raise DataError(
            f"{path}: expected positions [T, {len(skeleton)}, 3] for '{skeleton.name}', got {list(positions.shape)}"
        )
    names = np.array(skeleton.joints)
    _save(path, {"positions": positions, "joints": names, **more} if path.suffix.lower() == ".npz" else {"": positions})


def write_clip(path: str | os.PathLike, clip: Clip, **more: np.ndarray) -> None:
    """Writes a clip: one that was read from such a file with its arrays and their type; others in the unit and axes of
    their source. An .npz file takes `more` arrays by name.

    Raises:
        DataError: for another suffix.
    """
    path, origin = pathlib.Path(path), clip.origin
    packed = path.suffix.lower() == ".npz"
    if origin is not None and isinstance(origin.layout, Layout):
        before = origin.layout.arrays[origin.layout.key]
        values = origin.whole(clip.positions)
        # Zeros and joints of low confidence, which are missing here, come back as they were.
        same, filled = origin.unchanged(values), origin.filled(values)
        values = np.where(same, _positions(path, before, values.shape[1])[0], values)
        if before.dtype.kind == "f":
            values = values.astype(before.dtype)
        if before.size == values.size:
            values = values.reshape(before.shape)
        elif before.shape[-1] == 4:
            certain = _seen_again(before.reshape(*values.shape[:-1], 4)[..., 3], filled)
            values = np.concatenate([values, certain[..., None]], axis=-1).reshape(before.shape)
        arrays = {**origin.layout.arrays, origin.layout.key: values}
        for name in _CERTAIN:
            if np.shape(arrays.get(name)) == filled.shape:
                arrays[name] = _seen_again(arrays[name], filled)
        if packed and origin.layout.key == "":
            arrays = {"positions": arrays.pop(""), "unit": np.array(origin.unit), "up": np.array(origin.up)}
            arrays |= {"joints": np.array(clip.names)} if len(clip.names) == len(origin.values[0]) else {}
        if packed and clip.rate and _scalar(arrays, _RATES) is None:
            arrays["rate"] = np.array(clip.rate)
        if not packed:
            arrays = {"": values}
    else:
        values, unit, up = clip.native()
        arrays = {"positions" if packed else "": values.astype(np.float32)}
        if packed:
            arrays |= {"joints": np.array(clip.names), "unit": np.array(unit), "up": np.array(up)}
            arrays |= {"rate": np.array(clip.rate)} if clip.rate else {}
    _save(path, {**arrays, **more} if packed else arrays)


def _seen_again(confidence: np.ndarray, filled: np.ndarray) -> np.ndarray:
    return np.where(filled, np.fmax(confidence, FILLED), confidence).astype(confidence.dtype)


def _save(path: pathlib.Path, arrays: dict[str, np.ndarray]):
    if path.suffix.lower() not in SUFFIXES:
        raise DataError(f"{path}: cannot write a '{path.suffix}' file; the name must end in {', '.join(SUFFIXES)}")
    pickled = [name for name, array in arrays.items() if np.asanyarray(array).dtype.hasobject]
    if pickled:
        raise DataError(f"{path}: arrays of objects cannot be written: {', '.join(pickled)[:200]}")
    with atomic_write(path) as temporary:
        if path.suffix.lower() == ".npy":
            np.save(content := io.BytesIO(), arrays[""])  # into a file, numpy does not notice that a disk is full
            temporary.write_bytes(content.getbuffer())
        else:
            _save_npz(temporary, arrays)


def _save_npz(path: pathlib.Path, arrays: dict[str, np.ndarray]):
    """What `np.savez_compressed` writes, also of arrays named as its own arguments are."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)


def _read_npy(path: pathlib.Path) -> np.ndarray:
    with path.open("rb") as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def _read_npz(path: pathlib.Path) -> tuple[dict[str, np.ndarray], list[str]]:
    """The arrays by name, and the names of those that only a pickle can hold."""
    with zipfile.ZipFile(path):  # np.load would take a pickle or an npy here as well
        pass
    arrays, pickled = {}, []
    with np.load(path, allow_pickle=False) as file:
        for name in file.files:
            try:
                arrays[name] = file[name]
            except ValueError as error:
                if "pickle" not in str(error).lower():
                    raise
                pickled.append(name)
    return arrays, pickled


def _key(path: pathlib.Path, arrays: dict[str, np.ndarray]) -> str:
    """The name of the array of positions."""
    numbers = {name: array for name, array in arrays.items() if array.dtype.kind in "fiu"}
    fitting = {name: array for name, array in numbers.items() if array.ndim >= 2 and array.shape[-1] in (3, 4)}
    named = [name for name in ("", *_KEYS) if name in numbers]
    # Of the known names one of joints; else one of flat rows, even where another array has the form of joints.
    key = next((name for name in named if name in fitting), named[0] if named else None)
    if key is None and len(fitting) == 1:
        key = next(iter(fitting))
    if key is None and "" in arrays:
        raise DataError(f"{path}: expected numbers, got an array of {arrays[''].dtype}")
    if key is None:
        raise DataError(
            f"{path}: expected an array 'positions' [T, J, 3], it holds {', '.join(arrays)[:200] or 'none'}"
        )
    return key


def _positions(path: pathlib.Path, array: np.ndarray, count: int | None):
    """`[T, J, 3]`, and the confidence `[T, J]` of `[T, J, 4]`."""
    array = np.asarray(array, np.float64)
    if array.ndim == 4 and 1 in (array.shape[0], array.shape[1]):
        array = array.reshape(-1, *array.shape[2:])  # one person of several
    if array.ndim == 2 and array.shape[1] not in (3, 4):
        joints = count or (array.shape[1] // 3 if array.shape[1] % 3 == 0 else None)
        if joints and array.shape[1] == 3 * joints:
            array = array.reshape(len(array), joints, 3)
    elif array.ndim == 2:
        array = array[None]
    if array.ndim != 3 or array.shape[-1] not in (3, 4) or not array.size:
        raise DataError(f"{path}: expected joints [T, J, 3], got {list(array.shape)}")
    if array.shape[-1] == 4:
        certain = array[..., 3]
        return array[..., :3], certain if ((certain >= 0) & (certain <= 1)).all() else None
    return array, None


def _joint_count(arrays: dict, key: str, options: Options) -> int | None:
    names = next((arrays[name] for name in _NAMES if name != key and _is_text(arrays.get(name))), None)
    return len(names) if names is not None else len(options.skeleton) if options.skeleton else None


def _is_text(array) -> bool:
    return array is not None and array.dtype.kind in "US" and array.ndim == 1


def _scalar(arrays: dict[str, np.ndarray], names: tuple[str, ...]) -> float | None:
    for name in names:
        array = arrays.get(name)
        if array is not None and array.size == 1 and array.dtype.kind in "fiu":
            value = float(array.reshape(()))
            if np.isfinite(value) and value > 0:
                return value
    return None
