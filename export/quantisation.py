"""Smaller LiteRT files: weights in half precision or in 8 bits, made from the float32 file."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import functools
import io
import os
import pathlib
import re
import warnings
from collections.abc import Callable

import numpy as np

from tfpose import litert_file
from tfpose.errors import DataError, TfposeError
from tfpose.export.artifacts import open_artifact
from tfpose.export.files import new_artifact, refuse_existing
from tfpose.export.litert import finished, pack, unpack
from tfpose.export.signatures import DEFAULT


@dataclasses.dataclass(frozen=True)
class Precision:
    """One way to make a file smaller.

    Attributes:
        name: what cards call it.
        shrink: takes the content of the float32 file and, for each signature, inputs to measure the ranges of
            activations on; returns the smaller content.
        error: what `verify` lets pass: the root mean square of an output's difference to the model's, as a share of
            the output's standard deviation.
        calibrated: whether it needs the inputs.
    """

    name: str
    shrink: Callable[[bytes, dict], bytes]
    error: float
    calibrated: bool = False


def quantise(
    source: str | os.PathLike,
    path: str | os.PathLike,
    precision: Precision,
    inputs: dict[str, np.ndarray] | None = None,
) -> pathlib.Path:
    """Writes `path`, a smaller file with the signatures of the LiteRT file `source`; inputs and outputs stay float32.

    Args:
        source: a float32 file that `export_litert` wrote.
        path: where to.
        precision: such as those in `PRECISIONS`.
        inputs: values of every input of every signature, as of `tfpose.export.examples.example_inputs`, from poses
            like those that the file will see; a few hundred. Only for a `calibrated` precision.

    Returns:
        `path`.

    Raises:
        DataError: when `path` exists or cannot be written, or `source` is no such file.
        TfposeError: for missing inputs, or when the quantizer is not installed.
    """
    if precision.calibrated and inputs is None:
        raise TfposeError(f"{precision.name} needs poses to measure the ranges of activations on")
    refuse_existing(path)
    card = open_artifact(source).card
    if card.get("precision") != "float32":
        raise DataError(f"{source}: expected a float32 file that tfpose wrote, got {card.get('precision', 'another')}")
    wanted = {name: signature["inputs"] for name, signature in card["signatures"].items() if name != DEFAULT}
    # All poses as one batch: the quantizer averages the ranges of batches, and the averages cut off what is rare.
    given = {name: [{key: inputs[key] for key in keys}] for name, keys in wanted.items()} if inputs else {}
    model = unpack(precision.shrink(pathlib.Path(source).read_bytes(), given))
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            tensor.name = None  # a tenth of a small file; signatures have names of their own
    content = finished(model, {**card, "precision": precision.name})
    with new_artifact(path) as file:
        file.write_bytes(content)
    return pathlib.Path(path)


def halve(content: bytes, _) -> bytes:
    """Weights as float16, made float32 again when the interpreter starts.

    Single numbers stay float32. TensorFlow's converter rounds these too, among them the scale of the normaliser, which
    changes every pose by 0.1 mm.
    """
    schema = litert_file.schema()
    model = unpack(content)
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.DEQUANTIZE
    code.version = 3  # the first that takes float16
    model.operatorCodes.append(code)
    halved = {}  # buffers, which graphs share
    for graph in model.subgraphs:
        restored = []
        for index, tensor in enumerate(list(graph.tensors)):
            data = model.buffers[tensor.buffer].data
            if tensor.type != schema.TensorType.FLOAT32 or data is None or len(data) <= 4:
                continue
            halved[tensor.buffer] = np.asarray(data, np.uint8).view(np.float32).astype(np.float16).view(np.uint8)
            half = copy.copy(tensor)
            half.type = schema.TensorType.FLOAT16
            tensor.buffer = 0  # the empty one, by the format's rule
            operator = schema.OperatorT()
            operator.opcodeIndex = len(model.operatorCodes) - 1
            operator.inputs, operator.outputs = [len(graph.tensors)], [index]
            graph.tensors.append(half)
            restored.append(operator)
        graph.operators = restored + graph.operators
    for index, data in halved.items():
        model.buffers[index].data = data
    return pack(model)


def apply_rules(content: bytes, inputs: dict, rules: tuple[tuple[str, str, str], ...]) -> bytes:
    """Quantises by rules with the AI Edge Quantizer; of several rules that fit the last counts.

    A rule is a scope in the graph (a regular expression), an operation, and its arithmetic: "static" takes weights and
    activations as int8 in ranges measured before, "dynamic" in ranges measured in every call, "weights" makes int8
    weights float32 again when the interpreter starts, "float" leaves all as it is.

    Products of two computed matrices stay float32 whatever the rules say: these are codes and poses times rotations,
    which must stay rotations.
    """
    try:
        from ai_edge_quantizer import qtyping, quantizer
        from ai_edge_quantizer.algorithm_manager import AlgorithmName
        from ai_edge_quantizer.calibrator import CalibrationMode
    except ImportError as error:
        raise TfposeError("the quantizer is not installed; run: pip install 'tfpose[quantise]'") from error
    job = quantizer.Quantizer(content)
    computed = [(f"^{re.escape(name)};?$", "BATCH_MATMUL", "float") for name in _computed_products(content)]
    for scope, operation, arithmetic in (*rules, *computed):
        operation = qtyping.TFLOperationName[operation]
        # Batched products have one scale for all of a constant, whatever the file says, unless it is dequantised.
        tensorwise = operation == qtyping.TFLOperationName.BATCH_MATMUL
        granularity = qtyping.QuantGranularity.TENSORWISE if tensorwise else qtyping.QuantGranularity.CHANNELWISE
        if arithmetic == "static":
            job.add_static_config(scope, operation, 8, 8, granularity)
        elif arithmetic == "dynamic":
            job.add_dynamic_config(scope, operation, 8)
        elif arithmetic == "weights":
            job.add_weight_only_config(scope, operation, 8)
        else:
            job.update_quantization_recipe(scope, operation, algorithm_key=AlgorithmName.NO_QUANTIZE)
    with _quiet():
        # The default mode reads all tensors back. For those that XNNPACK never makes that is an error.
        measured = job.calibrate(inputs, num_threads=1, mode=CalibrationMode.CALIBRATION_PROFILER_BASED)
        return bytes(job.quantize(measured).quantized_model)


def _computed_products(content: bytes) -> list[str]:
    """The names of the results of products whose factors are both computed."""
    model = unpack(content)
    product = litert_file.schema().BuiltinOperator.BATCH_MATMUL
    return [
        graph.tensors[operator.outputs[0]].name.decode()
        for graph in model.subgraphs
        for operator in graph.operators
        if model.operatorCodes[operator.opcodeIndex].builtinCode == product
        and all(model.buffers[graph.tensors[factor].buffer].data is None for factor in operator.inputs)
    ]


@contextlib.contextmanager
def _quiet():
    """Without the quantizer's bars and summaries."""
    silent = io.StringIO()
    with contextlib.redirect_stdout(silent), contextlib.redirect_stderr(silent), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


# With poses in 8 bits, the frame of the body and the pose code would depend on the heading.
_FRAME = (
    (r"/frame(_\d+)?/", "FULLY_CONNECTED", "weights"),
    (r"(/frame|sides)(_\d+)?/MatMul", "FULLY_CONNECTED", "float"),  # constants that are ones and zeros
)
# Joints exchanged with their twins, and bones: products of coordinates with ones and zeros.
_ONES_AND_ZEROS = (r"(^|;)(sides|causal)(_\d+)?/MatMul", "BATCH_MATMUL", "float")
_INT8 = (
    (".*", "FULLY_CONNECTED", "dynamic"),
    *_FRAME,
    (".*", "BATCH_MATMUL", "weights"),
    _ONES_AND_ZEROS,
)
_FULL_INT8 = (
    (".*", "FULLY_CONNECTED", "static"),
    *_FRAME,
    (".*", "BATCH_MATMUL", "static"),
    # The inputs of a tree: coordinates of up to metres in 8 bits would have steps of centimetres.
    (r"/(recursive|diffuse)(_\d+)?/MatMul\d*(;|$)", "BATCH_MATMUL", "weights"),
    _ONES_AND_ZEROS,
)

PRECISIONS = {
    precision.name: precision
    for precision in (
        Precision("float16", halve, error=0.005),
        Precision("int8", functools.partial(apply_rules, rules=_INT8), error=0.05),
        Precision("full_int8", functools.partial(apply_rules, rules=_FULL_INT8), error=0.15, calibrated=True),
    )
}
