"""Codes in, pose out."""

from __future__ import annotations

import keras
from keras import ops

from tfpose.errors import TfposeError
from tfpose.layers import SeBiReNet
from tfpose.skeleton import Skeleton

KINDS = ("tree", "mlp")


@keras.saving.register_keras_serializable("tfpose")
class PoseDecoder(keras.Model):
    """Recovers the normalised pose from coupled codes (Fig. 2).

    Args:
        skeleton: the joints (a `Skeleton`, or its `to_dict`).
        kind: "tree" for a SeBiReNet with a linear read-out per joint (the full model), "mlp" for the three-layer MLP
            of the paper's Table 1.
        units: hidden size of the tree's nodes; the MLP's layers have `8 * units`.
        network: further arguments of `SeBiReNet`, for the tree.

    Call arguments:
        codes: `[B, J, z]`, the product of pose code and view code.

    Returns:
        `[B, J, 3]`, normalised.
    """

    def __init__(self, skeleton, kind="tree", units=32, network=None, **kwargs):
        super().__init__(**kwargs)
        if kind not in KINDS:
            raise TfposeError(f"kind must be one of {', '.join(KINDS)}, got '{kind}'")
        self.skeleton = skeleton if isinstance(skeleton, Skeleton) else Skeleton.from_dict(skeleton)
        self.kind = kind
        self.units = units
        self.network_options = dict(network or {})
        joints = len(self.skeleton)
        if kind == "tree":
            self.network = SeBiReNet(
                self.skeleton, units, **self.network_options, name="network", dtype=self.dtype_policy
            )
            self.readout = keras.layers.EinsumDense(
                "bjh,jhc->bjc", (joints, 3), bias_axes="jc", name="readout", dtype=self.dtype_policy
            )
        else:
            self.hidden = [
                keras.layers.Dense(8 * units, activation="tanh", name=f"hidden_{i}", dtype=self.dtype_policy)
                for i in (0, 1)
            ]
            self.readout = keras.layers.Dense(3 * joints, name="readout", dtype=self.dtype_policy)

    def build(self, input_shape):
        batch, joints, features = input_shape
        if self.kind == "tree":
            self.network.build(input_shape)
            self.readout.build(self.network.compute_output_shape(input_shape))
        else:
            width = joints * features
            for layer in self.hidden:
                layer.build((batch, width))
                width = layer.units
            self.readout.build((batch, width))
        self.built = True

    def call(self, codes):
        if self.kind == "tree":
            return self.readout(self.network(codes))
        values = ops.reshape(codes, (-1, codes.shape[1] * codes.shape[2]))
        for layer in self.hidden:
            values = layer(values)
        return ops.reshape(self.readout(values), (-1, len(self.skeleton), 3))

    def get_config(self):
        return {
            **super().get_config(),
            "skeleton": self.skeleton.to_dict(),
            "kind": self.kind,
            "units": self.units,
            "network": self.network_options,
        }
