"""Opens exported files of any format, to run and to describe them."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfpose import litert_file, sealing
from tfpose.errors import DataError, TfposeError
from tfpose.export.card import describe_tensor
from tfpose.export.onnx import CARD_KEY, SIGNATURE_KEY
from tfpose.export.saved_model import CARD, read_card
from tfpose.export.saved_model import check as check_saved_model
from tfpose.files import blame


class Signature(NamedTuple):
    """What an artifact computes.

    Attributes:
        inputs, outputs: name -> `{"shape", "dtype", "unit"}`, as in a card.
        run: takes the inputs as keyword arrays and returns the outputs as `{name: array}`.
    """

    inputs: dict[str, dict]
    outputs: dict[str, dict]
    run: Callable[..., dict[str, np.ndarray]]

    def describe(self) -> dict:
        """Inputs and outputs, as in a card."""
        return {"inputs": self.inputs, "outputs": self.outputs}


@dataclasses.dataclass(frozen=True)
class Artifact:
    """An opened SavedModel, LiteRT file, or ONNX file or folder.

    Attributes:
        kind: "SavedModel", "LiteRT" or "ONNX".
        signatures: by name.
        card: what `tfpose.export.card` wrote into it; empty for an artifact that tfpose did not write.
        foreign_operations: operations of a LiteRT file that are not built into every interpreter (Select TF, custom).
    """

    kind: str
    signatures: dict[str, Signature]
    card: dict
    foreign_operations: tuple[str, ...] = ()


def open_artifact(path: str | os.PathLike, verify: bool = True) -> Artifact:
    """Opens a SavedModel directory (such as a version of TF Serving), a .tflite file, an .onnx file, or a folder of
    the latter.

    Args:
        path: where it is.
        verify: whether to compare it with the checksums in it, which takes milliseconds.

    Raises:
        DataError: when it is none of these, or damaged; the message starts with the path of the damaged file.
        TfposeError: when its runtime, LiteRT or ONNX Runtime, is not installed.
    """
    path = pathlib.Path(path)
    if not path.exists():
        raise DataError(f"{path}: no such file or directory; expected an exported model")
    if path.suffix == ".onnx" and path.is_file():
        return _open_onnx([path], verify)
    if path.suffix == ".tflite" and path.is_file():
        with blame(path, "a LiteRT model"):
            return _open_litert(path, verify)
    if not path.is_dir():
        raise DataError(
            f"{path}: expected a SavedModel directory, a .tflite file, or an .onnx file or a folder of them"
        )
    if files := sorted(path.glob("*.onnx")):
        return _open_onnx(files, verify)
    with blame(path, "a SavedModel directory"):
        return _open_saved_model(path, verify)


def _open_saved_model(path: pathlib.Path, verify: bool) -> Artifact:
    if verify:
        check_saved_model(path)
    loaded = tf.saved_model.load(path)
    return Artifact(
        kind="SavedModel",
        signatures={name: _saved_signature(loaded, function) for name, function in loaded.signatures.items()},
        card=read_card(path) if (path / CARD).exists() else {},
    )


def _saved_signature(loaded, function) -> Signature:
    def run(**inputs):
        _ = loaded  # keeps its variables alive
        return {name: value.numpy() for name, value in function(**_tensors(inputs)).items()}

    def describe(specs):
        return {name: describe_tensor(name, spec.shape, spec.dtype.name) for name, spec in sorted(specs.items())}

    return Signature(describe(function.structured_input_signature[1]), describe(function.structured_outputs), run)


def _tensors(inputs):
    return {name: tf.constant(value) for name, value in inputs.items()}


def _open_litert(path: pathlib.Path, verify: bool) -> Artifact:
    interpreter, content, card = litert_file.read(path, verify=verify)
    model = litert_file.schema().Model.GetRootAs(content)
    return Artifact(
        kind="LiteRT",
        signatures={name: _litert_signature(interpreter, name) for name in interpreter.get_signature_list()},
        card=card,
        foreign_operations=_foreign_operations(model),
    )


def _litert_signature(interpreter, name) -> Signature:
    runner = interpreter.get_signature_runner(name)

    def describe(details):
        return {
            name: describe_tensor(name, shape, dtype) for name, (shape, dtype) in litert_file.tensors(details).items()
        }

    return Signature(describe(runner.get_input_details()), describe(runner.get_output_details()), runner)


def _foreign_operations(model) -> tuple[str, ...]:
    codes = [model.OperatorCodes(index) for index in range(model.OperatorCodesLength())]
    custom = [code for code in codes if code.BuiltinCode() == litert_file.schema().BuiltinOperator.CUSTOM]
    return tuple(sorted((code.CustomCode() or b"unnamed").decode() for code in custom))


def _open_onnx(files: list[pathlib.Path], verify: bool) -> Artifact:
    try:
        import onnxruntime
    except ImportError as error:
        raise TfposeError(
            f"{files[0]}: ONNX Runtime, which opens it, is not installed; run: pip install onnxruntime"
        ) from error
    signatures, card = {}, {}
    for file in files:
        with blame(file, "an ONNX model"):
            content = file.read_bytes()
            if verify:
                sealing.check(file, content)
            session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
            metadata = session.get_modelmeta().custom_metadata_map
            signatures[metadata.get(SIGNATURE_KEY, file.stem)] = _onnx_signature(session)
            card = json.loads(metadata.get(CARD_KEY, "{}"))
            if sealing.said_to_be(card) and verify and not sealing.is_sealed(content):
                raise sealing.damaged(file)
    return Artifact(kind="ONNX", signatures=signatures, card=card)


def _onnx_signature(session) -> Signature:
    def run(**inputs):
        return dict(zip(outputs, session.run(list(outputs), inputs)))

    def describe(tensors):
        return {
            one.name: describe_tensor(
                one.name, [length if isinstance(length, int) else None for length in one.shape], _onnx_dtype(one.type)
            )
            for one in sorted(tensors, key=lambda one: one.name)
        }

    outputs = describe(session.get_outputs())
    return Signature(describe(session.get_inputs()), outputs, run)


def _onnx_dtype(kind: str) -> str:
    """What numpy calls a "tensor(float)"."""
    name = kind.removeprefix("tensor(").removesuffix(")")
    return {"float": "float32", "double": "float64"}.get(name, name)
