"""All formats at once."""

import shutil

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from tfpose.errors import DataError, TfposeError, VerificationError
from tfpose.export import describe, export, exporting, verify
from tfpose.export.artifacts import open_artifact


def test_where_the_artifacts_are(exported):
    assert {name: path.name for name, path in exported.items()} == {
        "saved_model": "saved_model",
        "litert": "model.tflite",
        "litert_float16": "model_float16.tflite",
        "litert_int8": "model_int8.tflite",
        "litert_full_int8": "model_full_int8.tflite",
        "litert_batch1": "model_batch1.tflite",
    }
    out = exported["litert"].parent
    assert sorted(path.name for path in out.iterdir()) == sorted(path.name for path in exported.values())


def test_one_existing_artifact_stops_all(model, tmp_path):
    (tmp_path / "model.tflite").write_text("mine")
    with pytest.raises(DataError, match=f"^{tmp_path / 'model.tflite'}: exists already"):
        export(model, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["model.tflite"]


@pytest.mark.parametrize("formats", [["savedmodel"], []])
def test_unknown_formats(model, tmp_path, formats):
    with pytest.raises(TfposeError, match="there are saved_model, litert"):
        export(model, tmp_path / "out", formats=formats)
    assert not list(tmp_path.iterdir())


def test_full_int8_needs_poses_before_anything_is_written(model, tmp_path):
    with pytest.raises(TfposeError, match="litert_full_int8 needs poses to calibrate with"):
        export(model, tmp_path / "out", ["saved_model", "litert_full_int8"])
    assert not list(tmp_path.iterdir())


def test_verified_when_poses_are_given(model, poses, tampered_saved_model, tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "export_saved_model", lambda _, path: shutil.copytree(tampered_saved_model, path))
    with pytest.raises(VerificationError, match=r"'\w+' at batch \d+ differs by"):
        export(model, tmp_path / "out", formats=["saved_model"], poses=poses[:5])


@pytest.mark.slow
def test_models_with_a_free_view_code_too(free_model, poses, tmp_path):
    paths = export(free_model, tmp_path, ["saved_model", "litert", "litert_int8", "litert_batch1"])
    report = verify(free_model, poses, paths.values())
    assert report.ok, str(report)
    for path in paths.values():
        assert open_artifact(path).signatures["encode"].outputs["view_code"]["shape"][1:] == [4, 4]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["classifier", "lifter"])
def test_classifiers_and_lifters_too(kind, request, poses):
    """Whatever has signatures is exported in every format, equal to the model."""
    model, paths = request.getfixturevalue(kind), request.getfixturevalue(f"{kind}_artifacts")
    report = verify(model, poses, paths.values())
    assert report.ok, str(report)
    assert {row.artifact: row.allowed for row in report.differences} == {
        str(path): allowed for path, allowed in zip(paths.values(), (None, None, 0.005, 0.05))
    }
    for path in paths.values():
        assert describe(path)["lineage"] == model.origin.get("lineage", "unknown")


def test_streaming_in_litert(classifier, classifier_artifacts, poses):
    """A clip pose by pose gives what the whole clip gives, and what the model gives, in every precision."""
    clips = np.stack([poses[start : start + classifier.frames] for start in range(0, 40, 4)])
    expected = classifier.classify(clips)
    for name, tolerance in (("litert", 1e-5), ("litert_float16", 1e-3), ("litert_int8", 0.02)):
        interpreter = Interpreter(str(classifier_artifacts[name]))
        step = interpreter.get_signature_runner("classify_step")
        state = np.zeros([len(clips), classifier.state_size], np.float32)
        for frame in range(classifier.frames):
            streamed = step(joints=clips[:, frame], state=state)
            state = streamed["next_state"]
        whole = interpreter.get_signature_runner("classify")(clips=clips)
        for found in (streamed, whole):
            np.testing.assert_allclose(found["probabilities"], expected["probabilities"], atol=tolerance, rtol=0)
        np.testing.assert_allclose(streamed["probabilities"], whole["probabilities"], atol=tolerance, rtol=0)
        assert np.ptp(whole["probabilities"], axis=0).max() > 10 * tolerance  # clips differ by far more
