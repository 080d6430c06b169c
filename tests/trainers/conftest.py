"""What the tests of the programs that learn share."""

import json
import pathlib
import sys

import pytest

_STICK = {
    "name": "stick",
    "joints": [["spine_base", None], ["head", "spine_base"], ["wrist_left", "head"], ["wrist_right", "head"]],
    "mirror": [["wrist_left", "wrist_right"]],
}


@pytest.fixture(scope="session")
def stick_shards(tmp_path_factory) -> pathlib.Path:
    """Two shards of 330 poses of few joints, for short compilations; their skeleton is `stick.json` beside them."""
    from tfpose import cli

    folder = tmp_path_factory.mktemp("stick")
    (folder / "stick.json").write_text(json.dumps(_STICK))
    options = [f"--model_skeleton={folder / 'stick.json'}", f"--out={folder / 'shards'}"]
    before = sys.argv
    try:
        assert cli.main(["shard", "synthetic", "--poses=330", "--shards=2", *options]) == 0
    finally:
        sys.argv = before
    return folder / "shards"
