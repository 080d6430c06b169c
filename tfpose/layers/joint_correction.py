"""What the trusted joints say about the others."""

from __future__ import annotations

import keras
from keras import ops

from tfpose.skeleton import Skeleton


@keras.saving.register_keras_serializable("tfpose")
class JointCorrection(keras.layers.Layer):
    """Moves a reconstruction by what its error at the trusted joints tells of its error at the others.

    The codes lose details of a body or a rig, which causes errors that neighbouring joints share. An MLP over the whole
    pose carries them from the joints that can be trusted to those that cannot. It starts as no correction.

    Args:
        skeleton: whose joints (a `Skeleton`, or its `to_dict`).
        units: width of the MLP.

    Call arguments:
        trust: `[B, J, 1]`, 0 to 1.
        observed, reconstructed: `[B, J, 3]` in the network's unit.

    Returns:
        The corrected reconstruction `[B, J, 3]`.
    """

    def __init__(self, skeleton, units=256, **kwargs):
        super().__init__(**kwargs)
        self.skeleton = skeleton if isinstance(skeleton, Skeleton) else Skeleton.from_dict(skeleton)
        self.units = units
        self.hidden = keras.layers.Dense(units, activation="relu", name="hidden", dtype=self.dtype_policy)
        self.hidden2 = keras.layers.Dense(units, activation="relu", name="hidden2", dtype=self.dtype_policy)
        self.offsets = keras.layers.Dense(
            3 * len(self.skeleton), kernel_initializer="zeros", name="offsets", dtype=self.dtype_policy
        )

    def build(self, trust_shape, observed_shape=None, reconstructed_shape=None):
        batch, joints = trust_shape[0], len(self.skeleton)
        self.hidden.build((batch, 7 * joints))
        self.hidden2.build((batch, self.units))
        self.offsets.build((batch, self.units))
        self.built = True

    def call(self, trust, observed, reconstructed):
        joints = len(self.skeleton)
        known = [trust, trust * (observed - reconstructed), reconstructed]
        features = ops.reshape(ops.concatenate(known, axis=-1), (-1, 7 * joints))
        return reconstructed + ops.reshape(self.offsets(self.hidden2(self.hidden(features))), (-1, joints, 3))

    def get_config(self):
        return {**super().get_config(), "skeleton": self.skeleton.to_dict(), "units": self.units}
