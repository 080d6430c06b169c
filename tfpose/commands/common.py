"""What several commands share: naming poses, and one line on what was skipped."""

from __future__ import annotations

import os
import pathlib
import sys

from absl import flags

from tfpose import data
from tfpose.data import splits
from tfpose.data.pose_set import PoseSet, complete_poses
from tfpose.errors import DataError
from tfpose.skeleton import Skeleton


def define_data_flags(values: flags.FlagValues, default: str):
    """`--data`, `--data_dir`, `--skeleton`, `--skip_bad`."""
    flags.DEFINE_string(
        "data",
        default,
        f"A data set ({', '.join(splits.NAMES)}), or a file or folder of clips of your own. 'auto' is cmu where "
        "--data_dir has it, else synthetic.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "data_dir", os.environ.get("TFPOSE_DATA"), "Folder of the data sets; default: $TFPOSE_DATA.", flag_values=values
    )
    flags.DEFINE_string(
        "skeleton", None, "Skeleton of clips that do not say their own: a name or a JSON file.", flag_values=values
    )
    define_skip_bad(values)


def define_skip_bad(values: flags.FlagValues):
    """`--skip_bad`."""
    flags.DEFINE_bool("skip_bad", False, "Pass over unreadable files, and count them.", flag_values=values)


def load_poses(values: flags.FlagValues, split: str, skeleton: Skeleton) -> PoseSet:
    """The poses that the data flags name, in `skeleton`. Clips of the user's own have no splits: all are taken."""
    name = values.data
    if name == "auto":
        found = values.data_dir and (pathlib.Path(values.data_dir) / "cmu").is_dir()
        name = "cmu" if found else "synthetic"
    if name in splits.NAMES:
        return splits.poses(name, split, values.data_dir, skeleton)
    if not pathlib.Path(name).exists():
        raise DataError(f"{name}: neither a file or folder nor one of the data sets {', '.join(splits.NAMES)}")
    source = Skeleton.load(values.skeleton) if values.skeleton else None
    with Skipping(values.skip_bad) as skipping:
        clips = data.read(name, skeleton=source, on_bad=skipping.on_bad)
        return PoseSet(name, complete_poses(clips, skeleton), skeleton, lineage="the user's own clips")


class Skipping:
    """Reports files that were passed over: each as it comes, their number at the end.

    Args:
        enabled: False lets the first unreadable file end the command.
    """

    def __init__(self, enabled: bool):
        self.count = 0
        self.on_bad = self._note if enabled else None

    def _note(self, error: DataError):
        self.count += 1
        print(f"skipped {error}", file=sys.stderr)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.count:
            print(f"{self.count} unreadable file{'s' if self.count > 1 else ''} skipped", file=sys.stderr)


def positional_count(positional: list[str], names: tuple[str, ...]):
    """Refuses a call with too few or too many positional arguments."""
    if len(positional) != len(names):
        wanted = " ".join(names) if names else "no positional arguments"
        raise flags.Error(f"expected {wanted}, got {' '.join(positional) or 'nothing'}")
