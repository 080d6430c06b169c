"""Cleans the skeletons of a file, or of every file in a folder.

    tfpose denoise walk.bvh --model runs/cmu --out clean.npz --plot clean.gif
    tfpose denoise kinect/ --model runs/cmu --out clean/
    tfpose denoise poses.csv --skeleton my_rig.json --unit 0.001 --up z --model runs/cmu --out clean.csv

Reads N-UCLA JSON, NTU .skeleton, BVH, VideoPose3D .npz, and .npz/.npy/.csv arrays of any rig (these need --skeleton).
Missing joints (NaN) are filled. Joints are written in the model's skeleton, in metres, y up.
"""

from __future__ import annotations

import collections
import itertools
import pathlib

from absl import flags

from tfpose.cli import common
from tfpose.errors import DataError


def define_flags(values: flags.FlagValues):
    common.define_model_flag(values)
    flags.DEFINE_string(
        "out", None, "A .npz, .npy or .csv file; for an input of several clips a folder.", flag_values=values
    )
    flags.DEFINE_string("plot", None, "Picture (.png) or animation (.gif, .mp4) of the first clip.", flag_values=values)
    common.define_clip_flags(values)
    flags.mark_flags_as_required(["model", "out"], flag_values=values)


def run(values: flags.FlagValues, positional: list[str]):
    common.positional_count(positional, ("INPUT",))

    from tfpose.formats import arrays
    from tfpose.models import PoseAutoencoder, load_model

    model = load_model(values.model, PoseAutoencoder)
    clips = common.read_clips(values, positional[0])
    if not clips:
        raise DataError(f"{positional[0]}: nothing to denoise")
    out = pathlib.Path(values.out)
    targets = [out] if out.suffix.lower() in arrays.SUFFIXES else _names(clips, out)
    if len(targets) != len(clips):
        raise DataError(f"{positional[0]} holds {len(clips)} clips and --out={out} is one file; give a folder")
    observed = [clip.to(model.skeleton).positions for clip in clips]
    recovered = [model.denoise(poses) for poses in observed]
    # The picture first: when it cannot be drawn nothing is written.
    if values.plot:
        _draw(values.plot, observed[0], recovered[0], model.skeleton, clips[0].rate)
        print(f"picture: {values.plot}")
    for clip, target, poses in zip(clips, targets, recovered):
        arrays.write(target, poses, model.skeleton)
        print(f"{clip.source or positional[0]}: {len(poses)} poses -> {target}")


def _names(clips, folder: pathlib.Path) -> list[pathlib.Path]:
    """A file for each clip, by the name of its source; clips of one source are numbered."""
    stems = [pathlib.Path(clip.source).stem or "clip" for clip in clips]
    clips_of, taken, names = collections.Counter(stems), set(stems), []
    for stem in stems:
        numbered = (f"{stem}_{number}" for number in itertools.count())
        name = stem if clips_of[stem] == 1 else next(name for name in numbered if name not in taken)
        taken.add(name)
        names.append(folder / f"{name}.npz")
    return names


def _draw(path: str, observed, recovered, skeleton, rate):
    from tfpose import plots

    if pathlib.Path(path).suffix.lower() in (".gif", ".mp4"):
        plots.animate(path, observed, recovered, skeleton, rate=rate or 30)
        return
    chosen = [round(i * (len(observed) - 1) / 4) for i in range(5)] if len(observed) > 5 else list(range(len(observed)))
    plots.denoising_grid(path, None, observed[chosen], recovered[chosen], skeleton)
