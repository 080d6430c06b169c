"""`read` reads a file or a folder in any of the formats; `write` writes clips into a file of any that can hold them."""

from __future__ import annotations

import dataclasses
import importlib
import os
import pathlib
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence

from tfpose.errors import DataError, SkeletonError, TfposeError
from tfpose.formats import (
    arrays,
    axes,
    bvh,
    c3d,
    keypoints,
    netcdf,
    ntu,
    nucla,
    tables,
    trc,
)
from tfpose.formats.clip import Clip
from tfpose.formats.recording import Options
from tfpose.formats.times import USUAL_RATE
from tfpose.skeleton import Skeleton

# Format -> what its files end in.
FORMATS = {
    "nucla": (".json",),
    "ntu": (".skeleton",),
    "bvh": (".bvh",),
    "asfamc": (".amc",),
    "human36m": (".npz",),
    "c3d": (".c3d",),
    "trc": (".trc",),
    "keypoints": (".json",),
    "arrays": arrays.SUFFIXES,
    "table": (".csv", ".tsv", ".txt"),
    "netcdf": (".nc",),
    "pyskl": (".pkl",),
    "tfrecords": (".tfrecord",),
}
_OF_ONE_SKELETON = ("nucla", "ntu", "human36m", "asfamc", "tfrecords")
ENDINGS = frozenset(suffix for suffixes in FORMATS.values() for suffix in suffixes)
"""All that files of clips end in."""
WRITTEN = (".bvh", ".c3d", ".trc", ".json", ".npz", ".npy", ".csv", ".tsv", ".nc")
"""What the names of files end in that `write` writes."""
MANY = (".json", ".csv", ".tsv", ".nc")
"""Those of them that hold several clips."""
_SAYS_RATE = (".bvh", ".c3d", ".trc", ".nc")
# JSON that lies beside clips: cameras, shards' index, what encode-dataset and clean-dataset counted.
_NO_CLIPS = ("cameras.json", "index.json", "summary.json", "package.json")


def read(
    path: str | os.PathLike,
    *,
    format: str = "auto",
    skeleton: Skeleton | str | None = None,
    unit: float | None = None,
    up: str | None = None,
    mirrored: bool = False,
    mapping: Mapping | None = None,
    rate: float | None = None,
    visibility: float = 0.5,
    on_bad: Callable[[TfposeError], None] | None = None,
    on_note: Callable[[str], None] = warnings.warn,
    part: tuple[int, int] = (0, 1),
) -> Iterator[Clip]:
    """Yields the clips of a file, or of all files below a folder in the order of their paths.

    Args:
        path: a file or a folder. In a folder, files that are no clips by their name (labels, cameras, 2D points) are
            passed over; NTU samples on the official list of missing skeletons, where it lies in or beside the folder,
            give none.
        format: one of `FORMATS`, or "auto" to tell each file by its name and content.
        skeleton: the skeleton of the clips, or its name. Arrays without names are taken to be in it; joints with names
            are found by its native names, or its own; other formats know their skeleton and are converted by joint
            names.
        unit: metres per unit; None to take what the file says, or else to find it by the lengths of the bones.
        up: the upward axis, one of `UPS`; None to take what the file says, or else to find it by where head and feet
            are.
        mirrored: whether the file's axes are left-handed.
        mapping: joint -> what the file calls it, a list of names, or names with weights.
        rate: frames per second of files that do not say.
        visibility: below this confidence a landmark of a tracker is missing.
        on_bad: called with the error of each file that is unreadable or of an unknown rig, and reading goes on; None
            raises it.
        on_note: called with a sentence for whatever was found out by looking at the poses, such as an unusual unit.
        part: `(number, parts)`: of the files only every `parts`-th, from `number` on.

    Raises:
        DataError: for an unreadable file (its message starts with the path), a missing path, or a folder without clips.
        SkeletonError: when it cannot be told what the joints are, or the clips cannot be given in `skeleton`.
    """
    if up is not None and up not in axes.UPS:
        raise DataError(f"{path}: up must be one of {', '.join(axes.UPS)}, got '{up}'")
    if unit is not None and not 0 < unit < 1e6:
        raise DataError(f"{path}: unit must be metres per unit of the file, such as 0.001; got {unit:g}")
    skeleton = Skeleton.load(skeleton) if isinstance(skeleton, str) else skeleton
    options = Options(skeleton, unit, up, mirrored, mapping, rate, visibility)
    for file in files(path, format)[part[0] :: part[1]]:
        try:
            clips = _read_file(file, _guess(file) if format == "auto" else format, options)
            clips = clips if skeleton is None else [clip.to(skeleton) for clip in clips]
        except (DataError, SkeletonError) as error:
            if on_bad is None:
                raise
            on_bad(error)
            continue
        for clip in clips:
            for note in clip.notes:
                on_note(f"{clip.source}: {note}")
            yield dataclasses.replace(clip, rate=rate) if clip.rate is None and rate is not None else clip


def write(
    path: str | os.PathLike,
    clips: Clip | Sequence[Clip],
    *,
    on_note: Callable[[str], None] = warnings.warn,
    **more,
) -> None:
    """Writes clips into one file; what its name ends in says the format.

    A clip that was read from a file of the same format keeps all that the format knows besides joints. Others are
    written in the unit and the axes of their source, where the format can say these.

    Args:
        path: ends in one of `WRITTEN`.
        clips: one, or several where the format can hold them (`MANY`).
        on_note: called with a sentence for whatever the file cannot say, such as gaps of a BVH file.
        more: further arrays by name, of a .npz file.

    Raises:
        DataError: when there are no clips, the format cannot hold them, or the file cannot be written.
    """
    path = pathlib.Path(path)
    clips = [clips] if isinstance(clips, Clip) else list(clips)
    suffix = path.suffix.lower()
    if suffix not in WRITTEN:
        raise DataError(f"{path}: cannot write '{path.suffix}'; the name must end in {', '.join(WRITTEN)}")
    if not clips:
        raise DataError(f"{path}: there are no clips to write")
    if len(clips) != 1 and suffix not in MANY:
        raise DataError(f"{path}: holds one clip, got {len(clips)}; give a folder")
    if suffix in (".npz", ".npy"):
        arrays.write_clip(path, clips[0], **more)
    elif suffix in MANY:
        unplaced = {".json": keypoints, ".nc": netcdf}.get(suffix, tables).write(path, clips)
        if unplaced:
            on_note(f"{path}: has no place for {unplaced} joints, in frames where its source has nobody; use .npz")
    else:
        {".bvh": bvh, ".c3d": c3d, ".trc": trc}[suffix].write(path, clips[0])
    if suffix == ".bvh" and (missing := clips[0].missing.sum()):
        on_note(
            f"{path}: BVH has no gaps; {missing} missing joints are written where their neighbours in time put them"
        )
    if suffix in _SAYS_RATE and clips[0].rate is None:
        on_note(f"{path}: the rate is not known, and written as {USUAL_RATE:g} frames per second")


def files(path: str | os.PathLike, format: str = "auto") -> list[pathlib.Path]:
    """The files that `read` reads, one after the other, when it is given `path`. Of OpenPose's frames the first.

    Raises:
        DataError: for a missing path, a folder without clips, or an unknown format.
    """
    path = pathlib.Path(path)
    if format not in ("auto", *FORMATS):
        raise DataError(f"{path}: there is no format '{format}'; there are auto, {', '.join(FORMATS)}")
    if path.is_dir():
        found = _first_frames([file for file in sorted(path.rglob("*")) if _is_clips(file, format)])
        if not found:
            endings = sorted(ENDINGS) if format == "auto" else FORMATS[format]
            raise DataError(
                f"{path}: no {'' if format == 'auto' else format + ' '}clips in this folder; expected files such as "
                f"{', '.join(endings)}, as in the folders below TFPOSE_DATA"
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


def _read_file(file: pathlib.Path, format: str | None, options: Options) -> list[Clip]:
    if format not in FORMATS:
        known = "; ".join(f"{name}: {', '.join(suffixes)}" for name, suffixes in FORMATS.items())
        raise DataError(f"{file}: cannot tell its format from '{file.suffix}'; name the format ({known})")
    # Imported here, because TFRecords bring TensorFlow, which the other formats do without.
    reader = importlib.import_module(f"tfpose.formats.{'tables' if format == 'table' else format}")
    return reader.read_file(file) if format in _OF_ONE_SKELETON else reader.read_file(file, options)


def _guess(file: pathlib.Path) -> str | None:
    suffix = _suffix(file)
    if suffix == ".npz":
        return "human36m" if "positions_3d.npy" in _members(file) else "arrays"
    if suffix == ".json":
        return "nucla" if _is_nucla(file) else "keypoints"
    return next((name for name, suffixes in FORMATS.items() if suffix in suffixes), None)


def _suffix(file: pathlib.Path) -> str:
    """What a file's name ends in, of a packed one what it has inside."""
    suffix = file.suffix.lower()
    return pathlib.Path(file.stem).suffix.lower() if suffix == ".gz" else suffix


def _is_clips(file: pathlib.Path, format: str) -> bool:
    """Whether a file in a folder is meant to be read: by its name, so that a damaged one is still reported."""
    suffixes = FORMATS.get(format) or ENDINGS - {".txt", ".pkl"}
    if file.name.startswith(".") or _suffix(file) not in suffixes or not file.is_file():
        return False
    if file.suffix.lower() == ".json":
        if format == "nucla":
            return bool(nucla.NAME.fullmatch(file.stem))
        return file.name not in _NO_CLIPS and not (format == "keypoints" and _is_nucla(file))
    return not (file.suffix.lower() == ".npz" and "positions_2d.npy" in _members(file))


def _is_nucla(file: pathlib.Path) -> bool:
    """Whether a JSON file is Northwestern-UCLA's: by what it begins with, or by its name if it is not ours."""
    try:
        with file.open("rb") as opened:
            start = opened.read(4096)
    except OSError:
        start = b""
    if nucla.NAME.fullmatch(file.stem):
        return b'"joints"' not in start
    return b'"file_name"' in start and b'"skeletons"' in start


def _first_frames(found: list[pathlib.Path]) -> list[pathlib.Path]:
    """Of every sequence of OpenPose's frames the first file alone."""
    kept, seen = [], set()
    for file in found:
        named = keypoints.SEQUENCE.fullmatch(file.name)
        sequence = (file.parent, named["name"]) if named else file
        if sequence not in seen:
            kept.append(file)
        seen.add(sequence)
    return kept


def _members(file: pathlib.Path) -> list[str]:
    try:
        with zipfile.ZipFile(file) as archive:
            return archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return []  # its reader says what is wrong


def _missing_samples(folder: pathlib.Path) -> frozenset[str]:
    lists = [*folder.parent.glob("*missing_skeletons*.txt"), *folder.rglob("*missing_skeletons*.txt")]
    return frozenset(name for path in lists for name in ntu.read_missing(path))
