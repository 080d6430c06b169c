"""Says what a model is: skeleton, signatures with shapes and units, size, precision, checksums, origin, licence.

    tfpose inspect exported/model.tflite

ARTIFACT is a preset by name, the directory of a training, or an exported SavedModel, .tflite or .onnx file.
"""

from __future__ import annotations

import json

from absl import flags

from tfpose.cli import common


def define_flags(values: flags.FlagValues):
    flags.DEFINE_bool("json", False, "Print JSON.", flag_values=values)


def run(values: flags.FlagValues, positional: list[str]):
    common.positional_count(positional, ("ARTIFACT",))

    from tfpose.export import inspect

    description = inspect.describe(positional[0])
    print(json.dumps(description, indent=2) if values.json else inspect.text(description))
