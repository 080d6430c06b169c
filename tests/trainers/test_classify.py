"""Training the action classifier: augmentation, the bank, a frozen encoder, the same again for the same seed."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfpose import cli
from tfpose.datasets import ClipSet, synthetic
from tfpose.datasets.clip_set import resample
from tfpose.models import PoseAutoencoder
from tfpose.seeds import step_seed
from tfpose.trainers import classify, configs
from tfpose.trainers.configs import classify as classify_config
from tfpose.trainers.loop import TrainingError

FRAMES = 4


@pytest.fixture(scope="module")
def clips(skeleton) -> ClipSet:
    """24 clips of two actions that cannot be confused: who throws raises the right wrist."""
    people = [resample(clip.positions[:8], FRAMES) for clip in synthetic.clips(24, seed=3)]
    positions, labels = np.stack(people), np.arange(24) % 2
    positions[labels == 1, :, skeleton.index("wrist_right"), 1] += np.linspace(0.3, 1.5, FRAMES)
    positions[labels == 1, :, skeleton.index("wrist_left"), 1] += np.linspace(0.3, 1.5, FRAMES)
    return ClipSet("made up/train", positions, labels, ("stand", "throw"), skeleton, ("v",) * 24, ("s",) * 24)


def tiny(features="code", seed=0):
    config = classify_config.get_config()
    config.seed, config.batch, config.epochs, config.checkpoint_every = seed, 8, 10, 5
    config.model.update({"features": features, "frames": FRAMES, "units": 8, "components": 12})
    config.augmentation.copies = 2
    config.optimizer.learning_rate = 0.02
    return config


# --- augmentation


def still(**changes):
    options = classify_config.get_config().augmentation
    options.update(
        {
            "heading_degrees": 0.0,
            "tilt_degrees": 0.0,
            "size": 0.0,
            "mirror": False,
            "left_right_swap": 0.0,
            "crop": 0.0,
            "hold": 0.0,
            "pace": 0.0,
            **changes,
        }
    )
    return options


def augmented(clips, **changes) -> np.ndarray:
    return classify.augment(clips.positions, clips.skeleton, (1, 2), still(**changes)).numpy()


def test_nothing_asked_nothing_changed(clips):
    np.testing.assert_allclose(augmented(clips), clips.positions, atol=1e-6)


def test_headings_turn_each_clip_about_the_vertical(clips):
    turned = augmented(clips, heading_degrees=60.0)
    np.testing.assert_allclose(turned[..., 1], clips.positions[..., 1], atol=1e-5)
    angles = np.angle((turned[..., 2] + 1j * turned[..., 0]) / (clips.positions[..., 2] + 1j * clips.positions[..., 0]))
    angles = np.degrees(angles).reshape(len(clips), -1)
    np.testing.assert_allclose(angles, np.median(angles, 1, keepdims=True) + np.zeros_like(angles), atol=0.1)
    assert np.abs(angles).max() < 60.1 and np.ptp(angles[:, 0]) > 60


def test_sides_are_exchanged_in_whole_clips_as_often_as_is_said(clips, skeleton):
    many = np.repeat(clips.positions[:1], 200, axis=0)
    exchanged = classify.augment(many, skeleton, (1, 2), still(left_right_swap=0.3)).numpy()
    image = many[:, :, skeleton.mirror_joints]
    changed = np.isclose(exchanged, image, atol=1e-6).all((1, 2, 3))
    assert (np.isclose(exchanged, many, atol=1e-6).all((1, 2, 3)) ^ changed).all()
    assert changed.mean() == pytest.approx(0.3, abs=0.1)


def test_tilts_sizes_and_mirror_images(clips):
    def spans(positions):
        return np.linalg.norm(positions - positions[:, :, :1], axis=-1)

    tilted = augmented(clips, tilt_degrees=20.0)
    np.testing.assert_allclose(spans(tilted), spans(clips.positions), atol=1e-4)
    np.testing.assert_allclose(tilted[..., 0], clips.positions[..., 0], atol=1e-5)
    ratio = np.linalg.norm(augmented(clips, size=0.1), axis=-1) / np.linalg.norm(clips.positions, axis=-1)
    assert np.ptp(ratio.reshape(24, -1), axis=1).max() < 1e-3 and 0.05 < np.std(np.log(ratio[:, 0, 0])) < 0.2
    image = clips.positions[:, :, list(clips.skeleton.mirror_joints)] * [-1, 1, 1]
    mirrored = augmented(clips, mirror=True)
    changed = [not np.allclose(one, other) for one, other in zip(mirrored, clips.positions)]
    assert 4 < sum(changed) < 20
    np.testing.assert_allclose(mirrored[changed], image[changed], atol=1e-6)


def moments(skeleton, **changes) -> np.ndarray:
    """Which of 11 frames, 0 to 10, each frame of 50 augmented clips shows."""
    ramp = np.tile(np.arange(11, dtype=np.float32)[:, None, None], (50, 1, 17, 3))
    return classify.augment(ramp, skeleton, (1, 2), still(**changes)).numpy()[:, :, 0, 0]


def test_a_crop_is_a_part_of_the_clip_at_the_same_length(skeleton):
    cropped = moments(skeleton, crop=0.2)
    assert cropped[:, 0].min() >= 0 and cropped[:, 0].max() <= 2 and 8 <= cropped[:, -1].min() <= 10
    assert np.ptp(cropped[:, 0]) > 1
    np.testing.assert_allclose(np.diff(cropped, 2), 0, atol=1e-4)


def test_a_held_clip_is_whole_and_stands_still_at_its_ends(skeleton):
    held = moments(skeleton, hold=0.3)
    assert (held[:, 0] == 0).all() and (held[:, -1] == 10).all()
    for end in ((held == 0).sum(1), (held == 10).sum(1)):
        assert end.min() == 1 and 2 <= end.max() <= 4
    # Between them every clip has one pace, the faster the longer it stands still.
    paces = np.diff(held).max(1)
    assert paces.min() >= 1 and 1.2 < paces.max() <= 1.6 + 1e-5


def test_a_clip_at_other_paces_is_whole_and_in_order(skeleton):
    paced = moments(skeleton, pace=0.5)
    np.testing.assert_allclose(paced[:, [0, -1]], np.tile([0.0, 10.0], (50, 1)), atol=1e-5)
    steps = np.diff(paced)
    assert steps.min() > 0 and 0.2 < np.log(steps).std() < 0.6
    for quarter in (steps[:, :3], steps[:, 3:5], steps[:, 5:8], steps[:, 8:]):
        assert np.ptp(quarter, axis=1).max() < 1e-4


def test_one_frame_can_be_augmented(clips):
    one = clips.positions[:, :1]
    assert classify.augment(one, clips.skeleton, (1, 2), classify_config.get_config().augmentation).shape == one.shape


# --- the bank


@pytest.fixture(scope="module")
def bank(clips, autoencoder):
    return classify.make_bank(tiny(), clips, autoencoder)


def test_the_bank_is_the_standardised_description_of_every_copy(clips, autoencoder, bank):
    config = tiny()
    assert bank.inputs.shape == (48, FRAMES, 24)
    np.testing.assert_array_equal(bank.labels, np.tile(clips.labels, 2))
    np.testing.assert_allclose(np.cov(bank.inputs[..., :12].reshape(-1, 12), rowvar=False), np.eye(12), atol=0.02)
    copy = classify.augment(clips.positions, clips.skeleton, step_seed(0, 1), config.augmentation)
    classifier = classify.new_classifier(config, clips, autoencoder)
    classifier.standardizer.set_weights(bank.standardizer)
    np.testing.assert_allclose(classifier.standardizer(classifier.describe(copy)), bank.inputs[24:], atol=1e-3)


def test_without_copies_the_bank_has_the_clips_themselves(clips):
    config = tiny("raw")
    config.augmentation.copies = 0
    bank = classify.make_bank(config, clips, None)
    positions = clips.positions.reshape(24, FRAMES, 51)  # raw coordinates are not standardised
    np.testing.assert_allclose(bank.inputs[..., :51], positions, atol=1e-6)
    np.testing.assert_allclose(bank.inputs[:, 1:, 51:], np.diff(positions, axis=1), atol=1e-6)


# --- training


@pytest.fixture(scope="module")
def trained(clips, autoencoder, bank, tmp_path_factory):
    before = [weights.copy() for weights in autoencoder.get_weights()]
    workdir = tmp_path_factory.mktemp("classify") / "run"
    return classify.classify(tiny(), clips, autoencoder, workdir, bank, progress=False), workdir, before


def test_the_encoder_is_frozen_bit_for_bit(trained, autoencoder):
    inside = trained[0].autoencoder.get_weights()
    for before, outside, after in zip(trained[2], autoencoder.get_weights(), inside, strict=True):
        np.testing.assert_array_equal(before, outside)
        np.testing.assert_array_equal(before, after)


def test_it_learns_and_the_file_holds_what_it_learned(trained, clips):
    classifier, workdir, _ = trained
    assert classify.accuracy(classifier, clips) > 80
    loaded = keras.saving.load_model(workdir / "model.keras")
    np.testing.assert_array_equal(loaded(clips.positions[:3]), classifier(clips.positions[:3]))


def test_accuracy_is_that_of_the_labels_it_gives(trained, clips):
    classifier = trained[0]
    labels = classifier.classify(clips.positions)["label"]
    assert classify.accuracy(classifier, clips) == pytest.approx(100 * np.mean(labels == clips.labels))
    # Of several versions, the probabilities are averaged: here most of them are of the clips in reverse order.
    right = classifier.describe(clips.positions)
    mixed = [right, right[::-1], right[::-1]]
    averaged = sum(np.asarray(classifier(at)) for at in (clips.positions, *2 * [clips.positions[::-1]]))
    expected = 100 * np.mean(averaged.argmax(-1) == clips.labels)
    assert (
        classify.accuracy(classifier, clips, mixed) == pytest.approx(expected) != classify.accuracy(classifier, clips)
    )


def test_the_same_seed_gives_the_same_weights(trained, clips, autoencoder, bank, tmp_path):
    again = classify.classify(tiny(), clips, autoencoder, tmp_path / "again", bank, progress=False)
    for one, other in zip(trained[0].get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_another_encoder_is_another_run(trained, clips, skeleton):
    other = PoseAutoencoder(skeleton, units=4, code_size=4, decoder_units=4, refinements=1)
    other.build()
    with pytest.raises(TrainingError, match="holds a run with another configuration or other data"):
        classify.classify(tiny(), clips, other, trained[1], progress=False)


def test_dropout_is_of_the_seed_alone(clips):
    config = tiny("relative")
    classifier = classify.new_classifier(config, clips, None)
    batch = {"inputs": tf.random.stateless_normal([8, FRAMES, 106], (1, 1)), "labels": tf.constant([0, 1] * 4)}
    losses = [
        float(classify.classification_loss(classifier, batch, seed, config)[0]) for seed in ((1, 1), (1, 1), (1, 2))
    ]
    assert losses[0] == losses[1] != losses[2]
    config.dropout.update({"inputs": 0.0, "state": 0.0})
    loss, terms = classify.classification_loss(classifier, batch, (1, 1), config)
    probabilities = tf.nn.softmax(classifier.logits(batch["inputs"])).numpy()
    by_hand = -np.log(probabilities[np.arange(8), batch["labels"].numpy()]).mean()
    assert float(loss) == pytest.approx(by_hand, rel=1e-5)
    assert float(terms["accuracy"]) == pytest.approx(np.mean(probabilities.argmax(-1) == batch["labels"].numpy()))


def test_the_command_asks_for_the_encoder(capsys):
    assert cli.main(["classify", "--data=nucla"]) == 2
    assert "--encoder is missing" in capsys.readouterr().err
    assert "classify" in configs.NAMES
