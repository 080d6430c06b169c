"""`model.tflite` in a version of a package: what `tensorflow_model_server --prefer_tflite_model` runs instead of the
SavedModel. Every other server passes over it.

Such a server runs the first graph of the file alone. It finds the signatures of that graph in the metadata: a map of
flexbuffers from their names to serialized `SignatureDef`s (TF Serving, `servables/tensorflow/tflite_session.cc`;
TensorFlow, `lite/tools/signature/signature_def_util.cc`). So the one graph here computes all signatures that take the
same inputs, such as `denoise` and `encode`, with which it begins.
"""

from __future__ import annotations

import copy
import os
import pathlib
import tempfile

import keras
import tensorflow as tf
from flatbuffers import flexbuffers
from tensorflow.core.protobuf import meta_graph_pb2

from tfpose.export.card import make_card, only_batch_is_free
from tfpose.export.files import new_artifact
from tfpose.export.litert import converted, finished, set_metadata
from tfpose.export.saved_model import save_layers
from tfpose.export.signatures import signatures

LITE = "model.tflite"
"""What TF Serving looks for in a version."""

METADATA = "signature_defs_metadata"
"""The name of the metadata entry that it reads."""


def export_serving_lite(model: keras.Model, path: str | os.PathLike) -> pathlib.Path:
    """Writes the float32 LiteRT file `path` of one graph, with signatures both for LiteRT and for TF Serving.

    They are the first signature whose inputs have fixed shapes but for the batch, and all that take the same inputs.

    Args:
        model: one that has signatures.
        path: where to.

    Returns:
        `path`.

    Raises:
        DataError: when `path` exists or cannot be written.
        TfposeError: for a model that cannot be exported.
    """
    card = make_card(model)
    functions = signatures(model)
    first = next(name for name in functions if only_batch_is_free(card["signatures"][name]))
    specs = functions[first].input_signature
    served = {name: function for name, function in functions.items() if function.input_signature == specs}
    card["signatures"] = {name: card["signatures"][name] for name in served}
    with new_artifact(path) as file:
        file.write_bytes(_content(model, list(dict.fromkeys(served.values())), specs, card))
    return pathlib.Path(path)


def _content(model: keras.Model, functions: list, specs, card: dict) -> bytes:
    @tf.function(input_signature=specs, autograph=False)
    def together(*inputs):
        return {name: value for function in functions for name, value in function.python_function(*inputs).items()}

    with tempfile.TemporaryDirectory() as folder:
        save_layers(model, {"together": together}, folder)
        file = converted(pathlib.Path(folder), ["together"])
    (whole,) = file.signatureDefs
    file.signatureDefs = [_part(whole, name, described) for name, described in card["signatures"].items()]
    set_metadata(file, METADATA, _for_servers(file, card))
    return finished(file, card)


def _part(whole, name: str, described: dict):
    """A signature of LiteRT: all inputs of the graph, and some outputs."""
    part = copy.copy(whole)
    part.signatureKey = name.encode()
    part.outputs = [tensor for tensor in whole.outputs if tensor.name.decode() in described["outputs"]]
    return part


def _for_servers(model, card: dict) -> bytes:
    """The signatures as TF Serving reads them, which names tensors where LiteRT has their numbers."""
    (graph,) = model.subgraphs
    builder = flexbuffers.Builder()
    with builder.Map():
        for one in model.signatureDefs:
            described = card["signatures"][one.signatureKey.decode()]
            definition = meta_graph_pb2.SignatureDef(
                method_name=tf.saved_model.PREDICT_METHOD_NAME,
                inputs=_infos(graph, one.inputs, described["inputs"]),
                outputs=_infos(graph, one.outputs, described["outputs"]),
            )
            builder.String(one.signatureKey.decode(), _Text(definition.SerializeToString(deterministic=True)))
    return bytes(builder.Finish())


def _infos(graph, tensors, described: dict) -> dict:
    return {
        tensor.name.decode(): meta_graph_pb2.TensorInfo(
            name=graph.tensors[tensor.tensorIndex].name.decode(),
            dtype=tf.as_dtype(described[tensor.name.decode()]["dtype"]).as_datatype_enum,
            tensor_shape=tf.TensorShape(described[tensor.name.decode()]["shape"]).as_proto(),
        )
        for tensor in tensors
    }


class _Text(bytes):
    """A message in the place of a text, where TF Serving reads it, up to the first byte that is 0.

    There is none: the lengths and numbers in it are all above 0, because no tensor is a scalar.
    """

    def encode(self, *_) -> bytes:
        return self
