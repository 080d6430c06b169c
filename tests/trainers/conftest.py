"""What the tests of the programs that learn share."""

import json
import pathlib

import pytest

from tfpose.skeleton import Skeleton

_STICK = {
    "name": "stick",
    "joints": [["spine_base", None], ["head", "spine_base"], ["wrist_left", "head"], ["wrist_right", "head"]],
    "mirror": [["wrist_left", "wrist_right"]],
}


@pytest.fixture(scope="session")
def skeleton() -> Skeleton:
    return Skeleton.load("paper17")


@pytest.fixture(scope="module")
def autoencoder(skeleton):
    """A small autoencoder with random weights."""
    import keras

    from tfpose.models import PoseAutoencoder

    keras.utils.set_random_seed(4)
    model = PoseAutoencoder(skeleton, units=4, code_size=4, decoder_units=4, refinements=1)
    model.build()
    return model


@pytest.fixture(scope="session")
def stick_shards(tmp_path_factory) -> pathlib.Path:
    """Two shards of 330 poses of few joints, for short compilations; their skeleton is `stick.json` beside them."""
    from tfpose import cli

    folder = tmp_path_factory.mktemp("stick")
    (folder / "stick.json").write_text(json.dumps(_STICK))
    options = [f"--model_skeleton={folder / 'stick.json'}", f"--out={folder / 'shards'}"]
    assert cli.main(["shard", "synthetic", "--poses=330", "--shards=2", *options]) == 0
    return folder / "shards"
