"""What a model offers to programs without tfpose: the tf.functions, once, for every format."""

from __future__ import annotations

import tensorflow as tf

from tfpose.errors import TfposeError
from tfpose.models import PoseAutoencoder

DEFAULT = "serving_default"
"""What servers run when a request names no signature: another name of the first, `denoise`."""

METRES = ("joints", "view_from", "denoised", "transferred")
"""The inputs and outputs that are positions; the codes have no unit."""


def signatures(model: PoseAutoencoder) -> dict[str, tf.types.experimental.PolymorphicFunction]:
    """The signatures of a model by name; normalisation is inside, so that clients send and get metres.

    =================  ===========================  ==============================================
    signature          inputs                       outputs
    =================  ===========================  ==============================================
    `serving_default`  as `denoise`
    `denoise`          `joints` `[B, J, 3]`         `denoised` `[B, J, 3]`
    `encode`           `joints`                     `pose_code` `[B, J, z]`, `view_code` `[B, z, z]`
    `transfer_view`    `joints`, `view_from`        `transferred` `[B, J, 3]`
    =================  ===========================  ==============================================

    B is free. Positions are metres, y up, and a joint with a NaN is missing. No input has the name of an output:
    converters to other formats confuse the two.

    Raises:
        TfposeError: for a model that is no `PoseAutoencoder`.
    """
    if not isinstance(model, PoseAutoencoder):
        raise TfposeError(f"no signatures for a {type(model).__name__}; a PoseAutoencoder can be exported")

    def pose(name):
        return tf.TensorSpec([None, len(model.skeleton), 3], tf.float32, name=name)

    @tf.function(input_signature=[pose("joints")], autograph=False)
    def denoise(joints):
        return {"denoised": model.denoise(joints)}

    @tf.function(input_signature=[pose("joints")], autograph=False)
    def encode(joints):
        return model.encode(joints)

    @tf.function(input_signature=[pose("joints"), pose("view_from")], autograph=False)
    def transfer_view(joints, view_from):
        return {"transferred": model.transfer_view(joints, view_from)}

    return {DEFAULT: denoise, "denoise": denoise, "encode": encode, "transfer_view": transfer_view}
