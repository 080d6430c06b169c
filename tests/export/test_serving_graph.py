"""Graphs for servers: they compute what the layers compute, and have no more weights than these."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from tfpose.errors import TfposeError
from tfpose.export.litert import export_litert
from tfpose.export.onnx import export_onnx
from tfpose.export.serving_graph import serving_functions
from tfpose.export.serving_trees import ServingTree, serving_trees
from tfpose.layers import SeBiReNet
from tfpose.models import PoseAutoencoder
from tfpose.models.pose_decoder import PoseDecoder
from tfpose.models.pose_encoder import PoseEncoder
from tfpose.skeleton import Skeleton

pytestmark = pytest.mark.slow  # what it exports and starts takes most of a minute

_BUSH = Skeleton("bush", tuple("abcdefgh"), (-1, 0, 0, 1, 1, 1, 2, 0))
"""In whose levels some joints have fewer children than others."""


@pytest.mark.parametrize("skeleton", [*Skeleton.names(), _BUSH], ids=str)
@pytest.mark.parametrize("use_bias", [True, False])
def test_a_tree_is_the_layer(skeleton, use_bias):
    skeleton = skeleton if isinstance(skeleton, Skeleton) else Skeleton.load(skeleton)
    joints, random = len(skeleton), np.random.default_rng(0)
    network = SeBiReNet(skeleton, units=4, use_bias=use_bias)
    network.build((None, joints, 3))
    for weight in network.weights:
        weight.assign(random.normal(size=weight.shape))
    poses = random.normal(size=(5, joints, 3)).astype("f")
    expected, tree = network(poses).numpy(), ServingTree(network)
    for batch in (5, 1, 0):
        found = tree(poses[:batch]).numpy()[tree.places].transpose(1, 0, 2)
        np.testing.assert_allclose(found, expected[:batch], atol=1e-5, rtol=0)


def test_no_variables_and_every_weight_once(model, artifacts):
    content = saved_model_pb2.SavedModel.FromString((artifacts["saved_model"] / "saved_model.pb").read_bytes())
    weights = 4 * model.count_params()
    for function in content.meta_graphs[0].graph_def.library.function:
        kinds = {node.op for node in function.node_def}
        assert not kinds & {"VarHandleOp", "ReadVariableOp", "BatchMatMul", "BatchMatMulV2"}
        written = sum(len(node.attr["value"].tensor.tensor_content) for node in function.node_def if node.op == "Const")
        assert written < 1.2 * weights


def test_the_model_is_as_before(model, poses):
    layers = [layer for layer in model._flatten_layers() if isinstance(layer, PoseEncoder | PoseDecoder)]
    with pytest.raises(RuntimeError), serving_trees(model):
        assert all("call" in vars(layer) for layer in layers) and len(layers) == 2
        raise RuntimeError
    assert not any("call" in vars(layer) for layer in layers)


@pytest.mark.parametrize("network", [{"cell": "lstm"}, {"passes": 2}, {"wiring": "recursive"}, {"node_output": True}])
def test_other_trees_stay_as_they_are(network):
    keras.utils.set_random_seed(0)
    model = PoseAutoencoder(_BUSH, 4, 4, view="none", network=network, decoder="mlp", decoder_units=4, refinements=0)
    model.build()
    with serving_trees(model):
        assert "call" not in vars(model.encoder)


def test_one_batch_size(model, poses):
    denoise = serving_functions(model, batch=3)["denoise"]
    assert denoise.input_signature[0].shape == (3, 17, 3)
    expected = model.denoise(poses[:3])
    np.testing.assert_allclose(denoise(tf.constant(poses[:3]))["denoised"], expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("convert", [export_litert, export_onnx])
def test_converters_take_the_model(artifacts, tmp_path, convert):
    if convert is export_onnx:
        pytest.importorskip("tf2onnx")
    with pytest.raises(TfposeError, match=f"^{artifacts['saved_model']}: its graphs are made for servers; convert the"):
        convert(artifacts["saved_model"], tmp_path / "converted")
    assert not list(tmp_path.iterdir())
