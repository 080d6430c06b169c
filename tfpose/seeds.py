"""Explicit randomness: a seed is two integers, as TensorFlow takes it, and is split, never used twice."""

from __future__ import annotations

import tensorflow as tf


def step_seed(stream: int, step) -> tf.Tensor:
    """The seed `[2]` (int32) of a step of a stream, such as a run's seed and its training step."""
    return tf.stack([tf.cast(stream, tf.int32), tf.cast(step, tf.int32)])


def split_seed(seed, count: int) -> list[tf.Tensor]:
    """`count` independent seeds made from one."""
    return tf.unstack(tf.random.split(seed, count), num=count)
