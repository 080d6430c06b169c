"""The operations that the benchmark counts, against those that tfpose counts."""

import flops
import numpy as np
import pytest
from contenders import limits
from contenders.task import Work

from tfpose.models import PoseAutoencoder, complexity
from tfpose.skeleton import Skeleton


@pytest.fixture(scope="module")
def model() -> PoseAutoencoder:
    model = PoseAutoencoder(Skeleton.load("paper17"), view="free", refinements=0)
    model.build()
    return model


@pytest.mark.parametrize("kind", ["encode", "denoise", "train"])
def test_the_products_are_all_operations(model, kind):
    assert sum(product.flops for product in flops.products(model, kind, 64)) == 64 * flops.per_pose(model, kind)


def test_a_step_is_two_encoders_and_four_decoders_forwards_and_twice_backwards(model):
    parts = complexity.flops(model)
    encoder = sum(count for name, count in parts.items() if name.startswith("encoder"))
    decoder = sum(parts.values()) - encoder
    assert flops.per_pose(model, "train") == 3 * (2 * encoder + 4 * decoder)


def test_the_gates_of_a_network():
    chain = Skeleton("chain", ("a", "b"), (-1, 0))
    model = PoseAutoencoder(chain, units=2, decoder_units=3, view="free", refinements=0)
    model.build()
    # Two joints; a recursive node has one sigmoid, a diffuse node two, and each one tanh.
    assert flops.gates(model, "encode", batch=5) == (5 * 2 * 2 * 3, 5 * 2 * 2 * 2)
    assert flops.gates(model, "denoise", batch=1) == (2 * (2 + 3) * 3, 2 * (2 + 3) * 2)
    assert flops.gates(model, "train", batch=1) == (2 * (2 * 2 + 4 * 3) * 3, 2 * (2 * 2 + 4 * 3) * 2)


@pytest.mark.parametrize("kind", ["denoise", "train"])
def test_what_bounds_a_piece_of_work_runs(kind):
    work = Work(kind, "sebirenet_cmu_paper", 2, folder="", threads=1)
    products, functions = (limits.make(work, option).first() for option in ("products", "functions"))
    assert np.isfinite(functions).all() and len(functions) == len(products) + 2
