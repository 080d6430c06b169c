"""Annotations of pyskl (`.pkl`): many clips of 3D skeletons in one pickle.

A dict with `annotations`, or the list of them: each with `keypoint` `[M, T, V, 3]` of M people, `frame_dir` (its name)
and `label`.
"""

from __future__ import annotations

import os
import pathlib

import numpy as np

from tfpose.errors import DataError
from tfpose.files import blame
from tfpose.formats import pickles
from tfpose.formats.clip import Clip
from tfpose.formats.recording import USUAL, Options, Recording


def read_file(path: str | os.PathLike, options: Options = USUAL) -> list[Clip]:
    """A clip for each person of each annotation. Nothing in the pickle is run.

    Raises:
        DataError: when the file is not of this layout, or of 2D skeletons.
    """
    path = pathlib.Path(path)
    with blame(path, "a pickle of pyskl with annotations of 'keypoint' [M, T, V, 3]"):
        with path.open("rb") as file:
            content = pickles.load(file)
        annotations = content.get("annotations") if isinstance(content, dict) else content
        if not isinstance(annotations, list) or not annotations:
            raise DataError(f"{path}: has no list of 'annotations'")
        return [clip for annotation in annotations for clip in _clips(path, annotation, options)]


def _clips(path: pathlib.Path, annotation, options: Options) -> list[Clip]:
    name = str(annotation["frame_dir"])
    keypoint = np.asarray(annotation["keypoint"], np.float64)
    if keypoint.ndim != 4 or keypoint.shape[-1] != 3:
        raise DataError(f"{path}: {name}: expected 3D keypoints [M, T, V, 3], got {list(keypoint.shape)}")
    return [
        Recording(
            "pyskl", person, f"{path}: {name}", usual_up="y", about={"action": str(annotation.get("label", ""))}
        ).clip(options)
        for person in keypoint
        if person.any()
    ]
