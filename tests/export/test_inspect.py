"""What files say about themselves, and damaged ones."""

import hashlib
import shutil

import numpy as np
import pytest

from tfpose import presets
from tfpose.errors import DataError
from tfpose.export.card import shown_shape
from tfpose.export.inspect import describe, text
from tfpose.export.verify import verify
from tfpose.models import PoseAutoencoder, weights_checksum


@pytest.fixture(scope="module")
def descriptions(artifacts, keras_file) -> dict:
    return {path: describe(path) for path in (keras_file, *artifacts.values())}


def test_every_kind_says_the_same(descriptions, model, artifacts, keras_file):
    kinds = [description.pop("kind") for description in map(dict, descriptions.values())]
    assert kinds == ["Keras", "SavedModel", "LiteRT"]
    of_keras = descriptions[keras_file]
    for description in descriptions.values():
        assert set(description) == set(of_keras)
        for part in set(of_keras) - {"path", "kind", "bytes", "sha256"}:
            assert description[part] == of_keras[part], part
    assert of_keras["parameters"] == model.count_params()
    assert descriptions[artifacts["litert"]]["bytes"] == artifacts["litert"].stat().st_size


def test_text(descriptions, artifacts):
    lines = text(descriptions[artifacts["litert"]]).splitlines()
    assert lines[0].startswith(f"{artifacts['litert']}: LiteRT, ")
    assert any("paper17, 17 joints: spine_base, spine_mid" in line for line in lines)
    assert "  out       pose_code [B, 17, 4] float32" in lines
    assert "  in        view_from [B, 17, 3] float32 metres" in lines


def test_free_axes_are_the_batch_and_the_frames():
    assert shown_shape([None, None, 17, 3]) == "[B, T, 17, 3]"
    assert shown_shape([1, None, 17, 3]) == "[1, T, 17, 3]" and shown_shape([None]) == "[B]"


def test_the_text_has_origin_and_checksums(descriptions, artifacts, model):
    description = descriptions[artifacts["litert"]] | {"lineage": "CMU", "licence": "free", "name": "mine"}
    lines = text(description).splitlines()
    assert f"sha256      {description['sha256']}" in lines and len(description["sha256"]) == 64
    assert f"weights     sha256 {weights_checksum(model)}" in lines
    assert {"name        mine", "trained on  CMU", "licence     free"} <= set(lines)
    assert any(line.endswith("parameters, float32, tfpose 0.2.0") for line in lines)


def test_the_text_of_an_older_card(descriptions, artifacts):
    description = dict(descriptions[artifacts["litert"]])
    del description["lineage"], description["precision"]
    assert "trained on  unknown" in text(description).splitlines()


def test_the_directory_of_a_training(keras_file, descriptions):
    assert describe(keras_file.parent) == descriptions[keras_file]


def test_a_version_of_tf_serving(artifacts, descriptions, tmp_path):
    version = shutil.copytree(artifacts["saved_model"], tmp_path / "models" / "tfpose" / "1")
    assert describe(version) == descriptions[artifacts["saved_model"]] | {"path": str(version)}


def test_a_classifier_says_its_actions(classifier_artifacts):
    for path in (*classifier_artifacts.values(), classifier_artifacts["litert"].parents[1] / "model.keras"):
        assert "actions     3: sit down, throw, walk" in text(describe(path)).splitlines()


def test_a_preset_by_name_or_folder():
    described = describe("sebirenet_cmu")
    assert described == describe(presets.folder("sebirenet_cmu"))
    assert (described["kind"], described["precision"], described["name"]) == ("preset", "float16", "sebirenet_cmu")
    assert described["weights_sha256"] == weights_checksum(PoseAutoencoder.from_preset("sebirenet_cmu"))
    assert described["bytes"] < 2e6 and "mocap.cs.cmu.edu" in text(described)


@pytest.mark.slow
def test_onnx_files_and_their_folder(onnx_folder, descriptions, artifacts):
    """They have no second name for a signature."""
    expected = descriptions[artifacts["saved_model"]]
    described = describe(onnx_folder)
    assert described["kind"] == "ONNX"
    assert described["signatures"] == {
        name: signature for name, signature in expected["signatures"].items() if name != "serving_default"
    }
    own = {"path", "kind", "bytes", "sha256", "signatures"}
    assert {key: described[key] for key in described if key not in own} == {
        key: expected[key] for key in expected if key not in own
    }
    one = describe(onnx_folder / "encode.onnx")
    assert one["signatures"] == {"encode": expected["signatures"]["encode"]}
    assert one["sha256"] == hashlib.sha256((onnx_folder / "encode.onnx").read_bytes()).hexdigest()


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
    with pytest.raises(DataError, match=f"^{path / part}: damaged"):
        describe(path)


def test_a_truncated_keras_file(keras_file, tmp_path):
    path = tmp_path / "model.keras"
    path.write_bytes(keras_file.read_bytes()[:1000])
    with pytest.raises(DataError, match=f"^{path}: "):
        describe(path)


@pytest.mark.slow
@pytest.mark.parametrize("keep", [0, 8, 0.5, 0.999])
def test_a_truncated_onnx_file_is_named_within_its_folder(onnx_folder, tmp_path, keep):
    folder = shutil.copytree(onnx_folder, tmp_path / "onnx")
    content = (folder / "encode.onnx").read_bytes()
    (folder / "encode.onnx").write_bytes(content[: keep if keep > 1 else int(keep * len(content))])
    for path in (folder, folder / "encode.onnx"):
        with pytest.raises(DataError, match=f"^{folder / 'encode.onnx'}: not an ONNX model"):
            describe(path)
    assert describe(folder / "denoise.onnx")["kind"] == "ONNX"


@pytest.mark.parametrize("suffix", ["tflite", "onnx", "keras"])
@pytest.mark.parametrize("content", ["nothing", "zeros", "text", *range(5)])
def test_bytes_that_are_no_model(tmp_path, suffix, content):
    if suffix == "onnx":
        pytest.importorskip("onnxruntime")
    path = tmp_path / f"model.{suffix}"
    fixed = {"nothing": b"", "zeros": bytes(1000), "text": b"TFL3 is not enough\n" * 50}
    path.write_bytes(fixed[content] if content in fixed else np.random.default_rng(content).bytes(4000))
    with pytest.raises(DataError, match=f"^{path}: ") as caught:
        describe(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["nothing.onnx", "nothing.tflite", "nothing.keras", "nothing", "poses.npy", "empty"])
def test_what_is_no_model(tmp_path, name):
    np.save(tmp_path / "poses.npy", np.zeros(3))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=f"^{tmp_path / name}: "):
        describe(tmp_path / name)
