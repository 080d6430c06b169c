"""C3D files: markers or joints of optical motion capture. Needs ezc3d."""

from __future__ import annotations

import os
import pathlib

import numpy as np

from tfpose.errors import DataError, TfposeError
from tfpose.files import atomic_write, blame
from tfpose.formats.axes import from_y_up
from tfpose.formats.clip import Clip
from tfpose.formats.recording import USUAL, Options, Recording
from tfpose.formats.times import USUAL_RATE
from tfpose.formats.trc import UNITS

_LARGEST = 1 << 30  # bytes


def read_file(path: str | os.PathLike, options: Options = USUAL) -> list[Clip]:
    """The one clip of a file. Points without a label (`*12`) are left out.

    Markers that are no joints need `options.mapping`.

    Raises:
        DataError: when the file is not C3D.
        TfposeError: when ezc3d is not installed.
    """
    path = pathlib.Path(path)
    library = _library()
    with blame(path, "a C3D file"):
        _check(path)
        content = library.c3d(str(path))
        about = content["parameters"]["POINT"]
        labels = [str(label).strip() for label in about["LABELS"]["value"]]
        points = content["data"]["points"]
        columns = [at for at, label in enumerate(labels[: points.shape[1]]) if label and not label.startswith("*")]
        if not columns or not points.shape[2]:
            raise DataError(f"{path}: has no labelled points")
        values = points[:3, columns].transpose(2, 1, 0).astype(np.float64)
        units = about.get("UNITS", {}).get("value") or [""]
        return [
            Recording(
                "c3d",
                values,
                str(path),
                tuple(labels[at] for at in columns),
                rate=float(content["header"]["points"]["frame_rate"]) or None,
                unit=UNITS.get(str(units[0]).strip().lower()),
                usual_unit=0.001,
                usual_up="z",
                layout=(content, tuple(columns)),
            ).clip(options)
        ]


def write(path: str | os.PathLike, clip: Clip) -> None:
    """Writes a clip: one that was read from such a file with all else in it, others in millimetres, z up."""
    library = _library()
    origin = clip.origin
    if origin is not None and origin.format == "c3d":
        content, columns = origin.layout
        values = origin.whole(clip.positions)
        points = np.array(content["data"]["points"])
    else:
        content, columns = library.c3d(), range(len(clip.skeleton))
        values = from_y_up(clip.positions.astype(np.float64), "z") * 1000
        content["parameters"]["POINT"]["RATE"]["value"] = [clip.rate or USUAL_RATE]
        content["parameters"]["POINT"]["LABELS"]["value"] = clip.names
        content["parameters"]["POINT"]["UNITS"]["value"] = ["mm"]
        points = np.ones((4, len(columns), len(clip)))
    points[:3, list(columns)] = values.transpose(2, 1, 0)
    before = content["data"]["points"]
    content["data"]["points"] = points
    meta_before = dict(content["data"].get("meta_points", {}))
    if "meta_points" in content["data"]:
        meta = content["data"]["meta_points"]
        meta["residuals"] = _residuals(meta_before.get("residuals"), np.isnan(points[0]))
        masks = meta.get("camera_masks")
        if masks is None or masks.shape[1:] != points.shape[1:]:
            meta["camera_masks"] = np.zeros((7, *points.shape[1:]), bool)
    try:
        with atomic_write(path) as unfinished:
            content.write(str(unfinished))
            if not _is_whole(unfinished, content["data"]):
                raise OSError("the disk is full")  # which ezc3d does not notice
    finally:
        content["data"]["points"] = before
        for name, value in meta_before.items():
            content["data"]["meta_points"][name] = value


def _residuals(measured, missing: np.ndarray) -> np.ndarray:
    """The residuals `[1, P, T]` of points of which `[P, T]` are missing: as they were measured, 0 of those filled."""
    shape = (1, *missing.shape)
    residuals = np.zeros(shape) if np.shape(measured) != shape else np.fmax(measured, 0.0)
    residuals[0][missing] = -1.0
    return residuals


def _is_whole(path: pathlib.Path, data) -> bool:
    """Whether ezc3d wrote all: the start of the numbers into the head, which it does last, and float32 numbers."""
    with path.open("rb") as file:
        start = int.from_bytes(file.read(18)[16:], "little")
    return start > 1 and path.stat().st_size >= (start - 1) * 512 + 4 * (data["points"].size + data["analogs"].size)


def _check(path: pathlib.Path):
    """Refuses what ezc3d would take long over, or end the process with."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(512)
    if len(head) < 512 or head[1] != 0x50:
        raise DataError(f"{path}: not a C3D file: it does not begin as one")
    if size > _LARGEST:
        raise DataError(f"{path}: is larger than 1 GB")


def _library():
    try:
        import ezc3d
    except ImportError as error:
        raise TfposeError(f"C3D files need ezc3d ({error}); run: pip install 'tfpose[c3d]'") from error
    return ezc3d
