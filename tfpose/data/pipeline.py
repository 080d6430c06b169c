"""Batches of poses for training, as `tf.data`."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfpose.data.pose_set import PoseSet


def batches(poses: PoseSet, batch: int, seed: int, start: int = 0) -> tf.data.Dataset:
    """An endless stream of shuffled batches; every pose comes once an epoch.

    One element is a whole batch, gathered at once: nothing runs per pose. The batch of a step depends on `seed` and
    the step alone, so that a run resumed at `start` sees what the uninterrupted one would have seen.

    Args:
        poses: what to draw from; fewer poses than a batch are repeated.
        batch: poses per batch, always exactly so many.
        seed: of the shuffling.
        start: the step of the first batch.

    Returns:
        Elements `{"poses": [batch, J, 3] float32 metres}`, and `"moved": [batch, J] bool` when the set prescribes it.
    """
    arrays = {"poses": poses.positions}
    if poses.moved is not None:
        arrays["moved"] = poses.moved
    return batches_of(arrays, batch, seed, start)


def batches_of(arrays: dict[str, np.ndarray], batch: int, seed: int, start: int = 0) -> tf.data.Dataset:
    """`batches` of samples that are the rows of several arrays: elements `{name: [batch, ...]}`."""
    tensors = {name: tf.constant(values) for name, values in arrays.items()}
    count = len(next(iter(arrays.values())))

    def at(step):
        position = step * batch + tf.range(batch, dtype=tf.int64)
        epoch = tf.cast(position // count, tf.int32)
        # Stateless: the place of each pose in its epoch's order is computed, no shuffle buffer has to be restored.
        keys = tf.stack([tf.fill([batch], seed), epoch, tf.zeros([batch], tf.int32)], axis=1)
        # (The raw op: its wrapper `tf.random.experimental.index_shuffle` takes no seed per index.)
        index = tf.raw_ops.RandomIndexShuffle(index=position % count, seed=keys, max_index=tf.cast(count - 1, tf.int64))
        return {name: tf.gather(values, index) for name, values in tensors.items()}

    steps = tf.data.Dataset.counter(start, dtype=tf.int64)
    return steps.map(at, num_parallel_calls=1, deterministic=True).prefetch(4)
