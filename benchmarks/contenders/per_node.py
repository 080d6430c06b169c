"""The plain way to write the network: a GRU cell for each joint, and a call for each Siamese branch and decode.

It computes what tfpose computes, with the same weights, and is the reference of `speed.py`. Keras' cells have a second
bias. It starts at 0 and gets the same gradient as the first, so a training of the reference differs slightly.
"""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf
from keras import ops

import tfpose
from contenders import setting
from contenders.task import Calls, Steps, Work
from tfpose import losses
from tfpose.datasets.pose_set import PoseSet
from tfpose.layers import SeBiReNet
from tfpose.models import PoseAutoencoder
from tfpose.models.pose_encoder import couple
from tfpose.seeds import step_seed
from tfpose.trainers.pretrain import two_views
from tfpose.trainers.run import make_optimizer


class PerNodeNetwork(keras.layers.Layer):
    """A `SeBiReNet` of one pass of GRU cells with biases, written with `keras.layers.GRUCell`; takes its weights.

    Call arguments:
        inputs: `[B, J, n_x]`.

    Returns:
        `[B, J, units]`.
    """

    def __init__(self, network: SeBiReNet, **kwargs):
        super().__init__(**kwargs)
        self.skeleton = network.skeleton
        joints = range(len(self.skeleton))
        self.recursive = [keras.layers.GRUCell(network.units, name=f"recursive_{joint}") for joint in joints]
        self.diffuse = [keras.layers.GRUCell(network.units, name=f"diffuse_{joint}") for joint in joints]
        for cells, subnet in ((self.recursive, network.recursive), (self.diffuse, network.diffuse)):
            for joint, cell in enumerate(cells):
                set_weights(cell, subnet, joint)
        self.built = True

    def call(self, inputs):
        skeleton = self.skeleton
        hidden = {}
        for joint in (joint for level in skeleton.levels_by_height for joint in level):
            entering = [inputs[:, joint], *(hidden[child] for child in skeleton.children[joint])]
            nothing = ops.zeros_like(entering[0][:, :1]) + ops.zeros([self.recursive[joint].units])
            hidden[joint], _ = self.recursive[joint](ops.concatenate(entering, -1), [nothing])
        told = {}
        for joint in (joint for level in skeleton.levels_by_depth for joint in level):
            entering = [inputs[:, joint]] + [told[parent] for parent in [skeleton.parents[joint]] if parent >= 0]
            told[joint], _ = self.diffuse[joint](ops.concatenate(entering, -1), [hidden[joint]])
        return ops.stack([told[joint] for joint in range(len(skeleton))], axis=1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.recursive[0].units)


def set_weights(cell: keras.layers.GRUCell, subnet, joint: int):
    """Gives a cell the weights of a joint in a `TreePass`."""
    skeleton, place = subnet.skeleton, subnet.order.index(joint)
    recursive = subnet.direction == "recursive"
    # A message's kernel is stored at the place of the bone's joint that is not the root.
    bones = subnet.order[:-1] if recursive else subnet.order[1:]
    senders = skeleton.children[joint] if recursive else [joint] * (skeleton.parents[joint] >= 0)
    kernels = [subnet.input_kernel.numpy()[place]]
    kernels += [subnet.message_kernel.numpy()[bones.index(sender)] for sender in senders]
    kernel, bias = np.concatenate(kernels), subnet.bias.numpy()[place, 0]
    cell.build((None, len(kernel)))
    cell.set_weights([kernel, subnet.recurrent_kernel.numpy()[place], np.stack([bias, np.zeros_like(bias)])])


def per_node(model: PoseAutoencoder) -> PoseAutoencoder:
    """A copy of a model whose trees are `PerNodeNetwork`s."""
    copy = PoseAutoencoder.from_config(model.get_config())
    for part, original in ((copy.encoder, model.encoder), (copy.decoder, model.decoder)):
        del part.network  # untracked, so that its weights are not among the copy's
        part.network = PerNodeNetwork(original.network, name="network")
    copy.build()
    others = {weight.path: weight for weight in model.weights}
    for weight in copy.weights:
        if weight.path in others:
            weight.assign(others[weight.path])
    return copy


def siamese_loss(model: PoseAutoencoder, batch: dict, seed, config):
    """`tfpose.trainers.pretrain.siamese_loss` of a model with a free view code and without refinements."""
    truth, observed = two_views(batch, model.skeleton, seed, config)
    return loss_of_views(model, tf.split(truth, 2), tf.split(observed, 2), config)


def loss_of_views(model: PoseAutoencoder, truths, observations, config):
    """The same for given views: the truths and the observations of the two branches."""
    codes, targets = [], []
    for truth, observed in zip(truths, observations):
        normalized, frame = model.normalizer(observed)
        targets.append((truth - frame.centre) / model.normalizer.scale)
        codes.append(model.encoder(normalized, frame.observed))
    (pose_1, view_1), (pose_2, view_2) = codes

    terms = {
        name: losses.reconstruction(model.decoder(couple(pose, view)), target, model.skeleton)
        for name, pose, view, target in (
            ("plain", pose_1, view_1, targets[0]),
            ("rotated", pose_2, view_2, targets[1]),
            ("transfer", pose_2, view_1, targets[0]),
            ("transfer_rotated", pose_1, view_2, targets[1]),
        )
    }
    terms["feature"] = losses.feature(pose_1, pose_2)
    terms["orthogonality"] = (losses.orthogonality(view_1) + losses.orthogonality(view_2)) / 2
    return losses.siamese(terms, losses.LossWeights(**config.loss.eq11.to_dict())), terms


# --- the contender


def make(work: Work, option: str) -> Calls | Steps:
    model, config = per_node(tfpose.load_model(work.preset)), setting.configuration(work)
    if work.kind == "train":

        def loss(batch, step):
            return siamese_loss(model, batch, step_seed(config.seed, step), config)

        def run(reached):
            for step, _ in enumerate(training(model, loss, setting.same_batch(work), config), 1):
                if step % work.every == 0:
                    reached()

        return Steps(run, work.every, lambda: setting.learned(model, work))
    function, poses = tf.function(getattr(model, work.kind)), work.poses()
    return Calls(lambda: [part.numpy() for part in tf.nest.flatten(function(tf.constant(poses)))])


def epoch(work: Work) -> dict:
    def pretrain(config, poses, evaluate):
        model = new(poses.skeleton, config)

        def loss(batch, step):
            return loss_of_views(model, *branches(batch), config)

        steps = training(model, loss, one_by_one(poses, config), config)
        for step, _ in enumerate(steps, 1):
            if step % config.evaluate_every == 0 or step == config.steps:
                evaluate(model)

    return setting.epoch(work, pretrain)


def new(skeleton, config) -> PoseAutoencoder:
    """An untrained per-node network."""
    keras.utils.set_random_seed(config.seed)
    model = PoseAutoencoder(skeleton, **config.model.to_dict())
    model.build()
    return per_node(model)


def training(model, loss, batches, config) -> Iterator[float]:
    """A plain training loop: yields the loss of each step; `loss(batch, step)` returns a loss and its terms."""
    optimizer, variables = make_optimizer(config), model.trainable_variables
    optimizer.build(variables)

    @tf.function
    def train_step(batch, step):
        with tf.GradientTape() as tape:
            value, _ = loss(batch, step)
        optimizer.apply(tape.gradient(value, variables), variables)
        return value

    for step, batch in enumerate(batches):
        yield float(train_step(batch, tf.constant(step, tf.int64)))


def one_by_one(poses: PoseSet, config) -> tf.data.Dataset:
    """A plain input pipeline: poses are read, shuffled, corrupted and rotated one at a time.

    Returns:
        Elements `{"truth", "observed"}`, each `[batch, 2, J, 3]`: the full batches of an epoch.
    """
    arrays = {"poses": poses.positions} | ({} if poses.moved is None else {"moved": poses.moved})
    specs = {name: tf.TensorSpec(values.shape[1:], values.dtype) for name, values in arrays.items()}

    def rows():
        for number in range(len(poses)):
            yield {name: values[number] for name, values in arrays.items()}

    def seen(number, row):
        one = {name: value[None] for name, value in row.items()}
        truth, observed = two_views(one, poses.skeleton, step_seed(config.seed, number), config)
        return {"truth": truth, "observed": observed}

    return (
        tf.data.Dataset.from_generator(rows, output_signature=specs)
        .shuffle(len(poses), seed=config.seed)
        .enumerate()
        .map(seen, num_parallel_calls=tf.data.AUTOTUNE)
        .batch(config.batch, drop_remainder=True)
        .prefetch(tf.data.AUTOTUNE)
    )


def branches(batch: dict) -> list:
    """The truths and the observations of both branches of a batch of `one_by_one`."""
    return [tf.unstack(batch[name], 2, axis=1) for name in ("truth", "observed")]
