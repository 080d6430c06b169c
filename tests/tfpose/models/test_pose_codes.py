"""Pose codes in scikit-learn."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from tfpose import PoseAutoencoder, PoseCodes, Skeleton
from tfpose.errors import DataError
from tfpose.geometry import rotations

POSES = np.random.default_rng(0).normal(0, 0.3, (12, 17, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def model() -> PoseAutoencoder:
    model = PoseAutoencoder(Skeleton.load("paper17"), units=4, code_size=3, decoder_units=4, refinements=0)
    model.build()
    return model


def test_codes_are_those_of_the_model_in_either_shape(model):
    codes = PoseCodes(model).fit(POSES)
    expected = model.encode(POSES)["pose_code"].reshape(12, -1)
    np.testing.assert_array_equal(codes.transform(POSES), expected)
    np.testing.assert_array_equal(codes.fit_transform(POSES.reshape(12, -1)), expected)
    names = codes.get_feature_names_out()
    assert len(names) == expected.shape[1] and list(names[:4]) == [
        "spine_base_0",
        "spine_base_1",
        "spine_base_2",
        "spine_mid_0",
    ]
    assert codes.n_features_in_ == 51


def test_it_works_in_a_pipeline_and_can_be_cloned(model):
    labels = np.arange(12) % 2
    pipeline = make_pipeline(PoseCodes(model), LogisticRegression(C=1e6, max_iter=1000)).fit(POSES, labels)
    turned = rotations.rotate(POSES, rotations.about_axis(np.full(12, 2.0, np.float32))).numpy()
    np.testing.assert_array_equal(pipeline.predict(turned), labels)  # another view is the same pose
    assert clone(PoseCodes("sebirenet_cmu_paper")).model == "sebirenet_cmu_paper"


def test_the_preset_is_the_default():
    codes = PoseCodes().fit(POSES)
    assert codes.transform(POSES).shape == (12, 17 * codes.model_.code_size)


def test_codes_of_no_poses(model):
    assert PoseCodes(model).fit(POSES).transform(POSES[:0]).shape == (0, 17 * model.code_size)


def test_wrong_calls(model):
    with pytest.raises(NotFittedError):
        PoseCodes(model).transform(POSES)
    with pytest.raises(DataError, match=r"expected poses \[N, 17, 3\] or \[N, 51\] .*, got \[12, 16, 3\]"):
        PoseCodes(model).fit(POSES[:, :16])
    with pytest.raises(DataError, match="nothing"):
        PoseCodes("nothing").fit(POSES)
