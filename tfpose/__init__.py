"""tfpose: unsupervised 3D human pose representations for TensorFlow.

The names below are loaded when they are first used, so that `import tfpose` is quick and reading data or drawing
poses does not wait for TensorFlow.
"""

import importlib

import wrapt

__version__ = "0.2.0"

_HOMES = {
    "Clip": "tfpose.formats",
    "PoseAutoencoder": "tfpose.models",
    "PoseCodes": "tfpose.models",
    "PoseDecoder": "tfpose.models",
    "PoseEncoder": "tfpose.models",
    "SeBiReNet": "tfpose.layers",
    "Skeleton": "tfpose.skeleton",
    "TfposeError": "tfpose.errors",
    "load_model": "tfpose.models",
    "read": "tfpose.formats",
}

__all__ = [
    "Clip",
    "PoseAutoencoder",
    "PoseCodes",
    "PoseDecoder",
    "PoseEncoder",
    "SeBiReNet",
    "Skeleton",
    "TfposeError",
    "load_model",
    "read",
]


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module 'tfpose' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__():
    return __all__


# `keras.saving.load_model` finds the classes of models when Keras is there, whichever of the two is imported first.
wrapt.register_post_import_hook(lambda keras: importlib.import_module("tfpose.models"), "keras")
