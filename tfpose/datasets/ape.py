"""The drop labels of the APE denoising benchmark (SeBiReNet, sections 4.1 and 4.2).

`random_remove/remove{k}/{train,test}/APE_drop_{train,test}_label.json` is a nested list, group -> pose -> the k joints
that were moved, as numbers 0..16 of skeleton `paper17` (for k = 1 a bare number). Train has 35 groups of 300 poses,
test 14 of 200. The poses themselves (`APE_train.json`, ...) are not public and their layout is not documented, so
there is no reader for them.
"""

from __future__ import annotations

import json
import os
import pathlib

import numpy as np

from tfpose.errors import DataError
from tfpose.files import blame

JOINTS = 17
MOST_MOVED = 5


def label_path(folder: str | os.PathLike, k: int, split: str) -> pathlib.Path:
    """Where the labels of `k` moved joints lie below the benchmark's folder; `split` is "train" or "test"."""
    return pathlib.Path(folder) / "random_remove" / f"remove{k}" / split / f"APE_drop_{split}_label.json"


def read_file(path: str | os.PathLike) -> np.ndarray:
    """The moved joints of every pose: `[N, 17]` bool, groups one after the other, the same k in every row.

    Raises:
        DataError: when the file is not of this layout.
    """
    with blame(path, "an APE drop-label file: nested lists, group -> pose -> joint numbers"):
        labels = np.asarray(json.loads(pathlib.Path(path).read_text(encoding="utf-8")))
        if labels.dtype.kind != "i" or labels.ndim not in (2, 3) or not labels.size:
            raise DataError(
                f"{path}: expected joint numbers [groups, poses] or [groups, poses, k], "
                f"got {labels.dtype} {list(labels.shape)}"
            )
        if labels.min() < 0 or labels.max() >= JOINTS:
            raise DataError(f"{path}: expected joint numbers 0..{JOINTS - 1}, got {labels.min()}..{labels.max()}")
        labels = labels.reshape(labels.shape[0] * labels.shape[1], -1)
        moved = np.zeros((len(labels), JOINTS), bool)
        np.put_along_axis(moved, labels, True, axis=1)
        if (moved.sum(axis=1) != labels.shape[1]).any():
            raise DataError(f"{path}: pose {int(np.argmax(moved.sum(axis=1) != labels.shape[1]))} names a joint twice")
        return moved
