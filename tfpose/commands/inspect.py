"""Says what a model file holds: skeleton, signatures with shapes and units, parameters, size, checksum.

tfpose inspect exported/model.tflite
"""

from __future__ import annotations

import json

from absl import flags

from tfpose.commands import common


def define_flags(values: flags.FlagValues):
    flags.DEFINE_bool("json", False, "Print JSON.", flag_values=values)


def run(values: flags.FlagValues, positional: list[str]):
    common.positional_count(positional, ("ARTIFACT",))

    from tfpose.export import inspect

    description = inspect.describe(positional[0])
    print(json.dumps(description, indent=2) if values.json else inspect.text(description))
