"""Public methods from plain Python: compiled once, for every batch, with what comes out as what went in."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfpose.errors import TfposeError
from tfpose.models import ActionClassifier, PoseAutoencoder, PoseLifter, calls
from tfpose.skeleton import Skeleton

STICK = Skeleton("stick", ("hip", "head", "left", "right"), (-1, 0, 1, 1), mirror=(("left", "right"),), about="few")


@pytest.fixture(autouse=True)
def compiled(uncompiled, monkeypatch):
    monkeypatch.setattr(calls, "_compiles", uncompiled)
    monkeypatch.setattr(calls, "SIZES", (1, 4))
    monkeypatch.setattr(calls, "_OVERHEAD", 1)


@pytest.fixture(scope="module")
def model() -> PoseAutoencoder:
    keras.utils.set_random_seed(0)
    model = PoseAutoencoder(STICK, units=4, code_size=4, decoder_units=4, refinements=1)
    model.build()
    return model


def poses(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 4, 3)).astype(np.float32)


@pytest.fixture
def traces(monkeypatch):
    """The names of methods, each as often as it was traced."""
    traced = []
    whole = tf.function

    def counting(method, **options):
        def run(*inputs):
            traced.append(method.func.__name__)
            return method(*inputs)

        return whole(run, **options)

    monkeypatch.setattr(tf, "function", counting)
    return traced


def test_fifty_batch_sizes_are_traced_once_for_each_compiled_size(traces):
    model = PoseAutoencoder(STICK, units=4, code_size=4, decoder_units=4, refinements=0)
    model.build()
    every = poses(60)
    for count in range(1, 51):
        assert model.denoise(every[:count]).shape == (count, 4, 3)
    assert traces == ["denoise", "denoise"]


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 11])
def test_every_batch_is_that_of_the_method_as_it_is_written(model, count, monkeypatch):
    some = poses(count)
    some[:1, 2] = np.nan
    found = model.denoise(some), model.encode(some), model.transfer_view(some, view_from=poses(count, 1))
    monkeypatch.setattr(calls, "_compiles", lambda: False)
    expected = model.denoise(some), model.encode(some), model.transfer_view(some, view_from=poses(count, 1))
    keras.tree.map_structure(lambda one, other: np.testing.assert_allclose(one, other, atol=1e-5), found, expected)


def test_what_comes_out_is_what_went_in(model):
    some = poses(3)
    assert all(type(code) is np.ndarray for code in model.encode(some).values())
    assert type(model.denoise(some.tolist())) is np.ndarray
    assert isinstance(model.denoise(tf.constant(some)), tf.Tensor)
    codes = model.encode(tf.constant(some))
    assert isinstance(model.decode(**codes), tf.Tensor)


def test_weights_are_not_frozen_into_what_is_compiled(model):
    before = model.denoise(poses(1))
    weights = model.get_weights()
    model.set_weights([values + 0.1 for values in weights])
    assert np.abs(model.denoise(poses(1)) - before).max() > 1e-3
    model.set_weights(weights)
    np.testing.assert_array_equal(model.denoise(poses(1)), before)


def test_gradients_go_through(model):
    some = tf.constant(poses(3))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model.reconstruct(some) ** 2)
    assert any(np.abs(gradient).max() > 0 for gradient in tape.gradient(loss, model.decoder.trainable_weights))


def test_a_model_is_a_keras_model_as_before(model, tmp_path):
    some = poses(5)
    expected = model.denoise(some)
    np.testing.assert_allclose(model(some), expected, atol=1e-5)
    np.testing.assert_allclose(tf.function(model.denoise)(tf.constant(some)), expected, atol=1e-5)
    np.testing.assert_allclose(model.predict(some, verbose=0), expected, atol=1e-5)
    inputs = keras.Input((4, 3))
    functional = keras.Model(inputs, model.encode(inputs)["pose_code"])
    np.testing.assert_allclose(functional(some), model.encode(some)["pose_code"], atol=1e-5)
    model.save(tmp_path / "model.keras")  # what is compiled is no part of the model
    np.testing.assert_allclose(keras.saving.load_model(tmp_path / "model.keras").denoise(some), expected, atol=1e-5)


def test_eager_execution_for_debugging(model, traces):
    tf.config.run_functions_eagerly(True)
    try:
        assert type(model.denoise(poses(2))) is np.ndarray
    finally:
        tf.config.run_functions_eagerly(False)
    assert not traces


@pytest.mark.parametrize(("shape", "got"), [((5, 3, 3), r"\(5, 3, 3\)"), ((4, 3), r"\(4, 3\)"), ((), r"\(\)")])
def test_another_shape_is_named_as_it_was_given(model, shape, got):
    with pytest.raises(ValueError, match=rf"joints: expected \[B, 4, 3\], metres.* got {got}"):
        model.denoise(np.zeros(shape, np.float32))
    with pytest.raises(TypeError):
        model.denoise()


@pytest.mark.parametrize("given", [None, "walk.bvh", [[1, 2], [3]]])
def test_what_is_no_array_is_named(model, given):
    with pytest.raises(TfposeError, match=f"joints: expected an array, got a {type(given).__name__}"):
        model.denoise(given)


@pytest.mark.slow
def test_the_other_models(model):
    lifter = PoseLifter(STICK, units=4, code_size=4, decoder_units=4)
    lifter.build()
    points = poses(3)[..., :2]
    lifted = lifter.lift(points)
    assert type(lifted) is np.ndarray
    np.testing.assert_allclose(lifted, lifter(points), atol=1e-5)
    classifier = ActionClassifier(STICK, ("a", "b"), autoencoder=model, frames=3, units=4, components=2)
    classifier.build()
    clips = poses(15).reshape(5, 3, 4, 3)
    found = classifier.classify(clips)
    np.testing.assert_allclose(found["probabilities"], classifier(clips), atol=1e-5)
    state = np.zeros((5, classifier.state_size), np.float32)
    for at in range(3):
        result = classifier.step(clips[:, at], state)
        state = result["next_state"]
    np.testing.assert_allclose(result["probabilities"], found["probabilities"], atol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_float16", pytest.param("mixed_bfloat16", marks=pytest.mark.slow)])
@pytest.mark.parametrize("view", ["frame", pytest.param("free", marks=pytest.mark.slow)])
def test_mixed_precision_keeps_metres(policy, view):
    """A trusted joint comes back where it was, also far from the origin."""
    options = {"units": 4, "code_size": 4, "decoder_units": 4, "correction_units": 4, "view": view, "refinements": 1}
    plain = PoseAutoencoder(STICK, **options)
    plain.build()
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        mixed = PoseAutoencoder(STICK, **options)
        mixed.build()
    finally:
        keras.config.set_dtype_policy(before)
    mixed.set_weights(plain.get_weights())
    for model in (plain, mixed):
        model.trust.weights[-1].assign(np.full(4, 50.0))
        model.sides.threshold.assign(100.0)
    some = poses(3) * 0.3
    far = some + np.float32([30, 0, 0])
    for joints in (some, far):
        assert mixed.denoise(joints).dtype == np.float32
        np.testing.assert_allclose(mixed.denoise(joints), plain.denoise(joints), atol=2e-5)
    np.testing.assert_allclose(mixed(far), plain(far), atol=2e-5)
    assert np.abs(mixed.reconstruct(far) - plain.reconstruct(far)).max() < 0.02


def test_one_sample_goes_with_many(model):
    many, one = poses(3), poses(1, seed=1)
    expected = np.concatenate([model.transfer_view(pose[None], one) for pose in many])
    np.testing.assert_allclose(model.transfer_view(many, one), expected, atol=1e-5)
    assert model.transfer_view(one, many).shape == many.shape
    with pytest.raises(TfposeError, match="got 3 of joints, 2 of view_from"):
        model.transfer_view(many, poses(2))
