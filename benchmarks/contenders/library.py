"""The Keras model: a public method called from plain Python, or from the caller's own `tf.function` with XLA."""

from __future__ import annotations

import tensorflow as tf

import tfpose
from contenders.task import Calls, Work


def make(work: Work, option: str) -> Calls:
    """`option` is "python" or "xla"."""
    method = getattr(tfpose.load_model(work.preset), work.kind)
    poses = work.poses()
    if option == "python":  # numpy arrays in and out
        return Calls(lambda: tf.nest.flatten(method(poses)))
    compiled = tf.function(method, jit_compile=True, autograph=False)
    return Calls(lambda: [part.numpy() for part in tf.nest.flatten(compiled(tf.constant(poses)))])
