"""Clips of any file cleaned by a model, and written back in the form that they came in."""

from __future__ import annotations

import collections
import dataclasses
import pathlib
import warnings
from collections.abc import Callable, Sequence

import numpy as np

from tfpose import streaming
from tfpose.errors import DataError, SkeletonError, TfposeError
from tfpose.formats import WRITTEN, write
from tfpose.formats.clip import Clip
from tfpose.formats.reading import MANY
from tfpose.formats.times import USUAL_RATE

_SLOWEST, _FASTEST = 10, 120  # frames per second on which models of clips are trained


@dataclasses.dataclass(frozen=True, eq=False)
class Done:
    """The result of cleaning a clip.

    Attributes:
        clip: as it was read.
        observed: the input of the model, `[T, K, 3]` metres.
        result: its output, see `ClipDenoiser.denoise_clip`; "denoised" alone where nobody is in the clip.
        rate: frames per second.
        cleaned: the clip to be written.
    """

    clip: Clip
    observed: np.ndarray
    result: dict[str, np.ndarray]
    rate: float
    cleaned: Clip


def clean(
    model,
    clip: Clip,
    rate: float | None = None,
    *,
    skeleton_out: str = "source",
    causal: bool = False,
    leave_missing: bool = False,
    constant_bones: bool = False,
    on_note: Callable[[str], None] = warnings.warn,
) -> Done:
    """Cleans a clip of any skeleton.

    Frames before anybody is seen, and after that, stay missing.

    Args:
        model: of clips or of poses.
        clip: the clip.
        rate: frames per second, where the clip does not say; None for 30.
        skeleton_out: "source" or "model": whose joints the cleaned clip has.
        causal, leave_missing, constant_bones: see `ClipDenoiser.denoise_clip`.
        on_note: called with a sentence when nobody is in the clip, or its rate is not known or not usual.

    Raises:
        SkeletonError: when the clip cannot be given in the model's joints.
        TfposeError: when `causal` or `constant_bones` are to be done by a pose model.
    """
    try:
        seen = clip.to(model.skeleton)
    except SkeletonError as error:
        raise SkeletonError(f"{error} 'tfpose inspect {clip.source}' shows what is known.") from error
    of_clips = hasattr(model, "denoise_clip")
    if of_clips and rate is clip.rate is None:
        on_note(f"{clip.source}: does not say its rate; {USUAL_RATE:g} frames per second are assumed")
    said = clip.rate or rate
    rate = said or USUAL_RATE
    if of_clips and not _SLOWEST <= rate <= _FASTEST:
        on_note(f"{clip.source}: has {rate:g} frames per second; models are trained on {_SLOWEST} to {_FASTEST}")
    frames = np.flatnonzero(streaming.seen(seen.positions))
    result = {"denoised": seen.positions.copy()}
    if not len(frames):
        what = "nobody is" if seen.missing.all() else "never more than two joints are"
        on_note(f"{clip.source}: {what} in it; it stays as it is")
    else:
        present = slice(frames[0], frames[-1] + 1)
        confidence = None if seen.confidence is None else seen.confidence[present]
        options = {"causal": causal, "leave_missing": leave_missing, "constant_bones": constant_bones}
        found = _run(model, seen.positions[present], confidence, rate, options)
        result["denoised"][present] = found.pop("denoised")
        for name, values in found.items():
            result[name] = np.zeros(seen.missing.shape, values.dtype)
            result[name][present] = values
    if skeleton_out == "model":
        cleaned = dataclasses.replace(seen, positions=result["denoised"], origin=None)
    else:
        cleaned = clip.corrected(result["denoised"], model.skeleton, keep_small=not constant_bones)
    return Done(clip, seen.positions, result, rate, dataclasses.replace(cleaned, rate=said))


def _run(model, positions: np.ndarray, confidence, rate: float, options: dict[str, bool]) -> dict:
    if hasattr(model, "denoise_clip"):
        return model.denoise_clip(positions, rate, confidence, **options)
    if options["causal"] or options["constant_bones"]:
        raise TfposeError(
            f"causal and constant_bones need a model of clips (ClipDenoiser), got a {type(model).__name__}"
        )
    found = model.denoise_with_trust(positions)
    missing = np.isnan(positions).any(-1, keepdims=True)
    # A pose model would put somebody at the origin where nobody is seen.
    hidden = missing if options["leave_missing"] else missing.all(1, keepdims=True)
    return {**found, "denoised": np.where(hidden, np.nan, found["denoised"])}


def write_all(
    target: pathlib.Path, done: list[Done], skeleton_out: str, on_note: Callable[[str], None] = warnings.warn
):
    """Writes the cleaned clips of one file by `write`; the model's joints in a .npz file with their trust."""
    more = {}
    if target.suffix.lower() == ".npz" and skeleton_out == "model":
        more = {name: done[0].result[name] for name in ("trust", "filled") if name in done[0].result}
    write(target, [one.cleaned for one in done], on_note=on_note, **more)


def targets(
    clips: Sequence[Clip], source: pathlib.Path, out: pathlib.Path, to: str | None = None, within: bool = False
) -> dict[pathlib.Path, list[int]]:
    """The output files, each with the numbers of its clips.

    Args:
        clips: of one file or of many.
        source: the file or folder that they come from.
        out: a file or a folder.
        to: the suffix of files in a folder, one of `WRITTEN`; by default that of their sources.
        within: whether `out` is a folder, whatever its name.

    Raises:
        DataError: when several clips would have to go into a file that holds one.
    """
    of_file = collections.defaultdict(list)
    for number, clip in enumerate(clips):
        of_file[clip.source].append(number)
    if out.suffix.lower() in WRITTEN and not within:
        if len(clips) > 1 and (len(of_file) > 1 or out.suffix.lower() not in MANY):
            raise DataError(f"{source} holds {len(clips)} clips and --out={out} is one file; give a folder")
        return {out: list(range(len(clips)))}
    if out.suffix and not out.is_dir() and not within:
        raise DataError(f"--out={out}: cannot write '{out.suffix}'; give a folder, or a name in {', '.join(WRITTEN)}")
    found: dict[pathlib.Path, list[int]] = {}
    for name, numbers in of_file.items():
        inside = written_as(name, source, to)
        if len(numbers) == 1 or inside.suffix in MANY:
            groups = [(inside, numbers)]
        else:
            groups = [(inside.with_stem(f"{inside.stem}_{at}"), [one]) for at, one in enumerate(numbers)]
        for target, mine in groups:
            found[_free(out / target, found)] = mine
    return found


def written_as(name: str, source: pathlib.Path, to: str | None = None) -> pathlib.Path:
    """The name below an output folder of what comes from the file `name` of a folder `source`; `to` as in `targets`."""
    inside = _inside(name, source)
    return inside.with_suffix(to or (inside.suffix.lower() if inside.suffix.lower() in WRITTEN else ".npz"))


def _inside(name: str, source: pathlib.Path) -> pathlib.Path:
    """The path of a clip's file below `source`; its name where that is a file."""
    file = pathlib.Path(name if pathlib.Path(name).exists() else name.partition(": ")[0])
    if source.is_dir() and file.is_relative_to(source):
        return file.relative_to(source)
    return pathlib.Path(file.name or "clip")


def _free(path: pathlib.Path, taken) -> pathlib.Path:
    number = 0
    tried = path
    while tried in taken:
        tried = path.with_name(f"{path.stem}_{number}{path.suffix}")
        number += 1
    return tried
