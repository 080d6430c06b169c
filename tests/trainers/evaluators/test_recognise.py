"""recognise, linear and knn: rows, seeds, what is kept between seeds, and the table."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from tfpose.datasets import ClipSet, synthetic
from tfpose.datasets.clip_set import resample
from tfpose.errors import DataError, TfposeError
from tfpose.models import PoseAutoencoder
from tfpose.models.action_classifier import FEATURES, MOTION
from tfpose.trainers import classify, evaluators
from tfpose.trainers.configs import classify as classify_config
from tfpose.trainers.evaluators import knn, linear, recognise, recognise_cleaned

FRAMES = 4


def made_up(skeleton, split, seed) -> ClipSet:
    """16 clips of somebody who trembles and does one of two things: who reaches has both arms above the head."""
    (person,) = synthetic.clips(1, seed=7)
    trembling = np.random.default_rng(seed).normal(0, 0.02, (16, FRAMES, 17, 3))
    positions = resample(person.positions[:8], FRAMES) + trembling
    labels = np.arange(16) % 2
    for joint in ("wrist_left", "wrist_right", "elbow_left", "elbow_right", "head", "neck"):
        positions[labels == 1, :, skeleton.index(joint), 1] += 1.0
    return ClipSet(f"made up/{split}", positions, labels, ("stand", "reach"), skeleton, ("v",) * 16, ("s",) * 16, "us")


@pytest.fixture
def data(skeleton) -> recognise.Recognition:
    return recognise.Recognition("made up", made_up(skeleton, "train", 1), made_up(skeleton, "test", 2))


@pytest.fixture(autouse=True)
def short(monkeypatch):
    whole = classify_config.get_config

    def get_config():
        config = whole()
        config.epochs, config.batch = 20, 8
        config.dropout.update({"inputs": 0.0, "state": 0.0})
        config.model.update({"frames": FRAMES, "units": 6, "components": 8})
        config.augmentation.copies = 0
        config.optimizer.learning_rate = 0.05
        return config

    monkeypatch.setattr(classify_config, "get_config", get_config)


def test_features_are_rows_and_the_seed_decides(autoencoder, data):
    first = recognise.measure(autoencoder, data, seed=1, features=["relative"])
    assert first["clips"] == {"train": 16, "test": 16} and list(first["accuracy"]) == ["relative"]
    assert first["accuracy"]["relative"] > 80 and first["averaged"]["relative"] > 80
    assert recognise.measure(autoencoder, data, seed=1, features=["relative"]) == first


def test_the_summary_is_of_the_pose_code(autoencoder, data, monkeypatch):
    monkeypatch.setattr(recognise, "_accuracies", lambda *arguments: (arguments, None))
    assert recognise.summary(autoencoder, data) == {"recognised": (autoencoder, data, 0, "code")}


@pytest.mark.slow
def test_codes_are_made_once_for_all_seeds_and_anew_for_another_encoder(autoencoder, data, skeleton, monkeypatch):
    made = []
    whole = classify.make_bank
    monkeypatch.setattr(classify, "make_bank", lambda *arguments: made.append(1) or whole(*arguments))
    for name, times in (("code", 1), ("code", 1), ("relative", 2), ("code", 2)):
        recognise._prepared(autoencoder, data, recognise._config(name, None, 0))
        assert len(made) == times
    other = PoseAutoencoder(skeleton, units=4, code_size=4, decoder_units=4, refinements=1)
    other.build()
    recognise._prepared(other, data, recognise._config("relative", None, 0))
    assert len(made) == 2
    recognise._prepared(other, data, recognise._config("code", None, 0))
    assert len(made) == 3


@pytest.mark.slow
def test_motion_is_chosen_and_described_anew(autoencoder, data):
    def described(motion):
        return recognise._prepared(autoencoder, data, recognise._config("code", motion, 0))[0].inputs

    every = described(None)
    np.testing.assert_array_equal(described(MOTION), every)
    assert np.abs(described(()) - every).max() > 1e-3
    with pytest.raises(TfposeError, match="no motion 'smell'; there are height, speed"):
        recognise.measure(autoencoder, data, motion=["smell"])


def test_the_checksum_is_of_both_splits(skeleton, data):
    swapped = recognise.Recognition("made up", data.test, data.train)
    assert len(data.checksum) == 16 and data.checksum != swapped.checksum and data.lineage == "us"


@pytest.mark.parametrize("evaluator", [linear, knn])
def test_pooled_descriptions_need_no_training(evaluator, autoencoder, data):
    report = evaluator.measure(autoencoder, data, seed=3)
    assert list(report["accuracy"]) == list(FEATURES)
    assert report["accuracy"]["relative"] > 90
    assert evaluator.summary(autoencoder, data) == {evaluator.__name__.split(".")[-1]: report["accuracy"]["code"]}


def test_pooling():
    described = np.array([[[1.0, 5.0], [3.0, 5.0]]])
    np.testing.assert_array_equal(linear.pool(described), [[2, 5, 1, 0, 1, 5, 3, 5]])


def test_linear_is_scikit_learns(autoencoder, data):
    described = linear.describer(autoencoder, data.train, "raw")
    train, test = (described(clips.positions) for clips in (data.train, data.test))
    mean, spread = train.mean(0), train.std(0)
    spread[spread == 0] = 1
    fitted = LogisticRegression(C=0.01, max_iter=1000).fit((train - mean) / spread, data.train.labels)
    expected = 100 * fitted.score((test - mean) / spread, data.test.labels)
    assert linear.measure(autoencoder, data, features=["raw"])["accuracy"]["raw"] == pytest.approx(expected)


def test_unknown_features_are_refused(autoencoder, data):
    for evaluator in (recognise, linear, knn):
        with pytest.raises(
            TfposeError, match="no features 'codes'; there are raw, normalised, relative, aligned, code"
        ):
            evaluator.measure(autoencoder, data, features=["codes"])


def test_clips_of_one_action_are_refused(data):
    recognise.check_actions("nucla", np.take(data.train.actions, data.train.labels))
    with pytest.raises(DataError, match="ntu: all of its training clips show A023; recognition needs two actions"):
        recognise.check_actions("ntu", ["A023"] * 3)


@pytest.mark.parametrize("evaluator", [recognise, recognise_cleaned])
def test_a_sample_of_one_action_is_refused(evaluator, data_dir, skeleton):
    with pytest.raises(DataError, match="all of its training clips show"):
        evaluator.load("ntu", data_dir, skeleton)


def test_the_table_has_the_papers_numbers_beside_nucla_alone(data):
    class Counting:
        @staticmethod
        def measure(autoencoder, data, seed, features):
            return recognise.report(data, {name: 80.0 + seed for name in features})

    report = evaluators.over_seeds(Counting, None, data, [0, 2], features=("aligned", "code"))
    table = recognise.markdown(report)
    assert "16 clips to learn from, 16 to test; accuracy in per cent, seeds 0, 2" in table
    assert "| root-relative, hips along x | 81.0 ± 1.4 |\n| pose code | 81.0 ± 1.4 |" in table
    assert recognise.PAPER not in table and recognise.PAPER not in knn.markdown(report)
    report["data"]["name"] = "nucla"
    assert recognise.PAPER in recognise.markdown(report)
    one = evaluators.over_seeds(Counting, None, data, [0], features=("raw",))
    assert "| raw coordinates | 80.0 |" in recognise.markdown(one)


def test_copies_of_the_test_clips_are_other_ones_without_kinects_mistakes(autoencoder, data, monkeypatch):
    given = []
    whole = classify.augment
    monkeypatch.setattr(classify, "augment", lambda *arguments: given.append(arguments) or whole(*arguments))
    config = classify_config.get_config()
    monkeypatch.setattr(recognise, "_config", lambda *arguments: config)
    config.model.features, config.augmentation.copies = "relative", 2
    _, versions = recognise._prepared(autoencoder, data, recognise._config("relative", None, 0))
    assert len(versions) == 1 + config.test_copies
    test, train = given[: config.test_copies], given[config.test_copies :]
    assert {options.left_right_swap for *_, options in test} == {0.0}
    assert {options.left_right_swap for *_, options in train} == {config.augmentation.left_right_swap} != {0.0}
    assert len({tuple(np.asarray(seed)) for _, _, seed, _ in given}) == config.test_copies + 2
    classifier = classify.new_classifier(config, data.test, None)
    np.testing.assert_array_equal(versions[0], classifier.describe(data.test.positions))
    assert all(np.abs(version - versions[0]).max() > 0.01 for version in versions[1:])


def test_averaged_accuracy_stands_beside(data):
    mean = {"clips": {"train": 16, "test": 16}, "accuracy": {"code": 80.0}, "averaged": {"code": 82.0}}
    std = {"clips": {"train": 0, "test": 0}, "accuracy": {"code": 1.0}, "averaged": {"code": 0.5}}
    table = recognise.accuracy_table({"mean": mean, "std": std, "seeds": [0, 1]})
    assert "| features | accuracy | averaged over the clip and copies of it |" in table
    assert "| pose code | 80.0 ± 1.0 | 82.0 ± 0.5 |" in table
