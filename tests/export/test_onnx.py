"""ONNX files, and what else than TensorFlow and LiteRT runs the artifacts."""

import json
import sys

import numpy as np
import pytest

from tfpose import sealing
from tfpose.errors import DataError, TfposeError
from tfpose.export import export
from tfpose.export.artifacts import open_artifact
from tfpose.export.onnx import export_onnx
from tfpose.export.saved_model import CARD
from tfpose.export.verify import verify

pytestmark = pytest.mark.slow  # making the files takes half a minute


@pytest.fixture(scope="module")
def damaged_poses(poses) -> np.ndarray:
    """Poses with all that may be wrong with their numbers."""
    joints = poses[:6].copy()
    joints[0, 3] = np.nan
    joints[1, :, 1] = np.nan  # no joint at all
    joints[2, 0, 2] = np.inf
    joints[3, 5:12] = np.nan
    return joints


def test_a_file_for_each_signature(onnx_folder):
    assert sorted(path.name for path in onnx_folder.iterdir()) == ["denoise.onnx", "encode.onnx", "transfer_view.onnx"]


def test_right_files_pass_at_every_batch(model, poses, onnx_folder):
    """Among the poses are incomplete ones."""
    report = verify(model, poses, [onnx_folder])
    assert report.ok, str(report)
    assert {(row.signature, row.batch) for row in report.differences} == {
        (name, batch) for name in ("denoise", "encode", "transfer_view") for batch in (1, 7, 64)
    }


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["classifier", "lifter"])
def test_classifiers_and_lifters_too(kind, request, onnx_folder, poses, tmp_path):
    model = request.getfixturevalue(kind)
    report = verify(model, poses, [export_onnx(model, tmp_path / "onnx")])
    assert report.ok, str(report)


def test_any_runtime_runs_them(model, onnx_folder, artifacts, damaged_poses):
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(onnx_folder / "denoise.onnx")
    assert [(one.name, one.shape) for one in session.get_inputs()] == [("joints", ["batch", 17, 3])]
    assert [(one.name, one.shape) for one in session.get_outputs()] == [("denoised", ["batch", 17, 3])]
    assert json.loads(session.get_modelmeta().custom_metadata_map["tfpose"]) == json.loads(
        (artifacts["saved_model"] / CARD).read_text()
    )
    (denoised,) = session.run(None, {"joints": damaged_poses})
    assert np.isfinite(denoised).all()
    np.testing.assert_allclose(denoised, model.denoise(damaged_poses), atol=1e-5, rtol=0)
    assert session.run(None, {"joints": damaged_poses[:0]})[0].shape == (0, 17, 3)


def test_openvino_reads_the_saved_model(model, artifacts, damaged_poses):
    openvino = pytest.importorskip("openvino")
    core = openvino.Core()
    denoise = core.compile_model(
        core.read_model(artifacts["saved_model"]),
        "CPU",
        {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1},
    )
    for joints in (damaged_poses, damaged_poses[:1]):
        np.testing.assert_allclose(denoise({"joints": joints})["denoised"], model.denoise(joints), atol=1e-5, rtol=0)


def test_changed_weights_fail(model, poses, onnx_folder, tmp_path):
    onnx = pytest.importorskip("onnx")
    for path in onnx_folder.iterdir():
        changed = onnx.load(path)
        largest = max(changed.graph.initializer, key=lambda one: len(one.raw_data))
        largest.CopyFrom(
            onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(largest) * np.float32(1.01), largest.name)
        )
        del changed.metadata_props[-1]
        (tmp_path / path.name).write_bytes(sealing.sealed(changed.SerializeToString()))
    failures = verify(model, poses[:6], [tmp_path], batches=[3]).failures()
    assert len(failures) == 3 and all("at batch 3 differs by" in failure for failure in failures)


def test_a_missing_file_fails(model, poses, onnx_folder):
    report = verify(model, poses[:3], [onnx_folder / "denoise.onnx"], batches=[3])
    path = onnx_folder / "denoise.onnx"
    assert report.failures() == [f"{path}: has no signature '{name}'" for name in ("encode", "transfer_view")]


def test_the_file_of_somebody_else(tmp_path):
    """It opens, under its own name."""
    onnx, _ = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    kinds = {name: onnx.helper.make_tensor_value_info(name, onnx.TensorProto.DOUBLE, ["n", 2]) for name in "ab"}
    graph = onnx.helper.make_graph([onnx.helper.make_node("Neg", ["a"], ["b"])], "g", [kinds["a"]], [kinds["b"]])
    path = tmp_path / "theirs.onnx"
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=8), path)
    artifact = open_artifact(path)
    assert artifact.card == {}
    assert artifact.signatures["theirs"].inputs == {"a": {"shape": [None, 2], "dtype": "float64", "unit": None}}
    np.testing.assert_array_equal(artifact.signatures["theirs"].run(a=np.ones((3, 2)))["b"], -np.ones((3, 2)))


def test_what_exists_is_not_overwritten(plain_saved_model, onnx_folder):
    before = {path: path.stat().st_mtime_ns for path in onnx_folder.iterdir()}
    with pytest.raises(DataError, match=f"^{onnx_folder}: exists already"):
        export_onnx(plain_saved_model, onnx_folder)
    assert {path: path.stat().st_mtime_ns for path in onnx_folder.iterdir()} == before


def test_a_directory_that_is_no_saved_model(onnx_folder, tmp_path):
    with pytest.raises(DataError, match=f"^{tmp_path}: not a SavedModel of tfpose"):
        export_onnx(tmp_path, tmp_path / "onnx")


def test_a_crash_leaves_nothing(plain_saved_model, onnx_folder, tmp_path, monkeypatch):
    import onnx

    def fail(_):
        (half,) = tmp_path.glob(".onnx.*/onnx")
        (half / "half.onnx").write_bytes(b"half")
        raise RuntimeError("the machine is on fire")

    monkeypatch.setattr(sealing, "sealed", fail)
    monkeypatch.setattr("tfpose.export.onnx._convert", lambda *_: onnx.load(onnx_folder / "denoise.onnx"))
    with pytest.raises(RuntimeError, match="on fire"):
        export_onnx(plain_saved_model, tmp_path / "onnx")
    assert not list(tmp_path.iterdir())


def test_what_is_not_installed_is_named(model, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    (tmp_path / "model.onnx").write_bytes(b"")
    with pytest.raises(TfposeError, match=f"^{tmp_path / 'model.onnx'}: ONNX Runtime.*run: pip install onnxruntime$"):
        open_artifact(tmp_path / "model.onnx")
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(TfposeError, match=r"tf2onnx is not installed; run: pip install tf2onnx onnxruntime$"):
        export(model, tmp_path / "out", ["onnx"])
    assert not (tmp_path / "out").exists()
