"""One small model and its artifacts for all attacks, and how long they are.

`TFPOSE_ABUSE=50 pytest tests/abuse` makes every attack 50 times as long; the seeds of its rounds are in its messages.
With `TFPOSE_ABUSE_OUT=results/abuse.json`, what was tried is counted there (see `tally`).
"""

import os
import pathlib

import keras
import numpy as np
import pytest
import tally

from tfpose.datasets import synthetic
from tfpose.export import export
from tfpose.models import PoseAutoencoder
from tfpose.skeleton import Skeleton

TIMES = int(os.environ.get("TFPOSE_ABUSE", "1"))


def pytest_sessionfinish(exitstatus):
    if (out := os.environ.get("TFPOSE_ABUSE_OUT")) and exitstatus == pytest.ExitCode.OK:
        tally.write(pathlib.Path(out), TIMES)


@pytest.fixture(scope="session")
def times() -> int:
    """By how much the attacks are longer than in the usual tests."""
    return TIMES


@pytest.fixture(scope="session")
def model() -> PoseAutoencoder:
    keras.utils.set_random_seed(0)
    model = PoseAutoencoder(Skeleton.load("paper17"), units=4, code_size=4, decoder_units=4, refinements=1)
    model.build()
    return model


@pytest.fixture(scope="session")
def poses() -> np.ndarray:
    """Poses `[60, 17, 3]`, some with missing joints."""
    poses = next(iter(synthetic.clips(1, seed=0))).to(Skeleton.load("paper17")).positions[:60].copy()
    poses[::3, 4] = np.nan
    return poses


@pytest.fixture(scope="session")
def artifacts(model, tmp_path_factory) -> dict:
    """Format -> path of a SavedModel and a LiteRT file."""
    return export(model, tmp_path_factory.mktemp("artifacts"), ["saved_model", "litert"])
