"""What is exported, whatever the format."""

import keras
import numpy as np
import pytest

from tfpose.errors import TfposeError
from tfpose.export.card import make_card
from tfpose.export.signatures import signatures
from tfpose.skeleton import Skeleton


def test_names_shapes_and_units(model):
    pose = {"shape": [None, 17, 3], "dtype": "float32", "unit": "metres"}
    codes = {
        "pose_code": {"shape": [None, 17, 4], "dtype": "float32", "unit": None},
        "view_code": {"shape": [None, 4, 4], "dtype": "float32", "unit": None},
    }
    assert make_card(model)["signatures"] == {
        "serving_default": {"inputs": {"joints": pose}, "outputs": {"denoised": pose}},
        "denoise": {"inputs": {"joints": pose}, "outputs": {"denoised": pose}},
        "encode": {"inputs": {"joints": pose}, "outputs": codes},
        "transfer_view": {"inputs": {"joints": pose, "view_from": pose}, "outputs": {"transferred": pose}},
    }


def test_no_input_has_the_name_of_an_output(model):
    for signature in make_card(model)["signatures"].values():
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
    assert card["parameters"] == sum(np.prod(weight.shape) for weight in model.weights)
    assert (card["unit"], card["axes"]) == ("metres", "right-handed, y up")


def test_another_model_is_refused():
    with pytest.raises(TfposeError, match="no signatures for a Sequential"):
        signatures(keras.Sequential())
