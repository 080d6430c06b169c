"""Cleans the skeletons of a file, or of every file in a folder, and gives them back in the same form.

    tfpose denoise walk.bvh --out clean.bvh --plot clean.gif
    tfpose denoise kinect/ --out clean/ --report clean.html
    tfpose denoise poses.csv --skeleton my_rig.json --unit mm --up z --rate 30 --out clean.csv

Reads BVH, C3D, TRC, AMC, CSV, JSON of trackers, NTU, N-UCLA, netCDF, and .npz/.npy arrays. A model of clips (the
default) smooths over time; a pose model, or --per_frame, cleans every pose alone. Missing joints (NaN) are filled. The
output has the joints, the unit, the axes and the rate of the input, and the format that --out ends in: joints that the
model knows are corrected, others move with the bone that they hang on. --skeleton_out=model gives the model's joints
alone, in metres, y up; a .npz file then has the arrays trust (0 to 1) and filled too.
"""

from __future__ import annotations

import functools
import pathlib
import sys

import numpy as np
from absl import flags

from tfpose import cleaning
from tfpose.cli import common
from tfpose.errors import DataError

_ANIMATED_SECONDS = 60


def define_flags(values: flags.FlagValues):
    common.define(values, *common.CLIPS, "rate", "skeleton_out", model="sebirenet_cmu_clips")
    flags.DEFINE_bool("per_frame", False, "Clean every pose alone, with the pose model.", values)
    flags.DEFINE_bool("causal", False, "Use past frames only, as a stream does.", values)
    flags.DEFINE_bool("leave_missing", False, "Leave missing joints missing.", values)
    flags.DEFINE_bool("constant_bones", False, "Give each bone one length over the clip.", values)
    flags.DEFINE_string(
        "plot",
        None,
        "An animation (.gif, .mp4) or a picture (.png) of the first clip: of its coordinates over time, or for a pose "
        "model of some poses.",
        flag_values=values,
    )
    flags.DEFINE_string("report", None, "An .html report, with plots of the first ten clips.", values)
    about = "A file, whose suffix says the format; a folder for folders, or several clips of a format that holds one."
    flags.DEFINE_string("out", None, about, values, required=True)


def run(values: flags.FlagValues, positional: list[str]):
    common.positional_count(positional, ("INPUT",))
    if values.plot:
        from tfpose.plots.style import check_name

        check_name(values.plot, "a picture", "an animation")

    from tqdm import tqdm

    from tfpose import reports
    from tfpose.models import ClipDenoiser, PoseAutoencoder, load_model

    model = load_model(values.model)
    if not isinstance(model, ClipDenoiser | PoseAutoencoder):
        raise DataError(f"{values.model}: holds a {type(model).__name__}, expected a ClipDenoiser or a PoseAutoencoder")
    if values.per_frame and isinstance(model, ClipDenoiser):
        model = model.autoencoder
    if isinstance(model, PoseAutoencoder) and (values.causal or values.constant_bones):
        raise flags.Error("--causal and --constant_bones need a model of clips, without --per_frame")
    clips = common.read_clips(values, positional[0])
    if not clips:
        raise DataError(f"{positional[0]}: nothing to denoise")
    files = cleaning.targets(clips, pathlib.Path(positional[0]), pathlib.Path(values.out))
    options = {name: values[name].value for name in ("causal", "leave_missing", "constant_bones")}
    clean = functools.partial(
        cleaning.clean, model, rate=values.rate, skeleton_out=values.skeleton_out, on_note=common.say, **options
    )
    done = dict(common.of_each(tqdm(clips, unit="clip", disable=len(clips) < 2), clean, values.skip_bad))
    if not done:
        raise DataError(f"{positional[0]}: nothing to denoise")
    if len(done) < len(clips):
        skipped = len(clips) - len(done)
        print(f"{skipped} clip{'s' if skipped > 1 else ''} of other rigs skipped", file=sys.stderr)
    shown = list(done.values())
    # The pictures first: when they cannot be drawn nothing is written.
    if values.plot:
        drawn = next((one for one in shown if reports.drawable(one.observed, one.result["denoised"]).any()), None)
        if drawn is None:
            common.say(f"{values.plot}: nobody is in any clip, there is nothing to draw")
        else:
            _draw(values.plot, drawn, model)
            print(f"picture: {values.plot}")
    if values.report:
        reports.page(values.report, f"tfpose denoise {positional[0]}", [_of_page(one, model) for one in shown[:10]])
        print(f"report: {values.report}")
    summaries = [reports.summary(one.observed, one.result, model.skeleton) for one in shown]
    for target, numbers in files.items():
        numbers = [number for number in numbers if number in done]
        if not numbers:
            continue
        cleaning.write_all(target, [done[number] for number in numbers], values.skeleton_out, common.say)
        poses = sum(len(clips[number]) for number in numbers)
        source = clips[numbers[0]].source or positional[0]
        print(f"{source}: {poses} poses -> {target}")
    print(reports.text(reports.total(summaries)))


def _of_page(one: cleaning.Done, model) -> dict:
    return {
        "name": one.clip.source,
        "observed": one.observed,
        "result": one.result,
        "skeleton": model.skeleton,
        "rate": one.rate,
        "notes": one.clip.notes,
    }


def _draw(path: str, one: cleaning.Done, model):
    from tfpose import plots, reports
    from tfpose.datasets.pose_set import evenly
    from tfpose.models import ClipDenoiser

    skeleton = model.skeleton
    observed, recovered = one.observed, one.result["denoised"]
    if pathlib.Path(path).suffix.lower() in (".gif", ".mp4"):
        most = int(_ANIMATED_SECONDS * one.rate)
        if len(observed) > most:
            common.say(f"{path}: shows the first {_ANIMATED_SECONDS} of {len(observed) / one.rate:.0f} seconds")
        plots.animate(path, observed[:most], recovered[:most], skeleton, rate=one.rate)
        return
    if isinstance(model, ClipDenoiser) and "trust" in one.result and len(observed) > 1:
        plots.trajectories(path, observed, recovered, one.result["trust"], skeleton, rate=one.rate)
        return
    # Of all frames, where nobody is seen in any: what is drawn then says so.
    seen = np.flatnonzero(reports.drawable(observed, recovered))
    chosen = evenly(seen if len(seen) else np.arange(len(observed)), 5)
    plots.denoising_grid(path, None, observed[chosen], recovered[chosen], skeleton)
