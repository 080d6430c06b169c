"""Counts the parameters and floating-point operations of a configuration's model, beside the paper's counts.

    python -m reproduction complexity --config paper --out results/complexity.json

Nothing is trained. With --out, the numbers are written as JSON and as Markdown beside it.
"""

from __future__ import annotations

from absl import flags

from reproduction import paper
from tfpose.cli import common
from tfpose.layers import SeBiReNet
from tfpose.layers.sebirenet import paper_parameter_count
from tfpose.models import PoseAutoencoder
from tfpose.models.complexity import flops, parameters
from tfpose.skeleton import Skeleton
from tfpose.trainers import configs
from tfpose.trainers.markdown import table


def define_flags(values: flags.FlagValues):
    common.define(values, "model_skeleton", "out", config=configs.path("paper"))


def run(values: flags.FlagValues, positional: list[str]):
    common.positional_count(positional, ())

    model = PoseAutoencoder(Skeleton.load(values.model_skeleton), **values.config.model.to_dict())
    model.build()
    report = measure(model)
    table = markdown(report)
    print(table)
    common.write_result(values.out, "complexity", {"config": values.config.model.to_dict(), **report}, table)


def measure(model: PoseAutoencoder) -> dict:
    """What `markdown` and a result file need: counts by component, totals, and the paper's counts beside ours."""
    counts, per_method = parameters(model), {method: flops(model, method) for method in _METHODS}
    network = model.encoder.network
    described = SeBiReNet(model.skeleton, network.units, use_bias=False, node_output=True)
    described.build((None, len(model.skeleton), 3))
    return {
        "components": {
            name: {"parameters": counts.get(name, 0), **{method: per_method[method][name] for method in _METHODS}}
            for name in per_method["denoise"]
        },
        "total": {
            "parameters": sum(counts.values()),
            **{method: sum(per_method[method].values()) for method in _METHODS},
        },
        "paper": {
            "stated": paper.PARAMETERS,
            "formula": paper_parameter_count(model.skeleton, units=network.units),
            "described network": described.count_params(),
            "ours": network.count_params(),
        },
    }


def markdown(report: dict) -> str:
    """The tables of what `measure` returned."""
    components = [
        (name, *(f"{row[key]:,}" for key in ("parameters", *_METHODS)))
        for name, row in [*report["components"].items(), ("**total**", report["total"])]
    ]
    paper = report["paper"]
    beside = [
        ("the paper's words", f"about {paper['stated']:,}"),
        ("the paper's formula, the sum over nodes of [3 n_x + (3 N + 4) n_h + 1] n_h", f"{paper['formula']:,}"),
        (
            "eq. 8 built as written: no biases in the cells, an output layer in every node",
            f"{paper['described network']:,}",
        ),
        ("this configuration's encoder", f"{paper['ours']:,}"),
    ]
    return "\n\n".join(
        [
            table(("component", "parameters", "FLOPs of encode", "of reconstruct", "of denoise"), components),
            "FLOPs of matrix products per pose; a multiply-add counts as two.",
            table(("parameters of one SeBiReNet", ""), beside),
        ]
    )


_METHODS = ("encode", "reconstruct", "denoise")
