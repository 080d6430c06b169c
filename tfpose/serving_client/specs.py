"""The inputs and outputs of a served model, as its server reports them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tfpose.serving_client.errors import ServingError

DTYPES = {"DT_FLOAT": "float32", "DT_INT32": "int32", "DT_INT64": "int64"}
"""TensorFlow's name of a type -> numpy's; all that signatures of tfpose have."""


def numpy_type(name: str) -> str:
    """What numpy calls a type of TensorFlow.

    Raises:
        ServingError: for one that no signature of tfpose has.
    """
    if name not in DTYPES:
        raise ServingError("UNIMPLEMENTED", f"a tensor of type {name}; this client speaks {', '.join(DTYPES)}")
    return DTYPES[name]


class TensorSpec(NamedTuple):
    """An input or output: `shape` with None where any length goes, and numpy's name of its type."""

    shape: tuple[int | None, ...]
    dtype: str

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Whether an array of this shape can be given."""
        return len(shape) == len(self.shape) and all(n in (None, m) for n, m in zip(self.shape, shape))

    def empty(self) -> np.ndarray:
        """An array without rows; lengths that only the server knows are zero too."""
        return np.zeros([0, *(length or 0 for length in self.shape[1:])], self.dtype)

    def __str__(self) -> str:
        return f"[{', '.join(['B', *('?' if length is None else str(length) for length in self.shape[1:])])}]"


class Signature(NamedTuple):
    """The inputs and outputs of a signature, by name."""

    inputs: dict[str, TensorSpec]
    outputs: dict[str, TensorSpec]
