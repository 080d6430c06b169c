"""`read` reads a file or a folder in any of the formats."""

from __future__ import annotations

import os
import pathlib
import zipfile
from collections.abc import Callable, Iterator

from tfpose.errors import DataError, SkeletonError
from tfpose.formats import arrays, asfamc, axes, bvh, human36m, ntu, nucla
from tfpose.formats.clip import Clip
from tfpose.skeleton import Skeleton

# Format -> what its files end in.
FORMATS = {
    "nucla": (".json",),
    "ntu": (".skeleton",),
    "bvh": (".bvh",),
    "asfamc": (".amc",),
    "human36m": (".npz",),
    "arrays": arrays.SUFFIXES,
    "tfrecords": (".tfrecord",),
}


def read(
    path: str | os.PathLike,
    *,
    format: str = "auto",
    skeleton: Skeleton | None = None,
    unit: float | None = None,
    up: str = "y",
    on_bad: Callable[[DataError], None] | None = None,
    part: tuple[int, int] = (0, 1),
) -> Iterator[Clip]:
    """Yields the clips of a file, or of all files below a folder in the order of their paths.

    Args:
        path: a file or a folder. In a folder, files that are no clips by their name (labels, cameras, 2D points) are
            passed over; NTU samples on the official list of missing skeletons, where it lies in or beside the folder,
            give none.
        format: "nucla", "ntu", "bvh", "asfamc", "human36m", "arrays", "tfrecords", or "auto" to tell each file by its
            name and content.
        skeleton: the skeleton of the clips. Arrays are taken to be in it and need it; the joints of a BVH file are
            found by its native names; other formats know their skeleton and are converted by joint names.
        unit: metres per unit of arrays (by default 1) and of BVH files (by default 0.01, or CMU's own for CMU's);
            other formats know theirs.
        up: the upward axis of arrays, "y", "z" or "-y"; other formats know theirs.
        on_bad: called with the error of each unreadable file, and reading goes on; None raises it.
        part: `(number, parts)`: of the files only every `parts`-th, from `number` on.

    Raises:
        DataError: for an unreadable file (its message starts with the path), a missing path, or a folder without clips.
        SkeletonError: when the clips cannot be given in `skeleton`, or arrays come without one.
    """
    if up not in axes.UPS:
        raise DataError(f"{path}: up must be one of {', '.join(axes.UPS)}, got '{up}'")
    readers = {
        "nucla": nucla.read_file,
        "ntu": ntu.read_file,
        "bvh": lambda file: bvh.read_file(file, skeleton, unit),
        "asfamc": asfamc.read_file,
        "human36m": human36m.read_file,
        "arrays": lambda file: _read_array(file, skeleton, unit, up),
        "tfrecords": _read_tfrecords,
    }
    for file in files(path, format)[part[0] :: part[1]]:
        try:
            clips = readers.get(_guess(file) if format == "auto" else format, _refuse)(file)
        except DataError as error:
            if on_bad is None:
                raise
            on_bad(error)
            continue
        for clip in clips:
            yield clip if skeleton is None else clip.to(skeleton)


def files(path: str | os.PathLike, format: str = "auto") -> list[pathlib.Path]:
    """The files that `read` reads, one after the other, when it is given `path`.

    Raises:
        DataError: for a missing path, a folder without clips, or an unknown format.
    """
    path = pathlib.Path(path)
    if format not in ("auto", *FORMATS):
        raise DataError(f"{path}: there is no format '{format}'; there are auto, {', '.join(FORMATS)}")
    if path.is_dir():
        found = [file for file in sorted(path.rglob("*")) if _is_clips(file, format)]
        if not found:
            suffixes = sorted({suffix for known in FORMATS.values() for suffix in known})
            raise DataError(
                f"{path}: no {'' if format == 'auto' else format + ' '}clips in this folder; expected files such as "
                f"{', '.join(suffixes if format == 'auto' else FORMATS[format])}, as in the folders below TFPOSE_DATA"
            )
        if any(file.suffix == ".skeleton" for file in found):
            missing = _missing_samples(path)
            found = [file for file in found if file.stem not in missing]
        return found
    if path.exists():
        return [path]
    raise DataError(
        f"{path}: no such file or folder; expected a clip ({', '.join(FORMATS)}) or a folder of them, such as "
        "one below the folder that TFPOSE_DATA names"
    )


def _read_tfrecords(file: pathlib.Path) -> list[Clip]:
    from tfpose.formats import tfrecords  # brings TensorFlow, which the other formats do without

    return tfrecords.read_file(file)


def _guess(file: pathlib.Path) -> str | None:
    suffix = file.suffix.lower()
    if suffix == ".npz":
        return "human36m" if "positions_3d.npy" in _members(file) else "arrays"
    return next((name for name, suffixes in FORMATS.items() if suffix in suffixes), None)


def _is_clips(file: pathlib.Path, format: str) -> bool:
    """Whether a file in a folder is meant to be read: by its name, so that a damaged one is still reported."""
    suffixes = FORMATS.get(format) or {suffix for known in FORMATS.values() for suffix in known}
    if file.name.startswith(".") or file.suffix.lower() not in suffixes or not file.is_file():
        return False
    if file.suffix.lower() == ".json":
        return bool(nucla.NAME.fullmatch(file.stem))
    return not (file.suffix.lower() == ".npz" and "positions_2d.npy" in _members(file))


def _members(file: pathlib.Path) -> list[str]:
    try:
        with zipfile.ZipFile(file) as archive:
            return archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return []  # its reader says what is wrong


def _missing_samples(folder: pathlib.Path) -> frozenset[str]:
    lists = [*folder.parent.glob("*missing_skeletons*.txt"), *folder.rglob("*missing_skeletons*.txt")]
    return frozenset(name for path in lists for name in ntu.read_missing(path))


def _read_array(file: pathlib.Path, skeleton: Skeleton | None, unit: float | None, up: str) -> list[Clip]:
    if skeleton is None:
        raise SkeletonError(
            f"{file}: an array does not say what its joints are; give the skeleton: a JSON file or one of "
            f"{', '.join(Skeleton.names())}"
        )
    return arrays.read_file(file, skeleton, unit=1.0 if unit is None else unit, up=up)


def _refuse(file: pathlib.Path) -> list[Clip]:
    known = "; ".join(f"{name}: {', '.join(suffixes)}" for name, suffixes in FORMATS.items())
    raise DataError(f"{file}: cannot tell its format from '{file.suffix}'; name the format ({known})")
