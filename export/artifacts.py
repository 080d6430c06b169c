"""Opens what was exported, whatever its format, to run it or to look into it."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfpose.errors import DataError
from tfpose.export.card import describe_tensor
from tfpose.export.litert import METADATA, litert_schema
from tfpose.export.saved_model import CARD
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
    """An opened SavedModel or LiteRT file.

    Attributes:
        kind: "SavedModel" or "LiteRT".
        signatures: by name.
        card: what `tfpose.export.card` wrote into it; empty for an artifact of somebody else.
        foreign_operations: operations of a LiteRT file that are not built into every interpreter (Select TF, custom).
    """

    kind: str
    signatures: dict[str, Signature]
    card: dict
    foreign_operations: tuple[str, ...] = ()


def open_artifact(path: str | os.PathLike) -> Artifact:
    """Opens a SavedModel directory or a .tflite file.

    Raises:
        DataError: when it is neither, or damaged; the message starts with `path`.
        TfposeError: for a .tflite file when LiteRT is not installed.
    """
    path = pathlib.Path(path)
    if not path.exists():
        raise DataError(f"{path}: no such file or directory; expected an exported model")
    if path.is_dir():
        with blame(path, "a SavedModel directory"):
            return _open_saved_model(path)
    if path.suffix == ".tflite":
        with blame(path, "a LiteRT model"):
            return _open_litert(path)
    raise DataError(f"{path}: expected a SavedModel directory or a .tflite file")


def _open_saved_model(path: pathlib.Path) -> Artifact:
    loaded = tf.saved_model.load(path)
    card = path / CARD
    return Artifact(
        kind="SavedModel",
        signatures={name: _saved_signature(loaded, function) for name, function in loaded.signatures.items()},
        card=json.loads(card.read_text(encoding="utf-8")) if card.exists() else {},
    )


def _saved_signature(loaded, function) -> Signature:
    def run(**inputs):
        _ = loaded  # its variables die with it
        return {name: value.numpy() for name, value in function(**_tensors(inputs)).items()}

    def describe(specs):
        return {name: describe_tensor(name, spec.shape, spec.dtype.name) for name, spec in sorted(specs.items())}

    return Signature(describe(function.structured_input_signature[1]), describe(function.structured_outputs), run)


def _tensors(inputs):
    return {name: tf.constant(value) for name, value in inputs.items()}


def _open_litert(path: pathlib.Path) -> Artifact:
    schema = litert_schema()
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))  # checks the file, which the schema's reader does not
    model = schema.Model.GetRootAs(path.read_bytes())
    return Artifact(
        kind="LiteRT",
        signatures={name: _litert_signature(interpreter, name) for name in interpreter.get_signature_list()},
        card=_litert_card(model),
        foreign_operations=_foreign_operations(model, schema),
    )


def _litert_signature(interpreter, name) -> Signature:
    runner = interpreter.get_signature_runner(name)

    def describe(details):
        return {
            name: describe_tensor(
                name,
                [None if size < 0 else int(size) for size in detail["shape_signature"]],
                np.dtype(detail["dtype"]).name,
            )
            for name, detail in sorted(details.items())
        }

    return Signature(describe(runner.get_input_details()), describe(runner.get_output_details()), runner)


def _litert_card(model) -> dict:
    for index in range(model.MetadataLength()):
        entry = model.Metadata(index)
        if entry.Name() == METADATA.encode():
            return json.loads(model.Buffers(entry.Buffer()).DataAsNumpy().tobytes())
    return {}


def _foreign_operations(model, schema) -> tuple[str, ...]:
    codes = [model.OperatorCodes(index) for index in range(model.OperatorCodesLength())]
    custom = [code for code in codes if code.BuiltinCode() == schema.BuiltinOperator.CUSTOM]
    return tuple(sorted((code.CustomCode() or b"unnamed").decode() for code in custom))
