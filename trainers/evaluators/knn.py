"""Action recognition by the nearest training clip, on the pooled descriptions of `linear`: nothing is learned."""

from __future__ import annotations

from collections.abc import Sequence

from sklearn.neighbors import KNeighborsClassifier

from tfpose.trainers.evaluators import linear, recognise

OPTIONS = ("features",)
load, markdown = recognise.load, recognise.accuracy_table


def measure(model, data: recognise.Recognition, seed: int = 0, features: Sequence[str] | None = None) -> dict:
    """Accuracy of the nearest neighbour by cosine similarity.

    Returns:
        As `recognise.measure`.
    """
    return linear.pooled_accuracy(model, data, features, new_classifier)


def new_classifier() -> KNeighborsClassifier:
    """The classifier, not fitted."""
    return KNeighborsClassifier(1, metric="cosine")


def summary(model, data: recognise.Recognition) -> dict[str, float]:
    """The accuracy of the pose code, in per cent."""
    return {"knn": measure(model, data, features=("code",))["accuracy"]["code"]}
