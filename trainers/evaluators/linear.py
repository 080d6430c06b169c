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
    return pooled_accuracy(model, data, features, lambda: LogisticRegression(C=0.01, max_iter=1000))


def summary(model, data: recognise.Recognition) -> dict[str, float]:
    """The accuracy of the pose code, in per cent."""
    return {"linear": measure(model, data, features=("code",))["accuracy"]["code"]}


def pooled_accuracy(model, data: recognise.Recognition, features, new_classifier: Callable) -> dict:
    """Accuracy of scikit-learn classifiers made by `new_classifier()`, on standardised pooled descriptions."""
    accuracy = {}
    for name in recognise.chosen(features):
        train, test = (pool(_described(model, clips, name)) for clips in (data.train, data.test))
        fitted = make_pipeline(StandardScaler(), new_classifier()).fit(train, data.train.labels)
        accuracy[name] = 100.0 * float(fitted.score(test, data.test.labels))
    return recognise.report(data, accuracy)


def pool(described: np.ndarray) -> np.ndarray:
    """`[N, T, F]` -> `[N, 4 F]`: mean, standard deviation, least and greatest over time."""
    return np.concatenate([described.mean(1), described.std(1), described.min(1), described.max(1)], axis=1)


def _described(model, clips, features: str) -> np.ndarray:
    config = classify_config.get_config()
    config.model.features = features
    return classify.describe(classify.new_classifier(config, clips, model), clips.positions)
