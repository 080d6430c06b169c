"""Lifting 2D joints to 3D: the network of the paper's Fig. 5 (Sec. 4.5), and the residual MLP baselines."""

from __future__ import annotations

import math
import pathlib

import keras
import ml_collections
import tensorflow as tf

from tfpose import losses
from tfpose.datasets import pipeline
from tfpose.datasets.lifting import LiftingPairs
from tfpose.datasets.pose_set import PoseSet
from tfpose.geometry import frames, rotations
from tfpose.geometry.centre import about_root
from tfpose.models import PoseAutoencoder, PoseLifter, save_model
from tfpose.models.pose_encoder import couple
from tfpose.models.pose_lifter import Lifter
from tfpose.noise import bodies
from tfpose.noise import joints as joint_noise
from tfpose.seeds import split_seed
from tfpose.trainers.loop import Loop
from tfpose.trainers.pretrain import pretrain
from tfpose.trainers.residual_mlp import ResidualMLPLifter, units_for
from tfpose.trainers.run import claimed, make_optimizer, origin

_MOST_MISSING = 3  # joints of a pose


def lift(
    config: ml_collections.ConfigDict,
    poses: PoseSet,
    pairs: LiftingPairs,
    workdir,
    stream_dir=None,
    evaluate=None,
    progress=True,
) -> PoseLifter:
    """Trains a `PoseLifter` in the paper's three stages and saves it.

    First the 3D stream is pretrained on 3D poses. Then the 2D encoder learns to reproduce its frozen codes. Then the 2D
    encoder and the decoder are fine-tuned together.

    Args:
        config: of `trainers/configs/lift.py`.
        poses: the training poses of the 3D stream.
        pairs: the training pairs of the other stages.
        workdir: receives `model.keras`, `config.json` and a folder for each stage. A run that was stopped there is
            resumed.
        stream_dir: the working directory of the 3D stream, which may hold a finished training; by default in `workdir`.
        evaluate: `evaluate(model) -> {name: number}`, run every `config.evaluate_every` steps.
        progress: whether to draw the progress bar.

    Raises:
        TrainingError: when `workdir` holds a run of another configuration, or the loss is not finite.
    """
    workdir = pathlib.Path(workdir)
    stream = pretrain(config.stream, poses, stream_dir or workdir / "stream3d", progress=progress)
    keras.utils.set_random_seed(config.seed)
    options = {**config.encoder.to_dict(), **_decoder_options(config.stream.model)}
    lifter = PoseLifter(poses.skeleton, **options, origin=origin(pairs.lineage))
    lifter.build()
    lifter.decoder.set_weights(stream.decoder.get_weights())
    for stage, frozen in (("land", True), ("finetune", False)):
        lifter.decoder.trainable = not frozen
        _train(lifter, config, config[stage], pairs, workdir / stage, stream, evaluate, progress)
    with claimed(workdir, config, pairs):
        save_model(lifter, workdir)
    return lifter


def lift_by_mlp(
    config: ml_collections.ConfigDict,
    parameters: int,
    pairs: LiftingPairs,
    workdir,
    evaluate=None,
    progress=True,
) -> ResidualMLPLifter:
    """Trains a residual MLP of about `parameters` weights on the same batches for as many steps, and saves it.

    Arguments and errors are those of `lift`.
    """
    workdir = pathlib.Path(workdir)
    keras.utils.set_random_seed(config.seed)
    options = config.mlp.model.to_dict()
    units = units_for(parameters, pairs.skeleton, options["blocks"])
    mlp = ResidualMLPLifter(pairs.skeleton, units=units, **options)
    mlp.build()
    stage = ml_collections.ConfigDict({**config.mlp.to_dict(), "steps": config.land.steps + config.finetune.steps})
    _train(mlp, config, stage, pairs, workdir, None, evaluate, progress)
    save_model(mlp, workdir)
    return mlp


def lifting_loss(model: Lifter, batch: dict, seed, augmentation, weights, stream: PoseAutoencoder | None = None):
    """The loss of one batch, in the network's unit.

    Args:
        model: the model in training.
        batch: `joints_2d`, `joints_3d` and `up` of `LiftingPairs`.
        seed: two integers.
        augmentation: the options of `augment`.
        weights: of the terms: "position" and "bone_length" of the root-relative pose, and "code".
        stream: the 3D stream whose codes the 2D encoder should reproduce; not needed if "code" has no weight.

    Returns:
        `(loss, {term: value})`.
    """
    joints_2d, joints_3d = augment(batch, model.skeleton, seed, augmentation)
    features, rotation = model.normalizer(joints_2d)
    truth = rotations.rotate(joints_3d, rotation)
    terms = {}
    if weights.code:
        normalized, _ = stream.normalizer(truth)
        pose_code, view_code = model.encoder(features)
        terms["code"] = sum(
            losses.feature(own, tf.stop_gradient(target))
            for own, target in zip((pose_code, view_code), stream.encoder(normalized))
        )
        predicted = model.decoder(couple(pose_code, view_code))
    else:
        predicted = model.pose_of(features, training=True)
    truth, predicted = (about_root(pose, model.skeleton) for pose in (truth / model.scale, predicted))
    terms["position"] = losses.position(predicted, truth)
    terms["bone_length"] = losses.bone_length(predicted, truth, model.skeleton)
    return sum(weights[name] * value for name, value in terms.items()), terms


def augment(batch: dict, skeleton, seed, options):
    """Augments the pairs: other bodies, other headings, mirror images, hidden joints.

    People get other bones and are turned on the spot in front of the same camera, so that the height, tilt and distance
    of the camera stay real. The error of the detector in the original image is added to the new joints.

    Args:
        batch: `joints_2d` `[B, J, 2]`, `joints_3d` `[B, J, 3]` and `up` `[B, 3]` of `LiftingPairs`.
        skeleton: of the poses.
        seed: two integers.
        options: `bones`, of `tfpose.noise.bodies.randomize`; `turned`, the share of people turned about the vertical
            through their root by any angle; `mirror`, whether half of them are mirrored; `missing`, the share of poses
            that miss up to three joints in 2D.

    Returns:
        `(joints_2d, joints_3d)`.
    """
    which_seed, angle_seed, mirror_seed, missing_seed, body_seed = split_seed(seed, 5)
    joints_2d, joints_3d = batch["joints_2d"], batch["joints_3d"]
    count, before = joints_3d.shape[0], joints_3d
    if options.bones:
        joints_3d = bodies.randomize(
            joints_3d, skeleton, body_seed, bones=options.bones, size=0.0, joint_offset_std=0.0
        )
    if options.turned:
        turned = tf.random.stateless_uniform([count], which_seed) < options.turned
        angle = tf.random.stateless_uniform([count], angle_seed, -math.pi, math.pi)
        turn = rotations.about_axis(tf.where(turned, angle, 0.0), batch["up"])
        root = joints_3d[:, skeleton.root : skeleton.root + 1]
        joints_3d = rotations.rotate(joints_3d - root, turn) + root
    if options.bones or options.turned:
        joints_2d += project(joints_3d) - project(before)
    if options.mirror:
        mirrored = tf.random.stateless_uniform([count], mirror_seed) < 0.5
        joints_2d, joints_3d = (frames.mirror(joints, skeleton, mirrored) for joints in (joints_2d, joints_3d))
    if options.missing:
        joints_2d = joint_noise.remove_some(joints_2d, missing_seed, options.missing, _MOST_MISSING)
    return joints_2d, joints_3d


def project(joints_3d):
    """`[..., 3]` metres in the camera frame turned y up -> normalised image coordinates `[..., 2]`, y down."""
    depth = tf.maximum(-joints_3d[..., 2:], 0.1)
    return joints_3d[..., :2] * tf.constant([1.0, -1.0]) / depth


def _train(model, config, stage, pairs, workdir, stream, evaluate, progress):
    with claimed(workdir, config, pairs):
        Loop(
            model=model,
            optimizer=make_optimizer(stage),
            loss=lambda batch, seed: lifting_loss(model, batch, seed, config.augmentation, stage.loss, stream),
            batches=lambda start: pipeline.batches(pairs.arrays(), config.batch, config.seed, start),
            steps=stage.steps,
            seed=config.seed,
            workdir=workdir,
            poses_per_step=config.batch,
            checkpoint_every=config.checkpoint_every,
            evaluate=evaluate and (lambda step: evaluate(model)),
            evaluate_every=config.evaluate_every,
            progress=progress,
        ).run()


def _decoder_options(options) -> dict:
    """What the lifter shares with its 3D stream."""
    return {name: options[name] for name in ("code_size", "orthogonal", "decoder", "decoder_units")}
