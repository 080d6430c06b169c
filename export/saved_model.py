"""A model as a TensorFlow SavedModel."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import tempfile
from collections.abc import Iterator, Sequence

import keras
import tensorflow as tf

from tfpose import sealing
from tfpose.errors import DataError, TfposeError
from tfpose.export.card import make_card
from tfpose.export.files import new_artifact
from tfpose.export.serving_graph import is_for_servers, serving_functions
from tfpose.export.signatures import DEFAULT, signatures

CARD = pathlib.PurePath("assets.extra", "tfpose.json")
"""Where a SavedModel keeps its card; TensorFlow leaves `assets.extra` to others."""
CHECKSUMS = pathlib.PurePath("assets.extra", "tfpose.sha256")
"""Where it keeps the checksums of its files."""


COMPILED_BATCHES = (1, 8, 64, 256, 1024)
"""The batch sizes that a compiled SavedModel is meant for; servers fill up smaller batches to the next of them."""


def export_saved_model(
    model: keras.Model,
    path: str | os.PathLike,
    batch: int | None = None,
    compiled: bool = False,
    names: Sequence[str] | None = None,
) -> pathlib.Path:
    """Writes the directory `path`: `tfpose.export.signatures`, for any batch size or for one, and the card.

    Its graphs are those of `tfpose.export.serving_graph`. They compute what the model computes, in operations that suit
    TensorFlow's runtime; converters to other formats take the model itself.

    Args:
        model: one that has signatures.
        path: where to.
        batch: the only batch size, or None for any.
        compiled: whether XLA compiles the signatures when they meet a batch size for the first time, which takes
            seconds. The card then has `COMPILED_BATCHES` as "compiled_batches".
        names: of the signatures to write; None for all.

    Returns:
        `path`.

    Raises:
        DataError: when `path` exists or cannot be written; nothing is left behind.
        TfposeError: for a model that cannot be exported.
    """
    with new_artifact(path) as directory:
        module = tf.Module()
        module.functions = serving_functions(model, batch, compiled, names)
        default = next(iter(module.functions.values()))  # another name, without another graph
        tf.saved_model.save(module, str(directory), signatures={DEFAULT: default, **module.functions})
        card = make_card(model, batch, names) | ({"compiled_batches": COMPILED_BATCHES} if compiled else {})
        _add_card(directory, {**card, sealing.SEALED: True})
        sealing.seal_folder(directory, CHECKSUMS)
    return pathlib.Path(path)


@contextlib.contextmanager
def as_saved_model(source: keras.Model | str | os.PathLike, batch: int | None = None) -> Iterator[pathlib.Path]:
    """A SavedModel of the layers as they are written, for converters: the directory `source`, or a temporary one of the
    model `source`.

    Raises:
        DataError: when the directory is damaged.
        TfposeError: for a directory that `export_saved_model` wrote. XNNPACK, under LiteRT, could compute its
            graphs wrongly (see `tfpose.export.litert_slices`).
    """
    if isinstance(source, str | os.PathLike):
        check(pathlib.Path(source))
        graph = pathlib.Path(source, "saved_model.pb")
        if graph.is_file() and is_for_servers(graph.read_bytes()):
            raise TfposeError(f"{source}: its graphs are made for servers; convert the model that it was made of")
        yield pathlib.Path(source)
        return
    with tempfile.TemporaryDirectory() as folder:
        directory = pathlib.Path(folder, "saved_model")
        save_layers(source, signatures(source, batch), directory)
        _add_card(directory, make_card(source, batch))
        yield directory


def save_layers(model: keras.Model, functions: dict, directory: str | os.PathLike):
    """Writes functions of a model as the signatures of a SavedModel, for converters."""
    module = tf.Module()
    module.weights = [weight.value for weight in model.weights]  # TensorFlow saves no variable that it does not find
    tf.saved_model.save(module, str(directory), signatures=functions)


def _add_card(directory: pathlib.Path, card: dict):
    (directory / CARD).parent.mkdir()
    (directory / CARD).write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")


def read_card(saved_model: str | os.PathLike) -> dict:
    """The card of a directory that `export_saved_model` wrote.

    Raises:
        DataError: when it is no SavedModel of tfpose.
    """
    card = _card(saved_model)
    sealing.said_to_be(card)
    return card


def check(saved_model: pathlib.Path):
    """Compares a SavedModel with the checksums in it, where it has some.

    Raises:
        DataError: when a file differs or is not there; the message starts with its path.
    """
    said = (saved_model / CARD).exists() and sealing.said_to_be(_card(saved_model))
    if said or (saved_model / CHECKSUMS).exists():
        sealing.check_folder(saved_model, CHECKSUMS)


def _card(saved_model: str | os.PathLike) -> dict:
    try:
        card = json.loads(pathlib.Path(saved_model, CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{saved_model}: not a SavedModel of tfpose, its card is unreadable: {error}") from error
    if not isinstance(card, dict):
        raise DataError(f"{saved_model}: not a SavedModel of tfpose, its card is not an object")
    return card
