"""LiteRT files: built-in operations, all signatures, the card inside."""

import json
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from tfpose.errors import DataError, TfposeError
from tfpose.export import litert
from tfpose.export.artifacts import open_artifact
from tfpose.export.litert import export_litert, pack, unpack
from tfpose.export.saved_model import CARD
from tfpose.export.verify import verify
from tfpose.litert_file import schema
from tfpose.models import PoseAutoencoder
from tfpose.skeleton import Skeleton


@pytest.fixture(scope="module")
def flex_saved_model(tmp_path_factory):
    """A SavedModel with an operation that LiteRT has not built in."""

    class Determinant(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, 17, 3], tf.float32, name="joints")])
        def determinant(self, joints):
            return {"denoised": tf.linalg.det(joints[:, :3])}

    path = tmp_path_factory.mktemp("flex") / "saved_model"
    module = Determinant()
    tf.saved_model.save(module, path, signatures={"denoise": module.determinant})
    (path / CARD).parent.mkdir()
    (path / CARD).write_text(json.dumps({"signatures": {"denoise": {"inputs": {}}}}))
    return path


def test_built_in_operations_alone(artifacts):
    assert open_artifact(artifacts["litert"]).foreign_operations == ()


def test_any_batch_size_may_follow_any_other(artifacts, poses):
    content, sizes = artifacts["litert"].read_bytes(), [1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 24, 32, 48, 64, 70]

    def runner():
        return Interpreter(model_content=content).get_signature_runner("denoise")

    alone = {size: runner()(joints=poses[:size])["denoised"] for size in sizes}
    for before in sizes:
        for size in sizes:
            run = runner()
            run(joints=poses[:before])
            found = run(joints=poses[:size])["denoised"]
            np.testing.assert_allclose(found, alone[size], atol=1e-5, err_msg=f"{size} poses after {before}")


# Whether a change of the batch shows an error depends on addresses. These three tests look for what brings it about.
def test_no_shape_is_computed_and_nothing_split_unevenly(files):
    for path in files:
        model = unpack(path.read_bytes())
        used = {_code(model, operation) for graph in model.subgraphs for operation in graph.operators}
        operators = schema().BuiltinOperator
        assert operators.STRIDED_SLICE in used
        assert not used & {operators.SHAPE, operators.SPLIT_V}, path


def test_nothing_is_joined_from_outside_of_a_part_for_outside_of_it(files):
    for path in files:
        for name, graph, parts in _delegated(path):
            assert parts, f"{path}: XNNPACK runs nothing of {name}"
            assert not _joined_outside(graph, parts), f"{path}: {name}"


@pytest.mark.slow
def test_what_is_joined_outside_would_be_found(plain_saved_model, monkeypatch, tmp_path):
    monkeypatch.setattr(litert, "slice_splits", lambda model: None)
    path = export_litert(plain_saved_model, tmp_path / "model.tflite")
    assert any(_joined_outside(graph, parts) for _, graph, parts in _delegated(path))


@pytest.fixture(scope="module", params=["models", pytest.param("bodies", marks=pytest.mark.slow)])
def files(request) -> list[pathlib.Path]:
    """LiteRT files of every kind of model, or of bodies of many shapes."""
    if request.param == "models":
        kinds = ("artifacts", "classifier_artifacts", "lifter_artifacts")
        return [request.getfixturevalue(kind)["litert"] for kind in kinds]
    folder = request.getfixturevalue("tmp_path_factory").mktemp("bodies")
    joints = [f"joint_{number}" for number in range(6)]
    snake = Skeleton("snake", tuple(joints), (-1, 0, 1, 2, 3, 4))
    star = Skeleton("star", tuple(joints), (-1, 0, 0, 0, 0, 0))
    bodies = []
    for skeleton in (Skeleton.load("blazepose33"), snake, star):
        keras.utils.set_random_seed(0)
        view = "frame" if skeleton.mirror else "free"
        model = PoseAutoencoder(skeleton, units=4, code_size=4, view=view, decoder_units=4, refinements=1)
        model.build()
        bodies.append(export_litert(model, folder / f"{skeleton.name}.tflite"))
    return bodies


def _code(model, operation) -> int:
    return model.operatorCodes[operation.opcodeIndex].builtinCode


def _delegated(path):
    """Of each signature its name, its graph alone as an unpacked model, and the parts of it that XNNPACK runs."""
    for name in Interpreter(str(path)).get_signature_list():
        model = unpack(path.read_bytes())
        (signature,) = (one for one in model.signatureDefs if one.signatureKey == name.encode())
        model.subgraphs, model.signatureDefs = [model.subgraphs[signature.subgraphIndex]], [signature]
        signature.subgraphIndex = 0
        interpreter = Interpreter(model_content=pack(model))
        interpreter.allocate_tensors()
        yield name, model, [part for part in interpreter._get_ops_details() if part["op_name"] == "DELEGATE"]


def _joined_outside(model, parts) -> list:
    """The joined values whose pieces are from outside of their part and which are used outside of it, where a piece's
    place depends on the batch."""
    (graph,) = model.subgraphs
    found = []
    for operation in graph.operators:
        (output, *_) = operation.outputs
        if _code(model, operation) != schema().BuiltinOperator.CONCATENATION:
            continue
        shape = list(graph.tensors[output].shapeSignature)
        if shape.index(-1) <= operation.builtinOptions.axis % len(shape):
            continue
        found += [output for part in parts if output in part["outputs"] and set(operation.inputs) & set(part["inputs"])]
    return found


def test_any_interpreter_runs_it(model, artifacts, poses):
    interpreter = Interpreter(str(artifacts["litert"]))
    assert interpreter.get_signature_list() == {
        "serving_default": {"inputs": ["joints"], "outputs": ["denoised"]},
        "denoise": {"inputs": ["joints"], "outputs": ["denoised"]},
        "encode": {"inputs": ["joints"], "outputs": ["pose_code", "view_code"]},
        "transfer_view": {"inputs": ["joints", "view_from"], "outputs": ["transferred"]},
    }
    denoise = interpreter.get_signature_runner("denoise")
    for batch in (3, 1, 20):
        np.testing.assert_allclose(
            denoise(joints=poses[:batch])["denoised"], model.denoise(poses[:batch]), atol=1e-5, rtol=0
        )


def test_the_pose_code_is_the_same_for_every_heading(artifacts, headings):
    """And the view code turns with the pose."""
    joints, turns = headings
    codes = Interpreter(str(artifacts["litert"])).get_signature_runner("encode")(joints=joints)
    np.testing.assert_allclose(codes["pose_code"], codes["pose_code"][:1].repeat(12, 0), atol=1e-4, rtol=0)
    assert np.ptp(codes["pose_code"][0], axis=0).min() > 1e-2
    expected = codes["view_code"][0] @ turns[0] @ turns.transpose(0, 2, 1)
    np.testing.assert_allclose(codes["view_code"], expected, atol=1e-4, rtol=0)


def test_xnnpack_can_run_the_frame_of_the_body(files):
    """Each operation that it has not would end a part. The one choice is the normaliser's."""
    operators = schema().BuiltinOperator
    lacking = {operators.GREATER, operators.GATHER, operators.PACK, operators.L2_NORMALIZATION, operators.ZEROS_LIKE}
    for path in files:
        for graph, operations in _of_signature(path, b"encode"):
            codes = [_code(graph, operation) for operation in operations]
            assert not lacking & set(codes), path
            assert codes.count(operators.SELECT_V2) == 1, path
            (tensors,) = (one.tensors for one in graph.subgraphs)
            for operation in operations:
                if _code(graph, operation) == operators.CONCATENATION:
                    assert b"/frame" not in tensors[operation.outputs[0]].name or len(operation.inputs) <= 5, path


def _of_signature(path, name):
    """The graph of a signature alone, as an unpacked model, and its operations; of a file without it nothing."""
    model = unpack(path.read_bytes())
    for signature in model.signatureDefs:
        if signature.signatureKey == name:
            model.subgraphs = [model.subgraphs[signature.subgraphIndex]]
            yield model, model.subgraphs[0].operators


def test_missing_joints(model, artifacts, poses):
    joints = poses[:6].copy()
    joints[0, 3] = np.nan
    joints[1, :, 1] = np.nan  # no joint at all
    joints[2, 0, 2] = np.inf
    joints[3, 5:12] = np.nan
    denoised = Interpreter(str(artifacts["litert"])).get_signature_runner("denoise")(joints=joints)["denoised"]
    assert np.isfinite(denoised).all()
    np.testing.assert_allclose(denoised, model.denoise(joints), atol=1e-5, rtol=0)


def test_the_card_lies_inside(artifacts):
    card = json.loads((artifacts["saved_model"] / CARD).read_text())
    assert {**open_artifact(artifacts["litert"]).card, "sealed": True} == {**card, "sealed": True}


def test_an_operation_that_is_not_built_in_is_refused(flex_saved_model, tmp_path):
    with pytest.raises(TfposeError, match="LiteRT has no built-in operation for MatrixDeterminant"):
        export_litert(flex_saved_model, tmp_path / "model.tflite")
    assert not list(tmp_path.iterdir())


def test_verification_finds_operations_that_are_not_built_in(model, poses, flex_saved_model, tmp_path):
    converter = tf.lite.TFLiteConverter.from_saved_model(str(flex_saved_model), signature_keys=["denoise"])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
    path = tmp_path / "model.tflite"
    path.write_bytes(converter.convert())
    report = verify(model, poses[:3], [path])
    assert report.failures() == [f"{path}: has operations that are not built in: FlexMatrixDeterminant"]


def test_a_directory_that_is_no_saved_model(tmp_path):
    with pytest.raises(DataError, match=f"^{tmp_path}: not a SavedModel of tfpose"):
        export_litert(tmp_path, tmp_path / "model.tflite")


def test_what_exists_is_not_overwritten(plain_saved_model, tmp_path):
    path = tmp_path / "model.tflite"
    path.write_text("mine")
    with pytest.raises(DataError, match=f"^{path}: exists already"):
        export_litert(plain_saved_model, path)
    assert path.read_text() == "mine"


def test_a_crash_leaves_nothing(plain_saved_model, tmp_path, monkeypatch):
    monkeypatch.setattr(litert, "_convert", lambda _: "not bytes")
    with pytest.raises(TypeError):
        export_litert(plain_saved_model, tmp_path / "model.tflite")
    assert not list(tmp_path.iterdir())
