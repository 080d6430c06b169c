"""The per-node network in Keras' own training loop: `model.fit` with a custom `train_step`.

`compile` leaves `jit_compile` at Keras' default, "auto": XLA on a GPU, none on a CPU.
"""

from __future__ import annotations

import keras
import tensorflow as tf

import tfpose
from contenders import per_node, setting
from contenders.task import Calls, Steps, Work
from tfpose.seeds import step_seed
from tfpose.trainers.run import make_optimizer


class Trainer(keras.Model):
    """Trains an autoencoder; `loss(batch, step)` returns a loss and its terms."""

    def __init__(self, autoencoder, loss):
        super().__init__()
        self.autoencoder = autoencoder
        self.loss_of = loss

    def train_step(self, batch):
        with tf.GradientTape() as tape:
            loss, _ = self.loss_of(batch, self.optimizer.iterations)
        variables = self.trainable_variables
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        return {"loss": loss}


def fit(autoencoder, loss, batches: tf.data.Dataset, config, every: int, reached, **options):
    """`model.fit`, which calls `reached()` after every `every` steps and after the last step of an epoch."""
    model = Trainer(autoencoder, loss)
    model.compile(make_optimizer(config))

    def on_train_batch_end(step, logs):
        if (step + 1) % every == 0 or step + 1 == options.get("steps_per_epoch"):
            reached()

    callback = keras.callbacks.LambdaCallback(on_train_batch_end=on_train_batch_end)
    model.fit(batches, callbacks=[callback], verbose=0, **options)


def make(work: Work, option: str) -> Calls | Steps:
    model, config = per_node.per_node(tfpose.load_model(work.preset)), setting.configuration(work)
    if work.kind == "train":

        def loss(batch, step):
            return per_node.siamese_loss(model, batch, step_seed(config.seed, step), config)

        def run(reached):
            fit(model, loss, setting.same_batch(work), config, work.every, reached, steps_per_epoch=10**9)

        return Steps(run, work.every, lambda: setting.learned(model, work))
    if work.kind == "encode":
        model = Encoder(model)
    poses = work.poses()
    return Calls(lambda: tf.nest.flatten(model.predict_on_batch(poses)))


class Encoder(keras.Model):
    """A model whose call is `autoencoder.encode`."""

    def __init__(self, autoencoder):
        super().__init__()
        self.autoencoder = autoencoder

    def call(self, joints):
        return self.autoencoder.encode(joints)


def epoch(work: Work) -> dict:
    def pretrain(config, poses, evaluate):
        model = per_node.new(poses.skeleton, config)

        def loss(batch, step):
            return per_node.loss_of_views(model, *per_node.branches(batch), config)

        batches = per_node.one_by_one(poses, config)
        fit(
            *(model, loss, batches, config, config.evaluate_every, lambda: evaluate(model)),
            steps_per_epoch=config.steps,
        )

    return setting.epoch(work, pretrain)
