"""The training loop: one traced step, exact resume, and progress reports."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import os
import pathlib
import re
import sys
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from tfpose.errors import TfposeError
from tfpose.files import atomic_write
from tfpose.seeds import step_seed


class TrainingError(TfposeError):
    """Training cannot start or continue."""


class Stages(NamedTuple):
    """The stages of a training step, as functions of tensors.

    Attributes:
        prepared: `prepared(batch, step)`, the input of the loss.
        gradients: `gradients(prepared, step, share) -> (loss, terms, gradients)`, of one share of the prepared samples.
        apply: `apply(found) -> (loss, terms)`, changes the weights by what `gradients` returned for several shares.
    """

    prepared: Callable
    gradients: Callable
    apply: Callable


@dataclasses.dataclass
class Loop:
    """Trains a model on an endless stream of batches; it can be stopped at any time and resumed.

    The randomness of a step depends on `seed` and the step's number alone, and so does its batch: a run that was
    killed and started again with the same arguments ends with the same weights as one that was not.

    With R replicas, every replica reads and prepares the whole batch and takes every R-th sample, so that samples that
    belong together across the halves of a batch stay together. The randomness of `prepare` is the same for any number
    of replicas, and a loss that is a mean over samples has the same gradient. The randomness of `loss` is different for
    each replica and each of its parts.

    Args:
        model: built; its variables are trained.
        optimizer: a Keras optimizer.
        loss: `loss(batch, seed) -> (scalar, {name: scalar})`, XLA-compilable unless `compiled` is off, fixed batch
            shapes.
        batches: `batches(start) -> tf.data.Dataset`, from which step `start` takes the first element.
        prepare: `prepare(batch, seed) -> tensors [samples, ...]`, the input of `loss`; it may not use weights.
        steps: how many.
        seed: of everything random in the steps.
        workdir: holds `checkpoints/` and `tensorboard/`; a run that finds checkpoints there continues from the last.
        poses_per_step: for the rate that is shown.
        checkpoint_every, log_every: in steps.
        evaluate: `evaluate(step) -> {name: number}`, shown and logged every `evaluate_every` steps and at the end.
        compiled: whether XLA compiles the step; a small step with many random numbers is faster without.
        parts: into how many parts a replica's share is split, as if there were more replicas; they are computed in
            parallel.
        progress: whether to draw the progress bar.

    `model` and `optimizer` must be made in the scope of the `tf.distribute` strategy, if there is one; the loop uses
    the strategy that is active when `run` is called. Several workers share `workdir`: only the chief writes checkpoints
    and logs, evaluates and draws the bar.
    """

    model: object
    optimizer: object
    loss: Callable
    batches: Callable
    steps: int
    seed: int
    workdir: pathlib.Path
    poses_per_step: int
    prepare: Callable | None = None
    checkpoint_every: int = 1000
    log_every: int = 50
    evaluate: Callable | None = None
    evaluate_every: int = 0
    compiled: bool = True
    parts: int = 1
    progress: bool = True

    def run(self) -> int:
        """Trains to the end.

        Returns:
            The step at which this call started: 0, or where a former run stopped.

        Raises:
            TrainingError: when the loss or a weight is not finite (the batch is saved, no checkpoint has the bad
                weights), or a checkpoint cannot be read.
        """
        chief = is_chief()
        train_step = self.traced_step()
        step_now = tf.Variable(0, dtype=tf.int64, name="step")
        checkpoint = tf.train.Checkpoint(model=self.model, optimizer=self.optimizer, step=step_now)
        checkpoint.save_counter.value()  # creates the variable: all workers must, but only the chief saves
        manager = tf.train.CheckpointManager(checkpoint, self.workdir / "checkpoints", max_to_keep=2)
        self._restore(checkpoint, manager)
        start = int(step_now.numpy())
        logs = str(self.workdir / "tensorboard")
        writer = tf.summary.create_file_writer(logs) if chief else tf.summary.create_noop_writer()
        stream = iter(self.batches(start))
        shown = {}
        with writer.as_default(), self._bar(start, shown=self.progress and chief) as bar:
            for step in range(start, self.steps):
                batch = next(stream)
                loss, terms = train_step(batch, tf.constant(step, tf.int64))
                if not np.isfinite(loss.numpy()):
                    bad = ", ".join(name for name, value in terms.items() if not np.isfinite(value.numpy())) or "none"
                    what = f"the loss is {loss.numpy()} at step {step} (terms that are not finite: {bad})"
                    self._refuse(what, step, batch)
                bar.update(self.poses_per_step)
                last = step + 1 == self.steps
                if (step + 1) % self.log_every == 0 or last:
                    shown["loss"] = f"{loss.numpy():.3f}"
                    bar.set_postfix(shown)
                    self._write({"loss": loss, **terms, "learning_rate": self.optimizer.learning_rate}, step + 1)
                due = last or (self.evaluate_every and (step + 1) % self.evaluate_every == 0)
                if self.evaluate and chief and due:
                    results = self.evaluate(step + 1)
                    shown.update({name: f"{value:.4g}" for name, value in results.items()})
                    bar.set_postfix(shown)
                    self._write(results, step + 1)
                if (step + 1) % self.checkpoint_every == 0 or last:
                    # A finite loss can have a gradient that is not finite.
                    if not all(np.isfinite(weights).all() for weights in self.model.get_weights()):
                        self._refuse(f"the weights are not finite after step {step}", step, batch)
                    step_now.assign(step + 1)
                    if chief:
                        self._save(manager, writer, step + 1)
        wait_for_all()
        return start

    def traced_step(self):
        """`train_step(batch, step) -> (loss, terms)`, which changes the weights."""
        strategy, stages = tf.distribute.get_strategy(), self.stages()
        replicas = strategy.num_replicas_in_sync

        def replica_step(batch, step):
            replica = tf.cast(tf.distribute.get_replica_context().replica_id_in_sync_group, tf.int64)
            prepared = stages.prepared(batch, step)
            # Each part is a share of the replica's share, so that another replica may have other parts.
            shares = [replica + part * replicas for part in range(self.parts)]
            return stages.apply([stages.gradients(prepared, step, share) for share in shares])

        @tf.function(autograph=False)
        def train_step(batch, step):
            results = strategy.run(replica_step, args=(batch, step))
            return tf.nest.map_structure(
                lambda value: strategy.reduce(tf.distribute.ReduceOp.MEAN, value, axis=None), results
            )

        return train_step

    def stages(self) -> Stages:
        """The stages of a training step, each compiled."""
        variables, replicas = self.model.trainable_variables, tf.distribute.get_strategy().num_replicas_in_sync
        shares = replicas * self.parts
        self.optimizer.build(variables)
        # Nothing here branches on tensors. Without AutoGraph, which rewrites all code, the start is seconds faster.
        compiled = functools.partial(tf.function, autograph=False, jit_compile=self.compiled)

        @compiled
        def prepared(batch, step):
            return self.prepare(batch, step_seed(self.seed, step))

        @compiled
        def gradients(prepared, step, share):
            with tf.GradientTape() as tape:
                samples = tf.nest.map_structure(lambda values: _share(values, share, shares), prepared)
                loss, terms = self.loss(samples, step_seed(self.seed, step * shares + share))
            # Keras variables are unwrapped because the tape makes zeros for unconnected ones from their dtype. Only the
            # recursive subnet's recurrent kernels are unconnected: a single pass never reads them.
            values = [variable.value for variable in variables]
            return loss, terms, tape.gradient(loss, values, unconnected_gradients=tf.UnconnectedGradients.ZERO)

        def apply(found):
            loss, terms, grads = tf.nest.map_structure(lambda *values: sum(values) / self.parts, *found)
            # Keras optimizers add up the replicas' gradients; the loss is a mean.
            self.optimizer.apply([grad / replicas for grad in grads], variables)
            return loss, terms

        return Stages(
            prepared if self.prepare else lambda batch, step: batch,
            gradients,
            apply if tf.distribute.has_strategy() else compiled(apply),  # replicas cannot synchronise in compiled code
        )

    def _restore(self, checkpoint, manager):
        failed = None
        for path in reversed(manager.checkpoints):
            try:
                checkpoint.restore(path).assert_consumed()
            except Exception as error:  # TensorFlow raises many kinds, even IndexError for a file that is cut off
                failed = failed or (path, error)
                continue
            if failed:
                print(f"note: {failed[0]} is damaged; training goes on from step {_number(path)}", file=sys.stderr)
            return
        if failed:
            path, error = failed
            raise TrainingError(
                f"{path}: this checkpoint does not fit the model ({_first_line(error)}). It is damaged or belongs to "
                f"another configuration; delete {self.workdir} or choose another --workdir."
            ) from error

    def _save(self, manager, writer, step):
        try:
            manager.save(checkpoint_number=step)
            writer.flush()
        except (OSError, tf.errors.OpError) as error:
            raise TrainingError(
                f"{self.workdir}: cannot be written ({_first_line(error)}). Training can go on from step "
                f"{_number(manager.latest_checkpoint)} when there is space: start it again"
            ) from error

    def _refuse(self, what, step, batch):
        path = self.workdir / f"nonfinite_step_{step}.npz"
        with atomic_write(path) as unfinished:
            np.savez(unfinished, step=step, seed=self.seed, **{name: value.numpy() for name, value in batch.items()})
        raise TrainingError(
            f"{what}. The batch is saved in {path}. Lower the learning rate, or look for broken poses in that batch."
        )

    def _write(self, scalars, step):
        for name, value in scalars.items():
            tf.summary.scalar(name, tf.cast(value, tf.float32), step=step)

    def _bar(self, start, shown):
        return tqdm(
            total=self.steps * self.poses_per_step,
            initial=start * self.poses_per_step,
            unit="pose",
            unit_scale=True,
            dynamic_ncols=True,
            mininterval=0.5,
            disable=not shown,
        )


def is_chief() -> bool:
    """Whether this process is the one that writes: the only one, or the first of several workers."""
    return tf.distribute.get_strategy().extended.should_checkpoint


def wait_for_all():
    """Returns when all workers have called it (a barrier)."""
    strategy = tf.distribute.get_strategy()

    @tf.function(autograph=False)
    def meet():
        return strategy.reduce(tf.distribute.ReduceOp.SUM, strategy.run(lambda: tf.constant(1.0)), axis=None)

    meet()


@functools.cache
def _workers(described: str):
    try:
        if not json.loads(described)["cluster"]["worker"]:
            raise ValueError("no workers")
        return tf.distribute.MultiWorkerMirroredStrategy()
    except (ValueError, KeyError, TypeError) as error:
        raise TrainingError(
            f"TF_CONFIG describes no workers ({_first_line(error)}): {described[:200]}. Expected, on the first of two, "
            '{"cluster": {"worker": ["host0:port", "host1:port"]}, "task": {"type": "worker", "index": 0}}'
        ) from error


def strategy_scope():
    """The scope for training: with the workers of the environment variable TF_CONFIG, if it is set.

    Enter it before any other use of TensorFlow. A process can use only one TF_CONFIG.

    Raises:
        TrainingError: when TF_CONFIG names no workers.
    """
    described = os.environ.get("TF_CONFIG")
    return _workers(described).scope() if described else contextlib.nullcontext()


def _share(values, replica, replicas: int):
    """A replica's samples of `values` `[samples, ...]`: numbers `replica`, `replica + replicas`, ..."""
    if replicas == 1:
        return values
    if values.shape[0] % replicas:
        raise TrainingError(f"{values.shape[0]} samples of a batch cannot be shared evenly by {replicas} replicas")
    return tf.gather(tf.reshape(values, [-1, replicas, *values.shape[1:]]), replica, axis=1)


def _number(checkpoint: str | None) -> int:
    return int(checkpoint.rpartition("-")[2]) if checkpoint else 0


def _first_line(error) -> str:
    """Of what TensorFlow says, without the operation that says it; the end, where the reason is."""
    return re.sub(r"\{\{.*?\}\}\s*", "", str(error).strip().split("\n", 1)[0])[-200:]
