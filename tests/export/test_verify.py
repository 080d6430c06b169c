"""Verification passes what is right and nothing else."""

import json

import flatbuffers
import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from tfpose import sealing
from tfpose.errors import DataError, VerificationError
from tfpose.export.artifacts import open_artifact
from tfpose.export.card import make_card
from tfpose.export.examples import example_inputs
from tfpose.export.litert import set_card
from tfpose.export.quantisation import PRECISIONS
from tfpose.export.verify import Difference, Report, require, verify
from tfpose.models import PoseAutoencoder

SIGNATURES = ("serving_default", "denoise", "encode", "transfer_view")


@pytest.fixture(scope="module")
def report(model, poses, artifacts) -> Report:
    return verify(model, poses, artifacts.values())


def tampered_litert(artifacts, folder):
    """A copy whose largest constant is not the model's."""
    model = schema.ModelT.InitFromPackedBuf(artifacts["litert"].read_bytes())
    largest = max((buffer for buffer in model.buffers if buffer.data is not None), key=lambda buffer: len(buffer.data))
    largest.data = (np.asarray(largest.data, np.uint8).view(np.float32) * np.float32(1.01)).view(np.uint8)
    return write_litert(model, folder)


def write_litert(model, folder):
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    path = folder / "model.tflite"
    path.write_bytes(sealing.sealed(bytes(builder.Output())))
    return path


def test_right_artifacts_pass_at_every_batch(report, artifacts):
    assert report.ok, str(report)
    require(report)
    checked = [(row.artifact, row.signature, row.batch) for row in report.differences]
    expected = [(str(path), name, b) for path in artifacts.values() for name in SIGNATURES for b in (1, 7, 64)]
    assert sorted(checked) == sorted(expected)
    assert 0.0 < max(row.largest for row in report.differences) <= 1e-5


def test_report_as_text_and_json(report, artifacts):
    lines = str(report).splitlines()
    assert lines[0].split() == ["artifact", "kB", "signature", "batch", "1", "batch", "7", "batch", "64"]
    assert len(lines) == 1 + 2 * len(SIGNATURES) + 2
    assert lines[-1] == "verified: every difference is at most 1e-05"
    size = artifacts["litert"].stat().st_size
    assert f"{size / 1000:.1f}" in lines[-3]
    written = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert written["ok"] and written["sizes"][str(artifacts["litert"])] == size
    assert written["differences"][0] == {
        "artifact": str(artifacts["saved_model"]),
        "signature": "serving_default",
        "batch": 1,
        "largest": report.differences[0].largest,
        "relative": report.differences[0].relative,
        "allowed": None,
    }


@pytest.mark.parametrize("kind", ["saved_model", "litert"])
def test_changed_weights_fail(model, poses, artifacts, tampered_saved_model, tmp_path, kind):
    path = tampered_saved_model if kind == "saved_model" else tampered_litert(artifacts, tmp_path)
    report = verify(model, poses[:12], [path], batches=[5])
    assert not report.ok
    assert "'denoise' at batch 5 differs by" in str(report)
    with pytest.raises(VerificationError, match=f"{path}: 'denoise' at batch 5 differs by .*, more than 1e-05"):
        require(report)


def test_a_missing_signature_fails(model, poses, artifacts, tmp_path):
    less = schema.ModelT.InitFromPackedBuf(artifacts["litert"].read_bytes())
    less.signatureDefs = [one for one in less.signatureDefs if one.signatureKey != b"encode"]
    path = write_litert(less, tmp_path)
    report = verify(model, poses[:3], [path], batches=[3])
    assert report.failures() == [f"{path}: has no signature 'encode'"]


def test_the_artifact_of_another_model_fails(poses, artifacts, model):
    keras.utils.set_random_seed(1)
    other = PoseAutoencoder(model.skeleton, units=8, code_size=5, decoder_units=8)
    other.build()
    report = verify(other, poses[:4], artifacts.values(), batches=[4])
    assert any("the inputs or outputs of 'encode' are not the model's" in problem for problem in report.problems)
    assert {row.signature for row in report.differences} == {"serving_default", "denoise", "transfer_view"}
    assert all(row.largest > 1e-5 for row in report.differences)


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    "largest, relative, allowed, ok",
    [
        (1e-5, 1.0, None, True),
        (1.1e-5, 0.0, None, False),
        (NAN, NAN, None, False),
        (INF, 0.0, None, False),
        (1.0, 0.05, 0.05, True),
        (1e-9, 0.06, 0.05, False),
        (0.0, NAN, 0.05, False),
    ],
)
def test_what_passes(largest, relative, allowed, ok):
    report = Report(1, 1e-5, {"a": 1}, [Difference("a", "denoise", 1, largest, relative, allowed)], [])
    assert report.ok == ok
    assert ("'denoise' at batch 1 differs by" in str(report)) == (not ok)
    json.dumps(report.to_dict(), allow_nan=False)


def test_relative_differences(model, poses, artifacts, tmp_path):
    """Against a calculation by hand, of a file with weights too large."""
    scaled = schema.ModelT.InitFromPackedBuf(artifacts["litert"].read_bytes())
    set_card(scaled, {**open_artifact(artifacts["litert"]).card, "precision": "int8"})
    constants = {t.buffer for g in scaled.subgraphs for t in g.tensors if t.type == schema.TensorType.FLOAT32}
    for buffer in (scaled.buffers[index] for index in constants):
        if buffer.data is not None and len(buffer.data) > 4 * 9:  # smaller constants are the axes of frames
            buffer.data = (np.asarray(buffer.data, np.uint8).view(np.float32) * np.float32(1.5)).view(np.uint8)
    path = write_litert(scaled, tmp_path)
    report = verify(model, poses[:12], [path], batches=[12])
    given = example_inputs(make_card(model), poses[:12])
    found = open_artifact(path).signatures["encode"].run(joints=given["joints"])
    by_hand = max(
        np.sqrt(np.mean((found[name] - np.asarray(value)) ** 2)) / np.std(value)
        for name, value in model.encode(given["joints"]).items()
    )
    row = next(row for row in report.differences if row.signature == "encode")
    assert row.relative == pytest.approx(by_hand, rel=1e-4)
    assert row.allowed == PRECISIONS["int8"].error < row.relative and not report.ok
    with pytest.raises(VerificationError, match=r"'encode' at batch 12 differs by \d+\.\d%, more than 5%"):
        require(report)


@pytest.mark.parametrize(
    "wrong", [np.zeros((5, 16, 3)), np.zeros((17, 3)), np.zeros((0, 17, 3)), np.full((2, 17, 3), np.nan)]
)
def test_poses_that_do_not_fit(model, artifacts, wrong):
    with pytest.raises(DataError, match=r"poses: expected \[N, 17, 3\], metres"):
        verify(model, wrong, artifacts.values())


def test_nothing_to_verify_is_no_success(model, poses):
    with pytest.raises(DataError, match="no artifacts"):
        verify(model, poses, [])
