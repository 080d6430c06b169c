"""Public methods of models: their inputs checked, and at full speed from plain Python."""

from __future__ import annotations

import contextlib
import contextvars
import functools
import inspect
from collections.abc import Iterator
from typing import NamedTuple

import keras
import numpy as np
from keras import ops, tree

from tfpose.errors import INCOMPLETE, TfposeError
from tfpose.layers.static import concatenate

SIZES = (1, 64, 1024)
"""The batch sizes that a method is compiled for. Other batches are cut into such pieces, and the last one is padded.

A model whose samples are large has others, as `call_sizes`."""

_OVERHEAD = 16  # the fixed cost of a call, in samples
_as_written = contextvars.ContextVar("as_written", default=False)


class Input(NamedTuple):
    """What a model's method takes.

    Attributes:
        shape: without the batch.
        unit: for the error message, such as "metres, in the joint order of ...".
        hint: for the error message: how to get there from other values.
        complete: whether no joint may be missing.
    """

    shape: tuple[int, ...]
    unit: str
    hint: str
    complete: bool = False


def checked(values, name: str, expected: Input, dtype: str):
    """`values` as a tensor.

    Raises:
        TfposeError: for what is no array of numbers, or of another shape.
    """
    try:
        values = ops.convert_to_tensor(values, dtype=dtype)
    except (TypeError, ValueError) as error:  # such as None, a path, or a clip instead of its positions
        raise TfposeError(f"{name}: expected an array, got a {type(values).__name__}. {expected.hint}") from error
    if len(values.shape) != len(expected.shape) + 1 or tuple(values.shape[1:]) != expected.shape:
        raise TfposeError(
            f"{name}: expected [B, {', '.join(map(str, expected.shape))}], {expected.unit}; got "
            f"{tuple(values.shape)}. {expected.hint}"
        )
    return values


def described(model) -> str:
    """What `repr` of a model says."""
    size = f"{model.count_params():,} weights" if model.built else "not built"
    return f"<{type(model).__name__} of skeleton '{model.skeleton.name}' ({len(model.skeleton)} joints), {size}>"


def public(method):
    """Makes a method of a model public: it checks its inputs, and runs compiled when plain Python calls it.

    The model has `call_inputs`, a dictionary from the names of arguments to `Input`. The first axis of every argument
    is the batch. Numpy arrays (and lists) give numpy arrays, tensors give tensors.

    XLA compiles the method for each of `SIZES` when it is first needed, which takes seconds. Inside a `tf.function`, in
    a functional model, under another backend of Keras than TensorFlow, under `tf.config.run_functions_eagerly(True)`,
    and inside `as_written()`, the method runs as it is written.
    """
    names = list(inspect.signature(method).parameters)[1:]

    @functools.wraps(method)
    def call(self, *args, **kwargs):
        given = dict(zip(names, args)) | kwargs
        if set(given) != set(names) or len(args) + len(kwargs) != len(names):
            return method(self, *args, **kwargs)  # Python says what is wrong
        expected = self.call_inputs
        values = {name: checked(given[name], name, expected[name], self.variable_dtype) for name in names}
        if _is_symbolic(given.values()):
            return method(self, **values)
        values = _of_one_batch(values)
        for name in names:
            if expected[name].complete and not ops.all(ops.isfinite(values[name])):
                raise TfposeError(f"{name}: {INCOMPLETE}")
        if _compiles():
            sizes = getattr(self, "call_sizes", SIZES)
            outputs = in_pieces(functools.partial(_run, self, method), list(values.values()), sizes)
        else:
            outputs = method(self, **values)
        if any(ops.is_tensor(value) for value in given.values()):
            return outputs
        return tree.map_structure(ops.convert_to_numpy, outputs)

    return call


def _of_one_batch(values: dict) -> dict:
    """Tensors by name, those of one sample repeated for as many as the others have.

    Raises:
        TfposeError: when two have different batches of several.
    """
    batches = {name: value.shape[0] for name, value in values.items()}
    several = sorted(set(batches.values()) - {1}) or [1]
    if len(several) > 1:
        said = ", ".join(f"{batch} of {name}" for name, batch in batches.items())
        raise TfposeError(f"expected as many samples of each, or one for all; got {said}")
    return {
        name: ops.repeat(value, several[0], 0) if len(value) == 1 != several[0] else value
        for name, value in values.items()
    }


@contextlib.contextmanager
def as_written() -> Iterator[None]:
    """Inside, public methods run as they are written: a single call does not make up for the seconds of compiling."""
    token = _as_written.set(True)
    try:
        yield
    finally:
        _as_written.reset(token)


def _is_symbolic(values) -> bool:
    """Whether a graph or a functional model is being made."""
    if any(isinstance(value, keras.KerasTensor) for value in values):
        return True
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return not tf.executing_eagerly()


def _compiles() -> bool:
    if _as_written.get() or keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return not tf.config.functions_run_eagerly()


def _run(model, method, *inputs):
    # Not by setattr: Keras would take the functions for parts of the model.
    functions = model.__dict__.setdefault("_compiled_methods", {})
    if method.__name__ not in functions:
        import tensorflow as tf

        from tfpose.compilation import prepare_xla

        prepare_xla()
        functions[method.__name__] = tf.function(functools.partial(method, model), jit_compile=True, autograph=False)
    return functions[method.__name__](*inputs)


def in_pieces(function, inputs, sizes):
    """Runs `function` of tensors on batches of one of `sizes`, the last one padded with zeros; joins the results."""
    count = inputs[0].shape[0]
    size = min(sizes, key=lambda size: -(-count // size) * (size + _OVERHEAD))
    pieces = []
    for start in range(0, max(count, 1), size):
        piece = inputs if count == size else [value[start : start + size] for value in inputs]
        missing = size - piece[0].shape[0]
        if missing:
            piece = [ops.pad(value, [[0, missing]] + [[0, 0]] * (len(value.shape) - 1)) for value in piece]
        pieces.append(function(*piece))
    # Only the last piece is padded.
    pieces[-1] = tree.map_structure(lambda value: value[: size - missing], pieces[-1]) if missing else pieces[-1]
    return tree.map_structure(lambda *parts: concatenate(parts), *pieces)


def batched(function):
    """A function of tensors `[N, ...]` as one of numpy arrays of any N, traced once and run in bounded memory.

    Evaluators take it for public methods too, because it does not compile them with XLA.
    """
    import tensorflow as tf

    traced = tf.function(function, reduce_retracing=True, autograph=False)

    def run(*inputs):
        parts = [
            traced(*(tf.constant(values[start : start + SIZES[-1]]) for values in inputs)).numpy()
            for start in range(0, len(inputs[0]), SIZES[-1])
        ]
        return np.concatenate(parts)

    return run
