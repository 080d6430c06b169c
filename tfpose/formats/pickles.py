"""Pickles of numpy arrays and plain values, read without running anything in them."""

from __future__ import annotations

import codecs
import pickle
from typing import IO, Any

import numpy as np


def load(file: IO[bytes]) -> Any:
    """The object in a pickle. A pickle can run any code, so only numpy's own parts are let through.

    Raises:
        pickle.UnpicklingError: names what is refused.
    """
    return _ArraysOnly(file).load()


class _Array(np.ndarray):
    """An array out of a pickle, filled only with what cannot be an address."""

    def __new__(cls, *_, **__):
        raise pickle.UnpicklingError("it makes an array in a way that numpy never writes; refused")

    def __setstate__(self, state):
        _, _, dtype, _, content = state
        _check(dtype, isinstance(content, list))
        super().__setstate__(state)


def _scalar(dtype, *content):
    _check(dtype, False)
    return np.frombuffer(*content, dtype)[0]


def _from_buffer(buffer, dtype, shape, order):
    _check(dtype, False)
    return np.frombuffer(buffer, dtype).reshape(shape, order=order)


def _check(dtype, of_objects: bool):
    """Objects come as a list, numbers and texts as bytes; the bytes of objects would be taken for addresses."""
    # By the kind: the flags of a dtype come out of the file too.
    kind = dtype.kind if isinstance(dtype, np.dtype) and not dtype.subdtype else "?"
    if kind not in ("O" if of_objects else "biufcSU"):
        raise pickle.UnpicklingError(f"it holds an array of {dtype} in a form that numpy never writes; refused")


_ALLOWED = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): np.dtype,
    ("numpy._core.multiarray", "_reconstruct"): np._core.multiarray._reconstruct,
    ("numpy._core.multiarray", "scalar"): _scalar,
    ("numpy._core.numeric", "_frombuffer"): _from_buffer,
    ("_codecs", "encode"): codecs.encode,  # how protocol 2 spells bytes
}


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str):
        place = module.replace("numpy.core.", "numpy._core."), name  # as numpy 1 called it
        if place not in _ALLOWED:
            raise pickle.UnpicklingError(f"it holds {module}.{name}, which is not an array; refused to run it")
        return _ALLOWED[place]
