"""The contenders that train learn the same, step by step, and go on in turns."""

import time

import keras
import numpy as np
import pytest
import tensorflow as tf
from contenders import keras_way, per_node, setting
from contenders.task import Calls, Steps, Work

from tfpose.datasets import synthetic
from tfpose.formats import arrays
from tfpose.models import PoseAutoencoder
from tfpose.seeds import step_seed
from tfpose.skeleton import Skeleton
from tfpose.trainers.configs import paper
from tfpose.trainers.pretrain import siamese_loss

STEPS = 3


@pytest.fixture(scope="module")
def config():
    config = paper.get_config()
    config.batch, config.steps, config.corruption.max_joints = 4, 100, 2
    config.optimizer.warmup_steps = 0
    return config


def model() -> PoseAutoencoder:
    """Of a small tree, which is quickly traced and compiled."""
    keras.utils.set_random_seed(0)
    skeleton = Skeleton("small", ("root", "left", "right"), (-1, 0, 0), (("left", "right"),))
    model = PoseAutoencoder(skeleton, units=3, code_size=2, decoder_units=3, view="free", refinements=0)
    model.build()
    return model


def batches() -> tf.data.Dataset:
    poses = np.random.default_rng(0).normal(0, 0.4, (4, 3, 3)).astype(np.float32)
    return tf.data.Dataset.from_tensors({"poses": poses}).repeat()


def outcome(model) -> np.ndarray:
    return model.reconstruct(next(iter(batches()))["poses"]).numpy()


@pytest.mark.slow
def test_both_loops_learn_the_same_from_the_loss_of_tfpose(config):
    ours, plain, fitted = model(), per_node.per_node(model()), per_node.per_node(model())
    untrained = outcome(ours)

    def loss_of(reference):
        return lambda batch, step: per_node.siamese_loss(reference, batch, step_seed(config.seed, step), config)

    losses = list(per_node.training(plain, loss_of(plain), batches().take(STEPS), config))
    loss, _ = siamese_loss(ours, next(iter(batches())), step_seed(config.seed, 0), config)
    assert len(losses) == STEPS and losses[0] == pytest.approx(float(loss), rel=1e-5)
    reached = []
    keras_way.fit(
        *(fitted, loss_of(fitted), batches(), config, 2, lambda: reached.append(outcome(fitted))), steps_per_epoch=STEPS
    )
    assert len(reached) == 2  # after two steps and after the last
    assert np.abs(outcome(plain) - untrained).max() > 1e-3
    np.testing.assert_allclose(outcome(fitted), outcome(plain), atol=1e-5)


def test_an_epoch_reads_trains_and_evaluates(tmp_path):
    for split in ("train", "test"):
        for number, clip in enumerate(synthetic.clips(2, seed=0, frames=30)):
            arrays.write(tmp_path / split / f"{number}.npz", clip.positions, clip.skeleton)
    asked = []

    def pretrain(config, poses, evaluate):
        asked.append((config.steps, config.evaluate_every, len(poses)))
        model = PoseAutoencoder(poses.skeleton, units=2, code_size=2, decoder_units=2, refinements=0)
        model.build()
        for step in range(config.steps):
            if (step + 1) % config.evaluate_every == 0 or step + 1 == config.steps:
                time.sleep(0.01 if step else 0.5)
                evaluate(model)

    found = setting.epoch(Work("epoch", "", 2, "", 1, data=str(tmp_path)), pretrain)
    assert asked == [(30, 1, 60)]
    assert found["poses"] == 60 and found["mpjpe_mm"] > 10
    assert found["total"] == pytest.approx(found["read"] + found["train"] + found["evaluate"])
    assert found["first"] > 0.3 and found["train"] > 0.7


def test_calls_are_timed_one_by_one():
    calls = Calls(lambda: [np.arange(24).reshape(6, 4), np.ones((6, 1))])
    assert calls.first() == [0, 1, 2, 3, 1, 4, 5, 6, 7, 1, 8, 9, 10, 11, 1, 12, 13, 14, 15, 1]
    times = calls.run(0.01)
    assert len(times) > 1 and sum(times) >= 0.005
    assert len(calls.run(0)) == 1


def test_steps_wait_for_their_turn():
    done, ended = [], []

    def train(reached):
        try:
            while True:
                done.append(len(done))
                time.sleep(0.001)
                if len(done) % 3 == 0:
                    reached()
        finally:
            ended.append(True)

    steps = Steps(train, 3, lambda: [float(len(done))])
    assert steps.first() == [3.0]
    time.sleep(0.02)
    assert len(done) == 3
    times = steps.run(0.03)
    assert len(done) == 3 + 3 * len(times) and min(times) >= 0.001
    steps.close()
    assert ended == [True]


def test_a_training_that_fails_says_so():
    def train(reached):
        reached()
        raise ValueError("not finite")

    steps = Steps(train, 1, lambda: [])
    assert steps.first() == []
    with pytest.raises(ValueError, match="not finite"):
        steps.run(0.01)
