"""The bounds of all contenders: how fast TensorFlow multiplies matrices here, and computes sigmoids and tanhs."""

from __future__ import annotations

import flops
import tensorflow as tf

import tfpose
from contenders.task import Calls, Work

SIZE = 2048
"""Rows and columns of the large product."""


def make(work: Work, option: str) -> Calls:
    """`option`: "product": one large product; "products": those of the work; "functions": these, sigmoids and tanhs."""
    if option == "product":
        factors, arguments = [(tf.random.normal([SIZE, SIZE]), tf.random.normal([SIZE, SIZE]))], []
    else:
        model = tfpose.load_model(work.preset)
        shapes = flops.products(model, work.kind, work.batch)
        factors = [
            (tf.random.normal([count, rows, inner]), tf.random.normal([count, inner, columns]))
            for count, rows, inner, columns in shapes
        ]
        counts = flops.gates(model, work.kind, work.batch) if option == "functions" else ()
        arguments = [tf.random.normal([count]) for count in counts]

    @tf.function(autograph=False)
    def bound(factors, arguments):
        found = [tf.matmul(*pair) for pair in factors]
        found += [function(values) for function, values in zip((tf.sigmoid, tf.tanh), arguments)]
        return tf.stack([tf.reshape(values, [-1])[0] for values in found])[None]

    return Calls(lambda: [bound(factors, arguments).numpy()])
