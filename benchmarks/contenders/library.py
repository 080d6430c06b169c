"""The Keras model as Python code has it: called as in the README, or compiled by XLA."""

from __future__ import annotations

import tensorflow as tf

import tfpose
from contenders.task import Calls, Work


def make(work: Work, option: str) -> Calls:
    """`option` is "called" or "xla"."""
    method = getattr(tfpose.load_model(work.preset), work.kind)
    if option == "xla":
        method = tf.function(method, jit_compile=True, autograph=False)
    poses = work.poses()

    def call():
        return [part.numpy() for part in tf.nest.flatten(method(tf.constant(poses)))]

    return Calls(call)
