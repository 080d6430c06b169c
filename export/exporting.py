"""Exports a model in several formats."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import tempfile
from collections.abc import Sequence

import keras
import numpy as np

from tfpose.errors import TfposeError
from tfpose.export.card import make_card
from tfpose.export.examples import example_inputs
from tfpose.export.files import refuse_existing
from tfpose.export.litert import export_litert
from tfpose.export.onnx import export_onnx
from tfpose.export.quantisation import PRECISIONS, quantise
from tfpose.export.saved_model import as_saved_model, export_saved_model
from tfpose.export.verify import require, verify
from tfpose.files import locked


@dataclasses.dataclass(frozen=True)
class LiteRT:
    """One of the LiteRT files of a model.

    Attributes:
        file: its name in the output directory.
        precision: a lower one than float32, a name in `PRECISIONS`.
        batch: the only batch size; None for any.
    """

    file: str
    precision: str | None = None
    batch: int | None = None


LITERT = {
    "litert": LiteRT("model.tflite"),
    "litert_float16": LiteRT("model_float16.tflite", "float16"),
    "litert_int8": LiteRT("model_int8.tflite", "int8"),
    "litert_full_int8": LiteRT("model_full_int8.tflite", "full_int8"),
    "litert_batch1": LiteRT("model_batch1.tflite", batch=1),
}
FORMATS = {"saved_model": "saved_model", **{name: variant.file for name, variant in LITERT.items()}, "onnx": "onnx"}
"""Format -> its name in the output directory."""


def export(
    model: keras.Model,
    out_dir: str | os.PathLike,
    formats: Sequence[str] = ("saved_model", "litert"),
    poses: np.ndarray | None = None,
    calibration: np.ndarray | None = None,
) -> dict[str, pathlib.Path]:
    """Writes `out_dir/saved_model/`, `out_dir/model.tflite` and other files of `FORMATS`.

    Args:
        model: what to export.
        out_dir: is made when it is missing.
        formats: which of `FORMATS`.
        poses: `[N, J, 3]` metres; when given, the artifacts are verified on them (see `tfpose.export.verify`).
        calibration: `[N, J, 3]` metres, complete; a few hundred real poses, other than `poses`, that "litert_full_int8"
            measures the ranges of activations on.

    Returns:
        Format -> path.

    Raises:
        DataError: when one of the paths exists or cannot be written, or another process exports to `out_dir`; when one
            exists, nothing was written.
        TfposeError: for an unknown format, a missing calibration, or a model that cannot be exported.
        VerificationError: when an artifact differs from the model; the artifacts stay, to be looked into.

    Examples:
        >>> export(model, "out", poses=some_poses)
        {'saved_model': PosixPath('out/saved_model'), 'litert': PosixPath('out/model.tflite')}
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown or not formats:
        raise TfposeError(f"no format {', '.join(unknown) or 'given'}; there are {', '.join(FORMATS)}")
    if calibration is None and needs_calibration(formats):
        raise TfposeError(f"{', '.join(needs_calibration(formats))} needs poses to calibrate with")
    paths = {name: pathlib.Path(out_dir, FORMATS[name]) for name in formats}
    with locked(out_dir):
        for path in paths.values():
            refuse_existing(path)
        quantised = [name for name in paths if name in LITERT and LITERT[name].precision]
        fixed = [name for name in paths if name in LITERT and LITERT[name].batch]
        if "saved_model" in paths:
            export_saved_model(model, paths["saved_model"])
        if "litert" in paths or quantised or "onnx" in paths:
            _convert(model, paths, quantised, calibration)
        for name in fixed:
            export_litert(model, paths[name], LITERT[name].batch)
    if poses is not None:
        require(verify(model, poses, paths.values()))
    return paths


def _convert(model, paths: dict[str, pathlib.Path], quantised: list[str], calibration):
    """Writes the files that are converted from one SavedModel of the layers as they are written."""
    with as_saved_model(model) as source, tempfile.TemporaryDirectory() as folder:
        if "litert" in paths or quantised:
            float32 = export_litert(source, paths.get("litert", pathlib.Path(folder, LITERT["litert"].file)))
        inputs = example_inputs(make_card(model), calibration) if needs_calibration(list(paths)) else None
        for name in quantised:
            quantise(float32, paths[name], PRECISIONS[LITERT[name].precision], inputs)
        if "onnx" in paths:
            export_onnx(source, paths["onnx"])


def needs_calibration(formats: Sequence[str]) -> list[str]:
    """Those of `formats` that `export` needs `calibration` for."""
    precisions = {name: PRECISIONS.get(variant.precision) for name, variant in LITERT.items()}
    return [name for name in formats if precisions.get(name) and precisions[name].calibrated]
