"""What every layer must do: configs, shapes, symbolic calls, a training step, files. And what only one does."""

import importlib.util
import json
import os
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfpose.layers import (
    BodyFrame,
    JointCorrection,
    JointTrust,
    PoseNormalizer,
    SeBiReNet,
    SideMatch,
    TreePass,
    ViewCodeHead,
)
from tfpose.layers.sebirenet import paper_parameter_count
from tfpose.layers.view_code_head import gram_schmidt
from tfpose.skeleton import Skeleton

# A trunk with two arms, one of two joints; joints stand before their parents.
SMALL = Skeleton("small", ("elbow", "chest", "hand", "hip", "head"), (1, 3, 0, -1, 1))
# The same tree, whose arms are mirror images.
SIDED = Skeleton(
    "sided",
    ("arm_left", "chest", "hand", "hip", "arm_right"),
    SMALL.parents,
    mirror=(("arm_left", "arm_right"),),
    torso=("hip", "chest"),
)
POSE = (None, 5, 3)

LAYERS = {  # layer, arguments, shapes in, shapes out, weights that this use of the layer does not reach
    "TreePass recursive": (
        TreePass,
        {"skeleton": SMALL, "units": 4},
        [(5, None, 3)],
        [(joints, None, 4) for joints in (5, 2, 1, 1, 1)],  # all, and the state's levels
        {"recurrent_kernel"},
    ),
    "TreePass diffuse": (
        TreePass,
        {"skeleton": SMALL, "units": 4, "direction": "diffuse", "cell": "lstm", "use_bias": False, "node_output": True},
        [(5, None, 3)],
        [(joints, None, 4) for joints in (5, *(1, 1, 2, 1) * 2)],
        {"recurrent_kernel"},
    ),
    "SeBiReNet": (SeBiReNet, {"skeleton": SMALL, "units": 4}, [POSE], [(None, 5, 4)], {"recursive/recurrent_kernel"}),
    "SeBiReNet twice": (
        SeBiReNet,
        {"skeleton": SMALL, "units": 4, "passes": 2, "node_output": True},
        [POSE],
        [(None, 5, 4)],
        # The output layer of the subnet that does not run last.
        {"recursive/output_kernel", "recursive/output_bias"},
    ),
    "SeBiReNet recursive": (
        SeBiReNet,
        {"skeleton": SMALL, "units": 4, "wiring": "recursive", "cell": "lstm"},
        [POSE],
        [(None, 5, 4)],
        {"recursive/recurrent_kernel"},
    ),
    "SeBiReNet diffuse": (
        SeBiReNet,
        {"skeleton": SMALL, "units": 4, "wiring": "diffuse", "cell": "simple", "passes": 2, "use_bias": False},
        [POSE],
        [(None, 5, 4)],
        set(),
    ),
    "SeBiReNet concatenated": (
        SeBiReNet,
        {"skeleton": SMALL, "units": 4, "wiring": "concatenated", "node_output": True},
        [POSE],
        [(None, 5, 8)],
        {"recursive/recurrent_kernel", "diffuse/recurrent_kernel"},
    ),
    "ViewCodeHead": (ViewCodeHead, {"size": 3}, [(None, 5, 4)], [(None, 3, 3)], set()),
    "ViewCodeHead orthogonal": (
        ViewCodeHead,
        {"size": 3, "orthogonal": True},
        [(None, 5, 4)],
        [(None, 3, 3)],
        set(),
    ),
    "JointCorrection": (
        JointCorrection,
        {"skeleton": SMALL, "units": 8},
        [(None, 5, 1), POSE, POSE],
        [POSE],
        set(),
    ),
    "BodyFrame": (BodyFrame, {"skeleton": SIDED, "units": 8}, [POSE], [POSE, (None, 3, 3)], set()),
    "BodyFrame any rotation": (
        BodyFrame,
        {"skeleton": SIDED, "upright": False, "units": 8, "steps": 3},
        [POSE, (None, 5, 1)],
        [POSE, (None, 3, 3)],
        set(),
    ),
    "SideMatch": (SideMatch, {"skeleton": SIDED}, [POSE, POSE, (None, 5, 1)], [POSE], set()),
    "JointTrust": (JointTrust, {"skeleton": SMALL, "units": 8}, [POSE, POSE], [(None, 5, 1)], set()),
    "PoseNormalizer": (
        PoseNormalizer,
        {"scale": 0.5, "iterations": 3},
        [POSE],
        [POSE, (None, 1, 3), (None, 5, 1)],
        set(),
    ),
}


def flat(outputs):
    return keras.tree.flatten(outputs)


def filled(shape, batch=4, seed=0):
    shape = [batch if size is None else size for size in shape]
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def randomized(layer):
    """Gives every weight a value that no initializer gives."""
    for number, weight in enumerate(layer.weights):
        weight.assign(np.random.default_rng(number).normal(0, 0.5, weight.shape))
    return layer


WITH_WEIGHTS = [name for name in LAYERS if name != "PoseNormalizer"]


@pytest.fixture(params=LAYERS)
def case(request):
    """A built layer, its input arrays, its shapes in and out, and the weights it does not reach."""
    cls, arguments, shapes_in, shapes_out, unused = LAYERS[request.param]
    layer = cls(**arguments)
    inputs = [filled(shape, seed=number) for number, shape in enumerate(shapes_in)]
    layer(*inputs)
    return randomized(layer), inputs, shapes_in, shapes_out, unused


# --- what every layer must do


def test_config_survives_json(case):
    layer, inputs, *_ = case
    again = keras.saving.deserialize_keras_object(json.loads(json.dumps(keras.saving.serialize_keras_object(layer))))
    assert type(again) is type(layer) and again.get_config() == layer.get_config()
    again(*inputs)
    assert [(w.name, w.shape) for w in again.weights] == [(w.name, w.shape) for w in layer.weights]
    again.set_weights(layer.get_weights())
    for one, other in zip(flat(again(*inputs)), flat(layer(*inputs)), strict=True):
        np.testing.assert_array_equal(one, other)


def test_shapes_real_and_symbolic(case):
    layer, inputs, shapes_in, shapes_out, _ = case
    real = flat(layer(*inputs))
    assert [tuple(output.shape) for output in real] == [
        tuple(4 if n is None else n for n in shape) for shape in shapes_out
    ]
    symbolic = flat(layer(*[keras.Input(batch_shape=shape) for shape in shapes_in]))
    assert [output.shape for output in symbolic] == shapes_out
    assert {keras.backend.standardize_dtype(output.dtype) for output in real + symbolic} == {"float32"}


def test_another_batch_size_and_samples_that_do_not_see_each_other(case):
    layer, inputs, shapes_in, *_ = case
    axes = [shape.index(None) for shape in shapes_in]
    firsts = [np.take(values, [0], axis) for values, axis in zip(inputs, axes)]
    for one, several in zip(flat(layer(*firsts)), flat(layer(*inputs))):
        np.testing.assert_allclose(one, np.take(several, [0], axes[0]), atol=1e-5)


@pytest.mark.parametrize("case", WITH_WEIGHTS, indirect=True)
def test_a_training_step_changes_every_weight_it_reaches(case):
    layer, inputs, *_, unused = case
    before = [weight.numpy() for weight in layer.trainable_weights]
    with tf.GradientTape() as tape:
        loss = sum(tf.reduce_sum(output * filled(output.shape)) for output in flat(layer(*inputs)))
    gradients = tape.gradient(loss, layer.trainable_weights)
    pairs = [(gradient, weight) for gradient, weight in zip(gradients, layer.trainable_weights) if gradient is not None]
    keras.optimizers.SGD(0.1).apply(*zip(*pairs))
    unchanged = [w.path for w, old in zip(layer.trainable_weights, before) if np.array_equal(w.numpy(), old)]
    assert len(unchanged) == len(unused)
    assert all(any(path.endswith(name) for name in unused) for path in unchanged), unchanged
    assert all(np.isfinite(weight.numpy()).all() for weight in layer.weights)


def test_a_functional_model_survives_files(case, tmp_path):
    layer, inputs, shapes_in, *_ = case
    symbolic = [keras.Input(batch_shape=shape) for shape in shapes_in]
    model = keras.Model(symbolic, flat(layer(*symbolic)))
    expected = flat(model(inputs))
    model.save(tmp_path / "model.keras")
    for one, other in zip(flat(keras.saving.load_model(tmp_path / "model.keras")(inputs)), expected, strict=True):
        np.testing.assert_array_equal(one, other)
    if layer.weights:
        model.save_weights(tmp_path / "model.weights.h5")
        layer.set_weights([np.zeros(weight.shape) for weight in layer.weights])
        model.load_weights(tmp_path / "model.weights.h5")
        for one, other in zip(flat(model(inputs)), expected):
            np.testing.assert_array_equal(one, other)


# --- the tree


@pytest.mark.parametrize(
    ("wiring", "hears"),
    [
        ("recursive", lambda joint, other, above: joint in above[other]),  # a joint hears its descendants
        ("diffuse", lambda joint, other, above: other in above[joint]),  # and its ancestors
        ("sebirenet", lambda joint, other, above: True),
    ],
)
def test_who_hears_whom(paper17, wiring, hears):
    above = {}
    for joint in range(17):
        above[joint], at = {joint}, joint
        while paper17.parents[at] >= 0:
            at = paper17.parents[at]
            above[joint].add(at)
    network = SeBiReNet(paper17, 4, wiring=wiring)
    poses = np.tile(filled((17, 3)), (18, 1, 1))
    poses[np.arange(17), np.arange(17)] += 0.5  # sample j has joint j moved, the last sample none
    output = randomized_network(network, poses)
    changed = np.abs(output[:17] - output[17:]).max(-1) > 1e-7  # [moved, hearing]
    expected = [[hears(joint, moved, above) for joint in range(17)] for moved in range(17)]
    np.testing.assert_array_equal(changed, expected)


def randomized_network(network, poses):
    network(poses)
    return randomized(network)(poses).numpy()


def test_a_second_pass_refines(paper17):
    poses = filled((2, 17, 3))
    once, twice = SeBiReNet(paper17, 4), SeBiReNet(paper17, 4, passes=2)
    one, two = randomized_network(once, poses), randomized_network(twice, poses)
    assert once.count_params() == twice.count_params()  # the same weights, used again
    assert np.abs(one - two).max() > 0.01


def test_nodes_start_as_matrices_of_their_own(paper17):
    keras.utils.set_random_seed(3)
    network = SeBiReNet(paper17, 8)
    network.build((None, 17, 3))
    subnet = network.recursive
    kernels = subnet.input_kernel.numpy()
    assert len(np.unique(kernels.reshape(17, -1), axis=0)) == 17
    limit = np.sqrt(6 / (3 + 24))  # Glorot's, of one node's [3, 24]
    assert 0.9 * limit < np.abs(kernels).max() <= limit
    recurrent = subnet.recurrent_kernel.numpy()
    np.testing.assert_allclose(recurrent @ recurrent.swapaxes(1, 2), np.tile(np.eye(8), (17, 1, 1)), atol=1e-5)
    np.testing.assert_array_equal(subnet.bias, 0)
    keras.utils.set_random_seed(3)
    again = SeBiReNet(paper17, 8)
    again.build((None, 17, 3))
    np.testing.assert_array_equal(again.recursive.input_kernel, kernels)


def test_weights_have_the_names_and_shapes_of_files_already_written(paper17):
    """Trained models are loaded by these: a change here orphans them."""
    network = SeBiReNet(paper17, 8, node_output=True)
    network.build((None, 17, 3))
    assert [(w.path.split("/", 1)[1], tuple(w.shape)) for w in network.weights] == [
        (f"{direction}/{name}", shape)
        for direction in ("recursive", "diffuse")
        for name, shape in (
            ("input_kernel", (17, 3, 24)),
            ("message_kernel", (16, 8, 24)),
            ("recurrent_kernel", (17, 8, 24)),
            ("bias", (17, 1, 24)),
            ("output_kernel", (17, 8, 8)),
            ("output_bias", (17, 1, 8)),
        )
    ]


def test_the_papers_formula_counts_the_papers_network(paper17):
    assert paper_parameter_count(paper17, features=3, units=32) == 248_448
    network = SeBiReNet(paper17, 32, use_bias=False, node_output=True)
    network.build((None, 17, 3))
    assert network.count_params() == 248_448


@pytest.mark.parametrize("name", ["ntu25", "coco17"])
def test_the_papers_formula_counts_other_skeletons(name):
    skeleton = Skeleton.load(name)
    network = SeBiReNet(skeleton, 5, use_bias=False, node_output=True)
    network.build((None, len(skeleton), 2))
    assert network.count_params() == paper_parameter_count(skeleton, features=2, units=5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SeBiReNet(SMALL, wiring="parallel"), "wiring must be one of sebirenet, recursive.* got 'parallel'"),
        (lambda: SeBiReNet(SMALL, passes=0), "passes must be at least 1, got 0"),
        (lambda: SeBiReNet(SMALL, cell="rnn"), "cell must be one of gru, lstm, simple, got 'rnn'"),
        (lambda: TreePass(SMALL, 4, "up"), "direction must be 'recursive' or 'diffuse', got 'up'"),
        (
            lambda: SeBiReNet(SMALL)(filled((2, 17, 3))),
            r"expected poses of the 5 joints of skeleton 'small', shape \[B, 5, n\], got \(2, 17, 3\)",
        ),
    ],
)
def test_what_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# --- PoseNormalizer


@pytest.fixture
def normalizer():
    return PoseNormalizer()


def centre(normalizer, poses):
    return normalizer(poses)[1].centre.numpy()[:, 0]


def shifts(normalizer, pose, moved):
    return np.linalg.norm(centre(normalizer, moved) - centre(normalizer, pose[None]), axis=-1)


def directions(count):
    vectors = np.random.default_rng(0).normal(size=(count, 3))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_normalizing_is_invertible_and_isotropic(normalizer):
    poses = filled((6, 17, 3)) + np.float32([3, -1, 10])
    normalized, frame = normalizer(poses)
    np.testing.assert_allclose(normalizer.restore(normalized, frame), poses, atol=1e-5)
    assert (frame.observed.numpy() == 1).all()
    np.testing.assert_allclose(np.diff(normalized, axis=1) * normalizer.scale, np.diff(poses, axis=1), atol=1e-5)


def test_the_centre_moves_and_turns_with_the_pose(normalizer):
    poses = filled((6, 17, 3))
    turn, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(6, 3, 3)))
    moved = (poses @ turn + [[[1, 2, -3]]]).astype(np.float32)
    expected = (centre(normalizer, poses)[:, None] @ turn)[:, 0] + [1, 2, -3]
    np.testing.assert_allclose(centre(normalizer, moved), expected, atol=1e-5)
    np.testing.assert_allclose(normalizer(moved)[0], normalizer(poses)[0] @ turn, atol=2e-5)


def test_a_corrupted_root_does_not_destroy_the_frame(normalizer, standing_pose, paper17):
    moved = np.tile(standing_pose, (300, 1, 1))
    moved[:, paper17.root] += 0.8 * directions(300)
    shift = shifts(normalizer, standing_pose, moved)
    assert shift.max() < 0.8 / 6  # centring on the root would shift the frame by the whole 0.8 m
    assert shift.mean() < 0.06


def test_the_centre_is_more_robust_than_the_mean(normalizer, standing_pose):
    rng = np.random.default_rng(2)
    mean = PoseNormalizer(iterations=0)
    for size, gain in ((0.8, 0.75), (3.0, 0.4), (30.0, 0.1)):
        moved = np.tile(standing_pose, (300, 1, 1))
        for number in (0, 1, 2):  # up to three joints of each pose
            moved[np.arange(300), rng.integers(17, size=300)] += size * np.roll(directions(300), number, axis=0)
        ours, naive = shifts(normalizer, standing_pose, moved), shifts(mean, standing_pose, moved)
        assert ours.mean() < gain * naive.mean(), size
        assert ours.max() < 0.4


def test_no_joint_however_far_carries_the_frame_away(normalizer, standing_pose, paper17):
    moved = np.tile(standing_pose, (100, 1, 1))
    moved[:, paper17.root] += 1000 * directions(100)
    assert shifts(normalizer, standing_pose, moved).max() < 2  # the mean is 59 m off


@pytest.mark.parametrize("nothing", [np.nan, np.inf, -np.inf])
def test_missing_joints_have_no_say(normalizer, nothing):
    poses = filled((4, 17, 3))
    poses[0, 3] = nothing
    poses[1, [0, 5, 16]] = nothing
    poses[2, 7, 1] = nothing  # one coordinate suffices
    missing = ~np.isfinite(poses).all(-1)
    normalized, frame = normalizer(poses)
    np.testing.assert_array_equal(frame.observed[..., 0], ~missing)
    np.testing.assert_array_equal(normalized.numpy()[missing], 0)
    for pose, gone, found in zip(poses, missing, centre(normalizer, poses)):
        np.testing.assert_allclose(found, centre(normalizer, pose[None, ~gone])[0], atol=1e-6)
    np.testing.assert_allclose(normalizer.restore(normalized, frame).numpy()[~missing], poses[~missing], atol=1e-5)


def test_nobody_there(normalizer):
    normalized, frame = normalizer(np.full((2, 17, 3), np.nan, np.float32))
    np.testing.assert_array_equal(normalized, np.zeros((2, 17, 3)))
    np.testing.assert_array_equal(frame.centre, np.zeros((2, 1, 3)))


@pytest.mark.parametrize("what", ["missing joints", "one point", "nobody"])
def test_gradients_of_the_normalizer_are_finite(normalizer, what):
    poses = np.ones((2, 17, 3), np.float32) if what == "one point" else filled((2, 17, 3))
    if what != "one point":
        poses[0, 2 if what == "missing joints" else slice(None)] = np.nan
    poses = tf.constant(poses)
    with tf.GradientTape() as tape:
        tape.watch(poses)
        normalized, frame = normalizer(poses)
        loss = tf.reduce_sum(normalized**2) + tf.reduce_sum(frame.centre)
    assert np.isfinite(tape.gradient(loss, poses)).all()


def test_the_normalizer_keeps_its_digits_far_from_the_origin(standing_pose):
    far = (standing_pose[None] + np.float32([900.0, 40.0, -700.0])).astype(np.float32)
    near = (far.astype(np.float64) - [900.0, 40.0, -700.0]).astype(np.float32)  # the same rounded pose, brought back
    normalizer = PoseNormalizer()
    np.testing.assert_allclose(normalizer(far)[0], normalizer(near)[0], atol=2e-6)


# --- ViewCodeHead


@pytest.mark.parametrize("scale", [0.0, 0.01, 1.0, 30.0])
@pytest.mark.parametrize("size", [3, 16])
def test_orthogonal_by_construction(size, scale):
    matrices = scale * np.random.default_rng(0).normal(size=(2000, size, size)).astype(np.float32)
    codes = gram_schmidt(matrices).numpy()
    np.testing.assert_allclose(codes @ codes.swapaxes(1, 2), np.tile(np.eye(size), (2000, 1, 1)), atol=1e-5)


def test_orthogonal_head_with_zero_weights_starts_at_the_identity():
    head = ViewCodeHead(16, orthogonal=True)
    features = filled((3, 17, 4))
    head.build(features.shape)
    head.set_weights([np.zeros(weight.shape) for weight in head.weights])
    with tf.GradientTape() as tape:
        codes = head(features)
        loss = tf.reduce_sum(codes * filled(codes.shape))
    np.testing.assert_allclose(codes, np.tile(np.eye(16), (3, 1, 1)), atol=1e-6)
    for gradient in tape.gradient(loss, head.trainable_weights):
        assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0


def test_a_singular_matrix_gives_finite_codes_and_gradients():
    matrix = tf.constant(-np.eye(4, dtype=np.float32)[None])  # exactly what the added identity cancels
    with tf.GradientTape() as tape:
        tape.watch(matrix)
        codes = gram_schmidt(matrix)
    assert np.isfinite(codes).all() and np.isfinite(tape.gradient(codes, matrix)).all()


# --- JointTrust


def test_trust_does_not_depend_on_the_view():
    trust = JointTrust(SMALL, units=8)
    observed, reconstructed = filled((6, 5, 3)), filled((6, 5, 3), seed=1)
    trust(observed, reconstructed)
    randomized(trust)
    turn, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(6, 3, 3)))
    move = filled((6, 1, 3), seed=2)
    moved = [(poses @ turn + move).astype(np.float32) for poses in (observed, reconstructed)]
    logits = trust(observed, reconstructed)
    np.testing.assert_allclose(trust(*moved), logits, atol=1e-4)
    assert np.std(logits) > 0.1
    kept = keras.ops.sigmoid(logits).numpy()
    assert (kept >= 0).all() and (kept <= 1).all()
    assert np.abs(trust(moved[0], reconstructed) - logits).max() > 0.01  # turning one of the two it must see


def test_gradients_of_trust_are_finite_where_nothing_differs():
    trust = JointTrust(SMALL, units=8)
    poses = tf.zeros((2, 5, 3))
    with tf.GradientTape() as tape:
        tape.watch(poses)
        loss = tf.reduce_sum(trust(poses, poses))
    assert np.isfinite(tape.gradient(loss, poses)).all()


# --- JointCorrection


def test_a_fresh_correction_changes_nothing():
    trust, observed, reconstructed = filled((4, 5, 1)), filled((4, 5, 3), seed=1), filled((4, 5, 3), seed=2)
    np.testing.assert_array_equal(JointCorrection(SMALL, units=8)(trust, observed, reconstructed), reconstructed)


def test_a_correction_learns_from_trusted_joints_alone():
    correction = JointCorrection(SMALL, units=8)
    trust, observed, reconstructed = np.ones((4, 5, 1), "f"), filled((4, 5, 3), seed=1), filled((4, 5, 3), seed=2)
    trust[:, 2] = 0.0
    correction(trust, observed, reconstructed)
    randomized(correction)
    found = correction(trust, observed, reconstructed).numpy()
    distrusted, trusted = observed.copy(), observed.copy()
    distrusted[:, 2] += 1.0
    trusted[:, 1] += 1.0
    np.testing.assert_array_equal(correction(trust, distrusted, reconstructed), found)
    assert np.abs(correction(trust, trusted, reconstructed) - found).max() > 0.1


# --- other backends


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_the_network_computes_the_same_on_another_backend(backend, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    poses = filled((3, 5, 3))
    poses[0, 2] = np.nan
    normalizer, network = PoseNormalizer(), SeBiReNet(SMALL, 4, passes=2, node_output=True)
    network(normalizer(poses)[0])
    randomized(network)
    np.savez(tmp_path / "case.npz", poses, *network.get_weights())
    program = f"""
        import numpy as np, keras, pathlib
        from tfpose.layers import PoseNormalizer, SeBiReNet
        from tfpose.skeleton import Skeleton
        assert keras.backend.backend() == "{backend}"
        poses, *weights = np.load("case.npz").values()
        small = Skeleton("small", {SMALL.joints}, {SMALL.parents})
        normalizer, network = PoseNormalizer(), SeBiReNet(small, 4, passes=2, node_output=True)
        network.build(poses.shape)
        network.set_weights(weights)
        np.save("found.npy", keras.ops.convert_to_numpy(network(normalizer(poses)[0])))
    """
    environment = {**os.environ, "KERAS_BACKEND": backend}
    command = [sys.executable, "-c", textwrap.dedent(program)]
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    np.testing.assert_allclose(np.load(tmp_path / "found.npy"), network(normalizer(poses)[0]), atol=1e-5)
