"""Lists the weights that ship with tfpose.

    tfpose presets      # each with what it learned from, and its licence

Each can be given to --model, and to `tfpose.PoseAutoencoder.from_preset`. `tfpose inspect NAME` says more.
"""

from __future__ import annotations

from absl import flags

from tfpose import presets
from tfpose.cli import common


def define_flags(values: flags.FlagValues):
    """There are none."""


def run(values: flags.FlagValues, positional: list[str]):
    common.positional_count(positional, ())
    for name, about in presets.summaries().items():
        print(f"{name}: {about}")
