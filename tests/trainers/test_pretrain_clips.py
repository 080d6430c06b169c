"""Training of the model of clips."""

import numpy as np
import pytest
import tensorflow as tf

from tfpose.datasets import splits
from tfpose.datasets.motion_set import MotionSet
from tfpose.errors import DataError
from tfpose.models import ClipDenoiser, load_model
from tfpose.noise.clips import ClipNoise
from tfpose.seeds import step_seed
from tfpose.skeleton import Skeleton
from tfpose.trainers import clips as trainer
from tfpose.trainers.configs import clips as clips_config
from tfpose.trainers.loop import TrainingError


def tiny(pretrained, steps=6):
    config = clips_config.get_config()
    small = {"units": (8, 8), "dilations": ((1,), (1,)), "reach": 6, "widths": (1, 2, 4)}
    config.model.offline, config.model.causal = small, small
    config.pose_model, config.steps, config.batch, config.frames = str(pretrained), steps, 4, 8
    config.checkpoint_every, config.optimizer.warmup_steps = 3, 0
    return config


@pytest.fixture
def standing() -> np.ndarray:
    """A pose `[17, 3]`."""
    return next(iter(splits.synthetic.clips(1, seed=0))).to(Skeleton.load("paper17")).positions[0]


@pytest.mark.slow
def test_a_training_resumes_where_it_stopped(pretrained, tmp_path):
    motion = splits.motion("synthetic", "train")
    whole = trainer.pretrain_clips(tiny(pretrained), motion, tmp_path / "whole", progress=False)
    part = tiny(pretrained)

    class Stopped(Exception):
        pass

    original = trainer.Loop.run

    def until_three(self):
        self.steps = 3
        original(self)
        raise Stopped

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(trainer.Loop, "run", until_three)
        trainer.pretrain_clips(part, motion, tmp_path / "part", progress=False)
    resumed = trainer.pretrain_clips(part, motion, tmp_path / "part", progress=False)
    for one, other in zip(whole.get_weights(), resumed.get_weights()):
        np.testing.assert_array_equal(one, other)
    assert load_model(tmp_path / "part", ClipDenoiser).origin["lineage"] == splits.SYNTHETIC_LINEAGE


def test_training_clips_are_one_body_and_one_heading(standing):
    skeleton, config = Skeleton.load("paper17"), clips_config.get_config()
    clips, rate = tf.constant(np.tile(standing, (8, 6, 1, 1))), tf.fill([8], 30.0)
    nothing = ClipNoise(clean=1.0, gaps=0.0)
    truth, observed, confidence = trainer.make_clips(clips, rate, skeleton, step_seed(0, 0), config, nothing)
    np.testing.assert_allclose(truth, np.repeat(truth[:, :1], 6, axis=1), atol=1e-5)
    np.testing.assert_array_equal(truth, observed)
    assert np.std(truth.numpy()[:, 0, 3, 1]) > 0.01  # of different sizes
    assert confidence.shape == (8, 6, 17)


def test_the_loss_of_a_perfect_clip_is_its_trust_alone(standing):
    skeleton, options = Skeleton.load("paper17"), clips_config.get_config().loss
    truth = tf.constant(np.tile(standing, (2, 6, 1, 1)))
    logits = tf.one_hot(tf.zeros([2, 6, 17], tf.int32), 3, 20.0, -20.0)
    perfect = trainer.Smoothed(truth, logits, None, {})
    total, terms = trainer.clip_loss(perfect, truth, truth, skeleton, options)
    assert float(total) == pytest.approx(0.0, abs=1e-5)
    worse = perfect._replace(joints=truth + 0.01)
    total, terms = trainer.clip_loss(worse, truth, truth, skeleton, options)
    assert float(terms["position"]) == pytest.approx(0.01 * 3**0.5, rel=1e-3) and float(terms["acceleration"]) < 1e-6
    assert float(total) == pytest.approx(3**0.5, rel=1e-2)


@pytest.mark.slow
def test_a_training_goes_on_from_a_model_with_what_was_observed(pretrained, tmp_path):
    motion = splits.motion("synthetic", "train")
    config = tiny(pretrained)
    first = trainer.pretrain_clips(config, motion, tmp_path / "first", progress=False)
    pairs = MotionSet(
        "pairs", motion.clips, motion.rate, motion.skeleton, observed=tuple(clip + 0.02 for clip in motion.clips)
    )
    config.init, config.steps = str(tmp_path / "first"), 1
    config.optimizer.learning_rate = 0.0
    second = trainer.pretrain_clips(config, pairs, tmp_path / "second", progress=False)
    for one, other in zip(first.get_weights(), second.get_weights()):
        np.testing.assert_array_equal(one, other)
    config.model.causal = {**config.model.causal, "units": (8, 12)}
    with pytest.raises(TrainingError, match=r"config\.init=.*first: has no weight 'causal/mixer/.* of shape"):
        trainer.pretrain_clips(config, pairs, tmp_path / "third", progress=False)


def test_what_was_observed_turns_with_its_clip(standing):
    skeleton = Skeleton.load("paper17")
    clips = tf.constant(np.tile(standing, (8, 6, 1, 1)))
    offset = np.random.default_rng(0).normal(0, 0.02, clips.shape).astype(np.float32)
    truth, observed = trainer.turned(clips, clips + offset, skeleton, step_seed(0, 0))
    np.testing.assert_allclose(
        np.sort(np.linalg.norm(observed - truth, axis=-1)), np.sort(np.linalg.norm(offset, axis=-1)), atol=1e-5
    )
    assert np.abs(truth[0] - truth[1]).max() > 0.1  # at different headings


def test_windows_of_what_was_observed(standing):
    skeleton = Skeleton.load("paper17")
    clip = standing + np.linspace(0, 1, 30)[:, None, None]
    motion = MotionSet("pairs", (clip,), 30.0, skeleton, observed=(clip + 0.01,))
    batch = next(iter(motion.windows(4, 8, (15.0, 60.0), seed=0)))
    np.testing.assert_allclose(batch["observed"], batch["clips"] + 0.01, atol=1e-5)
    with pytest.raises(DataError, match="pairs: what is observed has other shapes than the clips"):
        MotionSet("pairs", (clip,), 30.0, skeleton, observed=(clip[1:],))
