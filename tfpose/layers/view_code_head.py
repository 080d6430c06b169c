"""The view code."""

from __future__ import annotations

import keras
from keras import ops

from tfpose.geometry.bones import norm


@keras.saving.register_keras_serializable("tfpose")
class ViewCodeHead(keras.layers.Layer):
    """A `z x z` matrix from the features of all joints, wanted orthogonal (Sec. 3.3, eq. 10).

    Args:
        size: z.
        orthogonal: False for a free matrix that eq. 10's loss pulls towards orthogonal (the paper); True for one that
            is orthogonal by construction (Gram-Schmidt on its rows), which needs no loss.

    Call arguments:
        features: `[B, J, n]`.

    Returns:
        `[B, z, z]`.
    """

    def __init__(self, size=16, orthogonal=False, **kwargs):
        super().__init__(**kwargs)
        self.size = size
        self.orthogonal = orthogonal
        self.dense = keras.layers.Dense(size * size, name="dense", dtype=self.dtype_policy)

    def build(self, input_shape):
        self.dense.build((input_shape[0], input_shape[1] * input_shape[2]))
        self.built = True

    def call(self, features):
        flat = ops.reshape(features, (-1, features.shape[1] * features.shape[2]))
        matrix = ops.reshape(self.dense(flat), (-1, self.size, self.size))
        return gram_schmidt(matrix) if self.orthogonal else matrix

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.size, self.size)

    def get_config(self):
        return {**super().get_config(), "size": self.size, "orthogonal": self.orthogonal}


def gram_schmidt(matrix):
    """Makes the rows of `[..., z, z]` orthonormal, one after the other (the stable form: project what is left).

    It runs twice: after one pass, rounding leaves the rows of an ill-conditioned matrix a few percent from orthogonal.
    """
    left = matrix + ops.eye(matrix.shape[-1], dtype=matrix.dtype)  # the identity keeps a zero matrix invertible
    for _ in range(2):
        rows = []
        for index in range(matrix.shape[-1]):
            row = left[..., index : index + 1, :]
            row = row / ops.maximum(norm(row)[..., None], 1e-6)
            rows.append(row)
            left = left - ops.matmul(left, ops.swapaxes(row, -1, -2)) * row
        left = ops.concatenate(rows, axis=-2)
    return left
