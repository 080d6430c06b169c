"""A pose model inside another model."""

from __future__ import annotations

from collections.abc import Mapping

from tfpose.models.pose_autoencoder import PoseAutoencoder


def frozen_copy(source: PoseAutoencoder | Mapping, **changes) -> PoseAutoencoder:
    """A copy that does not learn, because the caller's own may still be learning.

    Args:
        source: a model, whose weights are copied when it is built; or the config of one. (Asking a model for its config
            imports TensorFlow, whatever Keras runs on.)
        changes: of its config, such as `name`.
    """
    given = isinstance(source, PoseAutoencoder)
    # Built as one that learns: freezing is of the layers and variables that there are, where it is a change.
    config = source.get_config() if given else source
    copy = PoseAutoencoder.from_config({**config, "trainable": True, **changes})
    copy.build()
    copy.trainable = False
    if given and source.built:
        copy.set_weights(source.get_weights())
    return copy
