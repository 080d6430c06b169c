"""The codes of whole data sets in files: what `tfpose encode-dataset` writes, and how to load it.

    for clip in read_codes("codes"):
        clip.source, clip.number, clip.pose_code, clip.view_code

A finished output is a folder with `summary.json`, which names its shards. A shard holds one record per clip:

============== ==================== ================================== ================================================
field          TFRecord (Example)   Parquet                            what it is
============== ==================== ================================== ================================================
`source`       bytes                string                             the file the clip came from
`number`       int64                int64                              which of the file's clips it is, from 0
`clips`        int64                int64                              how many clips the file holds
`subject`      bytes                string                             who moves, as the data set codes it
`action`       bytes                string                             what they do
`view`         bytes                string                             which camera saw it
`rate`         float, none or one   float, null where it is unknown    frames per second
`frames`       int64                int64                              T
`pose_code`    bytes                list of T lists of J * z floats    `[T, J, z]` float32
`view_code`    bytes                list of T lists of 3 * 3 floats    `[T, 3, 3]` float32
============== ==================== ================================== ================================================

Bytes of codes are little-endian in C order. `source` and `number` name a clip: no two records have both in common. J, z
and the joints are in `summary.json`, and in the metadata of a Parquet file's schema under `tfpose`.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
from collections.abc import Iterator

import numpy as np

from tfpose.errors import DataError, TfposeError
from tfpose.files import blame
from tfpose.skeleton import Skeleton

SUMMARY = "summary.json"
FORMATS = ("tfrecord", "parquet")  # and suffixes
_CODES = ("pose_code", "view_code")
_ROWS_AT_ONCE = 64  # of Parquet, in memory


@dataclasses.dataclass(frozen=True, eq=False)
class ClipCodes:
    """The codes of one clip.

    Attributes:
        source, number: which clip; `number` counts from 0 within the file `source`.
        clips: how many clips that file holds.
        subject, action, view, rate: as in `tfpose.Clip`.
        pose_code: `[T, J, z]` float32.
        view_code: `[T, 3, 3]` float32; free view codes are `[T, z, z]`.
    """

    source: str
    number: int
    clips: int
    subject: str
    action: str
    view: str
    rate: float | None
    pose_code: np.ndarray
    view_code: np.ndarray

    def __len__(self) -> int:
        return len(self.pose_code)


def read_codes(path: str | os.PathLike) -> Iterator[ClipCodes]:
    """Yields the clips of an output of `tfpose encode-dataset`, shard by shard.

    Raises:
        DataError: when the output is unfinished or a shard is missing or damaged; the message starts with its path.
        TfposeError: when pyarrow, which reads Parquet, is not installed.
    """
    path = pathlib.Path(path)
    summary = read_summary(path)
    for name, clips in summary["shards"].items():
        count = -1
        for count, clip in enumerate(read_shard(path / name, summary)):  # noqa: B007
            yield clip
        if count + 1 != clips:
            raise DataError(f"{path / name}: expected {clips} clips, got {count + 1}")


def read_summary(path: str | os.PathLike) -> dict:
    """What `tfpose encode-dataset` says of its output: counts, shards, shapes, joints, model and command.

    Raises:
        DataError: when it is not there, as in an output that never was finished, or is damaged.
    """
    path = pathlib.Path(path, SUMMARY)
    with blame(path, "the summary of a finished `tfpose encode-dataset`"):
        summary = json.loads(path.read_text(encoding="utf-8"))
        lacking = _lacking(summary)
        if lacking:
            raise DataError(f"{path}: damaged: expected {lacking}")
        return summary


def _lacking(summary) -> str:
    """What the readers need that a summary does not have; nothing when it is sound."""
    if not isinstance(summary, dict):
        return "an object"
    shards = summary.get("shards")
    if not isinstance(shards, dict) or not all(_is_shard(name) and _is_count(shards[name]) for name in shards):
        return "'shards', the number of clips of each .tfrecord or .parquet file"
    for code in _CODES:
        shape = summary.get(code)
        if not isinstance(shape, list) or len(shape) != 2 or not all(_is_count(length) for length in shape):
            return f"'{code}', the two lengths of a frame's codes"
    if "skeleton" in summary and summary["pose_code"][0] != len(Skeleton.from_dict(summary["skeleton"])):
        return "'pose_code' to be of the joints of 'skeleton'"
    clips = sum(shards.values())
    return "" if summary.get("clips", clips) == clips else "'clips' to be those of all shards"


def _is_shard(name: str) -> bool:
    """Whether it is the name of a file beside the summary, of a known format."""
    path = pathlib.PurePath(name)
    return path.name == name and path.suffix[1:] in FORMATS


def _is_count(value) -> bool:
    return type(value) is int and 0 <= value < 2**31


def read_shard(path: pathlib.Path, about: dict) -> Iterator[ClipCodes]:
    """Yields the clips of one shard; `about` is as `open_shard` was given it.

    Raises:
        DataError: when it is missing or damaged.
    """
    records = {".tfrecord": _read_tfrecord, ".parquet": _read_parquet}[path.suffix](path)
    while True:
        with blame(path, "a shard of codes"):  # not around the caller's work between two clips
            record = next(records, None)
            if record is None:
                return
            for code in _CODES:
                record[code] = record[code].reshape(record["frames"], *about[code])
            del record["frames"]
            clip = ClipCodes(**record)
        yield clip


def open_shard(path: str, about: dict):
    """A new shard with the methods `write(ClipCodes)` and `close()`; the suffix decides its format.

    Args:
        path: ends in .tfrecord or .parquet.
        about: `pose_code` `[J, z]` and `view_code` `[3, 3]`, the shapes of a frame's codes, and what else there is to
            say of all records; ready for JSON.
    """
    return {".tfrecord": _TFRecordShard, ".parquet": _ParquetShard}[pathlib.Path(path).suffix](path, about)


class _TFRecordShard:
    def __init__(self, path: str, about: dict):
        import tensorflow as tf

        self._feature, self._train = tf.train.Feature, tf.train
        self._file = tf.io.TFRecordWriter(path)

    def write(self, clip: ClipCodes):
        features = {name: self._encoded(value) for name, value in _record(clip).items()}
        example = self._train.Example(features=self._train.Features(feature=features))
        self._file.write(example.SerializeToString())

    def close(self):
        self._file.close()

    def _encoded(self, value):
        if isinstance(value, np.ndarray):
            return self._feature(bytes_list=self._train.BytesList(value=[value.astype("<f4").tobytes()]))
        if isinstance(value, str):
            return self._feature(bytes_list=self._train.BytesList(value=[value.encode()]))
        if isinstance(value, int):
            return self._feature(int64_list=self._train.Int64List(value=[value]))
        return self._feature(float_list=self._train.FloatList(value=[] if value is None else [value]))


def _read_tfrecord(path: pathlib.Path) -> Iterator[dict]:
    import tensorflow as tf

    for serialized in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
        record = {}
        for name, feature in tf.train.Example.FromString(serialized).features.feature.items():
            kind = feature.WhichOneof("kind")
            values = getattr(feature, kind).value
            if name in _CODES:
                record[name] = np.frombuffer(values[0], "<f4")
            elif kind == "bytes_list":
                record[name] = values[0].decode()
            else:
                record[name] = values[0] if values else None
        yield record


class _ParquetShard:
    def __init__(self, path: str, about: dict):
        pa = _pyarrow()
        import pyarrow.parquet as pq

        widths = {code: int(np.prod(about[code])) for code in _CODES}
        schema = pa.schema(
            {
                "source": pa.string(),
                **dict.fromkeys(("number", "clips"), pa.int64()),
                **dict.fromkeys(("subject", "action", "view"), pa.string()),
                "rate": pa.float32(),
                "frames": pa.int64(),
                **{code: pa.list_(pa.list_(pa.float32(), width)) for code, width in widths.items()},
            },
            metadata={"tfpose": json.dumps(about)},
        )
        # Codes neither repeat nor compress.
        options = {"compression": "none", "use_dictionary": ["subject", "action", "view"]}
        self._file = pq.ParquetWriter(path, schema, **options, write_page_checksum=True)
        self._schema, self._widths, self._rows = schema, widths, []

    def write(self, clip: ClipCodes):
        self._rows.append(_record(clip))
        if len(self._rows) == _ROWS_AT_ONCE:
            self._flush()

    def close(self):
        if self._rows:
            self._flush()
        self._file.close()

    def _flush(self):
        pa = _pyarrow()

        def column(field):
            values = [row[field.name] for row in self._rows]
            if field.name not in _CODES:
                return pa.array(values, field.type)
            ends = np.cumsum([0, *map(len, values)], dtype=np.int32)
            frames = pa.FixedSizeListArray.from_arrays(np.concatenate(values).ravel(), self._widths[field.name])
            return pa.ListArray.from_arrays(ends, frames)

        self._file.write_table(pa.Table.from_arrays([column(field) for field in self._schema], schema=self._schema))
        self._rows = []


def _read_parquet(path: pathlib.Path) -> Iterator[dict]:
    _pyarrow()
    import pyarrow.parquet as pq

    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE):
            for row in range(len(batch)):
                values = {name: batch.column(name)[row] for name in batch.schema.names}
                yield {
                    name: value.values.flatten().to_numpy() if name in _CODES else value.as_py()
                    for name, value in values.items()
                }


def _record(clip: ClipCodes) -> dict:
    """The fields of a record, in their order."""
    record = {field.name: getattr(clip, field.name) for field in dataclasses.fields(clip)}
    codes = {code: record.pop(code) for code in _CODES}
    return {**record, "frames": len(clip), **codes}


def _pyarrow():
    try:
        import pyarrow
    except ImportError as error:
        raise TfposeError("Parquet needs pyarrow, which is not installed; run: pip install pyarrow") from error
    return pyarrow
