"""A model as ONNX files, one for each signature."""

from __future__ import annotations

import json
import os
import pathlib

import keras
import tensorflow as tf

from tfpose import sealing
from tfpose.errors import TfposeError
from tfpose.export.card import only_batch_is_free
from tfpose.export.files import new_artifact, refuse_existing
from tfpose.export.saved_model import as_saved_model, read_card
from tfpose.export.signatures import DEFAULT

CARD_KEY, SIGNATURE_KEY = "tfpose", "tfpose.signature"
"""The metadata of a file: the card, and the signature that the file computes."""

_OPSET = 18


def export_onnx(source: keras.Model | str | os.PathLike, path: str | os.PathLike) -> pathlib.Path:
    """Writes the folder `path` with `denoise.onnx`, `encode.onnx`, ...: float32, any batch size, the card in each.

    An ONNX file computes one thing, so every signature has its own, with the weights that it needs.

    Args:
        source: a model, or a directory of `as_saved_model`.
        path: where to.

    Returns:
        `path`.

    Raises:
        DataError: when `path` exists or cannot be written, or `source` is no SavedModel of tfpose.
        TfposeError: when tf2onnx is not installed, a model cannot be exported, or `source` is made for servers.
    """
    try:
        import onnx
        import tf2onnx
    except ImportError as error:
        raise TfposeError(f"{error.name} is not installed; run: pip install tf2onnx onnxruntime") from error
    refuse_existing(path)
    with as_saved_model(source) as saved_model:
        card = read_card(saved_model)
        loaded = tf.saved_model.load(saved_model)
        converted = {
            name: _convert(tf2onnx, loaded.signatures[name], described)
            for name, described in card["signatures"].items()
            if name != DEFAULT and only_batch_is_free(described)  # the default is another name of the first
        }
    with new_artifact(path) as folder:
        folder.mkdir()
        for name, model in converted.items():
            described = json.dumps({**card, sealing.SEALED: True})
            onnx.helper.set_model_props(model, {CARD_KEY: described, SIGNATURE_KEY: name})
            onnx.checker.check_model(model, full_check=True)
            (folder / f"{name}.onnx").write_bytes(sealing.sealed(model.SerializeToString()))
    return pathlib.Path(path)


def _convert(tf2onnx, signature, described: dict):
    """A signature of a loaded SavedModel as an ONNX model with its names and shapes."""
    specs = [tf.TensorSpec(spec["shape"], spec["dtype"], name) for name, spec in described["inputs"].items()]

    @tf.function(input_signature=specs, autograph=False)
    def function(*inputs):
        return signature(**{spec.name: value for spec, value in zip(specs, inputs)})

    model, _ = tf2onnx.convert.from_function(
        function, specs, opset=_OPSET, custom_op_handlers={"SelectV2": (_where, [])}
    )
    for tensor in (*model.graph.input, *model.graph.output):
        shape = (described["inputs"] | described["outputs"])[tensor.name]["shape"]
        for length, dimension in zip(shape, tensor.type.tensor_type.shape.dim):
            if length is None:
                dimension.dim_param = "batch"
            else:
                dimension.dim_value = length
    return model


def _where(graph, node, *_):
    # By itself tf2onnx multiplies each side by 0 or 1 and adds them, which lets the NaN of a missing joint through.
    node.type = "Where"
