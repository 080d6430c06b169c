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

import collections
import dataclasses
import pathlib

import numpy as np
from absl import flags

from tfpose.cli import common
from tfpose.errors import DataError, SkeletonError
from tfpose.formats.clip import Clip


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
    flags.DEFINE_enum(
        "skeleton_out", "source", ["source", "model"], "Joints of the output: the file's, or the model's.",
        flag_values=values,
    )  # fmt: skip
    flags.DEFINE_string(
        "out",
        None,
        "A file, whose ending says the format; for a folder, or several clips of a format that holds one, a folder.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "plot",
        None,
        "Of the first clip: an animation (.gif, .mp4) or a picture (.png), of the coordinates over time where it was "
        "cleaned as a clip, else of some poses.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "report", None, "An .html page of what was done, with plots of the first ten clips.", flag_values=values
    )
    common.define_clip_flags(values)
    flags.mark_flag_as_required("out", flag_values=values)


def run(values: flags.FlagValues, positional: list[str]):
    common.positional_count(positional, ("INPUT",))

    from tqdm import tqdm

    from tfpose import reports
    from tfpose.models import ClipDenoiser, PoseAutoencoder, load_model

    model = load_model(values.model)
    if not isinstance(model, ClipDenoiser | PoseAutoencoder):
        raise DataError(f"{values.model}: holds a {type(model).__name__}, expected a ClipDenoiser or a PoseAutoencoder")
    if values.per_frame and isinstance(model, ClipDenoiser):
        model = model.autoencoder
    clips = common.read_clips(values, positional[0])
    if not clips:
        raise DataError(f"{positional[0]}: nothing to denoise")
    files = targets(clips, pathlib.Path(positional[0]), pathlib.Path(values.out))
    options = {name: values[name].value for name in ("causal", "leave_missing", "constant_bones")}
    done = [
        clean(model, clip, values.rate, values.skeleton_out, **options)
        for clip in tqdm(clips, unit="clip", disable=len(clips) < 2)
    ]
    # The pictures first: when they cannot be drawn nothing is written.
    if values.plot:
        _draw(values.plot, done[0], model.skeleton)
        print(f"picture: {values.plot}")
    if values.report:
        reports.page(values.report, f"tfpose denoise {positional[0]}", [_of_page(one, model) for one in done[:10]])
        print(f"report: {values.report}")
    summaries = [reports.summary(one.observed, one.result, model.skeleton) for one in done]
    for target, numbers in files.items():
        write_all(target, [done[number] for number in numbers], values.skeleton_out)
        poses = sum(len(clips[number]) for number in numbers)
        source = clips[numbers[0]].source or positional[0]
        print(f"{source}: {poses} poses -> {target}")
    print(reports.text(reports.total(summaries)))


@dataclasses.dataclass(frozen=True, eq=False)
class Done:
    """What was made of a clip.

    Attributes:
        clip: as it was read.
        observed: what the model saw of it, `[T, K, 3]`.
        result: what it made of this, see `ClipDenoiser.denoise_clip`; of a pose model "denoised" alone.
        rate: frames per second.
        cleaned: the clip to be written.
    """

    clip: Clip
    observed: np.ndarray
    result: dict[str, np.ndarray]
    rate: float
    cleaned: Clip


def clean(model, clip: Clip, rate: float, skeleton_out: str = "source", causal: bool = False, **options: bool) -> Done:
    """Cleans a clip of any skeleton.

    Frames before anybody is seen, and after that, stay missing.

    Args:
        model: of clips or of poses.
        clip: the clip.
        rate: frames per second, where the clip does not say.
        skeleton_out: "source" or "model": whose joints the cleaned clip has.
        causal: whether to look at the past alone.
        options: "leave_missing", "constant_bones".

    Raises:
        SkeletonError: when the clip cannot be given in the model's joints.
    """
    try:
        seen = clip.to(model.skeleton)
    except SkeletonError as error:
        raise SkeletonError(f"{clip.source}: {error} 'tfpose inspect {clip.source}' shows what is known.") from error
    rate = clip.rate or rate
    frames = np.flatnonzero(~seen.missing.all(1))
    result = {"denoised": seen.positions.copy()}
    if not len(frames):
        common.say(f"{clip.source}: nobody is in it; it stays as it is")
    else:
        present = slice(frames[0], frames[-1] + 1)
        confidence = None if seen.confidence is None else seen.confidence[present]
        found = _run(model, seen.positions[present], confidence, rate, causal, options)
        result["denoised"][present] = found.pop("denoised")
        for name, values in found.items():
            result[name] = np.zeros(seen.missing.shape, values.dtype)
            result[name][present] = values
    if skeleton_out == "model":
        cleaned = dataclasses.replace(seen, positions=result["denoised"], origin=None)
    else:
        cleaned = clip.corrected(result["denoised"], model.skeleton)
    return Done(clip, seen.positions, result, rate, cleaned)


def _run(model, positions: np.ndarray, confidence, rate: float, causal: bool, options: dict[str, bool]) -> dict:
    if hasattr(model, "denoise_clip"):
        return model.denoise_clip(positions, rate, confidence, causal=causal, **options)
    if causal or options.get("constant_bones"):
        raise flags.Error("--causal and --constant_bones need a model of clips, without --per_frame")
    denoised = model.denoise(positions)
    missing = np.isnan(positions).any(-1, keepdims=True)
    # A pose model would put somebody at the origin where nobody is seen.
    hidden = missing if options.get("leave_missing") else missing.all(1, keepdims=True)
    return {"denoised": np.where(hidden, np.nan, denoised)}


def write_all(target: pathlib.Path, done: list[Done], skeleton_out: str):
    """Writes the cleaned clips of one file; the model's joints in a .npz file with their trust."""
    from tfpose.formats import write

    more = {}
    if target.suffix.lower() == ".npz" and skeleton_out == "model":
        more = {name: done[0].result[name] for name in ("trust", "filled") if name in done[0].result}
    write(target, [one.cleaned for one in done], **more)


def _of_page(one: Done, model) -> dict:
    return {
        "name": one.clip.source,
        "observed": one.observed,
        "result": one.result,
        "skeleton": model.skeleton,
        "rate": one.rate,
        "notes": one.clip.notes,
    }


def targets(clips, source: pathlib.Path, out: pathlib.Path, to: str | None = None) -> dict[pathlib.Path, list[int]]:
    """Which clips go into which file, by their numbers. In a folder files end as their sources do, or in `to`.

    Raises:
        DataError: when several clips would have to go into a file that holds one.
    """
    from tfpose.formats import WRITTEN
    from tfpose.formats.reading import MANY

    of_file = collections.defaultdict(list)
    for number, clip in enumerate(clips):
        of_file[clip.source].append(number)
    if out.suffix.lower() in WRITTEN:
        if len(clips) > 1 and (len(of_file) > 1 or out.suffix.lower() not in MANY):
            raise DataError(f"{source} holds {len(clips)} clips and --out={out} is one file; give a folder")
        return {out: list(range(len(clips)))}
    if out.suffix and not out.is_dir():
        raise DataError(f"--out={out}: cannot write '{out.suffix}'; give a folder, or a name in {', '.join(WRITTEN)}")
    found: dict[pathlib.Path, list[int]] = {}
    for name, numbers in of_file.items():
        file = pathlib.Path(name.partition(": ")[0] if not pathlib.Path(name).exists() else name)
        inside = (
            file.relative_to(source) if source.is_dir() and file.is_relative_to(source) else pathlib.Path(file.name)
        )
        inside = inside if inside.name else pathlib.Path("clip")
        suffix = to or (inside.suffix.lower() if inside.suffix.lower() in WRITTEN else ".npz")
        if len(numbers) == 1 or suffix in MANY:
            groups = [(inside.with_suffix(suffix), numbers)]
        else:
            groups = [(inside.with_name(f"{inside.stem}_{at}{suffix}"), [one]) for at, one in enumerate(numbers)]
        for target, mine in groups:
            found[_free(out / target, found)] = mine
    return found


def _free(path: pathlib.Path, taken) -> pathlib.Path:
    number = 0
    tried = path
    while tried in taken:
        tried = path.with_name(f"{path.stem}_{number}{path.suffix}")
        number += 1
    return tried


def _draw(path: str, one: Done, skeleton):
    from tfpose import plots

    observed, recovered = one.observed, one.result["denoised"]
    if pathlib.Path(path).suffix.lower() in (".gif", ".mp4"):
        plots.animate(path, observed, recovered, skeleton, rate=one.rate)
        return
    if "trust" in one.result and len(observed) > 1:
        plots.trajectories(path, observed, recovered, one.result["trust"], skeleton, rate=one.rate)
        return
    chosen = [round(i * (len(observed) - 1) / 4) for i in range(5)] if len(observed) > 5 else list(range(len(observed)))
    plots.denoising_grid(path, None, observed[chosen], recovered[chosen], skeleton)
