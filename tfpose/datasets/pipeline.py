"""Shuffled batches for training, as `tf.data`."""

from __future__ import annotations

import numpy as np
import tensorflow as tf


def batches(arrays: dict[str, np.ndarray], batch: int, seed: int, start: int = 0) -> tf.data.Dataset:
    """An endless stream of shuffled batches of samples; every sample comes once an epoch.

    One element is a whole batch, gathered at once: nothing runs per sample. The batch of a step depends on `seed` and
    the step alone, so that a run resumed at `start` sees what the uninterrupted one would have seen.

    Args:
        arrays: name -> values `[N, ...]`; sample n is row n of each. Fewer samples than a batch are repeated.
        batch: samples per batch, always exactly so many.
        seed: of the shuffling.
        start: the step of the first batch.

    Returns:
        Elements `{name: [batch, ...]}`.
    """
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
