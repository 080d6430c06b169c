"""A folder that TF Serving serves."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
from collections.abc import Callable

import keras

from tfpose import sealing
from tfpose.errors import DataError, TfposeError
from tfpose.export.files import new_artifact, refuse_existing
from tfpose.export.saved_model import CARD, CHECKSUMS, export_saved_model
from tfpose.export.saved_model import check as check_saved_model
from tfpose.files import locked

NAME = "tfpose"
"""The default name of a model on a server."""


def export_serving(
    source: keras.Model | str | os.PathLike,
    out_dir: str | os.PathLike,
    name: str = NAME,
    version: int | None = None,
    check: Callable[[pathlib.Path], None] | None = None,
    compiled: bool = False,
    lite: bool = False,
) -> pathlib.Path:
    """Adds a version of a model to the package `out_dir`, which is made when it is missing.

    A server that watches the package sees `out_dir/name/version/` appear at once and whole: it is built under a hidden
    name, which TF Serving passes over, checked there, and renamed; all that a killed export leaves is that hidden
    directory. Then `models.config` calls the version canary (see `tfpose.export.serving.model_config`) and README.md
    describes it; other files of the package are written when they are missing, and stay as you tuned them. One export
    at a time: a second one is refused.

    Args:
        source: a model, or a directory that `export_saved_model` wrote.
        out_dir: the package; mounted at /models of a server.
        name: what the model is called there.
        version: its number; by default one more than the largest that is there.
        check: is given the version before anybody else sees it, and raises when it must not be served.
        compiled: of a model: whether XLA compiles the signatures, on a server with `--xla_cpu_compilation_enabled`, for
            a few batch sizes, all of them in the warm-up. What a server has in a package that is there already must be
            changed by hand; README.md says what.
        lite: of a model: whether the version has a `model.tflite` too, which a server with `--prefer_tflite_model` runs
            instead (see `tfpose.export.serving.lite`). The warm-up then has requests for its signatures alone.

    Returns:
        `out_dir/name/version`.

    Raises:
        DataError: when the version exists, `models.config` is damaged, `source` is no SavedModel of tfpose, another
            export is at work, or something cannot be written.
        TfposeError: for an impossible name or version, a model that cannot be exported, or without
            tensorflow-serving-api.
    """
    from tfpose.export.serving import model_config
    from tfpose.export.serving.lite import LITE, export_serving_lite
    from tfpose.export.serving.texts import write_texts
    from tfpose.export.serving.warmup import write_warmup

    if not re.fullmatch(r"[A-Za-z_][\w-]*", name, re.ASCII):
        raise TfposeError(f"model name '{name}': expected a letter, then letters, digits, '_' and '-'")
    if version is not None and version < 1:
        raise TfposeError(f"version {version}: expected 1 or more")
    if lite and not isinstance(source, keras.Model):
        raise TfposeError(f"{source}: {LITE} is made of a model, not of its SavedModel")
    out_dir = pathlib.Path(out_dir)
    with locked(out_dir):
        config = out_dir / model_config.MODELS_CONFIG
        model_config.read(config)  # before the long work
        taken = versions(out_dir / name)
        version = version or max(taken, default=0) + 1
        refuse_existing(taken.get(version, out_dir / name / str(version)))
        path = out_dir / name / str(version)
        with new_artifact(path) as unpublished:
            if isinstance(source, str | os.PathLike):
                _copy(pathlib.Path(source), unpublished)
            else:
                export_saved_model(source, unpublished, compiled=compiled)
            if lite:
                export_serving_lite(source, unpublished / LITE)
            write_warmup(unpublished, name)
            sealing.seal_folder(unpublished, CHECKSUMS)
            if check is not None:
                check(unpublished)
        model_config.announce(config, name, version)
        models = [model.name for model in model_config.read(config).model_config_list.config]
        write_texts(out_dir, path, {model: versions(out_dir / model) for model in models})
    return path


def versions(base: pathlib.Path) -> dict[int, pathlib.Path]:
    """The versions of a model that TF Serving would load: what has a number for a name."""
    names = [entry.name for entry in base.glob("*") if entry.name.isascii() and entry.name.isdecimal()]
    return {int(name): base / name for name in sorted(names, key=int)}


def _copy(source: pathlib.Path, target: pathlib.Path):
    if not (source / CARD).is_file():
        raise DataError(f"{source}: not a SavedModel of tfpose, it has no {CARD}")
    check_saved_model(source)
    shutil.copytree(source, target)
