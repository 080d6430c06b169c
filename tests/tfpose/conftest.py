"""Poses that the tests of the library share."""

import numpy as np
import pytest

from tfpose.skeleton import Skeleton

_STANDING = {  # metres, y up, facing +z, so the left side is at +x
    "spine_base": (0.00, 0.95, 0.00),
    "spine_mid": (0.00, 1.18, -0.01),
    "spine_shoulder": (0.00, 1.42, -0.02),
    "neck": (0.00, 1.50, -0.01),
    "head": (0.00, 1.65, 0.02),
    "shoulder_left": (0.18, 1.40, -0.02),
    "elbow_left": (0.24, 1.13, -0.05),
    "wrist_left": (0.27, 0.89, 0.05),
    "shoulder_right": (-0.18, 1.40, -0.02),
    "elbow_right": (-0.24, 1.13, -0.05),
    "wrist_right": (-0.27, 0.89, 0.05),
    "hip_left": (0.10, 0.91, 0.00),
    "knee_left": (0.12, 0.50, 0.03),
    "ankle_left": (0.13, 0.09, -0.02),
    "hip_right": (-0.10, 0.91, 0.00),
    "knee_right": (-0.12, 0.50, 0.03),
    "ankle_right": (-0.13, 0.09, -0.02),
}


@pytest.fixture
def paper17() -> Skeleton:
    return Skeleton.load("paper17")


@pytest.fixture
def standing_pose(paper17) -> np.ndarray:
    """A person standing upright, arms hanging: float32 `[17, 3]` in the order of `paper17`."""
    return np.array([_STANDING[joint] for joint in paper17.joints], np.float32)


@pytest.fixture
def same_draws(monkeypatch):
    """Makes floats of the integers drawn, so that XLA and eager see the same ones.

    TensorFlow turns the same random bits into other floats under XLA, and reads negative seeds differently there: its
    own draws have the same distribution, but not the same values.
    """
    import tensorflow as tf

    integers, split = tf.random.stateless_uniform, tf.random.split

    def uniform(shape, seed, minval=0.0, maxval=1.0, dtype=tf.float32):
        if tf.as_dtype(dtype).is_integer:
            return integers(shape, seed, minval, maxval, dtype)
        unit = (tf.cast(integers(shape, seed, 0, 2**24, tf.int32), tf.float32) + 0.5) * 2.0**-24
        return minval + (maxval - minval) * unit

    def normal(shape, seed):
        return 2**0.5 * tf.math.erfinv(uniform(shape, seed, -0.999, 0.999))

    monkeypatch.setattr(tf.random, "split", lambda seed, num: tf.bitwise.bitwise_and(split(seed, num), 0x7FFFFFFF))
    monkeypatch.setattr(tf.random, "stateless_uniform", uniform)
    monkeypatch.setattr(tf.random, "stateless_normal", normal)
