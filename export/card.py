"""The card of an artifact: its joints, units and origin, stored inside the artifact."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import keras
import numpy as np

import tfpose
from tfpose.export.signatures import UNITS, signatures
from tfpose.models import ActionClassifier, weights_checksum
from tfpose.models.calls import as_written

_ANY_LENGTH = 5  # frames of a clip of any length; no other axis has so many


def make_card(model: keras.Model, batch: int | None = None, names: Sequence[str] | None = None) -> dict:
    """The card of a model, ready for JSON; `Skeleton.from_dict(card["skeleton"])` gives the joints' names and tree.

    Args:
        model: one that has signatures.
        batch: the only batch size, or None for any.
        names: of the signatures that the artifact has; None for all.

    Raises:
        TfposeError: for a model that cannot be exported.
    """
    recognises = isinstance(model, ActionClassifier)
    functions = signatures(model, batch, names)
    described = {function: _describe(function) for function in set(functions.values())}  # one of them has two names
    return {
        "tfpose": tfpose.__version__,
        "model": type(model).__name__,
        "options": model.options,
        **({"actions": list(model.actions)} if recognises else {}),
        "parameters": model.count_params(),
        "precision": "float32",
        "batch": batch,
        "weights_sha256": weights_checksum(model),
        "lineage": "unknown",
        "licence": "unknown",
        **model.origin,
        "unit": "metres",
        "axes": "right-handed, y up",
        "normalisation": "inside: joints go in and come out as they are measured",
        "missing": "no joint may be missing" if recognises else "a joint with a NaN coordinate is missing",
        "skeleton": model.skeleton.to_dict(),
        "signatures": {name: described[function] for name, function in functions.items()},
    }


def describe_tensor(name: str, shape, dtype: str) -> dict:
    """One input or output of a signature: its shape (None = any length), type and unit."""
    return {"shape": list(shape), "dtype": dtype, "unit": UNITS.get(name)}


def shown_shape(shape) -> str:
    """A described shape for people: a free first axis is B (the batch), another one T (frames)."""
    names = ("B" if axis == 0 else "T" for axis in range(len(shape)))
    return f"[{', '.join(name if length is None else str(length) for name, length in zip(names, shape))}]"


def _describe(function) -> dict:
    """What a signature takes, and what it returned when it ran on one pose: tracing it takes far longer."""
    inputs = {spec.name: spec for spec in function.input_signature}
    given = ([1, *(length or _ANY_LENGTH for length in spec.shape[1:])] for spec in inputs.values())
    with as_written():
        outputs = function.python_function(*(np.zeros(shape, np.float32) for shape in given))
    batch = next(iter(inputs.values())).shape[0]
    free = not fixed(spec.shape for spec in inputs.values())

    def shape(tensor):
        return [batch, *(None if free and length == _ANY_LENGTH else length for length in tensor.shape[1:])]

    return {
        part: {name: describe_tensor(name, shape(tensor), tensor.dtype.name) for name, tensor in found}
        for part, found in (("inputs", inputs.items()), ("outputs", outputs.items()))
    }


def only_batch_is_free(signature: dict) -> bool:
    """Whether all inputs of a described signature have fixed shapes but for the batch; clips of any length do not."""
    return fixed(spec["shape"] for spec in signature["inputs"].values())


def fixed(shapes: Iterable) -> bool:
    """Whether no axis but the first is free (None) in any of the shapes."""
    return all(None not in shape[1:] for shape in shapes)
