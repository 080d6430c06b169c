"""Action recognition by a linear classifier on pooled descriptions: what can be read off a representation directly.

The pooled description of a clip is the mean, the standard deviation and the extremes of its frames' descriptions over
time. There is no augmentation and nothing is random, so all seeds give the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tfpose.datasets.clip_set import ClipSet
from tfpose.trainers import classify
from tfpose.trainers.configs import classify as classify_config
from tfpose.trainers.evaluators import recognise

OPTIONS = ("features",)
load, markdown = recognise.load, recognise.accuracy_table


def measure(model, data: recognise.Recognition, seed: int = 0, features: Sequence[str] | None = None) -> dict:
    """Accuracy of logistic regression on the test clips.

    Returns:
        As `recognise.measure`.
    """
    return pooled_accuracy(model, data, features, new_classifier)


def new_classifier() -> LogisticRegression:
    """The classifier, not fitted."""
    return LogisticRegression(C=0.01, max_iter=1000)


def summary(model, data: recognise.Recognition) -> dict[str, float]:
    """The accuracy of the pose code, in per cent."""
    return {"linear": measure(model, data, features=("code",))["accuracy"]["code"]}


def pooled_accuracy(model, data: recognise.Recognition, features, new_classifier: Callable) -> dict:
    """Accuracy of scikit-learn classifiers made by `new_classifier()`, on standardised pooled descriptions."""
    accuracy = {}
    for name in recognise.chosen(features):
        describe = describer(model, data.train, name)
        train, test = (describe(clips.positions) for clips in (data.train, data.test))
        accuracy[name] = score(new_classifier, train, data.train.labels, test, data.test.labels)
    return recognise.report(data, accuracy)


def describer(model, clips: ClipSet, features: str) -> Callable[[np.ndarray], np.ndarray]:
    """A function from clips `[N, T, J, 3]` like `clips` to pooled descriptions `[N, 4 F]`."""
    config = classify_config.get_config()
    config.model.features = features
    classifier = classify.new_classifier(config, clips, model)
    return lambda positions: pool(classifier.describe(positions))


def score(new_classifier: Callable, train, train_labels, test, test_labels) -> float:
    """The accuracy, in per cent, on standardised values `[N, F]`."""
    fitted = make_pipeline(StandardScaler(), new_classifier()).fit(train, train_labels)
    return 100.0 * float(fitted.score(test, test_labels))


def pool(described: np.ndarray) -> np.ndarray:
    """`[N, T, F]` -> `[N, 4 F]`: mean, standard deviation, least and greatest over time."""
    return np.concatenate([described.mean(1), described.std(1), described.min(1), described.max(1)], axis=1)
