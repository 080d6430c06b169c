"""Writes poses into a folder of shards, from which tfpose pretrain learns in bounded memory.

    tfpose shard my_clips/ --skeleton kinect20 --out shards/mine --shards 64
    tfpose shard synthetic --poses 20000000 --out shards/synthetic --shards 128
    tfpose pretrain --data shards/mine --workdir runs/mine

DATA is a data set by name, a file or folder of clips of your own, or 'synthetic' with any number of poses. Poses that
miss a joint are left out. One shard is held in memory at a time (a million poses of 17 joints are 0.2 GB). A shard
appears whole or not at all; the same command resumes where a stopped one ended.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from absl import flags

from tfpose.cli import common
from tfpose.datasets import splits
from tfpose.errors import DataError
from tfpose.formats import reading
from tfpose.formats.clip import Clip
from tfpose.skeleton import Skeleton


def define_flags(values: flags.FlagValues):
    common.define(values, *common.CLIPS, "data_dir", "model_skeleton")
    flags.DEFINE_string("out", None, "Folder for the shards.", values, required=True)
    flags.DEFINE_integer("shards", 16, "How many shards; at most as many as there are files.", 1, flag_values=values)
    flags.DEFINE_integer("poses", None, "synthetic: how many poses to make.", 1, flag_values=values)
    flags.DEFINE_integer("seed", 1, "synthetic with --poses: the random seed.", flag_values=values)


def run(values: flags.FlagValues, positional: list[str]):
    from tfpose.datasets import shards

    common.positional_count(positional, ("DATA",))
    (name,) = positional
    if values.poses and name != "synthetic":
        raise flags.Error("--poses needs the data set synthetic")
    skeleton = Skeleton.load(values.model_skeleton)
    make = _synthetic if values.poses else _data_set if splits.known(name) else _files
    options = {"skeleton": skeleton, "shards": values.shards, **make(values, name, skeleton)}
    made = shards.write(values.out, progress=True, **options)
    print(f"{len(made):,} poses of {made.name} in {len(made.shards)} shards: {values.out}")


def _synthetic(values, name: str, skeleton: Skeleton) -> dict:
    from tfpose.datasets import synthetic

    def clips_of(shard: int) -> Iterable[Clip]:
        # Every shard has a seed of its own, so that it can be made without the others.
        share = values.poses // values.shards + (shard < values.poses % values.shards)
        return synthetic.poses(share, seed=(values.seed, shard))

    return {
        "clips_of": clips_of,
        "name": "synthetic",
        "source": f"{values.poses} poses, seed {values.seed}",
        "lineage": splits.SYNTHETIC_LINEAGE,
    }


def _data_set(values, name: str, skeleton: Skeleton) -> dict:
    from tfpose.formats import tfrecords

    poses = splits.poses(name, "train", values.data_dir, skeleton)
    if poses.moved is not None:
        raise DataError(f"{name}: shards cannot hold the joints that its protocol moves; train it from memory")
    starts = range(0, len(poses), tfrecords.CHUNK)

    def clips_of(shard: int) -> Iterable[Clip]:
        for start in starts[shard :: values.shards]:
            yield Clip(poses.positions[start : start + tfrecords.CHUNK], skeleton, source=f"{name} from {start}")

    return {"clips_of": clips_of, "name": poses.name, "source": poses.checksum, "lineage": poses.lineage}


def _files(values, name: str, skeleton: Skeleton) -> dict:
    files = reading.files(common.existing(name), values.clip_format)
    shards = min(values.shards, len(files))
    listed = hashlib.sha256("\n".join(f"{file} {file.stat().st_size}" for file in files).encode())
    return {
        "clips_of": lambda shard: common.stream_clips(values, name, part=(shard, shards)),
        "shards": shards,
        "name": name,
        "source": f"{len(files)} files, {listed.hexdigest()[:16]}",
        "lineage": "the user's own clips",
    }
