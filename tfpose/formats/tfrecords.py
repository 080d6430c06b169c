"""TFRecord files of clips.

A record is a `tf.train.Example` of one chunk of a clip, at most `CHUNK` consecutive poses:

    positions   bytes, float32 little endian, [frames, J, 3] metres, y up; NaN = missing
    frames      int64
    skeleton    bytes, JSON of `Skeleton.to_dict`
    subject, action, view, source   bytes, UTF-8, as in `Clip`
    rate        float, frames per second; empty where it is unknown
    chunk       int64, the number of the chunk within its clip
"""

from __future__ import annotations

import functools
import json
import os
import pathlib
from collections.abc import Iterable

import numpy as np
import tensorflow as tf

from tfpose.errors import DataError, SkeletonError
from tfpose.files import atomic_write, blame
from tfpose.formats.clip import Clip
from tfpose.skeleton import Skeleton

CHUNK = 64
_WHAT = "a record of a clip"


# --- one record


def encode(clip: Clip, chunk: int = 0) -> bytes:
    """The record of a clip, or of the chunk of that number of a longer one."""
    example = tf.train.Example()
    feature = example.features.feature
    feature["positions"].bytes_list.value.append(clip.positions.astype("<f4").tobytes())
    feature["frames"].int64_list.value.append(len(clip))
    feature["skeleton"].bytes_list.value.append(_described(clip.skeleton))
    for name in ("subject", "action", "view", "source"):
        feature[name].bytes_list.value.append(getattr(clip, name).encode())
    feature["rate"].float_list.value.extend([] if clip.rate is None else [clip.rate])
    feature["chunk"].int64_list.value.append(chunk)
    return example.SerializeToString()


def decode(record: bytes, source: str) -> Clip:
    """The inverse of `encode`; the clip's source is `source`, followed by what it was when it was written.

    Raises:
        DataError: for a record that is no clip; the message starts with `source`.
    """
    with blame(source, _WHAT):
        feature = tf.train.Example.FromString(record).features.feature
        names = ("subject", "action", "view", "source")
        texts = {name: feature[name].bytes_list.value[0].decode() for name in names}
        (frames,), (chunk,) = feature["frames"].int64_list.value, feature["chunk"].int64_list.value
        skeleton = _skeleton(feature["skeleton"].bytes_list.value[0])
        positions = np.frombuffer(feature["positions"].bytes_list.value[0], "<f4")
        expected = frames * len(skeleton) * 3
        if len(positions) != expected:
            raise DataError(f"{source}: not {_WHAT}: expected {expected} coordinates, got {len(positions)}")
        texts["source"] = f"{source}: chunk {chunk} of {texts['source'] or 'a clip'}"
        rate = next(iter(feature["rate"].float_list.value), None)
        return Clip(positions.reshape(frames, -1, 3), skeleton, **texts, rate=rate)


@functools.lru_cache(maxsize=8)
def _described(skeleton: Skeleton) -> bytes:
    return json.dumps(skeleton.to_dict(), sort_keys=True).encode()


@functools.lru_cache(maxsize=8)
def _skeleton(description: bytes) -> Skeleton:
    try:
        return Skeleton.from_dict(json.loads(description))
    except SkeletonError as error:  # for the caller to say where
        raise ValueError(f"its skeleton is none: {error}") from error


# --- one file


def read_file(path: str | os.PathLike) -> list[Clip]:
    """The chunks of a shard, each a clip of its own: the others of its clip may lie in other shards or be left out.

    Raises:
        DataError: when the file is damaged or holds no clips; the message starts with its path.
    """
    path = pathlib.Path(path)
    with blame(path, "a TFRecord file of clips"):
        path.stat()  # a missing file is named by Python, not by TensorFlow
        records = list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator())
        if not records:
            raise DataError(f"{path}: holds no clips")
        return [decode(record, str(path)) for record in records]


def write_file(path: pathlib.Path, records: Iterable[bytes]):
    """Writes records into a TFRecord file, whole or not at all.

    Raises:
        DataError: when it cannot be written; the message starts with its path.
    """
    try:
        with atomic_write(path) as unfinished, tf.io.TFRecordWriter(str(unfinished)) as writer:
            for record in records:
                writer.write(record)
    except tf.errors.OpError as error:
        raise DataError(f"{path}: cannot be written ({' '.join(str(error).split())[:200]})") from error
