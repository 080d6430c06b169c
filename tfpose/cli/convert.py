"""Converts clips between formats, without a model.

    tfpose convert walk.bvh walk.trc
    tfpose convert markers.c3d joints.csv --map markers.json --skeleton_out paper17
    tfpose convert landmarks/ converted/ --to .bvh

Joints, unit, axes and rate stay those of the source, where the format can say them. OUT is a file, whose ending says
the format, or for a folder a folder, with --to.
"""

from __future__ import annotations

import dataclasses
import pathlib

from absl import flags

from tfpose.cli import common
from tfpose.errors import DataError
from tfpose.formats import WRITTEN
from tfpose.skeleton import Skeleton


def define_flags(values: flags.FlagValues):
    flags.DEFINE_string("to", None, "The suffix of the files of an output folder, such as .bvh.", values)
    flags.DEFINE_string(
        "skeleton_out", None, "Convert to this skeleton, in metres, y up: a name or a JSON file.", flag_values=values
    )
    common.define(values, *common.CLIPS, "rate")


def run(values: flags.FlagValues, positional: list[str]):
    common.positional_count(positional, ("IN", "OUT"))

    from tfpose.cleaning import targets
    from tfpose.formats import write

    source, out = map(pathlib.Path, positional)
    to = _ending(values.to, out)
    clips = common.read_clips(values, positional[0])
    if values.skeleton_out:
        skeleton = Skeleton.load(values.skeleton_out)
        clips = [clip for _, clip in common.of_each(clips, lambda clip: clip.to(skeleton), values.skip_bad)]
    if not clips:
        raise DataError(f"{source}: holds no clips")
    for target, numbers in targets(clips, source, out, to).items():
        chosen = [clips[number] for number in numbers]
        if values.rate:
            chosen = [dataclasses.replace(clip, rate=clip.rate or values.rate) for clip in chosen]
        write(target, chosen, on_note=common.say)
        print(f"{chosen[0].source}: {sum(map(len, chosen))} poses of {len(chosen[0].skeleton)} joints -> {target}")


def _ending(to: str | None, out: pathlib.Path) -> str | None:
    """What `--to` says, with its dot."""
    if to is None:
        return None
    ending = f".{to.lower().removeprefix('.')}"
    if ending not in WRITTEN:
        raise flags.Error(f"--to must be one of {', '.join(WRITTEN)}; got '{to}'")
    if out.suffix.lower() in WRITTEN:
        raise flags.Error(f"--to={to} is for a folder, and OUT is the file {out}")
    return ending
