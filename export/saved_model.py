"""A model as a TensorFlow SavedModel."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import tempfile
from collections.abc import Iterator

import keras

from tfpose import sealing
from tfpose.errors import DataError
from tfpose.export.card import make_card
from tfpose.export.files import new_artifact
from tfpose.export.signatures import DEFAULT, signatures

CARD = pathlib.PurePath("assets.extra", "tfpose.json")
"""Where a SavedModel keeps its card; TensorFlow leaves `assets.extra` to others."""
CHECKSUMS = pathlib.PurePath("assets.extra", "tfpose.sha256")
"""Where it keeps the checksums of its files."""


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
        # Endpoints bring their variables along. `track(model)` would write every weight twice, and a function that is
        # traced already its graph twice.
        archive = keras.export.ExportArchive()
        for name, function in signatures(model, batch).items():
            if name != DEFAULT:  # which the archive makes of the first endpoint, without another graph
                archive.add_endpoint(name, function.python_function, function.input_signature)
        archive.write_out(directory, verbose=False)
        (directory / CARD).parent.mkdir()
        described = json.dumps({**card, sealing.SEALED: True}, indent=1)
        (directory / CARD).write_text(described + "\n", encoding="utf-8")
        sealing.seal_folder(directory, CHECKSUMS)
    return pathlib.Path(path)


@contextlib.contextmanager
def as_saved_model(source: keras.Model | str | os.PathLike, batch: int | None = None) -> Iterator[pathlib.Path]:
    """The directory `source`, or a temporary one of the model `source`, for what is made from SavedModels.

    Raises:
        DataError: when the directory is damaged.
    """
    if isinstance(source, str | os.PathLike):
        check(pathlib.Path(source))
        yield pathlib.Path(source)
        return
    with tempfile.TemporaryDirectory() as folder:
        yield export_saved_model(source, pathlib.Path(folder, "saved_model"), batch)


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
        raise DataError(f"{saved_model}: not a SavedModel of tfpose, its card is no object")
    return card
