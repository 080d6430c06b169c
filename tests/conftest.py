"""What all tests share."""

import os
import pathlib

import pytest


@pytest.fixture(scope="session")
def data_dir() -> pathlib.Path:
    """The folder of real data, or a skip that says how to have it."""
    folder = os.environ.get("TFPOSE_DATA")
    if not folder:
        pytest.skip("real data: set TFPOSE_DATA to the folder that holds cmu/, nucla/, ntu/, h36m/, ape/")
    return pathlib.Path(folder)
