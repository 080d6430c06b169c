"""netCDF files of poses over time, as `movement` writes them. Needs xarray and h5netcdf.

A data set with `position` (time, space, keypoints, individuals), `confidence` (time, keypoints, individuals) where
there is one, and `fps` among its attributes. Each individual is a clip.
"""

from __future__ import annotations

import os
import pathlib

import numpy as np

from tfpose.errors import DataError, TfposeError
from tfpose.files import atomic_write, blame
from tfpose.formats.clip import Clip, one_source
from tfpose.formats.recording import USUAL, Options, Recording
from tfpose.formats.times import USUAL_RATE


def read_file(path: str | os.PathLike, options: Options = USUAL) -> list[Clip]:
    """A clip for each individual.

    Raises:
        DataError: when the file is not of this layout, or of two dimensions.
        TfposeError: when xarray or h5netcdf is not installed.
    """
    path = pathlib.Path(path)
    xarray = _library()
    with blame(path, "a netCDF file with position (time, space, keypoints, individuals)"):
        _check_sizes(path)
        with xarray.open_dataset(path, engine="h5netcdf") as opened:
            content = opened.load()
        dims = _dims(path, content)
        position = content["position"].transpose(dims["individual"], "time", dims["keypoint"], "space")
        if position.shape[-1] != 3:
            raise DataError(f"{path}: its positions have {position.shape[-1]} coordinates, expected 3")
        names = tuple(str(name) for name in position[dims["keypoint"]].values)
        confidence = None
        if "confidence" in content:
            confidence = content["confidence"].transpose(dims["individual"], "time", dims["keypoint"]).values
        rate = float(content.attrs.get("fps") or 0) or None
        individuals = [str(name) for name in position[dims["individual"]].values]
        return [
            Recording(
                "netcdf",
                position.values[number],
                str(path),
                names,
                rate=rate,
                usual_up="y",
                confidence=None if confidence is None or np.isnan(confidence[number]).all() else confidence[number],
                layout=(content, number),
                about={"subject": name},
            ).clip(options)
            for number, name in enumerate(individuals)
        ]


def write(path: str | os.PathLike, clips: list[Clip]) -> None:
    """Writes clips: those that were all read from one such file with all else in it, others as `movement` does.

    Raises:
        DataError: when clips from elsewhere differ in length or joints, or the file cannot be written.
    """
    xarray = _library()
    first = clips[0]
    source = one_source(clips, lambda origin: origin.layout[0] if origin.format == "netcdf" else None)
    if source is not None:
        content = source.copy(deep=True)
        dims = _dims(path, content)
        order = content["position"].dims
        position = content["position"].transpose(dims["individual"], "time", dims["keypoint"], "space").copy()
        for clip in clips:
            position[clip.origin.layout[1]] = clip.origin.whole(clip.positions)
        content["position"] = position.transpose(*order)
    else:
        if len({(len(clip), clip.skeleton) for clip in clips}) > 1:
            raise DataError(f"{path}: clips of several people in one file must have the same frames and joints")
        names = first.names
        rate = first.rate or USUAL_RATE
        content = xarray.Dataset(
            {
                "position": (
                    ("time", "space", "keypoint", "individual"),
                    np.stack([clip.positions for clip in clips], axis=-1).transpose(0, 2, 1, 3),
                ),
                "confidence": (
                    ("time", "keypoint", "individual"),
                    np.stack([_certain(clip) for clip in clips], axis=-1),
                ),
            },
            coords={
                "time": np.arange(len(first)) / rate,
                "space": ["x", "y", "z"],
                "keypoint": names,
                "individual": [clip.subject or f"person_{number}" for number, clip in enumerate(clips)],
            },
            attrs={"fps": rate, "time_unit": "seconds", "ds_type": "poses", "source_software": "tfpose"},
        )
    with atomic_write(path) as unfinished:
        content.to_netcdf(unfinished, engine="h5netcdf")


def _check_sizes(path: pathlib.Path):
    """Refuses a file that says it holds far more than it does, before memory is asked for."""
    import h5py

    most = 1_000_000 + 200 * path.stat().st_size  # zeros pack well
    with h5py.File(path) as file:
        for name, held in file.items():
            if isinstance(held, h5py.Dataset) and held.size and held.size * held.dtype.itemsize > most:
                raise DataError(f"{path}: '{name}' says {list(held.shape)}, more than the file can hold; it is damaged")


def _certain(clip: Clip) -> np.ndarray:
    return np.full(clip.positions.shape[:2], np.nan) if clip.confidence is None else clip.confidence


def _dims(path, content) -> dict[str, str]:
    """What this version of `movement` calls its dimensions: in the plural before 0.5."""
    if "position" not in content:
        raise DataError(f"{path}: has no 'position'; it has {', '.join(map(str, content.data_vars)) or 'nothing'}")
    found = {}
    for name in ("keypoint", "individual"):
        found[name] = next((dim for dim in content["position"].dims if str(dim).startswith(name)), None)
    if None in found.values() or not {"time", "space"} <= set(content["position"].dims):
        raise DataError(
            f"{path}: 'position' has dimensions {content['position'].dims}, expected time, space, keypoint, individual"
        )
    return found


def _library():
    try:
        import h5netcdf  # noqa: F401
        import xarray
    except ImportError as error:
        raise TfposeError(
            f"netCDF files need xarray and h5netcdf ({error}); run: pip install 'tfpose[netcdf]'"
        ) from error
    return xarray
