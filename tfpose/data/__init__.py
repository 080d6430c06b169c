"""Skeleton data, real and synthetic: readers, protocols, poses to train on and to measure with. No TensorFlow here."""

from tfpose.data.axes import UPS
from tfpose.data.clip import Clip
from tfpose.data.clip_set import ClipSet
from tfpose.data.codes import ClipCodes, read_codes
from tfpose.data.pose_set import PoseSet
from tfpose.data.reading import FORMATS, read
from tfpose.data.splits import clips, poses

__all__ = ["FORMATS", "UPS", "Clip", "ClipCodes", "ClipSet", "PoseSet", "clips", "poses", "read", "read_codes"]
