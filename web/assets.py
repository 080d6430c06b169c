"""What the pages load: presets as LiteRT files for one person at a time, what they say about themselves, and clips.

    .venv/bin/python web/assets.py --out web/public

Writes a new folder with `model.tflite` of a pose model, `stream.tflite` of a clip model, for each a `.json` (as `tfpose
inspect` describes the file, with the preset's name, licence and lineage), `clips.json` (synthetic people: free to use,
nobody was recorded), `landmarks.json` (how the joints are made of what MediaPipe finds in a camera's picture), and
`rigs.json` (what `tfpose.formats` knows of rigs and files, for files that are dropped on the page).
"""

from __future__ import annotations

import json
import os
import sys

import numpy as np
from absl import app, flags

from tfpose.datasets import synthetic
from tfpose.errors import TfposeError
from tfpose.export import describe
from tfpose.export.files import new_artifact
from tfpose.export.litert import export_litert
from tfpose.files import write_text
from tfpose.formats import axes, body, bvh, correction, keypoints, names, trc
from tfpose.formats.clip import Clip
from tfpose.formats.recording import USUAL, USUAL_UP
from tfpose.models import ClipDenoiser, PoseAutoencoder
from tfpose.skeleton import Skeleton
from tfpose.video.tracking import UP

_PRESET = flags.DEFINE_string("preset", "sebirenet_cmu", "A preset of poses by name, or the folder of one.")
_CLIP_PRESET = flags.DEFINE_string("clip_preset", "sebirenet_cmu_clips", "A preset of clips, of the same skeleton.")
_OUT = flags.DEFINE_string("out", "web/public", "A new folder.")

SHOWN = ("walking, boxing", "standing, waving", "squatting, hands on hips", "lunging", "running", "kicking", "sitting")
"""What the people of the clips do: how their actions begin."""

LENDER = "standing, behind the back"
"""What the one does who lends the view."""

_FRAMES = 240


def write(preset: str, clip_preset: str, out: str | os.PathLike):
    """Makes the folder `out` with all that the pages load.

    Raises:
        DataError: when there is no such preset, or `out` exists or cannot be written; nothing is left behind.
    """
    models = {"model": PoseAutoencoder.from_preset(preset), "stream": ClipDenoiser.from_preset(clip_preset)}
    skeleton = models["stream"].skeleton
    with new_artifact(out) as folder:
        folder.mkdir()
        for name, model in models.items():
            # LiteRT.js refuses a free batch size.
            described = describe(export_litert(model, folder / f"{name}.tflite", batch=1))
            del described["path"]
            write_text(folder / f"{name}.json", json.dumps(described))
        write_text(folder / "clips.json", json.dumps(clips(skeleton)))
        write_text(folder / "landmarks.json", json.dumps(landmarks(skeleton)))
        write_text(folder / "rigs.json", json.dumps(rigs()))


def landmarks(skeleton: Skeleton) -> dict:
    """How the joints of `skeleton` are made of MediaPipe's world landmarks, ready for JSON.

    Returns:
        `rules`, for each joint pairs of a landmark's number and its weight; `axes`, what a landmark's x, y and z are
        multiplied by; `visible`, the least visibility of a landmark that is used; `bones` as pairs of landmarks.
    """
    found = Skeleton.load("blazepose33")
    rules = [[(int(at), float(row[at])) for at in row.nonzero()[0]] for row in found.to(skeleton)]
    signs = axes.matrix(UP).diagonal().tolist()
    return {"rules": rules, "axes": signs, "visible": USUAL.visibility, "bones": found.bones}


def rigs() -> dict:
    """The tables of `tfpose.formats` by module, ready for JSON, and all skeletons that ship."""
    return {
        "names": {
            "prefix": names.PREFIX.pattern,
            "sides": names.SIDES,
            "paired": names.PAIRED,
            "single": names.SINGLE,
            "limbs": names.LIMBS,
            "parents": names.PARENTS,
        },
        "body": {
            "bones": [[*ends, length] for ends, length in body.BONES.items()],
            "units": [[unit, name] for unit, name in body.UNITS.items()],
            "sizes": body.SIZES,
            "bearable": body.BEARABLE,
            "heights": body.HEIGHTS,
        },
        "bvh": {"unit": bvh.CENTIMETRE, "cmu_unit": bvh.CMU_UNIT},
        "usual_up": USUAL_UP,
        "axes": {up: {"order": order, "signs": signs} for up, (order, signs) in axes.TURNS.items()},
        "correction": {"unchanged": correction.UNCHANGED, "far": correction.FAR},
        "keypoints": {
            "poses": keypoints.POSES,
            "people": keypoints.PEOPLE,
            "frames": keypoints.FRAMES,
            "certain": keypoints.CERTAIN,
            "visibility": USUAL.visibility,
        },
        "trc": {"units": {**trc.UNITS, **{long: trc.UNITS[short] for long, short in trc.LONGER.items()}}},
        "skeletons": [Skeleton.load(name).to_dict() for name in Skeleton.names()],
    }


def clips(skeleton: Skeleton) -> dict:
    """The clips of `SHOWN` and the pose of `LENDER`, ready for JSON: each pose is its J * 3 coordinates in metres."""
    made = list(synthetic.clips(64, seed=0, frames=_FRAMES))

    def find(action: str) -> Clip:
        return next(clip for clip in made if clip.action.startswith(action)).to(skeleton)

    return {
        "rate": synthetic.RATE,
        "clips": [{"action": clip.action, "poses": _flat(clip.positions)} for clip in map(find, SHOWN)],
        "lender": _flat(find(LENDER).positions[:1])[0],
    }


def _flat(positions: np.ndarray) -> list[list[float]]:
    """`[T, J, 3]` -> T lists, rounded to a tenth of a millimetre."""
    return positions.reshape(len(positions), -1).astype(float).round(4).tolist()


def main(_):
    try:
        write(_PRESET.value, _CLIP_PRESET.value, _OUT.value)
    except TfposeError as error:
        sys.exit(f"web/assets.py: {error}")


if __name__ == "__main__":
    app.run(main)
