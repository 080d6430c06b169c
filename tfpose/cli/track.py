"""Tracks a person in a video, and cleans what it finds.

    tfpose track walk.mp4 --out walk.npz --draw drawn.mp4
    tfpose track street.mp4 --person 1 --out second.csv

MediaPipe's pose landmarker finds 33 joints in each frame, in metres from the middle of the hips, and a model of clips
cleans them. Joints are written in the model's skeleton, y up, z towards the camera; a .npz file has the arrays trust (0
to 1) and filled too. Frames before the person comes and after they left are missing (NaN). Needs
pip install 'tfpose[video]' and pip install --no-deps mediapipe==0.10.21.
"""

from __future__ import annotations

import pathlib

from absl import flags

from tfpose.cli import common
from tfpose.errors import DataError
from tfpose.formats import arrays


def define_flags(values: flags.FlagValues):
    flags.DEFINE_string(
        "model", "sebirenet_cmu_clips", "A model of clips: a preset, a model.keras file, or its directory.", values
    )
    flags.DEFINE_integer(
        "person", 0, "Who: 0 for the largest one, 1 for the next ...", lower_bound=0, flag_values=values
    )
    flags.DEFINE_string("out", None, "A .npz, .npy or .csv file.", flag_values=values)
    flags.DEFINE_string("draw", None, "An .mp4 file: the video with the found joints over it.", flag_values=values)
    flags.mark_flag_as_required("out", flag_values=values)


def run(values: flags.FlagValues, positional: list[str]):
    common.positional_count(positional, ("VIDEO",))
    # Before minutes of tracking.
    if pathlib.Path(values.out).suffix.lower() not in arrays.SUFFIXES:
        raise DataError(f"{values.out}: the name must end in {', '.join(arrays.SUFFIXES)}")

    from tfpose.models import ClipDenoiser, load_model
    from tfpose.video import track

    model = load_model(values.model, ClipDenoiser)
    clip = track(positional[0], person=values.person, draw=values.draw, progress=True)
    _write(values.out, _clean(model, clip), model.skeleton)
    if values.draw:
        print(f"picture: {values.draw}")
    found = (~clip.missing).any(axis=1)
    print(
        f"{positional[0]}: {len(clip)} frames at {clip.rate:g} per second, the person in {found.sum()}, "
        f"{clip.missing[found].mean():.0%} of the joints hidden -> {values.out}"
    )


def _clean(model, clip) -> dict:
    """`{"denoised": [T, J, 3], "trust": [T, J], "filled": [T, J]}` of a clip, of which frames with nobody are missing
    at its beginning and its end."""
    import numpy as np

    found = (~clip.missing).any(axis=1).nonzero()[0]
    present = slice(found[0], found[-1] + 1)
    cleaned = model.denoise_clip(clip.to(model.skeleton).positions[present], clip.rate)
    whole = {
        "denoised": np.full((len(clip), len(model.skeleton), 3), np.nan, np.float32),
        "trust": np.zeros((len(clip), len(model.skeleton)), np.float32),
        "filled": np.zeros((len(clip), len(model.skeleton)), bool),
    }
    for name, values in whole.items():
        values[present] = cleaned[name]
    return whole


def _write(path: str, cleaned: dict, skeleton):
    positions = cleaned.pop("denoised")
    arrays.write(path, positions, skeleton, **(cleaned if pathlib.Path(path).suffix.lower() == ".npz" else {}))
