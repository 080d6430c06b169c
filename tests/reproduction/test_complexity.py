"""Parameters and operations, against Keras' count, TensorFlow's profiler and sums made by hand."""

import json

import pytest
import tensorflow as tf
from tensorflow.python.profiler import model_analyzer
from tensorflow.python.profiler.option_builder import ProfileOptionBuilder

from reproduction import complexity as command
from tfpose import cli
from tfpose.models import PoseAutoencoder, complexity
from tfpose.skeleton import Skeleton

MODELS = {
    "default": {},
    "paper": {"refinements": 0, "view": "free"},
    "bare frame": {"refinements": 0},
    "corrected": {"refinements": 1, "correction_units": 64},
    "entangled": {"refinements": 0, "view": "none"},
    "orthogonal": {"view": "free", "orthogonal": True, "refinements": 0},
    "recurrent, MLP": {"refinements": 0, "decoder": "mlp", "network": {"passes": 2}},
    "recursive, MLP": {"refinements": 0, "decoder": "mlp", "network": {"wiring": "recursive"}},
    "concatenated, LSTM": {"refinements": 0, "decoder": "mlp", "network": {"wiring": "concatenated", "cell": "lstm"}},
    "eq. 8": {"refinements": 0, "network": {"use_bias": False, "node_output": True}},
}


def build(**options) -> PoseAutoencoder:
    model = PoseAutoencoder(Skeleton.load("paper17"), **options)
    model.build()
    return model


def profiled(method) -> int:
    """Operations per pose, as TensorFlow counts them in the graph of one pose."""
    function = tf.function(method, autograph=False).get_concrete_function(tf.TensorSpec([1, 17, 3]))
    options = ProfileOptionBuilder(ProfileOptionBuilder.float_operation()).with_empty_output().build()
    return model_analyzer.profile(function.graph, options=options).total_float_ops


@pytest.mark.parametrize("options", MODELS.values(), ids=MODELS)
def test_parameters_are_all_there(options):
    model = build(**options)
    counts = complexity.parameters(model)
    assert sum(counts.values()) == model.count_params()
    assert min(counts.values()) > 0


@pytest.mark.parametrize("name", ["paper", "bare frame", "recurrent, MLP", "concatenated, LSTM", "corrected"])
def test_operations_agree_with_the_profiler(name):
    model = build(**MODELS[name])
    assert sum(complexity.flops(model).values()) == pytest.approx(profiled(model.denoise), rel=0.05)


def test_operations_of_encoding_agree_with_the_profiler():
    model = build()
    assert sum(complexity.flops(model, "encode").values()) == pytest.approx(profiled(model.encode), rel=0.05)


def test_a_network_counted_by_hand():
    # Three joints in a row, hidden size 2, codes of 1: kernels by hand.
    chain = Skeleton("chain", ("a", "b", "c"), (-1, 0, 1))
    model = PoseAutoencoder(chain, units=2, code_size=1, decoder="mlp", decoder_units=1, refinements=0, view="free")
    model.build()
    assert complexity.flops(model) == {
        # Inputs of 3 nodes, messages of 2 bones; from a zero state, so without recurrent kernels and reset gates.
        "encoder: recursive": 2 * (3 * 3 * 4 + 2 * 2 * 4),
        "encoder: diffuse": 2 * (3 * 3 * 6 + 2 * 2 * 6 + 3 * 2 * 6),  # and 3 recurrent kernels
        "encoder: pose head": 2 * 3 * 2 * 1,
        "encoder: view head": 2 * 6 * 1,
        "decoder: MLP": 2 * (3 * 8 + 8 * 8 + 8 * 9),
        "coupling": 2 * 3,
    }


def test_refinements_run_everything_again():
    model = build(refinements=3)
    denoise, once = complexity.flops(model), complexity.flops(model, "reconstruct")
    assert once["trust"] == 0 and denoise["trust"] > 0
    assert all(denoise[name] == 3 * count for name, count in once.items() if name != "trust")
    encode = complexity.flops(model, "encode")
    assert {name for name, count in encode.items() if count} == {name for name in encode if name.startswith("encoder")}


def test_the_papers_formula_is_the_network_of_its_equation():
    report = command.measure(build(**MODELS["eq. 8"]))
    paper = report["paper"]
    assert paper["formula"] == paper["described network"] == paper["ours"] == 248_448
    assert report["total"]["parameters"] == sum(row["parameters"] for row in report["components"].values())


def test_the_command_writes_the_table(tmp_path, capsys):
    out = tmp_path / "complexity.json"
    assert cli.run(["complexity"], "reproduction.complexity", ["--config", "paper", "--out", str(out)]) == 0
    report = json.loads(out.read_text())
    assert report["kind"] == "complexity" and report["config"]["units"] == 32
    assert report["paper"]["stated"] == 270_000
    table = out.with_suffix(".md").read_text()
    total = report["total"]
    assert f"| **total** | {total['parameters']:,} | {total['encode']:,} | " in table
    assert table.split("\n\n", 1)[1].strip() in capsys.readouterr().out
