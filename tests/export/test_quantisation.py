"""LiteRT files of lower precision: what is inside, what they compute, and what is refused."""

import sys

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from tfpose.errors import DataError, TfposeError
from tfpose.export import quantisation
from tfpose.export.artifacts import open_artifact
from tfpose.export.card import make_card
from tfpose.export.examples import example_inputs
from tfpose.export.exporting import LITERT
from tfpose.export.litert import pack, set_card, unpack
from tfpose.export.quantisation import PRECISIONS, halve, quantise
from tfpose.export.verify import verify

QUANTISED = ("litert_float16", "litert_int8", "litert_full_int8")
_ENCODERS = 4  # of all signatures: denoise, encode, and transfer_view twice
_CODES = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}
_TYPES = {code: name for name, code in vars(schema.TensorType).items() if isinstance(code, int)}


def operators(path):
    """Of every graph: (operation, types of its inputs, whether each input is a constant or made of one)."""
    model = unpack(path.read_bytes())
    for graph in model.subgraphs:
        fixed = {i for i, tensor in enumerate(graph.tensors) if model.buffers[tensor.buffer].data is not None}
        for operator in graph.operators:
            name = _CODES[model.operatorCodes[operator.opcodeIndex].builtinCode]
            inputs = [index for index in operator.inputs if index >= 0]
            if name == "DEQUANTIZE" and inputs[0] in fixed:
                fixed.add(operator.outputs[0])
            yield name, [_TYPES[graph.tensors[index].type] for index in inputs], [index in fixed for index in inputs]


def denoise(path):
    runner = Interpreter(str(path)).get_signature_runner("denoise")
    return lambda joints: runner(joints=joints)["denoised"]


def test_every_file_is_within_what_its_precision_allows(model, poses, exported):
    paths = [exported[name] for name in QUANTISED]
    report = verify(model, poses, paths)
    assert report.ok, str(report)
    assert "or what the precision allows" in str(report)
    checked = {(row.artifact, row.signature, row.batch, row.allowed) for row in report.differences}
    assert checked == {
        (str(path), signature, batch, precision.error)
        for path, precision in zip(paths, PRECISIONS.values())
        for signature in ("serving_default", "denoise", "encode", "transfer_view")
        for batch in (1, 7, 64)
    }
    by_precision = {row.artifact: row.relative for row in report.differences if row.signature == "encode"}
    float16, int8, full_int8 = (by_precision[str(path)] for path in paths)
    assert 0 < float16 < int8 < full_int8


def test_sizes(exported):
    sizes = [exported[name].stat().st_size for name in ("litert", *QUANTISED[:2])]
    assert sizes == sorted(sizes, reverse=True)


def test_float16_weights_are_halved_and_single_numbers_are_not(exported):
    model = unpack(exported["litert_float16"].read_bytes())
    lengths = {"FLOAT32": [], "FLOAT16": []}
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            data = model.buffers[tensor.buffer].data
            if data is not None and _TYPES[tensor.type] in lengths:
                lengths[_TYPES[tensor.type]].append(np.prod(tensor.shape, dtype=int))
    assert set(lengths["FLOAT32"]) == {1} and min(lengths["FLOAT16"]) > 1


def test_weights_that_have_half_precision_lose_nothing(exported, poses, tmp_path):
    rounded = unpack(exported["litert"].read_bytes())
    constants = {t.buffer for g in rounded.subgraphs for t in g.tensors if t.type == schema.TensorType.FLOAT32}
    for buffer in (rounded.buffers[index] for index in constants):
        if buffer.data is not None and len(buffer.data) > 4:
            values = np.asarray(buffer.data, np.uint8).view(np.float32)
            buffer.data = values.astype(np.float16).astype(np.float32).view(np.uint8)
    content = pack(rounded)
    (tmp_path / "float32.tflite").write_bytes(content)
    (tmp_path / "float16.tflite").write_bytes(halve(content, {}))
    before, after = (denoise(tmp_path / f"{name}.tflite")(poses) for name in ("float32", "float16"))
    np.testing.assert_allclose(after, before, atol=1e-6, rtol=0)
    exactly = denoise(exported["litert"])(poses)
    assert np.abs(before - exactly).max() > 1e-6  # rounding itself is seen


def test_int8_products(exported):
    int8, full = list(operators(exported["litert_int8"])), list(operators(exported["litert_full_int8"]))
    for found, wanted in ((int8, ["FLOAT32", "INT8"]), (full, ["INT8", "INT8"])):
        dense = [types[:2] for name, types, _ in found if name == "FULLY_CONNECTED"]
        # The others find the frame of the body, 8 wherever poses are encoded, and exchanged sides, 1 in denoise.
        exact = [types for types in dense if types == ["FLOAT32", "FLOAT32"]]
        assert len(exact) == 8 * _ENCODERS + 1 and dense.count(wanted) == len(dense) - len(exact) > 0
    products = [(types, fixed) for name, types, fixed in full if name == "BATCH_MATMUL"]
    trees = [types for types, fixed in products if fixed[1]]
    entering = [types for types in trees if types == ["FLOAT32", "FLOAT32"]]
    inside = [types for types in trees if types == ["INT8", "INT8"]]
    # Two directions enter each tree: one encoder in encode, two in transfer_view, one in denoise, and the decoders.
    assert len(entering) + len(inside) == len(trees) and len(inside) > len(entering) > 0
    turning = [types for types, fixed in products if not any(fixed)]
    assert turning and all(types == ["FLOAT32", "FLOAT32"] for types in turning)
    for name, types, _ in int8 + full:
        if name in ("DIV", "SQRT", "SQUARED_DIFFERENCE", "LESS"):  # the normaliser
            assert set(types) == {"FLOAT32"}


@pytest.mark.parametrize("name", QUANTISED)
def test_the_pose_code_is_the_same_for_every_heading(exported, headings, name):
    """In 8 bits too, but for numbers that lie between two steps."""
    joints, _ = headings
    code = Interpreter(str(exported[name])).get_signature_runner("encode")(joints=joints)["pose_code"]
    apart = np.abs(code - np.median(code, axis=0))
    assert apart.max() < (0.02 if name == "litert_full_int8" else 1e-3)
    assert np.mean(apart < 1e-4) > 0.95


@pytest.mark.parametrize("name", QUANTISED)
def test_missing_joints_and_people_far_away(exported, poses, name):
    """The normaliser stays float32, in front of all that is not."""
    run, exact = denoise(exported[name]), denoise(exported["litert"])
    joints = poses[:6].copy()
    joints[0, 3] = np.nan
    joints[1, :, 1] = np.nan
    joints[2, 0, 2] = np.inf
    found = run(joints)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, exact(joints), atol=0.02, rtol=0)
    far, seen = np.float32([100.0, 0.0, -200.0]), [0, 2, 3, 4, 5]  # the pose 1 has no joint, and no place
    np.testing.assert_allclose(run(joints + far)[seen] - far, found[seen], atol=5e-3, rtol=0)


@pytest.mark.parametrize("name", ["litert", *QUANTISED, "litert_batch1"])
def test_cards(exported, name):
    card, of_saved_model = open_artifact(exported[name]).card, open_artifact(exported["saved_model"]).card
    assert card["precision"] == (LITERT[name].precision or "float32")
    assert card["batch"] == LITERT[name].batch
    differing = {"precision", "batch"} | ({"signatures"} if card["batch"] else set())
    assert {key for key in card if card[key] != of_saved_model[key]} <= differing
    assert of_saved_model["precision"] == "float32" and of_saved_model["batch"] is None


def test_a_file_of_many_bytes(exported, poses, tmp_path):
    """From 256 kB of constants on, the quantizer writes them behind the tables."""
    large = unpack(exported["litert"].read_bytes())
    set_card(large, {**open_artifact(exported["litert"]).card, "filler": "0" * 300_000})
    (tmp_path / "large.tflite").write_bytes(pack(large))
    path = quantise(tmp_path / "large.tflite", tmp_path / "model.tflite", PRECISIONS["int8"])
    np.testing.assert_array_equal(denoise(path)(poses), denoise(exported["litert_int8"])(poses))
    assert len(open_artifact(path).card["filler"]) == 300_000


def test_a_file_that_is_not_float32(exported, tmp_path):
    source = exported["litert_int8"]
    with pytest.raises(DataError, match=f"^{source}: expected a float32 file that tfpose wrote, got int8"):
        quantise(source, tmp_path / "model.tflite", PRECISIONS["float16"])
    assert not list(tmp_path.iterdir())


def test_full_int8_without_poses(exported, tmp_path):
    with pytest.raises(TfposeError, match="full_int8 needs poses"):
        quantise(exported["litert"], tmp_path / "model.tflite", PRECISIONS["full_int8"])


def test_without_the_quantizer(exported, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ai_edge_quantizer", None)
    with pytest.raises(TfposeError, match=r"pip install 'tfpose\[quantise\]'"):
        quantise(exported["litert"], tmp_path / "model.tflite", PRECISIONS["int8"])
    assert not list(tmp_path.iterdir())


def test_what_exists_is_not_overwritten(exported, tmp_path):
    path = tmp_path / "model.tflite"
    path.write_text("mine")
    with pytest.raises(DataError, match=f"^{path}: exists already"):
        quantise(exported["litert"], path, PRECISIONS["float16"])
    assert path.read_text() == "mine"


def test_a_crash_leaves_nothing(exported, tmp_path, monkeypatch):
    monkeypatch.setattr(quantisation, "pack", lambda _: "not bytes")
    with pytest.raises(TypeError):
        quantise(exported["litert"], tmp_path / "model.tflite", PRECISIONS["float16"])
    assert not list(tmp_path.iterdir())


def test_quantising_is_quiet_and_repeatable(exported, model, poses, tmp_path, capfd):
    inputs = example_inputs(make_card(model), poses)
    for name in ("full_int8", "int8"):
        path = quantise(exported["litert"], tmp_path / name, PRECISIONS[name], inputs)
        assert path.read_bytes() == exported[f"litert_{name}"].read_bytes()
    printed = capfd.readouterr()
    assert printed.out == "" and "Quantiz" not in printed.err and "Calibration" not in printed.err
