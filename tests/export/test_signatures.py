"""What is exported, whatever the format."""

import keras
import numpy as np
import pytest

from tfpose.errors import TfposeError
from tfpose.export.card import make_card
from tfpose.export.signatures import signatures
from tfpose.models import PoseAutoencoder, weights_checksum
from tfpose.skeleton import Skeleton


def test_names_shapes_and_units(model):
    pose = {"shape": [None, 17, 3], "dtype": "float32", "unit": "metres"}
    codes = {
        "pose_code": {"shape": [None, 17, 4], "dtype": "float32", "unit": None},
        "view_code": {"shape": [None, 3, 3], "dtype": "float32", "unit": None},
    }
    assert make_card(model)["signatures"] == {
        "serving_default": {"inputs": {"joints": pose}, "outputs": {"denoised": pose}},
        "denoise": {"inputs": {"joints": pose}, "outputs": {"denoised": pose}},
        "encode": {"inputs": {"joints": pose}, "outputs": codes},
        "transfer_view": {"inputs": {"joints": pose, "view_from": pose}, "outputs": {"transferred": pose}},
    }


def test_a_free_view_code_has_the_size_of_the_pose_code(free_model):
    codes = make_card(free_model)["signatures"]["encode"]["outputs"]
    assert {name: code["shape"] for name, code in codes.items()} == {
        "pose_code": [None, 17, 4],
        "view_code": [None, 4, 4],
    }


def test_of_a_classifier_and_a_lifter(classifier, lifter):
    of_classifier, of_lifter = (make_card(model)["signatures"] for model in (classifier, lifter))
    assert list(of_classifier) == ["serving_default", "classify", "classify_step"]
    shapes = {name: spec["shape"] for part in of_classifier["classify_step"].values() for name, spec in part.items()}
    size = classifier.state_size
    assert shapes == {
        "joints": [None, 17, 3],
        "state": [None, size],
        "label": [None],
        "next_state": [None, size],
        "probabilities": [None, 3],
    }
    assert of_classifier["classify"]["inputs"]["clips"]["shape"] == [None, 4, 17, 3]
    assert list(of_lifter) == ["serving_default", "lift"]
    assert of_lifter["lift"] == {
        "inputs": {"joints_2d": {"shape": [None, 17, 2], "dtype": "float32", "unit": "focal lengths"}},
        "outputs": {"joints_3d": {"shape": [None, 17, 3], "dtype": "float32", "unit": "metres"}},
    }


def test_some_alone(model):
    assert list(signatures(model, names=["encode"])) == ["serving_default", "encode"]
    card = make_card(model, names=["encode"])
    assert card["signatures"] == {name: make_card(model)["signatures"]["encode"] for name in card["signatures"]}
    with pytest.raises(TfposeError, match="a PoseAutoencoder has no signature 'lift'; it has denoise, encode, transf"):
        signatures(model, names=["encode", "lift"])


@pytest.mark.parametrize("kind", ["model", "classifier", "lifter"])
def test_no_input_has_the_name_of_an_output(kind, request):
    for signature in make_card(request.getfixturevalue(kind))["signatures"].values():
        assert not set(signature["inputs"]) & set(signature["outputs"])


def test_they_are_the_methods_of_the_model(model, poses):
    functions = {name: function.python_function for name, function in signatures(model).items()}
    joints, view_from = poses[:5], poses[20:25]
    np.testing.assert_array_equal(functions["denoise"](joints=joints)["denoised"], model.denoise(joints))
    codes = functions["encode"](joints=joints)
    for name, value in model.encode(joints).items():
        np.testing.assert_array_equal(codes[name], value)
    transferred = functions["transfer_view"](joints=joints, view_from=view_from)["transferred"]
    np.testing.assert_array_equal(transferred, model.transfer_view(joints, view_from))
    assert not np.allclose(transferred, model.transfer_view(view_from, joints))


def test_the_card_restores_the_skeleton_and_the_options(model):
    card = make_card(model)
    assert Skeleton.from_dict(card["skeleton"]) == model.skeleton
    assert card["options"] == model.options
    assert card["weights_sha256"] == weights_checksum(model)
    assert card["parameters"] == sum(np.prod(weight.shape) for weight in model.weights)
    assert (card["unit"], card["axes"]) == ("metres", "right-handed, y up")


def test_another_model_is_refused():
    with pytest.raises(TfposeError, match="no signatures for a Sequential"):
        signatures(keras.Sequential())


def test_the_card_knows_where_weights_come_from(model, lifter):
    assert make_card(model)["lineage"] == make_card(model)["licence"] == "unknown"
    assert make_card(lifter)["lineage"] == "nothing"
    card = make_card(PoseAutoencoder.from_preset("sebirenet_cmu"))
    assert card["name"] == "sebirenet_cmu"
    assert "mocap.cs.cmu.edu" in card["lineage"] and card["licence"].startswith("Apache-2.0")
