"""Flags that several commands have, and what they name: poses, clips, evaluators."""

from __future__ import annotations

import os
import pathlib
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from absl import flags
from ml_collections import config_flags

from tfpose.datasets import splits
from tfpose.datasets.pose_set import PoseSet
from tfpose.errors import DataError, SkeletonError
from tfpose.formats import FORMATS, UPS, names, read
from tfpose.formats.clip import Clip
from tfpose.formats.trc import UNITS as _UNITS
from tfpose.skeleton import Skeleton
from tfpose.trainers import configs

READING = ("skeleton", "map", "clip_format", "unit", "up", "mirrored", "visibility")
"""The flags that say how files are read."""
CLIPS = (*READING, "skip_bad")
"""The flags that say how folders of files are read."""
DATA = ("data", "data_dir", *CLIPS)
"""The flags that name poses to learn from or to measure on."""

_UNIT = f"{', '.join(_UNITS)}, or metres such as 0.001"
# Flag -> how it is defined, its default, its help or its choices and help, and further arguments.
_SHARED = {
    "model": (flags.DEFINE_string, None, "A preset, a model.keras file, or the directory of its training."),
    "data": (
        flags.DEFINE_string,
        "auto",
        f"A data set ({', '.join(splits.NAMES)}; several as cmu+nucla), or a file or folder of clips of your own. "
        "'auto' is cmu where --data_dir has it, else synthetic.",
    ),
    "data_dir": (
        flags.DEFINE_string,
        lambda: os.environ.get("TFPOSE_DATA"),
        "Folder of the data sets; default: $TFPOSE_DATA.",
    ),
    "skeleton": (flags.DEFINE_string, None, "Skeleton of clips that do not say their own: a name or a JSON file."),
    "map": (flags.DEFINE_string, None, 'A JSON file with the clips\' names of joints: {"hip_left": "LThigh", ...}.'),
    "clip_format": (flags.DEFINE_enum, "auto", ["auto", *FORMATS], "Format of clip files."),
    "unit": (flags.DEFINE_string, "auto", f"Unit of the file: {_UNIT}; default: what it says, else found by bones."),
    "up": (flags.DEFINE_enum, "auto", ["auto", *UPS], "Upward axis of the file; default: what it says, else found."),
    "mirrored": (flags.DEFINE_bool, False, "The files' axes are left-handed, as Unity's are."),
    "visibility": (flags.DEFINE_float, 0.5, "Landmarks below this confidence are missing.", 0.0, 1.0),
    "skip_bad": (flags.DEFINE_bool, False, "Skip unreadable files, and count them."),
    "runner": (flags.DEFINE_string, "DirectRunner", "Runner of Beam: DirectRunner (this machine), FlinkRunner, ..."),
    "rate": (flags.DEFINE_float, None, "Frames per second of clips that do not say it; default: 30.", 1.0, None),
    "skeleton_out": (flags.DEFINE_enum, "source", ["source", "model"], "Joints of the output: the input's or model's."),
    "model_skeleton": (flags.DEFINE_string, "paper17", "Skeleton of the model: a name or a JSON file."),
    "config": (config_flags.DEFINE_config_file, None, f"A file, or one of {', '.join(configs.NAMES)}."),
    "workdir": (flags.DEFINE_string, None, "Folder for everything that the training writes."),
    "shorten": (flags.DEFINE_integer, 1, "Train for 1/N of the config's steps, to try a long run.", 1, None),
    "out": (flags.DEFINE_string, None, "JSON file for the result."),
}


def define(values: flags.FlagValues, *names: str, **defaults):
    """Defines flags that several commands have, some with defaults of the command; `model` is required without one."""
    for name in (*names, *defaults):
        define_one, default, *rest = _SHARED[name]
        default = defaults.get(name, default() if callable(default) else default)
        define_one(name, default, *rest, flag_values=values)
    if "model" in names:
        flags.mark_flag_as_required("model", values)


def reading_options(values: flags.FlagValues) -> dict:
    """What `tfpose.read` takes, as the flags of `READING` say."""
    return {
        "format": values.clip_format,
        "skeleton": Skeleton.load(values.skeleton) if values.skeleton else None,
        "unit": _unit(values.unit),
        "up": None if values.up == "auto" else values.up,
        "mirrored": values.mirrored,
        "mapping": names.read_mapping(values.map) if values.map else None,
        "visibility": values.visibility,
    }


def _unit(said: str) -> float | None:
    if said == "auto":
        return None
    try:
        return _UNITS.get(said) or float(said)
    except ValueError:
        raise flags.Error(f"--unit must be auto, {', '.join(_UNITS)}, or metres such as 0.001; got '{said}'") from None


def data_name(values: flags.FlagValues) -> str:
    """What `--data` says, with "auto" decided."""
    if values.data != "auto":
        return values.data
    found = values.data_dir and (pathlib.Path(values.data_dir) / "cmu").is_dir()
    return "cmu" if found else "synthetic"


def existing(path: str) -> str:
    """`path`, or one clear error."""
    if not pathlib.Path(path).exists():
        raise DataError(f"{path}: neither a file or folder nor one of the data sets {', '.join(splits.NAMES)}")
    return path


def load_poses(values: flags.FlagValues, split: str, skeleton: Skeleton) -> PoseSet:
    """The poses that the data flags name, in `skeleton`. Clips of the user's own have no splits: all are taken."""
    name = data_name(values)
    if splits.known(name):
        return splits.poses(name, split, values.data_dir, skeleton)
    clips = read_clips(values, existing(name))
    return PoseSet.of_clips(name, clips, skeleton)


def training_poses(values: flags.FlagValues, skeleton: Skeleton):
    """The poses to learn from that the data flags name: streamed from a folder of shards, others in memory."""
    from tfpose.datasets import shards

    name = data_name(values)
    if not splits.known(name) and shards.is_folder(name):
        return shards.PoseStream.open(name, skeleton)
    return load_poses(values, "train", skeleton)


def shortened(steps: int, by: int) -> int:
    """The steps of a training that `--shorten` shortens: at least one."""
    return max(steps // by, 1)


def evaluator(name: str):
    """The evaluator of that name, or a wrong call."""
    from tfpose.trainers import evaluators

    if name not in evaluators.NAMES:
        raise flags.Error(f"no evaluator '{name}'; there are {', '.join(evaluators.NAMES)}")
    return evaluators.get(name)


def evaluation_data(values: flags.FlagValues, evaluator, skeleton: Skeleton):
    """What an evaluator measures on, as the data flags name it; of a folder of shards the first shard alone."""
    from tfpose.datasets import shards
    from tfpose.trainers import evaluators

    def read(path: str) -> list[Clip]:
        bounded = shards.shards_of(path)[0] if shards.is_folder(existing(path)) else path
        return read_clips(values, str(bounded))

    return evaluators.load(
        evaluator,
        data_name(values),
        values.data_dir,
        skeleton,
        read_clips=read,
    )


def read_clips(values: flags.FlagValues, path: str) -> list[Clip]:
    """The clips of a file or folder, read as the flags say; see `stream_clips`."""
    return list(stream_clips(values, path))


def stream_clips(values: flags.FlagValues, path: str, part: tuple[int, int] = (0, 1)) -> Iterator[Clip]:
    """The clips of a file or folder one by one, read as the flags say; `part` as in `tfpose.read`.

    With `--skip_bad`, files that were passed over are reported: each as it comes, their number at the end.
    """
    skipped = []

    def note(error: DataError):
        skipped.append(error)
        say_skipped(error)

    options = reading_options(values)
    yield from read(path, **options, on_bad=note if values.skip_bad else None, on_note=say, part=part)
    if skipped:
        print(f"{len(skipped)} unreadable file{'s' if len(skipped) > 1 else ''} skipped", file=sys.stderr)


def of_each(clips: Iterable[Clip], function: Callable[[Clip], Any], skip: bool) -> Iterator[tuple[int, Any]]:
    """The number of each clip and `function(clip)`; with `skip`, clips of other rigs are reported and left out."""
    for number, clip in enumerate(clips):
        try:
            yield number, function(clip)
        except SkeletonError as error:
            if not skip:
                raise
            say_skipped(error)


def say_skipped(error: Exception):
    """Reports what is passed over."""
    print(f"skipped {error}", file=sys.stderr)


def say(note: str):
    """Prints what was found out about a file."""
    print(f"note: {note}", file=sys.stderr)


def write_result(out: str | None, kind: str, report: dict, table: str, model: str | os.PathLike | None = None):
    """Writes what a command measured to `--out` where it is given (see `tfpose.trainers.results.write`)."""
    from tfpose.trainers import results

    if out:
        results.write(out, kind, report, table, model)
        print(f"result: {out}")


def positional_count(positional: list[str], names: tuple[str, ...]):
    """Refuses a call with too few or too many positional arguments."""
    if len(positional) != len(names):
        wanted = " ".join(names) if names else "no positional arguments"
        raise flags.Error(f"expected {wanted}, got {' '.join(positional) or 'nothing'}")
