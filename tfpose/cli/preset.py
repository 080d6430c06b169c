"""Makes weights to share: a folder with half-precision weights, what they come from, and a model card.

    tfpose preset --model runs/default_cmu --out tfpose/presets/sebirenet_cmu

PoseAutoencoder.from_preset takes the folder; folders in tfpose/presets ship with tfpose and are known by name. Only
weights trained on data that is free for all uses become a preset: CMU Mocap.
"""

from __future__ import annotations

from absl import flags

from tfpose.cli import common


def define_flags(values: flags.FlagValues):
    flags.DEFINE_string("model", None, "The directory of its training.", values, required=True)
    flags.DEFINE_string("out", None, "A new folder; its name is the preset's.", values, required=True)


def run(values: flags.FlagValues, positional: list[str]):
    common.positional_count(positional, ())

    from tfpose.export.preset import export_preset

    out = export_preset(values.model, values.out)
    size = sum(file.stat().st_size for file in out.iterdir())
    print(f"{out}: {size / 1e6:.2f} MB")
