"""Cleans the skeletons of a file, or of every file in a folder.

    tfpose denoise walk.bvh --out clean.npz --plot clean.gif
    tfpose denoise kinect/ --out clean/
    tfpose denoise poses.csv --skeleton my_rig.json --unit 0.001 --up z --rate 30 --out clean.csv

Reads N-UCLA JSON, NTU .skeleton, BVH, VideoPose3D .npz, and .npz/.npy/.csv arrays of any rig (these need --skeleton).
A model of clips (the default) smooths over time; a pose model, or --per_frame, cleans every pose alone. Missing joints
(NaN) are filled. Joints are written in the model's skeleton, in metres, y up; a .npz file has the arrays trust (0 to 1)
and filled too where a model of clips made it.
"""

from __future__ import annotations

import collections
import itertools
import pathlib

from absl import flags

from tfpose.cli import common
from tfpose.errors import DataError


def define_flags(values: flags.FlagValues):
    flags.DEFINE_string(
        "model",
        "sebirenet_cmu_clips",
        "A preset, a model.keras file, or the directory of its training: of clips, or of poses.",
        flag_values=values,
    )
    flags.DEFINE_bool("per_frame", False, "Clean every pose alone, with the pose model.", flag_values=values)
    flags.DEFINE_float("rate", 30.0, "Frames per second of clips that do not say.", lower_bound=1.0, flag_values=values)
    flags.DEFINE_bool("causal", False, "Compute what a stream would: look at the past alone.", flag_values=values)
    flags.DEFINE_bool("leave_missing", False, "Leave missing joints missing.", flag_values=values)
    flags.DEFINE_bool("constant_bones", False, "Give each bone one length over the clip.", flag_values=values)
    flags.DEFINE_string(
        "out", None, "A .npz, .npy or .csv file; for an input of several clips a folder.", flag_values=values
    )
    flags.DEFINE_string(
        "plot",
        None,
        "Of the first clip: an animation (.gif, .mp4) or a picture (.png), of the coordinates over time where it was "
        "cleaned as a clip, else of some poses.",
        flag_values=values,
    )
    common.define_clip_flags(values)
    flags.mark_flag_as_required("out", flag_values=values)


def run(values: flags.FlagValues, positional: list[str]):
    common.positional_count(positional, ("INPUT",))

    from tfpose.formats import arrays
    from tfpose.models import ClipDenoiser, PoseAutoencoder, load_model

    model = load_model(values.model)
    if not isinstance(model, ClipDenoiser | PoseAutoencoder):
        raise DataError(f"{values.model}: holds a {type(model).__name__}, expected a ClipDenoiser or a PoseAutoencoder")
    if values.per_frame and isinstance(model, ClipDenoiser):
        model = model.autoencoder
    clips = common.read_clips(values, positional[0])
    if not clips:
        raise DataError(f"{positional[0]}: nothing to denoise")
    out = pathlib.Path(values.out)
    targets = [out] if out.suffix.lower() in arrays.SUFFIXES else _names(clips, out)
    if len(targets) != len(clips):
        raise DataError(f"{positional[0]} holds {len(clips)} clips and --out={out} is one file; give a folder")
    observed = [clip.to(model.skeleton).positions for clip in clips]
    cleaned = [_clean(model, poses, clip.rate or values.rate, values) for poses, clip in zip(observed, clips)]
    # The picture first: when it cannot be drawn nothing is written.
    if values.plot:
        _draw(values.plot, observed[0], cleaned[0], model.skeleton, clips[0].rate or values.rate)
        print(f"picture: {values.plot}")
    for clip, target, poses, result in zip(clips, targets, observed, cleaned):
        denoised = result.pop("denoised")
        arrays.write(target, denoised, model.skeleton, **(result if target.suffix.lower() == ".npz" else {}))
        print(f"{clip.source or positional[0]}: {len(poses)} poses{_told(poses, denoised)} -> {target}")


def _clean(model, poses, rate: float, values: flags.FlagValues) -> dict:
    """`{"denoised"}` of a pose model; a model of clips adds "trust" and "filled"."""
    import numpy as np

    options = {name: values[name].value for name in ("leave_missing", "constant_bones")}
    if hasattr(model, "denoise_clip"):
        return model.denoise_clip(poses, rate, causal=values.causal, **options)
    if values.causal or options["constant_bones"]:
        raise flags.Error("--causal and --constant_bones need a model of clips, without --per_frame")
    denoised = model.denoise(poses)
    if options["leave_missing"]:
        denoised = np.where(np.isfinite(poses).all(-1, keepdims=True), denoised, np.nan)
    return {"denoised": denoised}


def _told(observed, denoised) -> str:
    """What happened to the joints of a clip, in words."""
    import numpy as np

    missing = ~np.isfinite(observed).all(-1)
    moved = np.linalg.norm(np.nan_to_num(denoised) - np.nan_to_num(observed), axis=-1) > 0.03
    parts = [f"{missing.sum()} of {missing.size} joints were missing"] if missing.any() else []
    parts.append(f"{(moved & ~missing).sum()} moved by more than 3 cm")
    return f" ({', '.join(parts)})"


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


def _draw(path: str, observed, result: dict, skeleton, rate):
    from tfpose import plots

    recovered = result["denoised"]

    if pathlib.Path(path).suffix.lower() in (".gif", ".mp4"):
        plots.animate(path, observed, recovered, skeleton, rate=rate)
        return
    if "trust" in result and len(observed) > 1:
        plots.trajectories(path, observed, recovered, result["trust"], skeleton, rate=rate)
        return
    chosen = [round(i * (len(observed) - 1) / 4) for i in range(5)] if len(observed) > 5 else list(range(len(observed)))
    plots.denoising_grid(path, None, observed[chosen], recovered[chosen], skeleton)
