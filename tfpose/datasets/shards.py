"""Poses in shards, for sets larger than memory: written once, streamed to a training in bounded memory.

A folder of shards `clips-00003-of-00016.tfrecord` (see `tfpose.formats.tfrecords`) has an `index.json`, which says what
the set is and what each shard holds, so that a training starts without looking into them. `write` leaves out poses
with a missing joint.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import pathlib
from collections.abc import Callable, Iterable

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from tfpose.datasets import checked
from tfpose.errors import DataError, SkeletonError
from tfpose.files import blame, locked, write_text
from tfpose.formats.clip import Clip
from tfpose.formats.tfrecords import CHUNK, encode, read_file, write_file
from tfpose.skeleton import Skeleton

INDEX = "index.json"
_GROUP = 2**15  # poses that are shuffled among each other: 512 chunks, mostly of as many clips
_OPEN = 16  # shards that are read at the same time
_MEND = "delete it and let tfpose shard make it again"


def write(
    folder: str | os.PathLike,
    clips_of: Callable[[int], Iterable[Clip]],
    *,
    name: str,
    skeleton: Skeleton,
    shards: int,
    source: str,
    lineage: str = "",
    chunk: int = CHUNK,
    progress: bool = False,
) -> PoseStream:
    """Writes the complete poses of clips into a folder of shards, one shard after another.

    One shard is held in memory at a time. A shard appears whole or not at all, and one that is there already is kept:
    what was stopped goes on. Within a shard the chunks of a clip stand as far apart as they can.

    Args:
        folder: where to.
        clips_of: the clips of the shard of that number, always the same ones; they are converted to `skeleton`.
        name: of the set, such as "cmu/train".
        skeleton: the joints of all poses.
        shards: how many.
        source: what tells this content from another under the same name, such as a checksum.
        lineage: what data this is, with the acknowledgement that its owner asks for.
        chunk: poses per record; the last one of a clip may be shorter.
        progress: whether to draw a progress bar.

    Raises:
        DataError: when the folder holds shards of something else, another process is writing there, a shard would have
            no pose, or cannot be written.
        SkeletonError: when the clips cannot be given in `skeleton`.
    """
    folder = pathlib.Path(folder)
    with locked(folder):
        _write(folder, clips_of, name, skeleton, shards, source, lineage, chunk, progress)
    return PoseStream.open(folder)


def _write(folder: pathlib.Path, clips_of, name, skeleton, shards, source, lineage, chunk, progress):
    about = {"name": name, "source": source, "skeleton": skeleton.to_dict(), "lineage": lineage, "chunk": chunk}
    index = {"about": json.loads(json.dumps(about)), "of": shards, "shards": {}}
    if (folder / INDEX).exists():
        former = _read_index(folder)
        if (former["about"], former["of"]) != (index["about"], index["of"]):
            raise DataError(f"{folder}: holds other shards than these (see {INDEX}); choose another folder")
        index = former
    for unfinished in folder.glob(".clips-*.tfrecord"):  # of a run that was killed
        unfinished.unlink()
    for number in tqdm(range(shards), unit="shard", disable=not progress, dynamic_ncols=True):
        path = folder / f"clips-{number:05d}-of-{shards:05d}.tfrecord"
        facts = index["shards"].get(path.name)
        if facts and path.exists() and path.stat().st_size == facts["bytes"]:
            continue
        records, poses = _records(clips_of(number), skeleton, chunk, number)
        if not records:
            raise DataError(f"{path}: there are not enough clips for {shards} shards; make fewer")
        write_file(path, records)
        index["shards"][path.name] = {
            "poses": poses,
            "records": len(records),
            "bytes": path.stat().st_size,
            "sha256": hashlib.sha256(b"".join(records)).hexdigest(),
        }
        write_text(folder / INDEX, json.dumps(index, indent=1) + "\n")


def _records(clips: Iterable[Clip], skeleton: Skeleton, chunk: int, seed: int) -> tuple[list[bytes], int]:
    """The records of a shard in their order, and how many poses they hold."""
    rng = np.random.default_rng(seed)
    places, records, poses = [], [], 0
    for clip in clips:
        clip = clip.to(skeleton)
        complete = clip.positions[~clip.missing.any(axis=1)]
        parts = [complete[at : at + chunk] for at in range(0, len(complete), chunk)]
        for number, part in enumerate(parts):
            records.append(encode(dataclasses.replace(clip, positions=part), number))
        # Evenly over the shard, from a place of the clip's own on.
        places.extend((np.arange(len(parts)) + rng.random()) / max(len(parts), 1))
        poses += len(complete)
    return [records[at] for at in np.argsort(places, kind="stable")], poses


def is_folder(path: str | os.PathLike) -> bool:
    """Whether `write` has made this folder."""
    folder = pathlib.Path(path)
    return (folder / INDEX).is_file() and any(folder.glob("clips-*.tfrecord"))


def shards_of(path: str | os.PathLike) -> list[pathlib.Path]:
    """The shards of a folder that `write` has made, in their order.

    Raises:
        DataError: when the index is damaged.
    """
    folder = pathlib.Path(path)
    return [folder / name for name in sorted(_read_index(folder)["shards"])]


def _read_index(folder: pathlib.Path) -> dict:
    path = folder / INDEX
    with blame(path, "an index of shards, as `tfpose shard` writes it"):
        index = json.loads(path.read_text(encoding="utf-8"))
        wanted = {"poses": int, "records": int, "bytes": int, "sha256": str}
        for facts in index["shards"].values():
            if {name: type(value) for name, value in facts.items()} != wanted:
                raise DataError(f"{path}: not an index of shards: expected {', '.join(wanted)} of each shard")
        return {"about": dict(index["about"]), "of": int(index["of"]), "shards": dict(index["shards"])}


@dataclasses.dataclass(frozen=True, eq=False)
class PoseStream:
    """The poses of a folder of shards, read as they are needed; for a training the same as a `PoseSet`.

    Args:
        folder: of `write`.
        name: set and split, such as "cmu/train".
        skeleton: what the J joints are.
        lineage: what data this is.
        chunk: poses per record.
        shards: file name -> number of "poses" and "records", size in "bytes", and "sha256" of its records.
    """

    folder: pathlib.Path
    name: str
    skeleton: Skeleton
    lineage: str
    chunk: int
    shards: dict[str, dict]

    @classmethod
    def open(cls, folder: str | os.PathLike, skeleton: Skeleton | None = None) -> PoseStream:
        """What `write` has written, without reading it.

        Args:
            folder: of `write`.
            skeleton: what the poses must be in; None takes any.

        Raises:
            DataError: when shards are missing, too short, or not all written yet.
            SkeletonError: when the poses are in another skeleton.
        """
        folder = pathlib.Path(folder)
        index = _read_index(folder)
        with blame(folder / INDEX, "an index of shards"):
            about = index["about"]
            found = cls(
                folder,
                about["name"],
                Skeleton.from_dict(about["skeleton"]),
                about["lineage"],
                about["chunk"],
                dict(sorted(index["shards"].items())),
            )
        if len(found.shards) != index["of"]:
            raise DataError(f"{folder}: has {len(found.shards)} of {index['of']} shards; let tfpose shard finish it")
        for name, facts in found.shards.items():
            path = folder / name
            size = path.stat().st_size if path.exists() else "none"
            if size != facts["bytes"]:
                raise DataError(f"{path}: expected {facts['bytes']} bytes, got {size}; {_MEND}")
        if skeleton is not None and skeleton.joints != found.skeleton.joints:
            raise SkeletonError(
                f"{folder}: these shards are of skeleton '{found.skeleton.name}', not of '{skeleton.name}'; make them "
                f"again with --model_skeleton {skeleton.name}, or train on that skeleton"
            )
        return found

    def __len__(self) -> int:
        return sum(facts["poses"] for facts in self.shards.values())

    @property
    def checksum(self) -> str:
        """The first 16 hex digits of the SHA-256 of joint names and shards; not that of a `PoseSet` of these poses."""
        return checked.checksum(self.skeleton.joints, ",".join(facts["sha256"] for facts in self.shards.values()))

    def batches(self, batch: int, seed: int, start: int = 0) -> tf.data.Dataset:
        """An endless stream of shuffled batches; every pose comes once an epoch.

        Each epoch opens the shards in another order, several at a time, each from another record on; groups of about
        2**15 poses of that stream are shuffled among each other and cut into batches. A batch that an epoch's last
        poses do not fill goes on with the next epoch's first ones: nothing is dropped, no batch is shorter. The batch
        of a step depends on `seed` and the step alone; a stream that starts within an epoch reads what comes before.

        Args:
            batch: poses per batch, always exactly so many; a smaller set is repeated.
            seed: of the shuffling.
            start: the step of the first batch.

        Returns:
            Elements `{"poses": [batch, J, 3] float32 metres}`. A damaged shard raises `tf.errors.DataLossError` when it
            is reached; `damage` says which one it is.
        """
        first, skipped = divmod(start * batch, len(self))
        poses = tf.data.Dataset.counter(first, dtype=tf.int64).flat_map(lambda epoch: self._epoch(epoch, seed))
        if skipped:
            poses = poses.scan(tf.constant(skipped, tf.int64), _drop).filter(lambda group: tf.shape(group)[0] > 0)
        poses = poses.prefetch(1).rebatch(batch, drop_remainder=True)
        return poses.map(lambda some: {"poses": some}).prefetch(4)

    def _epoch(self, epoch, seed: int) -> tf.data.Dataset:
        """One epoch's groups of poses `[about 2**15, J, 3]`."""
        epoch = tf.cast(epoch, tf.int32)
        paths = tf.constant([str(self.folder / name) for name in self.shards])
        sizes = tf.constant([facts["records"] for facts in self.shards.values()], tf.float32)
        turns = tf.cast(sizes * tf.random.stateless_uniform([len(self.shards)], tf.stack([seed, epoch])), tf.int64)
        order = _permutation(len(self.shards), tf.stack([seed, epoch, -1]))

        def from_within(path, turn):
            records = tf.data.TFRecordDataset(path)
            return records.skip(turn).concatenate(records.take(turn))

        records = tf.data.Dataset.from_tensor_slices((tf.gather(paths, order), tf.gather(turns, order)))
        records = records.interleave(from_within, cycle_length=min(_OPEN, len(self.shards)), block_length=1)

        def shuffled(group, records):
            poses = self._poses(records)
            return tf.gather(poses, _permutation(tf.shape(poses)[0], tf.stack([seed, epoch, tf.cast(group, tf.int32)])))

        return records.batch(max(_GROUP // self.chunk, 1)).enumerate().map(shuffled)

    def _poses(self, records):
        """All poses of some records, `[N, J, 3]`."""
        parts = tf.io.parse_example(records, {"positions": tf.io.FixedLenFeature([], tf.string)})["positions"]
        return tf.reshape(tf.io.decode_raw(tf.strings.reduce_join(parts), tf.float32), [-1, len(self.skeleton), 3])

    def damage(self) -> DataError:
        """The error to raise when the stream has failed: reads all shards and names the first damaged one."""
        for name in self.shards:
            try:
                read_file(self.folder / name)
            except DataError as error:
                return DataError(f"{error}; {_MEND}")
        return DataError(f"{self.folder}: could not be read, but its shards are whole now; start again")


def _permutation(count, seed):
    """The numbers below `count` in an order that three integers decide."""
    count = tf.cast(count, tf.int64)
    # (The raw op: its wrapper takes seeds of two integers.)
    return tf.raw_ops.RandomIndexShuffle(index=tf.range(count), seed=seed, max_index=count - 1)


def _drop(left, group):
    """Drops the remaining poses to skip from the front of a group."""
    dropped = tf.minimum(left, tf.cast(tf.shape(group)[0], tf.int64))
    return left - dropped, group[dropped:]
