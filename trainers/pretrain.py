"""Unsupervised pretraining: the Siamese denoising autoencoder of the paper (Sec. 3.3, Fig. 2)."""

from __future__ import annotations

import math
import os
import pathlib

import keras
import ml_collections
import tensorflow as tf

from tfpose import losses
from tfpose.datasets.pose_set import PoseSet
from tfpose.datasets.shards import PoseStream
from tfpose.geometry import frames, rotations
from tfpose.models import PoseAutoencoder, save_model
from tfpose.models.pose_encoder import couple
from tfpose.noise import bodies
from tfpose.noise import joints as joint_noise
from tfpose.seeds import split_seed
from tfpose.skeleton import Skeleton
from tfpose.trainers.loop import Loop, TrainingError, is_chief, wait_for_all
from tfpose.trainers.run import claimed, make_optimizer, origin


def pretrain(config: ml_collections.ConfigDict, poses: PoseSet | PoseStream, workdir, evaluate=None, progress=True):
    """Trains a `PoseAutoencoder` as `config` says (see `tfpose.trainers.configs`) and saves it.

    Args:
        config: of `trainers/configs`.
        poses: the training poses.
        workdir: receives `model.keras`, `config.json`, checkpoints and TensorBoard logs. A run that was stopped there
            is resumed.
        evaluate: `evaluate(model) -> {name: number}`, run every `config.evaluate_every` steps.
        progress: whether to draw the progress bar.

    Returns:
        The trained model.

    Raises:
        TrainingError: when `workdir` holds a run of another configuration, the loss is not finite, the skeleton has
            no mirror pairs for shared views, or the batch cannot be shared evenly by the replicas.
        DataError: when poses that are streamed cannot be read; it names the file.
    """
    workdir = pathlib.Path(workdir)
    if config.view.shared and not poses.skeleton.mirror:
        raise TrainingError(
            f"skeleton '{poses.skeleton.name}' has no mirror pairs, which tell where a body faces; add them to it, or "
            f"train with --config.view.shared=False"
        )
    if config.batch % _smallest_batch(config):
        halves = "half of " if config.view.shared else ""
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        raise TrainingError(f"{halves}config.batch={config.batch} cannot be shared evenly by {replicas} replicas")
    keras.utils.set_random_seed(config.seed)
    upright = config.view.rotations != "so3"
    model = PoseAutoencoder(poses.skeleton, **config.model.to_dict(), upright=upright, origin=origin(poses.lineage))
    model.build()
    with claimed(workdir, config, poses):  # after all checks of the configuration
        loop = make_loop(
            config,
            model,
            batches=lambda start: poses.batches(config.batch, config.seed, start),
            workdir=workdir,
            checkpoint_every=config.checkpoint_every,
            evaluate=evaluate and (lambda step: evaluate(model)),
            evaluate_every=config.evaluate_every,
            progress=progress,
        )
        try:
            loop.run()
        except (tf.errors.DataLossError, tf.errors.NotFoundError) as error:  # from a streamed shard
            raise poses.damage() from error
        if is_chief():
            save_model(model, workdir)
        wait_for_all()
    return model


def make_loop(config, model: PoseAutoencoder, batches, workdir: pathlib.Path, **options) -> Loop:
    """The `Loop` that trains `model` on `batches` as `config` says; `options` are further arguments of `Loop`."""
    return Loop(
        model=model,
        optimizer=make_optimizer(config),
        prepare=lambda batch, seed: two_views(batch, model.skeleton, seed, config),
        loss=lambda views, seed: loss_of_views(model, views, config),
        batches=batches,
        steps=config.steps,
        seed=config.seed,
        workdir=workdir,
        poses_per_step=config.batch,
        parts=_parts(config),
        **options,
    )


def _parts(config) -> int:
    """An XLA program uses only one or two cores of a CPU: two programs, each on half of a batch, are faster."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    whole = cores == 1 or tf.config.list_physical_devices("GPU") or config.batch % (2 * _smallest_batch(config))
    return 1 if whole else 2


def _smallest_batch(config) -> int:
    """One sample for each replica, or a pair of those that share a view."""
    return tf.distribute.get_strategy().num_replicas_in_sync * (2 if config.view.shared else 1)


def siamese_loss(model: PoseAutoencoder, batch: dict, seed, config):
    """The loss of `loss_of_views` on the two views that `two_views` makes of one batch.

    Args:
        model: what is trained.
        batch: of `PoseSet.batches`.
        seed: two integers.
        config: its parts `body`, `corruption`, `view` and `loss`.

    Returns:
        `(loss, {term: value})`, in the network's unit.
    """
    return loss_of_views(model, two_views(batch, model.skeleton, seed, config), config)


def loss_of_views(model: PoseAutoencoder, views, config):
    """The loss of eq. 11, and for models with trust the losses of every refined estimate and its trust.

    Both branches go through the encoder as one batch of 2B. Where the view code turns the decoded pose, they go through
    the decoder as one of 2B too; free view codes need the four decodes, as one batch of 4B.

    With `config.view.shared` the view codes of the two view transfers are of another pose in the same view. In the
    paper (Sec. 3.3) they are of the same pose, and then nothing keeps the pose out of the view code.

    Every term is a mean over samples.

    Args:
        model: what is trained.
        views: `(truth, observed)` of `two_views`.
        config: its parts `view` and `loss`.

    Returns:
        `(loss, {term: value})`, in the network's unit.
    """
    skeleton, weights = model.skeleton, losses.LossWeights(**config.loss.eq11.to_dict())
    truth, observed = views
    normalized, frame = model.normalizer(observed)
    # The truth in the frame of the observed pose: the frame handles translation, not the network.
    truth = (truth - frame.centre) / model.normalizer.scale

    pose_codes, view_codes = model.encoder(normalized, frame.observed)
    pose_1, pose_2 = tf.split(pose_codes, 2)
    view_1, view_2 = tf.split(view_codes, 2)
    own_views = view_codes
    in_frame = model.encoder.view == "frame"
    if config.view.shared:
        view_1, view_2 = _other_half(view_1), _other_half(view_2)
        if not in_frame:
            # A pose's own free view code gets no gradient here: it would learn to hold the pose itself.
            own_views = tf.stop_gradient(view_codes)
    views_of_four = tf.concat([own_views, view_1, view_2], 0)
    if in_frame:  # the view code turns what is decoded: two decodes serve all four
        decoded = couple(_both_orders(model.decoder(pose_codes)), views_of_four)
    else:
        decoded = model.decoder(couple(_both_orders(pose_codes), views_of_four))
    names = ("plain", "rotated", "transfer", "transfer_rotated")
    truths = tf.split(truth, 2) * 2
    terms = {
        name: losses.reconstruction(predicted, target, skeleton)
        for name, predicted, target in zip(names, tf.split(decoded, 4), truths)
    }
    terms["feature"] = losses.feature(pose_1, pose_2)
    terms["orthogonality"] = losses.orthogonality(view_codes)
    total = losses.siamese(terms, weights)
    if config.loss.view:
        # Two poses in one view: any difference of their view codes comes from the poses.
        terms["view"] = losses.feature(view_codes, tf.concat([view_1, view_2], 0))
        total += config.loss.view * terms["view"]
    if model.refinements:
        reconstructed = tf.concat(tf.split(decoded, 4)[:2], 0)
        estimates = model.refine(normalized, frame.observed, first=(reconstructed, view_codes))
        terms["refined"] = sum(losses.position(estimate.pose, truth) for estimate in estimates)
        tolerance = 0.05 / model.normalizer.scale  # between a joint that was left alone and the shortest displacement
        terms["trust"] = sum(
            losses.trust(estimate.trust_logits, estimate.observed, truth, frame.observed, tolerance)
            for estimate in estimates
        )
        total += config.loss.refined * terms["refined"] + config.loss.trust * terms["trust"]
    return total, terms


def two_views(batch: dict, skeleton: Skeleton, seed, config):
    """Makes the inputs of both branches: every pose gets another body, is corrupted, and is turned into a view.

    A view is a rotation, and whether the sensor confuses front and back and so exchanges left and right.

    Returns:
        `(truth, observed)`, both `[2B, J, 3]` metres, the second branch after the first.
    """
    poses = batch["poses"]
    count = poses.shape[0]
    mirror_seed, body_seed, corrupt_seed, second_seed, first_seed, swap_seed, *own_seeds = split_seed(seed, 8)
    swap_first, swap_second = split_seed(swap_seed, 2)
    changes = config.body.to_dict()
    if changes.pop("mirror"):
        poses = frames.mirror(poses, skeleton, tf.random.stateless_uniform([count], mirror_seed) < 0.5)
    if any(changes.values()):
        poses = bodies.randomize(poses, skeleton, body_seed, **changes)
    if config.view.shared:
        poses = frames.face_forward(poses, skeleton)
    corrupted = corrupted_second = corrupt(poses, batch.get("moved"), skeleton, corrupt_seed, config.corruption)
    if config.corruption.independent:
        own = tf.random.stateless_uniform([count, 1, 1], own_seeds[0]) < config.corruption.independent
        again = corrupt(poses, batch.get("moved"), skeleton, own_seeds[1], config.corruption)
        corrupted_second = tf.where(own, again, corrupted)

    def seen(poses, view):
        rotation, swapped = view
        return joint_noise.swap_sides(rotations.rotate(poses, rotation), swapped, skeleton)

    truths, observations = [poses], [corrupted]
    if config.view.both:
        view = draw_views(count, first_seed, swap_first, config.view)
        truths, observations = [seen(poses, view)], [seen(corrupted, view)]
    view = draw_views(count, second_seed, swap_second, config.view)
    truths.append(seen(poses, view))
    observations.append(seen(corrupted_second, view))
    return tf.concat(truths, 0), tf.concat(observations, 0)


def corrupt(poses, moved, skeleton: Skeleton, seed, options):
    """Corrupts `[B, J, 3]` as the `corruption` part of a config says; `moved` `[B, J]` are given joints, or None."""
    count_seed, choice_seed, move_seed, missing_seed, sides_seed, noise_seed, level_seed = split_seed(seed, 7)
    count, joints = poses.shape[0], len(skeleton)
    if moved is None or not options.use_labels:
        counts = joint_noise.random_counts(count, options.min_joints, options.max_joints, count_seed)
        moved = joint_noise.choose_joints(counts, joints, choice_seed)
    corrupted = joint_noise.displace(poses, moved, move_seed, options.shortest, options.longest)
    if options.sides:
        corrupted = joint_noise.exchange_limbs(corrupted, sides_seed, options.sides, skeleton)
    if options.noise:
        # Uniform in [0, noise] for the share of the poses that are noisy.
        drawn = tf.random.stateless_uniform([count, 1, 1], level_seed) / options.noisy
        level = options.noise * tf.where(drawn < 1.0, drawn, 0.0)
        corrupted = joint_noise.add_noise(corrupted, noise_seed, level)
    if options.missing:
        corrupted = joint_noise.remove_some(corrupted, missing_seed, options.missing, options.max_joints)
    return corrupted


def draw_views(count: int, seed, swap_seed, options):
    """Views as the `view` part of a config says; shared views come twice, once in each half of the batch.

    Returns:
        `(rotations [count, 3, 3], swapped [count])`.

    Raises:
        TrainingError: for an unknown setting, or shared views of an odd number of poses.
    """
    if options.shared:
        if count % 2:
            raise TrainingError(f"config.view.shared needs an even config.batch, got {count}")
        alone = ml_collections.ConfigDict({**options.to_dict(), "shared": False})
        rotation, swapped = draw_views(count // 2, seed, swap_seed, alone)
        return tf.tile(rotation, [2, 1, 1]), tf.tile(swapped, [2])
    swapped = tf.random.stateless_uniform([count], swap_seed) < options.left_right_swap
    if options.rotations == "so3":
        return rotations.uniform(count, seed), swapped
    if options.rotations == "upright":
        return rotations.upright(count, seed, math.radians(options.tilt_degrees)), swapped
    raise TrainingError(f"config.view.rotations must be 'so3' or 'upright', got '{options.rotations}'")


def _both_orders(values):
    """`[4B, ...]`: what belongs to the two branches, and the same with the branches exchanged."""
    return tf.concat([values, *tf.split(values, 2)[::-1]], 0)


def _other_half(values):
    """Of a batch whose halves share their views: for each sample, the value of another pose in the same view."""
    return tf.concat(tf.split(values, 2)[::-1], 0)
