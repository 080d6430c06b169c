"""A model as a TensorFlow SavedModel."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import tempfile
from collections.abc import Iterator

import keras
import tensorflow as tf

from tfpose.errors import DataError
from tfpose.export.card import make_card
from tfpose.export.files import new_artifact
from tfpose.export.serving_graph import serving_functions
from tfpose.export.signatures import DEFAULT

CARD = pathlib.PurePath("assets.extra", "tfpose.json")
"""Where a SavedModel keeps its card; TensorFlow leaves `assets.extra` to others."""


def export_saved_model(model: keras.Model, path: str | os.PathLike, batch: int | None = None) -> pathlib.Path:
    """Writes the directory `path`: all of `tfpose.export.signatures`, for any batch size or for one, and the card.

    Returns:
        `path`.

    Raises:
        DataError: when `path` exists or cannot be written; nothing is left behind.
        TfposeError: for a model that cannot be exported.
    """
    with new_artifact(path) as directory:
        card = make_card(model, batch)
        functions = serving_functions(model, batch)
        module = tf.Module()
        module.functions = functions
        default = next(iter(functions.values()))  # another name, without another graph
        tf.saved_model.save(module, str(directory), {DEFAULT: default, **functions})
        (directory / CARD).parent.mkdir()
        (directory / CARD).write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    return pathlib.Path(path)


@contextlib.contextmanager
def as_saved_model(source: keras.Model | str | os.PathLike, batch: int | None = None) -> Iterator[pathlib.Path]:
    """The directory `source`, or a temporary one of the model `source`, for what is made from SavedModels."""
    if isinstance(source, str | os.PathLike):
        yield pathlib.Path(source)
        return
    with tempfile.TemporaryDirectory() as folder:
        yield export_saved_model(source, pathlib.Path(folder, "saved_model"), batch)


def read_card(saved_model: str | os.PathLike) -> dict:
    """The card of a directory that `export_saved_model` wrote.

    Raises:
        DataError: when it is no SavedModel of tfpose.
    """
    try:
        return json.loads(pathlib.Path(saved_model, CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{saved_model}: not a SavedModel of tfpose, its card is unreadable: {error}") from error
