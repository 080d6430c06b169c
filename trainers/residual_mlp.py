"""The residual MLP, a common baseline for lifting."""

from __future__ import annotations

import math

import keras
from keras import ops

from tfpose.models.pose_lifter import FEATURES, Lifter
from tfpose.skeleton import Skeleton


class HiddenLayer(keras.layers.Layer):
    """Dense, batch normalisation, ReLU, dropout: `[B, n]` -> `[B, units]`."""

    def __init__(self, units, dropout, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.dense = keras.layers.Dense(units, kernel_initializer="he_normal", name="dense")
        self.normalization = keras.layers.BatchNormalization(name="normalization")
        self.dropout = keras.layers.Dropout(dropout, name="dropout")

    def build(self, input_shape):
        self.dense.build(input_shape)
        self.normalization.build((*input_shape[:-1], self.units))
        self.built = True

    def call(self, values, training=None):
        values = ops.relu(self.normalization(self.dense(values), training=training))
        return self.dropout(values, training=training)


@keras.saving.register_keras_serializable("tfpose")
class ResidualMLPLifter(Lifter):
    """The residual MLP of Martinez et al.: a baseline without a skeleton, with the normalisation of `Lifter`.

    A `HiddenLayer`, residual blocks of two, and a linear read-out.

    Args:
        skeleton: the joints (a `Skeleton`, or its `to_dict`).
        units: width; the original's is 1024.
        blocks: residual blocks; the original has 2.
        dropout: the original has 0.5.
        scale: metres per unit of the network.

    Reference:
        Martinez, Hossain, Romero, Little: A simple yet effective baseline for 3d human pose estimation, ICCV 2017.
    """

    def __init__(self, skeleton, units=1024, blocks=2, dropout=0.0, scale=0.4, **kwargs):
        super().__init__(skeleton, scale, **kwargs)
        self.units = units
        self.blocks = blocks
        self.dropout = dropout
        # Attributes and not a list: TensorFlow's checkpoints do not look into Keras' lists.
        for number in range(1 + 2 * blocks):
            setattr(self, f"hidden_{number}", HiddenLayer(units, dropout, name=f"hidden_{number}"))
        self.readout = keras.layers.Dense(3 * len(self.skeleton), name="readout")

    @property
    def hidden(self) -> list[HiddenLayer]:
        """The hidden layers, in order."""
        return [getattr(self, f"hidden_{number}") for number in range(1 + 2 * self.blocks)]

    def build(self, input_shape=None):
        joints = len(self.skeleton)
        self.normalizer.build((None, joints, 2))
        width = joints * FEATURES
        for layer in self.hidden:
            layer.build((None, width))
            width = self.units
        self.readout.build((None, width))
        self.built = True

    def pose_of(self, features, training=None):
        """`[B, J, 6]` of the normaliser -> the pose `[B, J, 3]` in the network's unit, before the turned camera."""
        first, *others = self.hidden
        values = first(ops.reshape(features, (-1, features.shape[1] * features.shape[2])), training=training)
        for one, two in zip(others[::2], others[1::2]):
            values = values + two(one(values, training=training), training=training)
        return ops.reshape(self.readout(values), (-1, len(self.skeleton), 3))

    def get_config(self):
        return {**super().get_config(), "units": self.units, "blocks": self.blocks, "dropout": self.dropout}


def units_for(parameters: int, skeleton: Skeleton, blocks: int = 2) -> int:
    """The width that gives the baseline about this number of trainable parameters."""
    joints, layers = len(skeleton), 1 + 2 * blocks
    # 2 * blocks square matrices; each unit has the inputs' and the outputs' weights and 3 of each layer (bias, norm).
    square, linear, rest = 2 * blocks, joints * (FEATURES + 3) + 3 * layers, 3 * joints - parameters
    return max(round((math.sqrt(linear**2 - 4 * square * rest) - linear) / (2 * square)), 1)
