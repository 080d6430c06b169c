"""Keras layers, on `keras.ops` alone. TensorFlow and JAX are tested."""

from tfpose.layers.body_frame import BodyFrame
from tfpose.layers.clip_smoother import ClipSmoother
from tfpose.layers.gap_bridge import GapBridge
from tfpose.layers.joint_correction import JointCorrection
from tfpose.layers.joint_trust import JointTrust
from tfpose.layers.local_regression import LocalRegression
from tfpose.layers.pose_normalizer import PoseNormalizer
from tfpose.layers.ray_normalizer import RayNormalizer
from tfpose.layers.sebirenet import SeBiReNet
from tfpose.layers.sebirenet_over_time import SeBiReNetCell, SeBiReNetOverTime
from tfpose.layers.side_match import SideMatch
from tfpose.layers.temporal_convolutions import TemporalConvolutions
from tfpose.layers.tree_pass import TreePass
from tfpose.layers.view_code_head import ViewCodeHead

__all__ = [
    "BodyFrame",
    "ClipSmoother",
    "GapBridge",
    "JointCorrection",
    "JointTrust",
    "LocalRegression",
    "PoseNormalizer",
    "RayNormalizer",
    "SeBiReNet",
    "SeBiReNetCell",
    "SeBiReNetOverTime",
    "SideMatch",
    "TemporalConvolutions",
    "TreePass",
    "ViewCodeHead",
]
