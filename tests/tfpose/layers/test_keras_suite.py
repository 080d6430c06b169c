"""Every layer passes the test that Keras' own layers pass."""

import keras
import pytest
from keras.src.testing import TestCase

from tfpose import layers
from tfpose.skeleton import Skeleton

STICK = Skeleton("stick", ("hip", "head", "left", "right"), (-1, 0, 1, 1), mirror=(("left", "right"),)).to_dict()
POSES, OBSERVED = (2, 4, 3), (2, 4, 1)
TREE = {"input_shape": POSES, "expected_output_shape": (2, 4, 8), "expected_num_trainable_weights": 8}
CASES = {
    "sebirenet": (layers.SeBiReNet, {"skeleton": STICK, "units": 4}, {**TREE, "expected_output_shape": (2, 4, 4)}),
    "lstm without wiring": (
        layers.SeBiReNet,
        {"skeleton": STICK, "units": 4, "cell": "lstm", "wiring": "concatenated"},
        TREE,
    ),
    "recursive": (
        layers.SeBiReNet,
        {"skeleton": STICK, "units": 4, "wiring": "recursive"},
        {"input_shape": POSES, "expected_output_shape": (2, 4, 4), "expected_num_trainable_weights": 4},
    ),
    "free view": (
        layers.ViewCodeHead,
        {"size": 4},
        {"input_shape": (2, 4, 8), "expected_output_shape": (2, 4, 4), "expected_num_trainable_weights": 2},
    ),
    "orthogonal view": (
        layers.ViewCodeHead,
        {"size": 4, "orthogonal": True},
        {"input_shape": (2, 4, 8), "expected_output_shape": (2, 4, 4), "expected_num_trainable_weights": 2},
    ),
    "body frame": (
        layers.BodyFrame,
        {"skeleton": STICK, "units": 8},
        {"input_shape": POSES, "expected_output_shape": (POSES, (2, 3, 3)), "expected_num_trainable_weights": 6},
    ),
    "trust": (
        layers.JointTrust,
        {"skeleton": STICK, "units": 8},
        {
            "input_shape": {"observed_shape": POSES, "reconstructed_shape": POSES},
            "expected_output_shape": OBSERVED,
            "expected_num_trainable_weights": 6,
        },
    ),
    "sides": (
        layers.SideMatch,
        {"skeleton": STICK},
        {
            "input_shape": {"observed_shape": POSES, "reconstructed_shape": POSES, "is_observed_shape": OBSERVED},
            "expected_output_shape": POSES,
            "expected_num_trainable_weights": 2,
        },
    ),
    "correction": (
        layers.JointCorrection,
        {"skeleton": STICK, "units": 8},
        {
            "input_shape": {"trust_shape": OBSERVED, "observed_shape": POSES, "reconstructed_shape": POSES},
            "expected_output_shape": POSES,
            "expected_num_trainable_weights": 6,
        },
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_keras_layer_suite(name):
    layer, arguments, expected = CASES[name]
    seeds = 1 if hasattr(layer, "seed_generator") else 0
    TestCase().run_layer_test(
        layer,
        init_kwargs=arguments,
        **expected,
        expected_num_seed_generators=seeds,
        expected_num_losses=0,
        supports_masking=False,
        # That part of the suite trains layers of one input and one output.
        run_training_check=name not in ("body frame", "trust", "sides", "correction"),
    )


@pytest.mark.parametrize(
    ("layer", "shape"), [(layers.PoseNormalizer(), (2, 4, 3)), (layers.RayNormalizer(), (2, 4, 2))]
)
def test_normalizers_stay_precise(layer, shape):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        made = type(layer)(dtype="float32")
        outputs = keras.tree.flatten(made(keras.ops.ones(shape)))
    finally:
        keras.config.set_dtype_policy(before)
    assert {keras.backend.standardize_dtype(value.dtype) for value in outputs} == {"float32"}
