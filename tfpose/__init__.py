"""tfpose: unsupervised 3D human pose representations for TensorFlow.

The names below are loaded when they are first used, so that `import tfpose` is quick and reading data or drawing
poses does not wait for TensorFlow.
"""

import importlib
import sys

__version__ = "0.2.0"

_HOMES = {
    "Clip": "tfpose.formats",
    "ClipDenoiser": "tfpose.models",
    "PoseAutoencoder": "tfpose.models",
    "PoseCodes": "tfpose.models",
    "PoseDecoder": "tfpose.models",
    "PoseEncoder": "tfpose.models",
    "SeBiReNet": "tfpose.layers",
    "Skeleton": "tfpose.skeleton",
    "TfposeError": "tfpose.errors",
    "load_model": "tfpose.models",
    "read": "tfpose.formats",
    "sample": "tfpose.formats.samples",
    "write": "tfpose.formats",
}

__all__ = [
    "Clip",
    "ClipDenoiser",
    "PoseAutoencoder",
    "PoseCodes",
    "PoseDecoder",
    "PoseEncoder",
    "SeBiReNet",
    "Skeleton",
    "TfposeError",
    "load_model",
    "read",
    "sample",
    "write",
]


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module 'tfpose' has no attribute '{name}'")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    if "keras" in sys.modules:
        importlib.import_module("tfpose.models")
    return value


def __dir__():
    return __all__


def _register_with_keras(keras):
    """Makes `keras.saving.load_model` find the classes of models, whichever of Keras and tfpose is imported first."""
    # A module of tfpose that is importing Keras just now is not complete enough for the models to be imported.
    if not {"tfpose.geometry", "tfpose.layers", "tfpose.losses", "tfpose.models"} & set(sys.modules):
        importlib.import_module("tfpose.models")


try:
    import wrapt
except ImportError:  # a small environment for `tfpose.lite`, without Keras
    pass
else:
    wrapt.register_post_import_hook(_register_with_keras, "keras")
