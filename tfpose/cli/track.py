"""Tracks a person in a video, and cleans what it finds.

    tfpose track walk.mp4 --out walk.trc --draw drawn.mp4
    tfpose track street.mp4 --person 1 --out second.csv

MediaPipe's pose landmarker finds 33 joints in each frame, in metres from the middle of the hips, and a model of clips
cleans them. All 33 are written, y up, z towards the camera, in the format that --out ends in; --skeleton_out=model
writes the model's joints alone. Frames before the person comes and after they left are missing. Needs
pip install 'tfpose[video]' and pip install --no-deps mediapipe==0.10.21.
"""

from __future__ import annotations

import pathlib

from absl import flags

from tfpose.cleaning import clean, write_all
from tfpose.cli import common
from tfpose.errors import DataError
from tfpose.formats import WRITTEN


def define_flags(values: flags.FlagValues):
    common.define(values, "skeleton_out", model="sebirenet_cmu_clips")
    flags.DEFINE_string("out", None, "A file, whose suffix says the format.", values, required=True)
    flags.DEFINE_integer(
        "person", 0, "Which person: 0 for the largest one, 1 for the next ...", lower_bound=0, flag_values=values
    )
    flags.DEFINE_string("draw", None, "An .mp4 file: the video with the found joints over it.", values)


def run(values: flags.FlagValues, positional: list[str]):
    common.positional_count(positional, ("VIDEO",))
    # Before minutes of tracking.
    if pathlib.Path(values.out).suffix.lower() not in WRITTEN:
        raise DataError(f"{values.out}: the name must end in {', '.join(WRITTEN)}")

    from tfpose.models import ClipDenoiser, load_model
    from tfpose.video import track

    model = load_model(values.model, ClipDenoiser)
    clip = track(positional[0], person=values.person, draw=values.draw, progress=True)
    done = clean(model, clip, skeleton_out=values.skeleton_out, on_note=common.say)
    write_all(pathlib.Path(values.out), [done], values.skeleton_out, common.say)
    if values.draw:
        print(f"picture: {values.draw}")
    found = (~clip.missing).any(axis=1)
    hidden = clip.missing[found].mean() if found.any() else 1.0
    print(
        f"{positional[0]}: {len(clip)} frames at {clip.rate:g} per second, the person in {found.sum()}, "
        f"{hidden:.0%} of the joints hidden -> {values.out}"
    )
