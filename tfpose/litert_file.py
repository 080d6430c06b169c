"""The .tflite file: opened with one error that names it, and read without TensorFlow, the card of tfpose included."""

from __future__ import annotations

import json
import os
import pathlib
from typing import TYPE_CHECKING

import numpy as np

from tfpose import sealing
from tfpose.errors import TfposeError
from tfpose.files import blame

if TYPE_CHECKING:
    from ai_edge_litert.interpreter import Interpreter

METADATA = "tfpose"
"""The name of the metadata entry that holds the card."""


def read(path: str | os.PathLike, threads: int | None = None, verify: bool = True) -> tuple[Interpreter, bytes, dict]:
    """The interpreter, content and card of a file, which is compared with its checksum unless `verify` is off.

    Raises:
        DataError: when there is no such file or it is damaged; the message starts with `path`.
        TfposeError: when LiteRT is not installed.
    """
    with blame(path, "a LiteRT model"):
        content = pathlib.Path(path).read_bytes()
        if verify:
            sealing.check(path, content)
        interpreter = open_interpreter(path, threads, content)  # checks the tables, which the schema's reader does not
        card = read_card(content)
        if sealing.said_to_be(card) and verify and not sealing.is_sealed(content):
            raise sealing.damaged(path)
        return interpreter, content, card


def open_interpreter(path: str | os.PathLike, threads: int | None = None, content: bytes | None = None):
    """The LiteRT interpreter of the file `path`, on `threads` threads (None: LiteRT decides).

    `content` is what the file held when it was read; it need not be there any more then.

    Raises:
        DataError: when there is no such file or it is damaged; the message starts with `path`.
        TfposeError: when LiteRT is not installed.
    """
    schema()  # one error for everything of LiteRT that may be missing
    from ai_edge_litert.interpreter import Interpreter

    with blame(path, "a LiteRT model"):
        if content is not None:
            return Interpreter(model_content=content, num_threads=threads)
        with open(path, "rb"):  # whose errors say more than the interpreter's
            return Interpreter(model_path=str(path), num_threads=threads)


def tensors(details: dict[str, dict]) -> dict[str, tuple[list, str]]:
    """Name -> shape (None = any length) and dtype, of the details of a signature's inputs or outputs."""
    return {
        name: (
            [None if length < 0 else int(length) for length in detail["shape_signature"]],
            np.dtype(detail["dtype"]).name,
        )
        for name, detail in sorted(details.items())
    }


def read_card(content: bytes) -> dict:
    """The card inside a file's content, which an interpreter has checked; empty in a file that tfpose did not write."""
    model = schema().Model.GetRootAs(content)
    for index in range(model.MetadataLength()):
        entry = model.Metadata(index)
        if entry.Name() == METADATA.encode():
            return json.loads(model.Buffers(entry.Buffer()).DataAsNumpy().tobytes())
    return {}


def schema():
    """The module of the file's format.

    Raises:
        TfposeError: when LiteRT is not installed.
    """
    try:
        from ai_edge_litert import schema_py_generated
    except ImportError as error:
        raise TfposeError("LiteRT is not installed; run: pip install ai-edge-litert") from error
    return schema_py_generated
