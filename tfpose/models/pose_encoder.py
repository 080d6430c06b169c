"""Pose in, pose code and view code out."""

from __future__ import annotations

import keras
from keras import ops

from tfpose.errors import TfposeError
from tfpose.layers import BodyFrame, SeBiReNet, ViewCodeHead
from tfpose.layers.static import by_rows
from tfpose.skeleton import Skeleton

VIEWS = ("frame", "free", "none")


@keras.saving.register_keras_serializable("tfpose")
class PoseEncoder(keras.Model):
    """Splits a normalised pose into what the body does and where it is seen from (Sec. 3.1 and Fig. 2).

    One SeBiReNet is shared by both codes, so that they affect each other through it.

    Args:
        skeleton: the joints (a `Skeleton`, or its `to_dict`).
        units: hidden size of the network's nodes.
        code_size: z: the pose code is `[B, J, z]`.
        view: where the view code comes from. "frame": the pose is encoded in the frame of its body, and the view code
            is the rotation back, `[B, 3, 3]` (see `BodyFrame`). "free": a matrix `[B, z, z]` read off the network's
            features (the paper's; see `ViewCodeHead`). "none": it is the identity `[B, z, z]` and the pose code holds
            everything, which is the plain denoising autoencoder of eq. 1.
        upright: of `BodyFrame`.
        orthogonal: of `ViewCodeHead`.
        network: further arguments of `SeBiReNet`.

    Call arguments:
        poses: `[B, J, 3]`, normalised (`PoseAutoencoder.encode` takes metres).
        observed: `[B, J, 1]`, 0 where a joint is missing; None for complete poses.

    Returns:
        `(pose_code [B, J, z], view_code)`.

    Raises:
        ValueError: for another `view`.
        SkeletonError: for view="frame" and a skeleton without mirror pairs.
    """

    def __init__(
        self,
        skeleton,
        units=32,
        code_size=16,
        view="frame",
        upright=True,
        orthogonal=False,
        network=None,
        **kwargs,
    ):
        super().__init__(**{"autocast": False, **kwargs})  # the layers cast what they take; the frame stays precise
        self.skeleton = skeleton if isinstance(skeleton, Skeleton) else Skeleton.from_dict(skeleton)
        if view not in VIEWS:
            raise TfposeError(f"view must be one of {', '.join(VIEWS)}, got '{view}'")
        self.units = units
        self.code_size = code_size
        self.view = view
        self.upright = upright
        self.orthogonal = orthogonal
        self.network_options = dict(network or {})
        self.network = SeBiReNet(self.skeleton, units, **self.network_options, name="network", dtype=self.dtype_policy)
        self.pose_head = keras.layers.Dense(code_size, name="pose_head", dtype=self.dtype_policy)
        in_frame = view == "frame"
        self.frame = BodyFrame(self.skeleton, upright, name="frame", dtype=self.variable_dtype) if in_frame else None
        self.view_head = (
            ViewCodeHead(code_size, orthogonal, name="view_head", dtype=self.dtype_policy) if view == "free" else None
        )

    def build(self, input_shape):
        self.network.build(input_shape)
        features = self.network.compute_output_shape(input_shape)
        self.pose_head.build(features)
        if self.frame is not None:
            self.frame.build(input_shape)
        if self.view_head is not None:
            self.view_head.build(features)
        self.built = True

    def call(self, poses, observed=None):
        if self.frame is not None:
            poses, view_code = self.frame(poses, observed)
        features = self.network(poses)
        pose_code = by_rows(self.pose_head, features)
        if self.frame is not None:
            return pose_code, view_code
        if self.view_head is not None:
            return pose_code, self.view_head(features)
        identity = ops.eye(self.code_size, dtype=pose_code.dtype)
        return pose_code, identity + ops.zeros_like(pose_code[:, :1, :1])

    def get_config(self):
        return {
            **super().get_config(),
            "skeleton": self.skeleton.to_dict(),
            "units": self.units,
            "code_size": self.code_size,
            "view": self.view,
            "upright": self.upright,
            "orthogonal": self.orthogonal,
            "network": self.network_options,
        }


def couple(values, view_code):
    """The coupling of eq. 2: the matrix product `[B, J, n]` of pose codes with free view codes (n = z), or of poses in
    the frame of their body with the rotations back (n = 3)."""
    return ops.matmul(values, view_code)
