"""Counts the parameters and floating-point operations of a configuration's model, beside the paper's counts.

    tfpose complexity --config paper --out results/complexity.json

Nothing is trained. With --out, the numbers are written as JSON and as Markdown beside it.
"""

from __future__ import annotations

from absl import flags
from ml_collections import config_flags

from tfpose.commands import common
from tfpose.skeleton import Skeleton
from tfpose.trainers import configs


def define_flags(values: flags.FlagValues):
    config_flags.DEFINE_config_file(
        "config", configs.path("paper"), f"A file, or one of {', '.join(configs.NAMES)}.", flag_values=values
    )
    flags.DEFINE_string(
        "model_skeleton", "paper17", "Skeleton of the model: a name or a JSON file.", flag_values=values
    )
    flags.DEFINE_string("out", None, "JSON file for the result.", flag_values=values)


def run(values: flags.FlagValues, positional: list[str]):
    common.positional_count(positional, ())

    from tfpose.models import PoseAutoencoder
    from tfpose.trainers import complexity, results

    model = PoseAutoencoder(Skeleton.load(values.model_skeleton), **values.config.model.to_dict())
    model.build()
    report = complexity.measure(model)
    table = complexity.markdown(report)
    print(table)
    if values.out:
        results.write(values.out, "complexity", {"config": values.config.model.to_dict(), **report}, table)
        print(f"result: {values.out}")
