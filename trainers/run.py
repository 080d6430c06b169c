"""The setup that all trainings share: a working directory, an optimizer and the origin of the weights."""

from __future__ import annotations

import contextlib
import json
import pathlib
from collections.abc import Iterator

import keras
import tensorflow as tf

from tfpose.datasets import checked
from tfpose.files import locked, write_text
from tfpose.trainers.loop import TrainingError, is_chief


def make_optimizer(config) -> keras.optimizers.Optimizer:
    """The optimizer that the `optimizer` part of a config names; its learning rate rises, then falls as a cosine."""
    options = config.optimizer
    warm = options.warmup_steps
    rate = keras.optimizers.schedules.CosineDecay(
        options.learning_rate * 1e-3 if warm else options.learning_rate,
        max(config.steps - warm, 1),
        alpha=1e-3,
        warmup_target=options.learning_rate if warm else None,
        warmup_steps=warm,
    )
    common = {"weight_decay": options.weight_decay or None, "global_clipnorm": options.clip_norm or None}
    if options.name == "adam":
        return keras.optimizers.Adam(rate, **common)
    if options.name == "sgd":
        return keras.optimizers.SGD(rate, **common)
    raise TrainingError(f"config.optimizer.name must be 'adam' or 'sgd', got '{options.name}'")


def origin(lineage: str) -> dict:
    """The lineage and licence of weights that were trained on data of that `lineage`."""
    return {"lineage": lineage, "licence": "the terms of its data"}


@contextlib.contextmanager
def claimed(workdir: pathlib.Path, config, poses) -> Iterator[None]:
    """Records the configuration and the data of a run in `workdir`, and refuses to mix two runs.

    Of the data, `poses`, that is the name, the checksum, and the skeleton where it has one.

    While the block runs, no other process trains there, except for the workers of this chief.

    Raises:
        TrainingError: when another run has a checkpoint or a model there.
        DataError: when another process trains there.
    """
    with locked(workdir) if is_chief() else contextlib.nullcontext():
        _note(workdir, config, poses)
        yield


def _note(workdir: pathlib.Path, config, poses):
    skeleton = getattr(poses, "skeleton", None)
    data = {"name": poses.name, "checksum": poses.checksum, "skeleton": skeleton and _checksum(skeleton)}
    description = {"config": config.to_dict(), "data": data}
    path = workdir / "config.json"
    # Without a checkpoint or a model two runs cannot mix: a run that could not start does not block the next.
    begun = tf.train.latest_checkpoint(workdir / "checkpoints") or (workdir / "model.keras").exists()
    if path.exists() and begun:
        try:
            former = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise TrainingError(f"{path}: cannot be read ({error}); delete {workdir} to start anew") from error
        if isinstance(former, dict) and "skeleton" not in former.get("data", {}):  # of an older version
            del data["skeleton"]
        if former != json.loads(json.dumps(description)):
            raise TrainingError(
                f"{workdir} holds a run with another configuration or other data (see {path}). Choose another "
                f"--workdir, or delete it to start anew."
            )
        return
    write_text(path, json.dumps(description, indent=2) + "\n")


def _checksum(skeleton) -> str:
    """Of all that a skeleton says: mirror pairs and trunk decide about augmentation."""
    return checked.checksum([json.dumps(skeleton.to_dict(), sort_keys=True)])
