"""A model as a LiteRT (.tflite) file for phones and boards."""

from __future__ import annotations

import copy
import json
import os
import pathlib
import re

import flatbuffers
import keras
import numpy as np
import tensorflow as tf

from tfpose import sealing
from tfpose.errors import TfposeError
from tfpose.export.card import only_batch_is_free
from tfpose.export.files import new_artifact, refuse_existing
from tfpose.export.litert_slices import slice_splits
from tfpose.export.saved_model import as_saved_model, read_card
from tfpose.export.signatures import DEFAULT
from tfpose.litert_file import METADATA, schema

_IDENTIFIER = b"TFL3"


def export_litert(
    source: keras.Model | str | os.PathLike, path: str | os.PathLike, batch: int | None = None
) -> pathlib.Path:
    """Writes the float32 file `path`, with the signatures and the card of the SavedModel, built-in operations only.

    Signatures of clips of any length are left out: phones use streams.

    `tfpose.export.quantisation` makes smaller files of it.

    Args:
        source: a model, or a directory of `as_saved_model`.
        path: where to.
        batch: of a model: the only batch size, for delegates that need static shapes; None for any.

    Returns:
        `path`.

    Raises:
        DataError: when `path` exists or cannot be written, or `source` is no SavedModel of tfpose.
        TfposeError: when the model needs operations that LiteRT has not built in, or `source` is made for servers.
    """
    refuse_existing(path)
    with as_saved_model(source, batch) as saved_model:
        content = _convert(saved_model)
    with new_artifact(path) as file:
        file.write_bytes(content)
    return pathlib.Path(path)


def _convert(saved_model: pathlib.Path) -> bytes:
    card = read_card(saved_model)
    fixed = {name: one for name, one in card["signatures"].items() if only_batch_is_free(one)}
    card = {**card, "signatures": fixed}
    names = [name for name in card["signatures"] if name != DEFAULT]
    model = converted(saved_model, names)
    if DEFAULT in card["signatures"]:
        _add_default(model, names[0])
    return finished(model, card)


def converted(saved_model: pathlib.Path, names: list[str]):
    """Some signatures of a SavedModel as an unpacked LiteRT file, in built-in operations.

    Raises:
        TfposeError: when LiteRT has not all of them.
    """
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model), signature_keys=names)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    try:
        content = converter.convert()
    except Exception as error:  # the converter's error class is not public
        lacking = re.findall(r"(?:TF Select|Custom) ops: (.+)", str(error))
        if not lacking:
            raise
        raise TfposeError(
            f"{saved_model}: LiteRT has no built-in operation for {', '.join(dict.fromkeys(lacking))}; "
            f"compute it from others in the model"
        ) from error
    model = unpack(content)
    slice_splits(model)
    return model


def _add_default(model, name: str):
    """Adds the default as a second name of the signature `name`. The converter would write its whole graph twice."""
    default = copy.copy(next(one for one in model.signatureDefs if one.signatureKey == name.encode()))
    default.signatureKey = DEFAULT.encode()
    model.signatureDefs.append(default)


def finished(model, card: dict) -> bytes:
    """The final content of a file: with `card`, which replaces a former one, and with a checksum."""
    set_card(model, {**card, sealing.SEALED: True})
    return sealing.sealed(pack(model))


def set_card(model, card: dict):
    """Puts `card` into the metadata of an unpacked file, which interpreters ignore. It replaces a former card."""
    set_metadata(model, METADATA, json.dumps(card).encode())


def set_metadata(model, name: str, content: bytes):
    """Makes `content` the metadata of that name in an unpacked file."""
    buffer = schema().BufferT()
    buffer.data = list(content)
    for entry in model.metadata:
        if entry.name == name.encode():
            model.buffers[entry.buffer] = buffer
            return
    entry = schema().MetadataT()
    entry.name, entry.buffer = name.encode(), len(model.buffers)
    model.buffers.append(buffer)
    model.metadata.append(entry)


def unpack(content: bytes):
    """The `ModelT` of the schema, to be changed in place."""
    model = schema().ModelT.InitFromPackedBuf(content)
    for buffer in model.buffers:
        if buffer.offset > 1:  # behind the tables, where the schema's reader does not look
            buffer.data = np.frombuffer(content, np.uint8, buffer.size, buffer.offset)
            buffer.offset = buffer.size = 0
    return model


def pack(model) -> bytes:
    """The content of a .tflite file."""
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), _IDENTIFIER)
    return bytes(builder.Output())
