"""Action recognition: a one-layer LSTM learns from frozen descriptions of augmented clips (Sec. 4.3)."""

from __future__ import annotations

import dataclasses
import math
import pathlib
import types
from collections.abc import Sequence

import keras
import ml_collections
import numpy as np
import tensorflow as tf

from tfpose.datasets import pipeline
from tfpose.datasets.clip_set import ClipSet
from tfpose.geometry import rotations
from tfpose.geometry.frames import mirror
from tfpose.models import ActionClassifier, PoseAutoencoder, save_model, weights_checksum
from tfpose.noise import joints as joint_noise
from tfpose.seeds import split_seed, step_seed
from tfpose.skeleton import Skeleton
from tfpose.trainers.loop import Loop
from tfpose.trainers.run import claimed, make_optimizer, origin

_PACES = 4  # of a clip, one after another


@dataclasses.dataclass(frozen=True, eq=False)
class Bank:
    """What the LSTM learns from, made once for all epochs and seeds.

    Attributes:
        inputs: `[M, T, 2 P]`, standardised, of every copy of every clip.
        labels: `[M]`.
        standardizer: the weights of the classifier's `FrameStandardizer`.
    """

    inputs: np.ndarray
    labels: np.ndarray
    standardizer: list[np.ndarray]


def classify(
    config: ml_collections.ConfigDict,
    clips: ClipSet,
    autoencoder: PoseAutoencoder | None,
    workdir,
    bank: Bank | None = None,
    progress: bool = True,
) -> ActionClassifier:
    """Trains an `ActionClassifier` as `config` says (see `trainers/configs/classify.py`) and saves it.

    Args:
        config: the configuration.
        clips: the training clips.
        autoencoder: the frozen encoder; None for features that need none.
        workdir: receives `model.keras`, `config.json`, checkpoints and TensorBoard logs. A run that was stopped there
            is resumed.
        bank: the result of `make_bank` for the same arguments, if the caller has it.
        progress: whether to draw the progress bar.

    Returns:
        The trained classifier, after the last epoch.

    Raises:
        TrainingError: when `workdir` holds a run of another configuration, or the loss is not finite.
    """
    workdir = pathlib.Path(workdir)
    encoded_by = weights_checksum(autoencoder)[:16] if autoencoder else ""
    data = types.SimpleNamespace(name=clips.name, checksum=f"{clips.checksum} {encoded_by}", skeleton=clips.skeleton)
    with claimed(workdir, config, data):
        bank = bank or make_bank(config, clips, autoencoder)
        keras.utils.set_random_seed(config.seed)
        classifier = new_classifier(config, clips, autoencoder)
        classifier.standardizer.set_weights(bank.standardizer)
        config = ml_collections.ConfigDict(
            {**config.to_dict(), "steps": -(-config.epochs * len(clips) // config.batch)}
        )
        arrays = {"inputs": bank.inputs, "labels": bank.labels}
        Loop(
            model=classifier,
            optimizer=make_optimizer(config),
            loss=lambda batch, seed: classification_loss(classifier, batch, seed, config),
            batches=lambda start: pipeline.batches(arrays, config.batch, config.seed, start),
            steps=config.steps,
            seed=config.seed,
            workdir=workdir,
            poses_per_step=config.batch * config.model.frames,
            checkpoint_every=config.checkpoint_every,
            compiled=False,
            progress=progress,
        ).run()
        save_model(classifier, workdir)
    return classifier


def new_classifier(config, clips: ClipSet, autoencoder: PoseAutoencoder | None) -> ActionClassifier:
    """A classifier with new weights for the actions of `clips`."""
    encoder = autoencoder if config.model.features == "code" else None
    lineages = [clips.lineage, *([f"encoder: {encoder.origin.get('lineage', 'unknown')}"] if encoder else [])]
    classifier = ActionClassifier(
        clips.skeleton, clips.actions, autoencoder=encoder, **config.model.to_dict(), origin=origin("; ".join(lineages))
    )
    classifier.build()
    return classifier


def make_bank(config, clips: ClipSet, autoencoder: PoseAutoencoder | None) -> Bank:
    """Augments, encodes and standardises clips: `config.augmentation.copies` of each, or the clips as they are."""
    classifier = new_classifier(config, clips, autoencoder)
    options = config.augmentation
    copies = [
        augment(clips.positions, clips.skeleton, step_seed(options.seed, copy), options).numpy()
        for copy in range(options.copies)
    ]
    described = classifier.describe(np.concatenate(copies or [clips.positions]))
    if config.model.features != "raw":
        classifier.standardizer.adapt(described)
    inputs = np.concatenate(
        [classifier.standardizer(described[at : at + len(clips)]) for at in range(0, len(described), len(clips))]
    )
    labels = np.tile(clips.labels, max(options.copies, 1))
    return Bank(inputs, labels, classifier.standardizer.get_weights())


def augment(clips, skeleton: Skeleton, seed, options) -> tf.Tensor:
    """Augments clips: each gets another pace, another side, another body size and another viewing direction.

    Args:
        clips: `[N, T, J, 3]` metres.
        skeleton: of the clips.
        seed: two integers.
        options: the `augmentation` part of a config.

    Returns:
        `[N, T, J, 3]`.
    """
    time_seed, mirror_seed, size_seed, heading_seed, tilt_seed, swap_seed = split_seed(seed, 6)
    clips = _retimed(tf.convert_to_tensor(clips, tf.float32), time_seed, options)
    count, frames, joints, _ = clips.shape
    if options.mirror:
        mirrored = tf.random.stateless_uniform([count], mirror_seed) < 0.5
        poses = mirror(tf.reshape(clips, [-1, joints, 3]), skeleton, tf.repeat(mirrored, frames))
        clips = tf.reshape(poses, clips.shape)
    if options.left_right_swap:
        swapped = tf.random.stateless_uniform([count], swap_seed) < options.left_right_swap
        poses = tf.reshape(clips, [-1, joints, 3])
        clips = tf.reshape(joint_noise.swap_sides(poses, tf.repeat(swapped, frames), skeleton), clips.shape)
    clips *= tf.exp(options.size * tf.random.stateless_normal([count, 1, 1, 1], size_seed))
    heading, tilt = (
        math.radians(degrees) * tf.random.stateless_uniform([count], of, -1.0, 1.0)
        for degrees, of in ((options.heading_degrees, heading_seed), (options.tilt_degrees, tilt_seed))
    )
    turn = tf.matmul(rotations.about_axis(tilt, (1.0, 0.0, 0.0)), rotations.about_axis(heading))
    return rotations.rotate(clips, turn[:, None])


def _retimed(clips, seed, options) -> tf.Tensor:
    """Clips `[N, T, J, 3]` with a changing pace, cut off or held still at either end."""
    ends_seed, pace_seed = split_seed(seed, 2)
    count, frames = clips.shape[:2]
    start, end = tf.unstack(tf.random.stateless_uniform([2, count, 1], ends_seed, -options.hold, options.crop))
    paces = tf.exp(options.pace * tf.random.stateless_normal([count, _PACES], pace_seed))
    paces = tf.gather(paces, np.arange(frames - 1) * _PACES // max(frames - 1, 1), axis=1)
    progress = tf.cumsum(paces, axis=1) / tf.reduce_sum(paces, axis=1, keepdims=True)
    progress = tf.concat([tf.zeros([count, 1]), progress], axis=1)
    moments = tf.clip_by_value(start + (1.0 - start - end) * progress, 0.0, 1.0) * (frames - 1)
    before = tf.minimum(tf.cast(moments, tf.int32), max(frames - 2, 0))
    after = tf.minimum(before + 1, frames - 1)
    weight = (moments - tf.cast(before, tf.float32))[..., None, None]
    return tf.gather(clips, before, batch_dims=1) * (1.0 - weight) + tf.gather(clips, after, batch_dims=1) * weight


def classification_loss(classifier: ActionClassifier, batch: dict, seed, config):
    """Cross-entropy on one batch of a bank, with dropout on the inputs and on the last state of the LSTM.

    Returns:
        `(loss, {"accuracy": share})`.
    """
    inputs_seed, state_seed = split_seed(seed, 2)
    drop = tf.nn.experimental.stateless_dropout
    state = classifier.lstm(drop(batch["inputs"], config.dropout.inputs, inputs_seed))
    logits = classifier.head(drop(state, config.dropout.state, state_seed))
    truth = tf.one_hot(batch["labels"], len(classifier.actions))
    loss = keras.losses.categorical_crossentropy(
        truth, logits, from_logits=True, label_smoothing=config.label_smoothing
    )
    right = tf.argmax(logits, -1, tf.int32) == batch["labels"]
    return tf.reduce_mean(loss), {"accuracy": tf.reduce_mean(tf.cast(right, tf.float32))}


def accuracy(classifier: ActionClassifier, clips: ClipSet, versions: Sequence[np.ndarray] | None = None) -> float:
    """The share of clips that get the right label, in per cent.

    Args:
        classifier: the trained classifier.
        clips: the test clips.
        versions: descriptions `[N, T, F]` of the clips, from `ActionClassifier.describe`. The probabilities of several
            versions are averaged. By default the clips as they are.
    """
    versions = [classifier.describe(clips.positions)] if versions is None else versions
    probabilities = [keras.ops.softmax(classifier.logits(classifier.standardizer(version))) for version in versions]
    return 100.0 * float(np.mean(np.argmax(np.mean(probabilities, axis=0), axis=-1) == clips.labels))
