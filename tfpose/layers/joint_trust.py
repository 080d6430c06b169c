"""How far to trust each observed joint."""

from __future__ import annotations

import keras
from keras import ops

from tfpose.geometry.bones import bone_lengths, norm
from tfpose.skeleton import Skeleton


@keras.saving.register_keras_serializable("tfpose")
class JointTrust(keras.layers.Layer):
    """A learned trust per joint: how surely the observed joint is right.

    An autoencoder blurs the joints that were fine; a denoiser must leave them alone. A small MLP sees how far each
    joint is from its reconstruction and how the bones' lengths differ, none of which depends on the view.

    Args:
        skeleton: whose bones (a `Skeleton`, or its `to_dict`).
        units: width of the MLP.

    Call arguments:
        observed, reconstructed: `[B, J, 3]` in the network's unit.

    Returns:
        Logits `[B, J, 1]`; their sigmoid is the trust, 1 to keep the observed joint, 0 to take the reconstructed one.
    """

    def __init__(self, skeleton, units=128, **kwargs):
        super().__init__(**kwargs)
        self.skeleton = skeleton if isinstance(skeleton, Skeleton) else Skeleton.from_dict(skeleton)
        self.units = units
        self.hidden = keras.layers.Dense(units, activation="relu", name="hidden", dtype=self.dtype_policy)
        self.hidden2 = keras.layers.Dense(units, activation="relu", name="hidden2", dtype=self.dtype_policy)
        self.logits = keras.layers.Dense(len(self.skeleton), name="logits", dtype=self.dtype_policy)

    def build(self, observed_shape, reconstructed_shape=None):
        batch, joints = observed_shape[0], len(self.skeleton)
        self.hidden.build((batch, 2 * joints + 2 * (joints - 1)))
        self.hidden2.build((batch, self.units))
        self.logits.build((batch, self.units))
        self.built = True

    def call(self, observed, reconstructed):
        distance = norm(observed - reconstructed)
        observed_bones = bone_lengths(observed, self.skeleton)
        reconstructed_bones = bone_lengths(reconstructed, self.skeleton)
        # The saturating form tells 1 cm from 5 cm, the plain one 20 cm from 80 cm.
        features = [distance, distance / (distance + 0.1), observed_bones - reconstructed_bones, reconstructed_bones]
        logits = self.logits(self.hidden2(self.hidden(ops.concatenate(features, axis=-1))))
        return ops.reshape(logits, (-1, len(self.skeleton), 1))

    def get_config(self):
        return {**super().get_config(), "skeleton": self.skeleton.to_dict(), "units": self.units}
