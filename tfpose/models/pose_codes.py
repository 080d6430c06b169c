"""Pose codes for scikit-learn."""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from tfpose.errors import DataError
from tfpose.models.loading import load_model
from tfpose.models.pose_autoencoder import PoseAutoencoder


class PoseCodes(TransformerMixin, BaseEstimator):
    """A scikit-learn transformer from poses to their view-invariant pose codes (Sec. 3.1).

    The codes come from a trained model. `fit` loads it and learns nothing.

    Args:
        model: a `PoseAutoencoder`, or what `PoseAutoencoder.from_preset` takes.

    Attributes:
        model_: the `PoseAutoencoder`.
        n_features_in_: 3 J.

    Examples:
        >>> classifier = make_pipeline(PoseCodes(), StandardScaler(), LogisticRegression())
        >>> classifier.fit(poses, labels)                       # [N, 17, 3] metres, y up
    """

    def __init__(self, model="sebirenet_cmu"):
        self.model = model

    def fit(self, X, y=None):
        """Loads the model.

        Args:
            X: poses `[N, J, 3]` or `[N, 3 J]`, metres, y up, in the joint order of the model; NaN = missing.
            y: not used.

        Raises:
            DataError: when there is no such model, or the poses are not of its skeleton.
        """
        given = isinstance(self.model, PoseAutoencoder)
        self.model_ = self.model if given else load_model(self.model, PoseAutoencoder)
        self.n_features_in_ = 3 * len(self.model_.skeleton)
        self._poses(X)
        return self

    def transform(self, X):
        """Poses, as for `fit` -> pose codes `[N, J z]` float32.

        Raises:
            DataError: when the poses are not of the model's skeleton.
        """
        check_is_fitted(self)
        poses = self._poses(X)
        codes = self.model_.encode(poses)["pose_code"]
        return codes.reshape(len(poses), codes.shape[1] * codes.shape[2])

    def get_feature_names_out(self, input_features=None):
        """The name of each number of a code: the joint, and its place in the joint's code."""
        check_is_fitted(self)
        names = [f"{joint}_{at}" for joint in self.model_.skeleton.joints for at in range(self.model_.code_size)]
        return np.asarray(names, object)

    def _poses(self, values) -> np.ndarray:
        poses = np.asarray(values, np.float32)
        joints = len(self.model_.skeleton)
        if poses.ndim < 2 or poses.shape[1:] not in ((joints, 3), (3 * joints,)):
            raise DataError(
                f"expected poses [N, {joints}, 3] or [N, {3 * joints}] of skeleton '{self.model_.skeleton.name}', got "
                f"{list(poses.shape)}"
            )
        return poses.reshape(-1, joints, 3)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = True
        return tags
