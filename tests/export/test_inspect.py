"""What files say about themselves, and damaged ones."""

import shutil

import numpy as np
import pytest

from tfpose.errors import DataError
from tfpose.export.inspect import describe, text
from tfpose.export.verify import verify


@pytest.fixture(scope="module")
def descriptions(artifacts, keras_file) -> dict:
    return {path: describe(path) for path in (keras_file, *artifacts.values())}


def test_every_kind_says_the_same(descriptions, model, artifacts, keras_file):
    kinds = [description.pop("kind") for description in map(dict, descriptions.values())]
    assert kinds == ["Keras", "SavedModel", "LiteRT"]
    of_keras = descriptions[keras_file]
    for description in descriptions.values():
        assert set(description) == set(of_keras)
        for part in ("signatures", "skeleton", "options", "parameters", "unit", "axes", "model", "tfpose"):
            assert description[part] == of_keras[part], part
    assert of_keras["parameters"] == model.count_params()
    assert descriptions[artifacts["litert"]]["bytes"] == artifacts["litert"].stat().st_size


def test_text(descriptions, artifacts):
    lines = text(descriptions[artifacts["litert"]]).splitlines()
    assert lines[0].startswith(f"{artifacts['litert']}: LiteRT, ")
    assert any("paper17, 17 joints: spine_base, spine_mid" in line for line in lines)
    assert "  out       pose_code [B, 17, 4] float32" in lines
    assert "  in        view_from [B, 17, 3] float32 metres" in lines


def test_the_directory_of_a_training(keras_file, descriptions):
    assert describe(keras_file.parent) == descriptions[keras_file]


def test_the_checksum_is_of_the_content(artifacts, descriptions, tmp_path):
    expected = descriptions[artifacts["saved_model"]]["sha256"]
    copy = shutil.copytree(artifacts["saved_model"], tmp_path / "copy")
    assert describe(copy)["sha256"] == expected
    (copy / "extra").write_text("more")
    assert describe(copy)["sha256"] != expected


@pytest.mark.parametrize("keep", [0, 8, 0.5, 0.999])
def test_a_truncated_litert_file(artifacts, model, poses, tmp_path, keep):
    content = artifacts["litert"].read_bytes()
    path = tmp_path / "model.tflite"
    path.write_bytes(content[: keep if keep > 1 else int(keep * len(content))])
    with pytest.raises(DataError, match=f"^{path}: not a LiteRT model"):
        describe(path)
    with pytest.raises(DataError, match=f"^{path}: not a LiteRT model"):
        verify(model, poses[:1], [path])


@pytest.mark.parametrize(
    "part", ["saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001"]
)
def test_a_truncated_saved_model(artifacts, tmp_path, part):
    path = shutil.copytree(artifacts["saved_model"], tmp_path / "copy")
    content = (path / part).read_bytes()
    (path / part).write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=f"^{path}: not a SavedModel directory"):
        describe(path)


def test_a_truncated_keras_file(keras_file, tmp_path):
    path = tmp_path / "model.keras"
    path.write_bytes(keras_file.read_bytes()[:1000])
    with pytest.raises(DataError, match=f"^{path}: "):
        describe(path)


@pytest.mark.parametrize("name", ["nothing.tflite", "nothing.keras", "nothing", "poses.npy", "empty"])
def test_what_is_no_model(tmp_path, name):
    np.save(tmp_path / "poses.npy", np.zeros(3))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=f"^{tmp_path / name}: "):
        describe(tmp_path / name)
