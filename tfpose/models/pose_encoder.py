"""Pose in, pose code and view code out."""

from __future__ import annotations

import keras
from keras import ops

from tfpose.layers import SeBiReNet, ViewCodeHead
from tfpose.layers.static import by_rows
from tfpose.skeleton import Skeleton


@keras.saving.register_keras_serializable("tfpose")
class PoseEncoder(keras.Model):
    """Splits a normalised pose into what the body does and where it is seen from (Sec. 3.1 and Fig. 2).

    One SeBiReNet is shared by both codes, so that they affect each other through it.

    Args:
        skeleton: the joints (a `Skeleton`, or its `to_dict`).
        units: hidden size of the network's nodes.
        code_size: z: the pose code is `[B, J, z]`, the view code `[B, z, z]`.
        orthogonal: whether the view code is orthogonal by construction (see `ViewCodeHead`).
        network: further arguments of `SeBiReNet`.
        disentangled: whether there is a view code; without, it is the identity and the pose code holds everything,
            which is the plain denoising autoencoder of eq. 1.

    Call arguments:
        poses: `[B, J, 3]`, normalised (`PoseAutoencoder.encode` takes metres).

    Returns:
        `(pose_code [B, J, z], view_code [B, z, z])`.
    """

    def __init__(self, skeleton, units=32, code_size=16, orthogonal=False, network=None, disentangled=True, **kwargs):
        super().__init__(**kwargs)
        self.skeleton = skeleton if isinstance(skeleton, Skeleton) else Skeleton.from_dict(skeleton)
        self.units = units
        self.code_size = code_size
        self.orthogonal = orthogonal
        self.disentangled = disentangled
        self.network_options = dict(network or {})
        self.network = SeBiReNet(self.skeleton, units, **self.network_options, name="network")
        self.pose_head = keras.layers.Dense(code_size, name="pose_head")
        self.view_head = ViewCodeHead(code_size, orthogonal, name="view_head") if disentangled else None

    def build(self, input_shape):
        self.network.build(input_shape)
        features = self.network.compute_output_shape(input_shape)
        self.pose_head.build(features)
        if self.disentangled:
            self.view_head.build(features)
        self.built = True

    def call(self, poses):
        features = self.network(poses)
        pose_code = by_rows(self.pose_head, features)
        if self.disentangled:
            return pose_code, self.view_head(features)
        identity = ops.eye(self.code_size, dtype=pose_code.dtype)
        return pose_code, identity + ops.zeros_like(pose_code[:, :1, :1])

    def get_config(self):
        return {
            **super().get_config(),
            "skeleton": self.skeleton.to_dict(),
            "units": self.units,
            "code_size": self.code_size,
            "orthogonal": self.orthogonal,
            "network": self.network_options,
            "disentangled": self.disentangled,
        }


def couple(pose_code, view_code):
    """The coupling of eq. 2: the matrix product `[B, J, z]`. With an orthogonal view code it keeps every distance."""
    return ops.matmul(pose_code, view_code)
