"""Made-up data sets of any size."""

import pathlib

import numpy as np

from tfpose.datasets import synthetic
from tfpose.formats import arrays
from tfpose.skeleton import Skeleton

LENGTHS = range(200, 401, 20)
"""Frames of the files, in turn."""


def write_clips(folder: pathlib.Path, poses: int):
    """About so many poses in files, in folders of 1,000."""
    skeleton = Skeleton.load("paper17")
    clips = [clip.to(skeleton).positions for clip in synthetic.clips(20, seed=0, frames=max(LENGTHS))]
    for number in range(max(1, round(poses / np.mean(LENGTHS)))):
        clip = clips[number % len(clips)][: LENGTHS[number % len(LENGTHS)]]
        arrays.write(folder / f"{number // 1000:03}" / f"{number:06}.npy", clip, skeleton)
