"""The action classifier: what describes a frame, what is standardised, and what a saved one keeps."""

import keras
import numpy as np
import pytest

from tfpose.errors import TfposeError
from tfpose.geometry import rotations
from tfpose.models import ActionClassifier, PoseAutoencoder
from tfpose.models.action_classifier import FEATURES, FrameStandardizer
from tfpose.skeleton import Skeleton

FRAMES = 3
ACTIONS = ("sit down", "throw", "walk")


@pytest.fixture(scope="module")
def autoencoder() -> PoseAutoencoder:
    keras.utils.set_random_seed(1)
    model = PoseAutoencoder(Skeleton.load("paper17"), units=4, code_size=4, decoder_units=4, refinements=1)
    model.build()
    return model


@pytest.fixture
def clips(standing_pose) -> np.ndarray:
    """Two clips of somebody who bows, rises 10 cm and goes 20 cm a frame; the second goes 40 cm and stands apart."""
    moving = np.tile(standing_pose, (2, FRAMES, 1, 1))
    steps = np.arange(FRAMES, dtype=np.float32)
    moving[:, :, 3, 2] += 0.1 * steps
    moving[..., 1] += 0.1 * steps[:, None]
    moving[..., 0] += 0.2 * np.float32([1, 2])[:, None, None] * steps[:, None]
    moving[1] += np.float32([1.0, 0.0, 3.0])
    return moving


def new(autoencoder, features="code", **options) -> ActionClassifier:
    keras.utils.set_random_seed(2)
    skeleton = Skeleton.load("paper17")
    encoder = autoencoder if features == "code" else None
    options = {"frames": FRAMES, "units": 5, "components": 6, **options}
    classifier = ActionClassifier(skeleton, ACTIONS, features, encoder, **options)
    classifier.build()
    return classifier


# --- what describes a frame


def test_coordinates_are_taken_as_they_are(autoencoder, clips):
    for features in ("raw", "normalised"):
        np.testing.assert_array_equal(new(autoencoder, features).describe(clips), clips.reshape(2, FRAMES, 51))


@pytest.mark.parametrize("features", ["relative", "aligned", "code"])
def test_the_lost_translation_is_appended_as_height_and_speed(autoencoder, clips, features):
    classifier = new(autoencoder, features)
    described = classifier.describe(clips)[..., classifier.pose_width :]
    np.testing.assert_allclose(described[..., 0], [[0.0, 0.1, 0.2]] * 2, atol=1e-5)
    np.testing.assert_allclose(described[..., 1], [[0.0, 0.2, 0.2], [0.0, 0.4, 0.4]], atol=1e-5)
    assert described.shape[-1] == (6 if features == "code" else 2)


def test_tilt_and_turn_are_those_of_the_body(autoencoder, clips):
    """Of a body that turns by 30 degrees a frame and is then tilted as a whole."""
    classifier = new(autoencoder)
    still = np.repeat(clips[:, :1], FRAMES, axis=1)
    turn = rotations.about_axis(np.radians(30.0 * np.arange(FRAMES, dtype=np.float32)))
    described = classifier.describe(rotations.rotate(still, turn[None]).numpy())[..., classifier.pose_width :]
    np.testing.assert_allclose(described[..., 5], [[0.0, 0.5, 0.5]] * 2, atol=1e-5)
    up = described[..., 2:5]
    np.testing.assert_allclose(np.linalg.norm(up, axis=-1), 1.0, atol=1e-5)
    np.testing.assert_allclose(up, np.repeat(up[:, :1], FRAMES, axis=1), atol=1e-5)


def test_a_missing_joint_is_refused(autoencoder, clips):
    classifier = new(autoencoder)
    clips[1, 2, 5, 0] = np.nan
    for call in (classifier.classify, classifier.describe):
        with pytest.raises(TfposeError, match="clips: a joint is missing"):
            call(clips)
    state = np.zeros((2, classifier.state_size), np.float32)
    with pytest.raises(TfposeError, match="joints: a joint is missing"):
        classifier.step(clips[:, 2], state)


def test_motion_that_is_not_wanted_is_left_out(autoencoder, clips):
    whole, some = new(autoencoder), new(autoencoder, motion=("turn", "height"))
    described = whole.describe(clips)
    np.testing.assert_allclose(
        some.describe(clips), np.delete(described, whole.pose_width + np.array([1, 2, 3, 4]), axis=-1), atol=1e-6
    )
    with pytest.raises(ValueError, match="motion must be some of height, speed, tilt, turn, got 'jump'"):
        new(autoencoder, motion=("jump",))


def test_relative_coordinates_have_the_root_at_the_origin(autoencoder, clips):
    described = new(autoencoder, "relative").describe(clips)[..., :-2].reshape(2, FRAMES, 17, 3)
    np.testing.assert_allclose(described, clips - clips[:, :, :1], atol=1e-6)


def test_the_code_is_the_encoder_s(autoencoder, clips):
    described = new(autoencoder).describe(clips)[..., : 17 * 4]
    poses = clips.reshape(-1, 17, 3)
    code = autoencoder.encode(poses)["pose_code"]
    np.testing.assert_allclose(described.reshape(-1, 17, 4), code, atol=1e-5)


def turned(clips, degrees):
    turn = rotations.about_axis(np.radians(np.float32(degrees)))
    return rotations.rotate(clips, turn[None, None]).numpy()


def test_the_aligned_frame_does_not_see_the_heading_and_relative_coordinates_do(autoencoder, clips):
    aligned, relative = new(autoencoder, "aligned"), new(autoencoder, "relative")
    before = aligned.describe(clips)
    for degrees in (-150, 20, 90, 180):
        np.testing.assert_allclose(aligned.describe(turned(clips, degrees)), before, atol=1e-5)
        assert np.abs(relative.describe(turned(clips, degrees)) - relative.describe(clips)).max() > 0.05


def test_a_frame_knows_nothing_of_the_frames_after_it(autoencoder, clips):
    other = clips.copy()
    other[:, -1] += 0.3
    for features in FEATURES:
        classifier = new(autoencoder, features, components=0)
        one, two = (classifier.standardizer(classifier.describe(values)).numpy() for values in (clips, other))
        np.testing.assert_array_equal(one[:, :-1], two[:, :-1])
        assert np.abs(one[:, -1] - two[:, -1]).max() > 0.01


# --- standardising


def test_each_number_and_its_change_get_unit_spread():
    described = np.random.default_rng(1).normal([1, 20], [3, 0.1], (50, 8, 2))
    layer = FrameStandardizer(2)
    layer.build((None, 8, 2))
    layer.adapt(described)
    made = layer(described.astype(np.float32)).numpy()
    np.testing.assert_allclose(made[..., :2].mean((0, 1)), 0, atol=1e-3)
    np.testing.assert_allclose(made[..., :2].std((0, 1)), 1, atol=1e-3)
    np.testing.assert_array_equal(made[:, 0, 2:], 0)
    np.testing.assert_allclose(made[:, 1:, 2:].std((0, 1)), 1, atol=1e-3)
    np.testing.assert_allclose(
        made[:, 1:, 2] / (made[:, 1:, 0] - made[:, :-1, 0]), float(layer.change_scale[0]), rtol=1e-2
    )


def test_fewer_components_are_the_principal_ones():
    random = np.random.default_rng(2)
    hidden = random.normal(size=(60, 8, 2)) * [5, 2]
    described = hidden @ np.linalg.qr(random.normal(size=(6, 6)))[0][:2] + 1e-3 * random.normal(size=(60, 8, 6)) + 7
    layer = FrameStandardizer(2)
    layer.build((None, 8, 6))
    layer.adapt(described)
    made = layer(described.astype(np.float32)).numpy()[..., :2].reshape(-1, 2)
    np.testing.assert_allclose(np.cov(made, rowvar=False), np.eye(2), atol=0.01)
    # The two hidden numbers, up to sign.
    np.testing.assert_allclose(np.abs(np.corrcoef(made[:, 0], hidden[..., 0].ravel())[0, 1]), 1, atol=0.01)


def test_a_number_that_never_changes_does_no_harm():
    layer = FrameStandardizer(2)
    layer.build((None, 1, 2))
    layer.adapt(np.ones((4, 1, 2)))
    assert np.isfinite(layer(np.ones((4, 1, 2), np.float32))).all()


# --- the classifier


def test_probabilities_and_labels(autoencoder, clips):
    result = new(autoencoder).classify(clips)
    assert result["probabilities"].shape == (2, 3) and result["label"].dtype == "int32"
    np.testing.assert_allclose(np.sum(result["probabilities"], -1), 1, atol=1e-6)
    np.testing.assert_array_equal(result["label"], np.argmax(result["probabilities"], -1))


@pytest.mark.parametrize("features", FEATURES)
def test_one_pose_at_a_time_comes_to_what_the_clip_does(autoencoder, clips, features):
    classifier = new(autoencoder, features)
    classifier.standardizer.adapt(classifier.describe(clips))
    state = np.zeros((2, classifier.state_size), np.float32)
    for frame in range(FRAMES):
        result = classifier.step(clips[:, frame], state)
        state = result["next_state"]
    expected = classifier.classify(clips)
    np.testing.assert_allclose(result["probabilities"], expected["probabilities"], atol=1e-5)
    np.testing.assert_array_equal(result["label"], expected["label"])
    # People are kept apart, and a clip starts wherever its state is zero: the second person starts anew.
    again = classifier.step(clips[:, 0], np.concatenate([state[:1], np.zeros_like(state[1:])]))
    first = classifier.step(clips[:, 0], np.zeros_like(state))
    np.testing.assert_allclose(again["next_state"][1], first["next_state"][1], atol=1e-6)
    assert np.abs(again["next_state"][0] - first["next_state"][0]).max() > 1e-3


def test_only_the_lstm_and_its_head_learn_and_the_callers_encoder_may_go_on(autoencoder):
    classifier = new(autoencoder)
    learned = {variable.path.split("/")[1] for variable in classifier.trainable_variables}
    assert learned == {"lstm", "head"} and len(classifier.trainable_variables) == 5
    assert len(autoencoder.trainable_variables) == len(autoencoder.weights)
    for own, given in zip(classifier.autoencoder.get_weights(), autoencoder.get_weights(), strict=True):
        np.testing.assert_array_equal(own, given)


@pytest.mark.parametrize("features", ["code", "aligned"])
def test_a_saved_classifier_is_the_same(autoencoder, clips, features, tmp_path):
    classifier = new(autoencoder, features)
    classifier.standardizer.adapt(classifier.describe(clips))
    classifier.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.actions == ACTIONS and loaded.features == features and loaded.get_config() == classifier.get_config()
    np.testing.assert_array_equal(loaded(clips), classifier(clips))
    assert len(loaded.trainable_variables) == 5


def test_wrong_calls(autoencoder, clips):
    with pytest.raises(ValueError, match="features must be one of raw, normalised, relative, aligned, code, got 'x'"):
        new(None, "x")
    with pytest.raises(ValueError, match="features='code' needs an autoencoder"):
        new(None)
    with pytest.raises(ValueError, match="features='raw' takes no autoencoder"):
        ActionClassifier(Skeleton.load("paper17"), ACTIONS, "raw", autoencoder)
    with pytest.raises(ValueError, match=r"expected \[B, 3, 17, 3\], metres, .* got \(2, 2, 17, 3\)\. Clips of other"):
        new(autoencoder)(clips[:, :2])
    with pytest.raises(ValueError, match=r"joints: expected \[B, 17, 3\], .* got \(2, 3, 17, 3\)\. One pose at a time"):
        new(autoencoder).step(clips, np.zeros((2, 24)))
    with pytest.raises(ValueError, match=r"state: expected \[B, 24\], .* got \(2, 20\)\. A clip begins with zeros"):
        new(autoencoder).step(clips[:, 0], np.zeros((2, 20)))
