"""Models from files."""

from __future__ import annotations

import hashlib
import os
import pathlib

import keras

from tfpose import presets
from tfpose.errors import DataError
from tfpose.files import atomic_write
from tfpose.models.pose_autoencoder import PoseAutoencoder


def load_model(path: str | os.PathLike, kind: type[keras.Model] = PoseAutoencoder):
    """A trained model: a preset by name, a `.keras` file, the working directory of a training that holds one, or the
    folder of a preset.

    Args:
        path: where it is.
        kind: the class that it has to be of, such as `keras.Model` for any; a preset is a `PoseAutoencoder`.

    Raises:
        DataError: when there is no such model there; the message starts with the path.
    """
    if issubclass(PoseAutoencoder, kind) and presets.is_preset(path):
        try:
            return PoseAutoencoder.from_preset(path)
        except DataError as error:
            if str(path) in str(error):
                raise
            raise DataError(f"{path}: {error}") from error
    path = pathlib.Path(path)
    file = path / "model.keras" if path.is_dir() else path
    if not file.is_file():
        raise DataError(
            f"{file}: no such file; expected a model saved by a training (model.keras) or a preset "
            f"({', '.join(presets.NAMES)})"
        )
    try:
        model = keras.saving.load_model(file, compile=False)
    except DataError as error:
        raise DataError(f"{file}: {error}") from error
    except Exception as error:  # Keras raises many kinds for files that are not its own
        reason = str(error).strip().split("\n", 1)[0][:200]
        raise DataError(f"{file}: not a tfpose model, or damaged ({type(error).__name__}: {reason})") from error
    if not isinstance(model, kind):
        raise DataError(f"{file}: holds a {type(model).__name__}, expected a {kind.__name__}")
    return model


def save_model(model: keras.Model, workdir: str | os.PathLike):
    """Saves `model` whole or not at all where `load_model(workdir)` finds it."""
    with atomic_write(pathlib.Path(workdir) / "model.keras") as unfinished:
        model.save(unfinished)


def weights_checksum(model: keras.Model) -> str:
    """The SHA-256 of a model's weights: the same in every file that they are written to unchanged."""
    digest = hashlib.sha256()
    for weights in model.get_weights():
        digest.update(weights.tobytes())
    return digest.hexdigest()
