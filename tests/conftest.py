"""What all tests share."""

import os
import pathlib
import tempfile

import pytest

_COMPILED = tempfile.TemporaryDirectory(prefix="tfpose_compiled_")

# Compiling takes most of the time of the tests, and what is compiled runs only a few steps. Before TensorFlow starts.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")
# And the processes that tests start compile much the same.
os.environ["TFPOSE_CACHE"] = _COMPILED.name


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Files go to workers whole (`--dist loadfile`), and all of tests/export to one, which makes its artifacts once."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return "tests/export" if file.startswith("tests/export/") else file

    return Scheduling(config, log)


@pytest.fixture(scope="session", autouse=True)
def uncompiled():
    """Methods of models run as they are written: compiling each small model of a test takes seconds.

    tests/tfpose/models/test_calls.py tests them compiled, with what this fixture gives: what decides it outside of
    tests.
    """
    from tfpose.models import calls

    with pytest.MonkeyPatch.context() as patch:
        decides = calls._compiles
        patch.setattr(calls, "_compiles", lambda: False)
        yield decides


@pytest.fixture(scope="session")
def data_dir() -> pathlib.Path:
    """The folder of real data, or a skip that says how to have it."""
    folder = os.environ.get("TFPOSE_DATA")
    if not folder:
        pytest.skip("real data: set TFPOSE_DATA to the folder that holds cmu/, nucla/, ntu/, h36m/, ape/")
    return pathlib.Path(folder)


@pytest.fixture(scope="session")
def tiny_pretrain():
    """The arguments of a very short `tfpose pretrain` of a very small model, as a function of its working directory."""
    config = {
        "steps": 40,
        "batch": 8,
        "checkpoint_every": 10,
        "evaluate_every": 25,
        "model.units": 4,
        "model.code_size": 4,
        "model.decoder_units": 4,
        "model.refinements": 1,
        "optimizer.learning_rate": 0.01,
        "optimizer.warmup_steps": 0,
    }
    settings = [f"--config.{name}={value}" for name, value in config.items()]
    return lambda workdir: ["pretrain", "--config=default", "--data=synthetic", f"--workdir={workdir}", *settings]


@pytest.fixture(scope="session")
def pretrained(tmp_path_factory, tiny_pretrain) -> pathlib.Path:
    """The working directory of `tiny_pretrain`, run to its end: one model for all tests that need a trained one."""
    from tfpose import cli

    workdir = tmp_path_factory.mktemp("pretrained") / "run"
    assert cli.main(tiny_pretrain(workdir)) == 0
    return workdir


@pytest.fixture(scope="session")
def clip_model():
    """A small model of clips with random weights; for reading."""
    import numpy as np

    from tfpose.models import ClipDenoiser, PoseAutoencoder
    from tfpose.skeleton import Skeleton

    skeleton, random = Skeleton.load("paper17"), np.random.default_rng(0)
    tiny = {"units": (8, 8), "dilations": ((1, 2), (1, 2)), "reach": 8, "widths": (1, 2, 4)}
    poses = PoseAutoencoder(skeleton, units=4, code_size=4, decoder_units=4, refinements=1)
    poses.build()
    model = ClipDenoiser(skeleton, poses, tiny, tiny)
    model.build()
    for weight in (*model.offline.weights, *model.causal.weights):
        weight.assign(0.1 * random.normal(size=weight.shape))
    return model
