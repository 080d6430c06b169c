"""What a lifter makes of images that follow each other: clips of estimates beside their truth."""

from __future__ import annotations

import numpy as np

from tfpose.datasets.lifting import LiftingPairs
from tfpose.datasets.motion_set import MotionSet
from tfpose.geometry.centre import about_root
from tfpose.models.calls import batched
from tfpose.models.pose_lifter import Lifter

RATE = 10.0
"""Frames per second of the copy of Human3.6M that `tfpose.datasets.lifting` reads."""


def of_pairs(lifter: Lifter, pairs: LiftingPairs) -> MotionSet:
    """One clip for each recording of a camera: the truth, and as `observed` the lifter's estimates; about the roots."""
    starts = np.cumsum(pairs.lengths)[:-1]
    truth = about_root(pairs.joints_3d, pairs.skeleton)
    return MotionSet(
        pairs.name,
        tuple(np.split(truth, starts)),
        RATE,
        pairs.skeleton,
        lineage=pairs.lineage,
        observed=tuple(np.split(batched(lifter)(pairs.joints_2d), starts)),
    )
