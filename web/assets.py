"""What the page shows: a preset as a LiteRT file for one pose at a time, what it says about itself, and clips.

    .venv/bin/python web/assets.py --out web/public

Writes a new folder with `model.tflite`, `model.json` (as `tfpose inspect` describes the file, with the preset's name,
licence and lineage) and `clips.json` (synthetic people: free to use, nobody was recorded).
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
from tfpose.formats.clip import Clip
from tfpose.models import PoseAutoencoder
from tfpose.skeleton import Skeleton

_PRESET = flags.DEFINE_string("preset", "sebirenet_cmu", "A preset by name, or the folder of one.")
_OUT = flags.DEFINE_string("out", "web/public", "A new folder.")

SHOWN = ("walking, boxing", "standing, waving", "squatting, hands on hips", "lunging", "running", "kicking", "sitting")
"""What the people of the clips do: how their actions begin."""

LENDER = "standing, behind the back"
"""What the one does who lends the view."""

_FRAMES = 240


def write(preset: str, out: str | os.PathLike):
    """Makes the folder `out` with all that the page loads.

    Raises:
        DataError: when there is no such preset, or `out` exists or cannot be written; nothing is left behind.
    """
    model = PoseAutoencoder.from_preset(preset)
    with new_artifact(out) as folder:
        folder.mkdir()
        # LiteRT.js refuses a free batch size.
        described = describe(export_litert(model, folder / "model.tflite", batch=1))
        del described["path"]
        write_text(folder / "model.json", json.dumps(described))
        write_text(folder / "clips.json", json.dumps(clips(model.skeleton)))


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
        write(_PRESET.value, _OUT.value)
    except TfposeError as error:
        sys.exit(f"web/assets.py: {error}")


if __name__ == "__main__":
    app.run(main)
