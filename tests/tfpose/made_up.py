"""Tiny clips and files of every format, made up here: no real data."""

import json
import pathlib

import numpy as np

from tfpose.formats import write
from tfpose.formats.clip import Clip
from tfpose.skeleton import Skeleton

PAIR = Skeleton("pair", ("a", "b"), (-1, 0), (("a", "b"),), about="two joints")


def numbered(first: int, count: int, **about) -> Clip:
    """Poses of `PAIR` that hold their own number in every coordinate."""
    positions = np.tile(np.arange(first, first + count, dtype=np.float32)[:, None, None], (1, 2, 3))
    return Clip(positions, PAIR, **about)


def write_nucla(folder: pathlib.Path, name: str = "a01_s02_e03_v01", frames: int = 4) -> pathlib.Path:
    positions = np.random.default_rng(1).normal(size=(frames, 20, 3)).round(4)
    path = folder / f"{name}.json"
    path.write_text(json.dumps({"file_name": name, "label": 1, "skeletons": positions.tolist()}))
    return path


def write_ntu(folder, name="S001C002P003R002A013", bodies=(("7",), ("7", "9"), ("9",), ()), state=2) -> pathlib.Path:
    """One tuple of body ids per frame; joint j of body b in frame t stands at (j, t, b)."""
    lines = [str(len(bodies))]
    for frame, seen in enumerate(bodies):
        lines.append(str(len(seen)))
        for body in seen:
            lines += [f"{body} 0 0 0 0 0 0 0.1 0.2 2", "25"]
            lines += [f"{joint} {frame} {body} 1 2 3 4 1 0 0 0 {state}" for joint in range(25)]
    path = folder / f"{name}.skeleton"
    path.write_text("\n".join(lines))
    return path


BVH = """HIERARCHY
ROOT hip
{
    OFFSET 1 2 3
    CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
    JOINT knee Left
    {
        OFFSET 0 -4 0
        CHANNELS 3 Yrotation Zrotation Xrotation
        JOINT ankle
        {
            OFFSET 0 -5 1
            CHANNELS 4 Xrotation Zposition Zrotation Yrotation
            End Site
            {
                OFFSET 0 0 1
            }
        }
    }
    JOINT chest
    {
        OFFSET 0 6 0
        CHANNELS 0
    }
}
MOTION
Frames: 2
Frame Time: 0.02
10 20 30 0 0 0 0 0 0 0 1 0 0
1 2 3 90 0 0 0 -90 0 0 7 0 0
"""


def write_bvh(folder, name="rig") -> pathlib.Path:
    path = folder / f"{name}.bvh"
    path.write_text(BVH)
    return path


def write_human36m(folder, sequences=None, key="positions_3d", name="data_3d_h36m") -> pathlib.Path:
    if sequences is None:
        sequences = {"S1": {"Walking 1": np.arange(2 * 32 * 3).reshape(2, 32, 3).astype(np.float32)}}
    path = folder / f"{name}.npz"
    np.savez_compressed(path, **{key: np.array(sequences, dtype=object)})
    return path


def write_array(folder, suffix=".npz", frames=3, skeleton="paper17") -> pathlib.Path:
    rig = Skeleton.load(skeleton)
    path = folder / f"poses{suffix}"
    write(path, Clip(np.random.default_rng(2).normal(size=(frames, len(rig), 3)), rig))
    return path


def write_tfrecord(folder, name="clips", frames=3) -> pathlib.Path:
    from tfpose.formats import tfrecords

    rig = Skeleton.load("paper17")
    clip = Clip(np.random.default_rng(2).normal(size=(frames, len(rig), 3)), rig, action="a")
    path = folder / f"{name}.tfrecord"
    tfrecords.write_file(path, [tfrecords.encode(clip)])
    return path


def write_labels(path: pathlib.Path, labels) -> pathlib.Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(labels))
    return path
