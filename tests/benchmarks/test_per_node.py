"""What the benchmark measures against computes what tfpose computes."""

import numpy as np
import pytest
import tensorflow as tf
from contenders.per_node import branches, loss_of_views, one_by_one, per_node, siamese_loss

from tfpose.datasets import synthetic
from tfpose.datasets.pose_set import PoseSet
from tfpose.metrics import bone_lengths
from tfpose.models import PoseAutoencoder
from tfpose.skeleton import Skeleton
from tfpose.trainers import pretrain
from tfpose.trainers.configs import paper

SEED = (3, 4)


@pytest.fixture(scope="module")
def poses() -> np.ndarray:
    return np.concatenate([clip.positions for clip in synthetic.clips(1, seed=0)])[:6].astype(np.float32)


def small(**options) -> PoseAutoencoder:
    """A model whose weights, biases too, are anything."""
    model = PoseAutoencoder(Skeleton.load("paper17"), units=5, code_size=4, decoder_units=6, **options)
    model.build()
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(rng.normal(0, 0.5, weight.shape))
    return model


@pytest.mark.parametrize("view", ["frame", "free"])
@pytest.mark.parametrize("options", [{"refinements": 0}, {"refinements": 2, "correction_units": 8}], ids=str)
def test_it_answers_the_same(options, view, poses):
    model = small(**options, view=view)
    reference = per_node(model)
    poses = poses.copy()
    poses[::2, 3] = np.nan
    np.testing.assert_allclose(reference.denoise(poses), model.denoise(poses), atol=1e-5)
    for name, code in model.encode(poses).items():
        np.testing.assert_allclose(reference.encode(poses)[name], code, atol=1e-5)


@pytest.mark.slow
def test_its_loss_and_gradients_are_the_same(poses):
    model, config = small(refinements=0, view="free"), paper.get_config()
    reference = per_node(model)
    batch = {"poses": tf.constant(poses)}
    value, terms, gradients = with_gradients(model, pretrain.siamese_loss, batch, config)
    expected, expected_terms, expected_gradients = with_gradients(reference, siamese_loss, batch, config)
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    assert terms.keys() == expected_terms.keys()
    for name, term in terms.items():
        np.testing.assert_allclose(term, expected_terms[name], rtol=1e-5, atol=1e-6, err_msg=name)
    # The gradients take the way that the weights took: into the cells of a copy.
    for weight, gradient in zip(model.trainable_variables, gradients, strict=True):
        weight.assign(gradient)
    copied = per_node(model).trainable_variables
    largest = max(np.abs(gradient).max() for gradient in expected_gradients)
    assert len(copied) > len(gradients) and largest > 0.1
    for weight, wanted in zip(copied, in_one_bias(copied, expected_gradients)):
        np.testing.assert_allclose(weight, wanted, atol=1e-5 * largest, err_msg=weight.path)


def with_gradients(model, loss, batch, config):
    variables = [weight.value for weight in model.trainable_variables]
    with tf.GradientTape() as tape:
        value, terms = loss(model, batch, SEED, config)
    return value, terms, tape.gradient(value, variables, unconnected_gradients="zero")


def in_one_bias(weights, gradients):
    """Keras' cells have a second bias, for their former state, which tfpose's have not: of two the first counts."""
    for weight, gradient in zip(weights, gradients, strict=True):
        gradient = gradient.numpy()
        if weight.path.endswith("bias") and gradient.ndim == 2 and len(gradient) == 2:
            gradient[1] = 0
        yield gradient


def test_poses_that_come_one_by_one_are_seen_as_in_a_batch(poses):
    config = paper.get_config()
    config.batch = 3
    # Nothing moves, and every pose is one of the set: its first branch must be a pose of the set.
    config.corruption.shortest = config.corruption.longest = 0.0
    made = list(one_by_one(PoseSet("made", poses, Skeleton.load("paper17")), config))
    assert len(made) == 2
    for batch in made:
        assert batch["truth"].shape == batch["observed"].shape == (3, 2, 17, 3)
        np.testing.assert_allclose(batch["observed"], batch["truth"], atol=1e-6)
    seen = np.concatenate([batch["truth"][:, 0] for batch in made])
    assert sorted(map(bytes, seen)) == sorted(map(bytes, poses))
    turned = np.concatenate([batch["truth"][:, 1] for batch in made])
    paper17 = Skeleton.load("paper17")
    np.testing.assert_allclose(bone_lengths(turned, paper17), bone_lengths(seen, paper17), atol=1e-5)
    assert np.abs(turned - seen).max() > 0.1
    model = small(refinements=0, view="free")
    loss, _ = loss_of_views(per_node(model), *branches(made[0]), config)
    assert np.isfinite(loss)
