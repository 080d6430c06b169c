"""Models from files."""

from __future__ import annotations

import hashlib
import os
import pathlib
import zipfile

import keras

from tfpose import presets
from tfpose.errors import DataError
from tfpose.files import atomic_write, blame
from tfpose.models.clip_denoiser import ClipDenoiser
from tfpose.models.pose_autoencoder import PoseAutoencoder


def load_model(path: str | os.PathLike, kind: type[keras.Model] | None = None, verify: bool = True):
    """A trained model: a preset by name, a `.keras` file, the working directory of a training that holds one, or the
    folder of a preset.

    Args:
        path: where it is.
        kind: the class that it has to be of, such as `PoseAutoencoder`; by default any of `tfpose.models`.
        verify: whether to compare the files with their checksums, which takes milliseconds.

    Raises:
        DataError: when there is no such model there; the message starts with the path.
    """
    if presets.is_preset(path):
        model = _of_preset(path, verify)
    else:
        path = pathlib.Path(path)
        file = path / "model.keras" if path.is_dir() else path
        if not file.is_file():
            raise DataError(
                f"{file}: no such file; expected a model saved by a training (model.keras) or a preset "
                f"({', '.join(presets.NAMES)})"
            )
        model, path = _of_file(file, verify), file
    if not (isinstance(model, kind) if kind else type(model).__module__.startswith("tfpose.")):
        expected = kind.__name__ if kind else "model of tfpose"
        raise DataError(f"{path}: holds a {type(model).__name__}, expected a {expected}")
    return model


_CLASSES = {kind.__name__: kind for kind in (ClipDenoiser, PoseAutoencoder)}
"""What presets are, by the name in their cards."""


def _of_preset(path, verify: bool) -> keras.Model:
    with blame(path, "a preset of this tfpose version"):
        preset = presets.read(path, verify)
        model = _CLASSES[preset.card["model"]].from_config({**preset.config, "origin": preset.origin})
        model.build()
        paths = model.weight_paths()
        if set(paths) != set(preset.weights):
            raise DataError(f"{path}: its weights are not those of its model; it was made by another tfpose version")
        model.set_weights([preset.weights[weight] for weight in paths])
        return model


def _of_file(file: pathlib.Path, verify: bool) -> keras.Model:
    if file.suffix in (".tflite", ".onnx"):
        raise DataError(f"{file}: is an exported file; give what it was made of: a preset, or the folder of a training")
    with blame(file, "a tfpose model, or damaged"):  # Keras raises many kinds for files that are not its own
        if verify:
            _check_archive(file)
        return keras.saving.load_model(file, compile=False)


def _check_archive(file: pathlib.Path):
    """Compares all that a .keras file holds with the zip archive's own checksums; Keras reads parts without them."""
    with zipfile.ZipFile(file) as archive:
        damaged = archive.testzip()
    if damaged:
        raise DataError(f"{damaged} in it differs from its checksum")


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
