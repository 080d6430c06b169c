"""The signatures of a model as graphs for servers: constants for weights, and what TensorFlow's runtime does well."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import keras
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from tfpose.export.card import fixed
from tfpose.export.serving_trees import serving_trees
from tfpose.export.signatures import DEFAULT, signatures

_PRODUCT = "BatchMatMulV3"


def serving_functions(
    model: keras.Model, batch: int | None = None, compiled: bool = False, names: Sequence[str] | None = None
) -> dict:
    """The signatures of a model (see `tfpose.export.signatures`), all but the default, frozen.

    Args:
        model: one that has signatures.
        batch: the only batch size, or None for any.
        compiled: whether XLA compiles them, once for each batch size that it meets. Signatures of clips of any length
            are not compiled.
        names: of the signatures that are wanted; None for all.

    Returns:
        By name, a tf.function without variables, whose inputs and outputs have the signature's names.

    Raises:
        TfposeError: for a model that has no signatures.
    """
    # XLA finds its own way through the layers as they are written.
    with contextlib.nullcontext() if compiled else serving_trees(model):
        return {
            name: _frozen(function, compiled and fixed(spec.shape for spec in function.input_signature))
            for name, function in signatures(model, batch, names).items()
            if name != DEFAULT
        }


def is_for_servers(saved_model: bytes) -> bool:
    """Whether the content of a saved_model.pb is of `serving_functions`."""
    return _PRODUCT.encode() in saved_model


def _frozen(function, compiled: bool):
    """A function with its variables' values as constants, which the runtime folds and need not read."""
    function = function.get_concrete_function()
    frozen = convert_variables_to_constants_v2(function)
    graph = frozen.graph.as_graph_def()
    # By position; an output that is an input, or twice the same tensor, has one place for each name.
    inputs = [tensor.name.partition(":")[0] for tensor in frozen.inputs]
    outputs = dict(zip(sorted(function.structured_outputs), (tensor.name for tensor in frozen.outputs), strict=True))
    nodes = [node for node in graph.node if node.name not in inputs]  # XLA has no placeholders
    del graph.node[:]
    graph.node.extend(nodes)
    for node in graph.node:
        _keep_small_products(node)

    def run(*given):
        found = tf.graph_util.import_graph_def(graph, dict(zip(inputs, given)), list(outputs.values()), name="")
        return dict(zip(outputs, found))

    specs = [tf.TensorSpec(tensor.shape, tensor.dtype, name) for tensor, name in zip(frozen.inputs, inputs)]
    if compiled:  # a function of its own in the signature's, which keeps what XLA must compile apart
        run = tf.function(run, jit_compile=True, autograph=False)
    return tf.function(run, input_signature=specs, autograph=False)


def _keep_small_products(node):
    """Keeps a product of many small matrices from oneDNN.

    Where oneDNN is on, TensorFlow hands it BatchMatMulV2, whatever the size, and waking its threads takes longer than
    the product of a few poses. BatchMatMulV3 computes the same, and stays with TensorFlow.
    """
    if node.op == "BatchMatMulV2":
        node.op = _PRODUCT
        kind = node.attr.pop("T")
        for name in ("Ta", "Tb", "Tout"):
            node.attr[name].CopyFrom(kind)
