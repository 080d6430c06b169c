"""What all evaluators share: the interface, and numbers over seeds."""

import inspect
import types

import numpy as np
import pytest

from tfpose.trainers import evaluators

DATA = types.SimpleNamespace(name="made up", checksum="abc", lineage="nobody's")
# A model whose number is known: seed 1, 2, 6 give 10, 20, 60.
TEN_TIMES = types.SimpleNamespace(
    measure=lambda model, data, seed, **options: {"row": {"error": [10 * seed, 1]}, "count": options["most"]}
)


@pytest.mark.parametrize("name", evaluators.NAMES)
def test_every_evaluator_has_the_interface(name):
    evaluator = evaluators.get(name)
    assert list(inspect.signature(evaluator.load).parameters) == ["name", "data_dir", "skeleton"]
    model, data, seed, *options = inspect.signature(evaluator.measure).parameters
    assert (model, data, seed) == ("model", "data", "seed")
    assert set(options) == set(evaluator.OPTIONS)
    assert list(inspect.signature(evaluator.markdown).parameters) == ["report"]


def test_mean_and_standard_deviation_over_seeds():
    report = evaluators.over_seeds(TEN_TIMES, None, DATA, [1, 2, 6], most=7)
    assert report["mean"] == {"row": {"error": [30.0, 1.0]}, "count": 7.0}
    assert report["std"]["row"]["error"] == pytest.approx([np.sqrt((400 + 100 + 900) / 2), 0.0])
    assert report["seeds"] == [1, 2, 6] and report["options"] == {"most": 7}
    assert report["data"] == {"name": "made up", "checksum": "abc", "lineage": "nobody's"}


def test_one_seed_has_no_spread():
    assert evaluators.over_seeds(TEN_TIMES, None, DATA, [3], most=1)["std"] == {
        "row": {"error": [None, None]},
        "count": None,
    }
