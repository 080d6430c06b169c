"""Training of `ClipDenoiser`: clips of other bodies, seen by bad sensors, or clips and what was observed of them."""

from __future__ import annotations

import math
import pathlib

import keras
import ml_collections
import tensorflow as tf

from tfpose.datasets.motion_set import MotionSet
from tfpose.geometry import frames as body_frames
from tfpose.geometry import rotations
from tfpose.geometry.bones import norm
from tfpose.layers.clip_smoother import Smoothed
from tfpose.models import save_model
from tfpose.models.clip_denoiser import ClipDenoiser
from tfpose.models.loading import load_model
from tfpose.models.pose_autoencoder import PoseAutoencoder
from tfpose.noise import bodies
from tfpose.noise import clips as clip_noise
from tfpose.seeds import split_seed
from tfpose.trainers.loop import Loop, TrainingError
from tfpose.trainers.run import claimed, make_optimizer, origin


def pretrain_clips(config: ml_collections.ConfigDict, motion: MotionSet, workdir, progress=True) -> ClipDenoiser:
    """Trains both forms of a `ClipDenoiser` as `config` says (see `tfpose.trainers.configs.clips`) and saves it.

    Args:
        config: of `trainers/configs/clips.py`.
        motion: what to learn from. Where it says what was observed, that is to be cleaned; otherwise noise is made.
        workdir: takes `model.keras`, `config.json`, checkpoints and TensorBoard logs. A run that was stopped there
            resumes where it stopped.
        progress: whether to draw the progress bar.

    Raises:
        TrainingError: when `workdir` holds a run of another configuration, `config.init` is a model with other weights,
            or the loss is not finite.
    """
    workdir = pathlib.Path(workdir)
    with claimed(workdir, config, motion):
        keras.utils.set_random_seed(config.seed)
        skeleton = motion.skeleton
        pose_model = load_model(config.pose_model, PoseAutoencoder)
        model = ClipDenoiser(skeleton, pose_model, **config.model.to_dict(), origin=origin(motion.lineage))
        model.build()
        if config.init:
            start_from(model, config.init)
        noise = clip_noise.ClipNoise(**config.noise.to_dict())

        def prepare(batch, seed):
            if motion.observed:
                truth, observed = turned(batch["clips"], batch["observed"], skeleton, seed)
                confidence = None
            else:
                truth, observed, confidence = make_clips(batch["clips"], batch["rate"], skeleton, seed, config, noise)
            *seen, _ = model.observe(observed, confidence)
            return truth, observed, batch["rate"], tuple(seen)

        def loss(samples, seed):
            truth, observed, rate, seen = samples
            total, terms = 0.0, {}
            for smoother in (model.offline, model.causal):
                smoothed = smoother(*seen, rate, training=True)
                part, found = clip_loss(smoothed, truth, observed, skeleton, config.loss)
                total += part
                terms |= {f"{smoother.name}/{name}": value for name, value in found.items()}
            return total, terms

        Loop(
            model=model,
            optimizer=make_optimizer(config),
            loss=loss,
            prepare=prepare,
            batches=lambda start: motion.windows(config.batch, config.frames, config.rates, config.seed, start),
            steps=config.steps,
            seed=config.seed,
            workdir=workdir,
            poses_per_step=config.batch * config.frames,
            checkpoint_every=config.checkpoint_every,
            progress=progress,
        ).run()
        save_model(model, workdir)
    return model


def start_from(model: ClipDenoiser, trained: str):
    """Gives `model` the weights of a preset or file `trained`.

    Raises:
        TrainingError: when that has other weights.
    """
    weights = {path: weight for weight, path in _by_path(load_model(trained, ClipDenoiser))}
    for weight, path in _by_path(model):
        if path not in weights or weights[path].shape != weight.shape:
            raise TrainingError(f"config.init={trained}: has no weight '{path}' of shape {list(weight.shape)}")
        weight.assign(weights[path])


def _by_path(model: ClipDenoiser):
    return zip(model.weights, model.weight_paths())


def turned(clips, observed, skeleton, seed):
    """Clips and what was observed of them, both `[B, T, J, 3]`, at another heading and some of them mirrored."""
    count, frames, joints, _ = clips.shape
    mirror_seed, view_seed = split_seed(seed, 2)
    mirrored = tf.repeat(tf.random.stateless_uniform([count], mirror_seed) < 0.5, frames)
    views = tf.repeat(rotations.upright(count, view_seed, 0.0), frames, axis=0)

    def turn(values):
        flat = body_frames.mirror(tf.reshape(values, [-1, joints, 3]), skeleton, mirrored)
        return tf.reshape(rotations.rotate(flat, views), clips.shape)

    return turn(clips), turn(observed)


def make_clips(clips, rate, skeleton, seed, config, noise):
    """Clean clips `[B, T, J, 3]` -> `(truth, observed, confidence)`: another body, another heading, a bad sensor."""
    count, frames, joints, _ = clips.shape
    mirror_seed, body_seed, view_seed, noise_seed, told_seed, value_seed = split_seed(seed, 6)
    flat = tf.reshape(clips - tf.reduce_mean(clips[:, :1], axis=2, keepdims=True), [-1, joints, 3])
    mirrored = tf.repeat(tf.random.stateless_uniform([count], mirror_seed) < 0.5, frames)
    flat = body_frames.mirror(flat, skeleton, mirrored)
    flat = bodies.randomize(flat, skeleton, body_seed, clip_frames=frames, **config.body.to_dict())
    views = tf.repeat(rotations.upright(count, view_seed, math.radians(10.0)), frames, axis=0)
    truth = tf.reshape(rotations.rotate(flat, views), clips.shape)
    observed = clip_noise.corrupt(truth, rate, skeleton, noise_seed, noise)
    # One tracker in three says how sure it is, and is right more often than not.
    error = tf.norm(tf.where(tf.math.is_finite(observed), observed - truth, 0.0), axis=-1)
    drawn = tf.random.stateless_uniform(error.shape, value_seed)
    told = tf.where(error > 0.08, drawn**1.5, 1.0 - 0.6 * drawn**2)
    tells = tf.random.stateless_uniform([count, 1, 1], told_seed) < 0.33
    return truth, observed, tf.where(tells, told, 1.0)


def clip_loss(smoothed: Smoothed, truth, observed, skeleton, options):
    """Positions and accelerations, each relative to how bad the clip was, and the trust in each observation."""
    finite = tf.math.is_finite(observed[..., :1])
    offset = tf.where(finite, observed - truth, 0.0)
    badness = tf.reduce_mean(tf.minimum(norm(offset), 0.3), axis=[1, 2])
    scale = 1.0 / (0.01 + 0.3 * badness)
    error = smoothed.joints - truth
    position = tf.reduce_mean(norm(error), axis=[1, 2])
    acceleration = tf.reduce_mean(norm(error[:, 2:] - 2 * error[:, 1:-1] + error[:, :-2]), axis=[1, 2])
    twin = tf.gather(observed, skeleton.mirror_joints, axis=2)
    own_near, twin_near = (
        tf.reduce_all(tf.math.is_finite(values), -1)
        & (norm(tf.where(tf.math.is_finite(values), values - truth, 1.0)) < options.tolerance)
        for values in (observed, twin)
    )
    paired = tf.constant([joint != number for number, joint in enumerate(skeleton.mirror_joints)])
    label = tf.where(own_near, 0, tf.where(twin_near & paired, 1, 2))
    entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(label, smoothed.logits)
    # A missing joint is no observation to be trusted or not.
    trust = tf.reduce_mean(tf.where(finite[..., 0], entropy, 0.0), axis=[1, 2])
    terms = {"position": position, "acceleration": acceleration, "trust": trust}
    terms = {name: tf.reduce_mean(value) for name, value in terms.items()}
    total = scale * (position + options.acceleration * acceleration) + options.trust * trust
    return tf.reduce_mean(total), terms
