"""The evaluators: a module for each, with one interface. `tfpose evaluate` runs them, some trainings their `summary`.

An evaluator is a module with

    OPTIONS: the names of the flags of `tfpose evaluate` that its `measure` takes
    load(name, data_dir, skeleton) -> data with `name`, `checksum` and `lineage`
    measure(model, data, seed, **options) -> nested dict of numbers, the same for the same seed
    markdown(report) -> the tables of what `over_seeds` returns

and, where it makes sense,

    MODEL: the class that it measures in place of `PoseAutoencoder`
    of_clips(name, clips, skeleton): for the user's own files, in place of `load`
    draw(path, model, data, seed): a picture
    summary(model, data) -> a few of the numbers of `measure`, quickly: for the progress bar of a training and
        TensorBoard. It belongs to evaluators that trainings use.
"""

from __future__ import annotations

import importlib
import pathlib
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from tfpose.datasets import splits

_NO_EVALUATORS = ("__init__", "baselines", "filters")
NAMES = tuple(
    sorted(file.stem for file in pathlib.Path(__file__).parent.glob("*.py") if file.stem not in _NO_EVALUATORS)
)


def get(name: str):
    """The evaluator of that name, a module."""
    return importlib.import_module(f"{__name__}.{name}")


def load(evaluator, name: str, data_dir, skeleton, read_clips: Callable):
    """The data that an evaluator measures on: a set by name, or the clips that `read_clips(name)` returns.

    Raises:
        DataError: when there is no such data, or the evaluator does not take clips of the user's own.
    """
    if splits.known(name) or not hasattr(evaluator, "of_clips"):
        return evaluator.load(name, data_dir, skeleton)
    return evaluator.of_clips(name, read_clips(name), skeleton)


def over_seeds(evaluator, model, data, seeds: Sequence[int], **options) -> dict:
    """Runs an evaluator once for each seed.

    Returns:
        `{"seeds": [...], "options": {...}, "data": {"name", "checksum", "lineage"}, "mean": ..., "std": ...}`: "mean"
        and "std" have the numbers of `measure`; the standard deviation is that of a sample, None for a single seed.
    """
    # disable=None: no progress bar when the output is a file or a pipe.
    shown = tqdm(seeds, desc=data.name, unit="seed", disable=None)
    measured = [evaluator.measure(model, data, seed, **options) for seed in shown]
    several = len(seeds) > 1
    return {
        "seeds": list(seeds),
        "options": options,
        "data": {"name": data.name, "checksum": data.checksum, "lineage": data.lineage},
        "mean": tf.nest.map_structure(lambda *values: float(np.mean(values)), *measured),
        "std": tf.nest.map_structure(lambda *values: float(np.std(values, ddof=1)) if several else None, *measured),
    }
