"""Left and right, told by a reconstruction."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from tfpose.geometry.bones import norm
from tfpose.layers.static import exchange
from tfpose.skeleton import Skeleton


@keras.saving.register_keras_serializable("tfpose")
class SideMatch(keras.layers.Layer):
    """Exchanges the sides of observed limbs where the reconstruction has them the other way round.

    A tracker that takes the back for the front, or crosses the legs, gives the right places under the wrong names.
    Such joints need no reconstruction, only their names back. For each limb (mirrored joints that hang on the same
    pair) the distances to the reconstruction are compared as observed and exchanged; a learned threshold decides.

    Args:
        skeleton: says which joints are mirror images (a `Skeleton`, or its `to_dict`).

    Call arguments:
        observed, reconstructed: `[B, J, 3]` in the network's unit.
        is_observed: `[B, J, 1]`; a joint whose twin is missing stays as it is.

    Returns:
        The observed joints under the names that fit, `[B, J, 3]`.
    """

    def __init__(self, skeleton, **kwargs):
        super().__init__(**kwargs)
        self.skeleton = skeleton if isinstance(skeleton, Skeleton) else Skeleton.from_dict(skeleton)
        self.exchange = exchange(self.skeleton.mirror_joints)
        self.limbs = np.zeros((len(self.skeleton), len(self.skeleton)), "f")
        for limb in self.skeleton.limbs:
            self.limbs[np.ix_(limb, limb)] = 1.0

    def build(self, observed_shape, reconstructed_shape=None, is_observed_shape=None):
        # How steeply exchanging follows what it gains, and the gain that it must bring.
        self.steepness = self.add_weight(shape=(), initializer=keras.initializers.Constant(8.0), name="steepness")
        self.threshold = self.add_weight(shape=(), initializer=keras.initializers.Constant(0.5), name="threshold")
        self.built = True

    def call(self, observed, reconstructed, is_observed):
        exchange, limbs, steepness, threshold = (
            ops.cast(values, observed.dtype) for values in (self.exchange, self.limbs, self.steepness, self.threshold)
        )
        joints = len(self.skeleton)
        exchanged = ops.matmul(exchange, observed)
        both = is_observed * ops.matmul(exchange, is_observed)
        gain = norm(observed - reconstructed) - norm(exchanged - reconstructed)
        gain = gain * ops.reshape(both, (-1, joints))
        share = ops.sigmoid(steepness * (ops.matmul(gain, limbs) - threshold))
        return observed + ops.reshape(share, (-1, joints, 1)) * both * (exchanged - observed)

    def get_config(self):
        return {**super().get_config(), "skeleton": self.skeleton.to_dict()}
