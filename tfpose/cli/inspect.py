"""Says what a model is, or what a file of clips holds.

    tfpose inspect exported/model.tflite
    tfpose inspect walk.bvh

Of a model: skeleton, signatures with shapes and units, size, precision, checksums, origin, licence. The model is a
preset by name, the directory of a training, or an exported SavedModel, .tflite or .onnx file. Of clips: frames, rate,
unit, axes, and from which of the file's joints the model's come.
"""

from __future__ import annotations

import json
import pathlib

from absl import flags

from tfpose.cli import common
from tfpose.skeleton import Skeleton

_OF_MODELS = ("saved_model.pb", "model.keras", "weights.npz", "checkpoints", "*.onnx")  # in folders of models


def define_flags(values: flags.FlagValues):
    flags.DEFINE_bool("json", False, "Print JSON.", values)
    common.define(values, *common.CLIPS)


def run(values: flags.FlagValues, positional: list[str]):
    common.positional_count(positional, ("FILE",))

    from tfpose.formats import describing
    from tfpose.formats.reading import ENDINGS

    path = pathlib.Path(positional[0])
    of_model = path.is_dir() and any(any(path.glob(name)) for name in _OF_MODELS)
    if (path.is_dir() and not of_model) or path.suffix.lower() in {*ENDINGS, ".gz"}:
        clips = common.read_clips(values, positional[0])
        described = [describing.describe(clip, Skeleton.load("paper17")) for clip in clips]
        print(json.dumps(described, indent=2) if values.json else "\n".join(map(describing.text, described)))
        return

    from tfpose.export import inspect

    description = inspect.describe(positional[0])
    print(json.dumps(description, indent=2) if values.json else inspect.text(description))
