"""Replaces the uneven splits of a LiteRT model by slices."""

from __future__ import annotations

import numpy as np

from tfpose.litert_file import schema


def slice_splits(model):
    """Replaces each output of a SPLIT_V by a slice, in place in an unpacked model.

    XNNPACK runs the parts of a graph that it supports. It supports slices and even splits (SPLIT), but not SPLIT_V, so
    that each SPLIT_V ends a part. This takes time, and can give wrong results: where a part only concatenates tensors
    from outside of it for use outside of it, ai-edge-litert 2.3.0 skips a tensor when the batch has grown and the old
    address of the tensor equals its new place in the concatenation. Results are then wrong by centimetres, without an
    error.
    """
    operators = schema().BuiltinOperator
    codes = [code.builtinCode for code in model.operatorCodes]
    if operators.SPLIT_V not in codes:
        return
    splits = codes.index(operators.SPLIT_V)
    if operators.STRIDED_SLICE not in codes:
        model.operatorCodes.append(_operator_code(operators.STRIDED_SLICE))
        codes.append(operators.STRIDED_SLICE)
    slices = codes.index(operators.STRIDED_SLICE)
    for graph in model.subgraphs:
        used = {tensor for operator in graph.operators for tensor in operator.inputs} | set(graph.outputs)
        constants = {}
        operations = []
        for operator in graph.operators:
            if operator.opcodeIndex == splits:
                operations += _pieces(model, graph, operator, slices, used, constants)
            else:
                operations.append(operator)
        graph.operators = operations


def _pieces(model, graph, split, code: int, used: set[int], constants: dict) -> list:
    """The slices for the pieces that are used."""
    values, sizes, axis = split.inputs
    rank = len(graph.tensors[values].shape)
    axis = int(_numbers(model, graph, axis)[0]) % rank
    ends = np.cumsum(_numbers(model, graph, sizes))
    operations = []
    for piece, begin, end in zip(split.outputs, [0, *ends], ends):
        if piece not in used:
            continue
        bounds = [[place if one == axis else 0 for one in range(rank)] for place in (begin, end)]
        operation = schema().OperatorT()
        operation.opcodeIndex = code
        operation.inputs = [values, *(_constant(model, graph, one, constants) for one in (*bounds, [1] * rank))]
        operation.outputs = [piece]
        operation.builtinOptionsType = schema().BuiltinOptions.StridedSliceOptions
        operation.builtinOptions = schema().StridedSliceOptionsT()
        whole = sum(1 << one for one in range(rank) if one != axis)  # these axes from their begin to their end
        operation.builtinOptions.beginMask = operation.builtinOptions.endMask = whole
        operations.append(operation)
    return operations


def _numbers(model, graph, tensor: int) -> np.ndarray:
    return np.frombuffer(bytes(model.buffers[graph.tensors[tensor].buffer].data), np.int32)


def _constant(model, graph, numbers, constants: dict) -> int:
    """The tensor of a graph that holds some whole numbers."""
    key = tuple(int(number) for number in numbers)
    if key not in constants:
        buffer, tensor = schema().BufferT(), schema().TensorT()
        buffer.data = np.frombuffer(np.array(key, np.int32).tobytes(), np.uint8)
        tensor.shape, tensor.type, tensor.buffer = [len(key)], schema().TensorType.INT32, len(model.buffers)
        tensor.name = f"slice_{tensor.buffer}".encode()  # the quantizer needs unique names
        model.buffers.append(buffer)
        constants[key] = len(graph.tensors)
        graph.tensors.append(tensor)
    return constants[key]


def _operator_code(operator: int):
    code = schema().OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = operator
    return code
