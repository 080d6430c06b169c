"""Data sets: splits and protocols, poses and clips to learn from and to measure with, and codes of clips."""

from tfpose.datasets.clip_set import ClipSet
from tfpose.datasets.codes import ClipCodes, read_codes
from tfpose.datasets.pose_set import PoseSet
from tfpose.datasets.splits import clips, poses

__all__ = ["ClipCodes", "ClipSet", "PoseSet", "clips", "poses", "read_codes"]
