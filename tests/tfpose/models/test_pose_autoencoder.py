"""PoseAutoencoder: metres in, metres out, whatever the frame, the skeleton or what is missing; and files of it."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfpose.datasets import synthetic
from tfpose.errors import DataError, SkeletonError
from tfpose.geometry import rotations
from tfpose.models import PoseAutoencoder, PoseDecoder, PoseEncoder, load_model
from tfpose.models.pose_encoder import couple
from tfpose.skeleton import Skeleton

# A trunk with two arms, one of two joints; joints stand before their parents. Small, since eager steps are slow.
SMALL = Skeleton(
    "small",
    ("arm_left", "chest", "hand", "hip", "arm_right"),
    (1, 3, 0, -1, 1),
    mirror=(("arm_left", "arm_right"),),
    torso=("hip", "chest"),
)
TINY = {"units": 4, "code_size": 3, "decoder_units": 4}
OPTIONS = {
    "default": {},
    "free": {"view": "free"},
    "any frame": {"upright": False, "refinements": 1},
    "bare": {"refinements": 0},
    "corrected": {"correction_units": 4, "refinements": 1},
    "not disentangled": {"view": "none", "refinements": 0},
    "mlp": {"decoder": "mlp", "decoder_units": 2, "view": "free", "orthogonal": True, "refinements": 1},
    "twice": {"network": {"passes": 2, "cell": "lstm", "node_output": True}, "refinements": 1},
    "concatenated": {"network": {"wiring": "concatenated", "use_bias": False}, "refinements": 0, "scale": 0.5},
}


def made(skeleton, **options) -> PoseAutoencoder:
    """A small built model that has learned nothing but whose every weight matters."""
    model = PoseAutoencoder(skeleton, **{**TINY, **options})
    model.build()
    for number, weight in enumerate(model.weights):
        weight.assign(np.random.default_rng(number).normal(0, 0.3, weight.shape))
    return model


def some_poses(skeleton, count=4, seed=0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.5, (count, len(skeleton), 3)).astype(np.float32)


@pytest.fixture(scope="module")
def skeleton():
    return Skeleton.load("paper17")


@pytest.fixture(scope="module")
def model(skeleton):
    return made(skeleton)


@pytest.fixture(scope="module", params=OPTIONS)
def any_model(request):
    model = made(SMALL, **OPTIONS[request.param])
    model.case = request.param
    return model


@pytest.fixture(scope="module")
def any_gradients(any_model):
    return gradients(any_model)


# --- shapes


def test_shapes(any_model):
    poses = some_poses(SMALL)
    codes = any_model.encode(poses)
    assert {name: tuple(code.shape) for name, code in codes.items()} == {"pose_code": (4, 5, 3), "view_code": (4, 3, 3)}
    for output in (
        any_model(poses),
        any_model.denoise(poses),
        any_model.reconstruct(poses),
        any_model.decode(**codes),
        any_model.transfer_view(poses, view_from=some_poses(SMALL, seed=1)),
    ):
        assert tuple(output.shape) == (4, 5, 3) and np.isfinite(output).all()


@pytest.mark.parametrize("name", Skeleton.names())
def test_every_skeleton(name):
    skeleton = Skeleton.load(name)
    model = made(skeleton, refinements=1)
    poses = some_poses(skeleton)
    poses[0, -1] = np.nan
    denoised = model(poses)
    assert denoised.shape == poses.shape and np.isfinite(denoised).all()


def test_predict_and_calls_agree():
    model, poses = made(SMALL, refinements=0), some_poses(SMALL, 7)
    np.testing.assert_allclose(model.predict(poses, batch_size=3, verbose=0), model.denoise(poses), atol=1e-5)
    np.testing.assert_array_equal(model(poses), model.denoise(poses))
    np.testing.assert_allclose(model.denoise(poses.tolist()), model(poses), atol=1e-6)


def test_symbolic(model):
    inputs = keras.Input((17, 3))
    assert model(inputs).shape == (None, 17, 3)


def test_methods_work_before_anything_is_built(skeleton):
    poses = some_poses(skeleton)
    assert PoseAutoencoder(skeleton, **TINY).denoise(poses).shape == poses.shape
    assert PoseAutoencoder(skeleton, **TINY).encode(poses)["view_code"].shape == (4, 3, 3)


# --- metres in the frame of the input


@pytest.mark.parametrize("method", ["denoise", "reconstruct", "transfer_view"])
def test_where_a_pose_stands_does_not_matter(model, skeleton, method):
    poses, other = some_poses(skeleton), some_poses(skeleton, seed=1)
    away = np.array([[[3, -1, 8]]], np.float32)
    call = getattr(model, method)
    if method == "transfer_view":
        here, there = call(poses, view_from=other), call(poses + away, view_from=other + 2 * away)
    else:
        here, there = call(poses), call(poses + away)
    np.testing.assert_allclose(there - away, here, atol=1e-4)


def test_codes_do_not_say_where_a_pose_stands(model, skeleton):
    here, there = model.encode(some_poses(skeleton)), model.encode(some_poses(skeleton) + np.float32(5))
    for name in here:
        np.testing.assert_allclose(here[name], there[name], atol=1e-4)


def test_scale_is_the_unit_of_the_network(skeleton):
    large, small = made(skeleton, scale=0.8), made(skeleton, scale=0.4)
    poses = some_poses(skeleton)
    # The centre of mass of few steps is not exactly proportional where joints come close to it.
    np.testing.assert_allclose(large.reconstruct(2 * poses), 2 * small.reconstruct(poses), atol=1e-3)


# --- missing joints


def test_missing_joints_are_filled(any_model):
    poses = some_poses(SMALL)
    poses[0, [0, 3]] = np.nan
    poses[1, 3, 1] = np.nan
    poses[2] = np.nan
    for method in (any_model.denoise, any_model.reconstruct):
        assert np.isfinite(method(poses)).all()
    for code in any_model.encode(poses).values():
        assert np.isfinite(code).all()
    # What is left of a half-missing joint does not matter.
    half = poses.copy()
    half[1, 3] = np.nan, 7.0, np.nan
    np.testing.assert_array_equal(any_model(half), any_model(poses))


def test_a_missing_joint_takes_the_reconstruction(skeleton):
    model = made(skeleton, refinements=1)
    poses = some_poses(skeleton)
    poses[:, 6] = np.nan
    denoised, reconstructed = model.denoise(poses), model.reconstruct(poses)
    np.testing.assert_allclose(denoised[:, 6], reconstructed[:, 6], atol=1e-6)
    assert np.abs(denoised[:, 5] - reconstructed[:, 5]).max() > 0.01


# --- refinement


def test_denoising_blends_observation_and_reconstruction(skeleton):
    model = made(skeleton, refinements=1)
    poses = some_poses(skeleton)
    normalized, frame = model.normalizer(poses)
    reconstructed = model.recover(*model.encoder(normalized))
    named = model.sides(normalized, reconstructed, frame.observed)
    kept = keras.ops.sigmoid(model.trust(named, reconstructed)).numpy()
    assert kept.min() < 0.4 and kept.max() > 0.6
    observed = model.normalizer.restore(named, frame)
    assert np.abs(observed - poses).max() > 0.1  # the untrained threshold exchanges sides
    np.testing.assert_allclose(model.denoise(poses), kept * observed + (1 - kept) * model.reconstruct(poses), atol=1e-5)


@pytest.mark.parametrize(("logit", "keeps"), [(50.0, True), (-50.0, False)])
def test_full_trust_changes_nothing_and_none_reconstructs_again(skeleton, logit, keeps):
    model = made(skeleton)
    kernel, bias = model.trust.logits.weights
    kernel.assign(np.zeros(kernel.shape))
    bias.assign(np.full(bias.shape, logit))
    model.sides.steepness.assign(1.0)
    model.sides.threshold.assign(1e3)
    poses = some_poses(skeleton)
    again = model.normalizer.restore(
        model.recover(*model.encoder(model.recover(*model.encoder(model.normalizer(poses)[0])))),
        model.normalizer(poses)[1],
    )
    np.testing.assert_allclose(model.denoise(poses), poses if keeps else again, atol=1e-5)


def test_trust_says_what_is_observed_and_what_is_filled(skeleton):
    model = made(skeleton)
    kernel, bias = model.trust.logits.weights
    kernel.assign(np.zeros(kernel.shape))
    bias.assign(np.full(bias.shape, 2.0))
    poses = some_poses(skeleton)
    poses[:, 6] = np.nan
    found = model.denoise_with_trust(poses)
    np.testing.assert_array_equal(found["denoised"], model.denoise(poses))
    expected = np.where(np.arange(17) == 6, 0.0, 1 / (1 + np.exp(-2.0)))
    np.testing.assert_allclose(found["trust"], np.tile(expected, (len(poses), 1)), atol=1e-6)
    np.testing.assert_array_equal(found["filled"], np.tile(np.arange(17) == 6, (len(poses), 1)))
    bias.assign(np.full(bias.shape, -2.0))
    assert model.denoise_with_trust(poses)["filled"].all()
    found = made(skeleton, refinements=0).denoise_with_trust(poses)
    assert found["filled"].all() and not found["trust"].any()


def test_where_exchanging_always_pays_full_trust_is_in_the_other_sides(skeleton):
    model = made(skeleton)
    kernel, bias = model.trust.logits.weights
    kernel.assign(np.zeros(kernel.shape))
    bias.assign(np.full(bias.shape, 50.0))
    model.sides.steepness.assign(1.0)
    model.sides.threshold.assign(-1e3)
    poses = some_poses(skeleton)
    np.testing.assert_allclose(model.denoise(poses), poses[:, list(skeleton.mirror_joints)], atol=1e-5)


def test_without_refinement_denoising_is_reconstructing(skeleton):
    bare = made(skeleton, refinements=0)
    poses = some_poses(skeleton)
    assert bare.trust is None and bare.sides is None
    assert not [w for w in bare.weights if "trust" in w.path or "sides" in w.path]
    np.testing.assert_array_equal(bare.denoise(poses), bare.reconstruct(poses))


@pytest.mark.parametrize("view", ["frame", "free", "none"])
def test_refine_takes_the_first_reconstruction_that_the_caller_has(skeleton, view):
    model = made(skeleton, view=view, correction_units=4)
    normalized, frame = model.normalizer(some_poses(skeleton))
    codes = model.encoder(normalized)
    first = model.recover(*codes), codes[1]
    estimates, again = model.refine(normalized, frame.observed), model.refine(normalized, frame.observed, first=first)
    assert len(estimates) == len(again) == 2
    for one, other in zip(estimates, again):
        np.testing.assert_allclose(one.pose, other.pose, atol=1e-6)
        np.testing.assert_allclose(one.observed, other.observed, atol=1e-6)
        assert tuple(one.trust_logits.shape) == (4, 17, 1)
    np.testing.assert_allclose(
        model.normalizer.restore(estimates[-1].pose, frame), model.denoise(some_poses(skeleton)), atol=1e-6
    )


# --- codes


def test_decoding_the_codes_is_reconstructing(any_model):
    poses = some_poses(SMALL) + np.float32(2)
    _, frame = any_model.normalizer(poses)
    decoded = any_model.decode(**any_model.encode(poses))
    np.testing.assert_allclose(decoded + frame.centre, any_model.reconstruct(poses), atol=1e-5)


def test_the_view_of_oneself_is_ones_own(any_model):
    poses = some_poses(SMALL)
    np.testing.assert_allclose(any_model.transfer_view(poses, view_from=poses), any_model.reconstruct(poses), atol=1e-6)


def test_transferring_takes_the_pose_of_one_and_the_view_of_the_other(model, skeleton):
    poses, other = some_poses(skeleton), some_poses(skeleton, seed=1)
    _, frame = model.normalizer(poses)
    expected = model.decode(model.encode(poses)["pose_code"], model.encode(other)["view_code"])
    transferred = model.transfer_view(poses, view_from=other)
    np.testing.assert_allclose(transferred, expected + frame.centre, atol=1e-6)
    assert np.abs(transferred - model.reconstruct(poses)).max() > 0.01


@pytest.mark.parametrize("upright", [True, False])
def test_the_pose_code_is_the_same_for_every_heading_and_all_else_turns(skeleton, upright):
    model = made(skeleton, upright=upright, correction_units=4)
    kernel = model.encoder.frame.residual.kernel
    kernel.assign(0.1 * kernel)  # a residual of half a turn is next to none that is defined
    poses = next(synthetic.clips(2, 1)).to(skeleton).positions[:60]
    poses = poses + np.random.default_rng(0).normal(0, 0.05, poses.shape).astype(np.float32)
    codes = model.encode(poses)
    angles = np.linspace(-np.pi, np.pi, 60, dtype=np.float32)
    turn = rotations.about_axis(angles) if upright else rotations.uniform(60, (1, 2))
    turned = rotations.rotate(poses, turn).numpy()
    again = model.encode(turned)
    assert np.abs(again["pose_code"] - codes["pose_code"]).max() < 1e-5 * codes["pose_code"].std()
    np.testing.assert_allclose(again["view_code"], codes["view_code"] @ turn.numpy().transpose(0, 2, 1), atol=1e-5)
    for method in (model.denoise, model.reconstruct):
        np.testing.assert_allclose(method(turned), rotations.rotate(method(poses), turn), atol=2e-5)
    # A transfer is the decoded pose, turned.
    transferred = model.transfer_view(poses, view_from=turned[::-1].copy())
    np.testing.assert_allclose(
        np.linalg.norm(np.diff(transferred, axis=1), axis=-1),
        np.linalg.norm(np.diff(model.reconstruct(poses), axis=1), axis=-1),
        atol=1e-5,
    )


@pytest.mark.parametrize("upright", [True, False])
@pytest.mark.parametrize("fault", ["missing", "moved"])
def test_also_of_poses_with_broken_joints(skeleton, upright, fault):
    model = made(skeleton, upright=upright, correction_units=4)
    kernel = model.encoder.frame.residual.kernel
    kernel.assign(0.1 * kernel)
    poses = next(synthetic.clips(2, 1)).to(skeleton).positions[:60]
    one, other = np.arange(60) % 17, (np.arange(60) * 5 + 3) % 17  # any two joints, hips and shoulders too
    for joint in (one, other):
        if fault == "missing":
            poses[np.arange(60), joint] = np.nan
        else:
            poses[np.arange(60), joint] += np.random.default_rng(1).normal(0, 0.3, (60, 3))
    turn = rotations.about_axis(np.linspace(-3, 3, 60, dtype="f")) if upright else rotations.uniform(60, (1, 2))
    turned = rotations.rotate(poses.astype("f"), turn).numpy()
    code = model.encode(poses)["pose_code"]
    assert np.abs(model.encode(turned)["pose_code"] - code).max() < 1e-5 * code.std()
    for method in (model.denoise, model.reconstruct):
        np.testing.assert_allclose(method(turned), rotations.rotate(method(poses), turn), atol=2e-5)


def test_a_free_view_code_does_not_keep_the_view_out_of_the_pose_code(skeleton):
    model, poses = made(skeleton, view="free"), some_poses(skeleton)
    turned = rotations.rotate(poses, rotations.about_axis(np.float32([1, 2, 3, -1]))).numpy()
    code = model.encode(poses)["pose_code"]
    assert np.abs(model.encode(turned)["pose_code"] - code).max() > 0.1 * code.std()


def test_without_mirror_pairs_there_is_no_frame():
    stick = Skeleton("stick", ("hip", "head"), (-1, 0))
    with pytest.raises(SkeletonError, match=r"skeleton 'stick' has no mirror pairs.*--config\.model\.view=free"):
        PoseAutoencoder(stick)
    assert PoseAutoencoder(stick, view="free", **TINY).denoise(some_poses(stick)).shape == (4, 2, 3)


def test_an_unknown_view_is_refused(skeleton):
    with pytest.raises(ValueError, match="view must be one of frame, free, none, got 'x'"):
        PoseAutoencoder(skeleton, view="x")


def test_a_model_of_before_is_refused(skeleton, tmp_path):
    config = made(skeleton).get_config()
    del config["view"], config["upright"]
    with pytest.raises(DataError, match=r"made by tfpose before 0\.2.*train it again"):
        PoseAutoencoder.from_config({**config, "disentangled": True})


def test_an_orthogonal_view_code_keeps_the_distances_of_pose_codes(skeleton):
    model = made(skeleton, view="free", orthogonal=True)
    codes = model.encode(some_poses(skeleton))
    coupled = np.asarray(couple(codes["pose_code"], codes["view_code"]))
    plain = codes["pose_code"]
    np.testing.assert_allclose(
        np.linalg.norm(np.diff(coupled, axis=1), axis=-1), np.linalg.norm(np.diff(plain, axis=1), axis=-1), atol=1e-5
    )


# --- what is refused


@pytest.mark.parametrize("shape", [(2, 20, 3), (17, 3), (2, 17, 2), (2, 5, 17, 3)])
@pytest.mark.parametrize("method", ["encode", "__call__"])
def test_another_skeletons_poses_are_refused(model, shape, method):
    with pytest.raises(ValueError) as error:
        getattr(model, method)(np.zeros(shape, np.float32))
    message = str(error.value)
    assert "joints: expected [B, 17, 3], metres, in the joint order of skeleton 'paper17'" in message
    assert f"got {shape}" in message and "Skeleton.load(NAME).to(model.skeleton) @ joints" in message


def test_the_message_names_the_argument(model, skeleton):
    with pytest.raises(ValueError, match=r"view_from: expected \[B, 17, 3\]"):
        model.transfer_view(some_poses(skeleton), view_from=np.zeros((4, 20, 3), np.float32))


def test_an_unknown_decoder_is_refused(skeleton):
    with pytest.raises(ValueError, match="kind must be one of tree, mlp, got 'conv'"):
        PoseAutoencoder(skeleton, decoder="conv")


# --- gradients


def loss(model, poses, other):
    """Something of everything that the model puts out."""
    outputs = [model.denoise(poses), model.transfer_view(poses, view_from=other), *model.encode(poses).values()]
    return sum(tf.reduce_sum(value * np.cos(np.arange(np.prod(value.shape))).reshape(value.shape)) for value in outputs)


def gradients(model):
    poses = some_poses(model.skeleton)
    poses[0, 3] = np.nan
    with tf.GradientTape() as tape:
        value = loss(model, tf.constant(poses), tf.constant(some_poses(model.skeleton, seed=1)))
    return dict(zip((w.path for w in model.trainable_weights), tape.gradient(value, model.trainable_weights)))


UNREACHED = {
    # In a single pass the recursive subnet starts from zero states, so what multiplies them has no effect.
    "default": {f"{part}/network/recursive/recurrent_kernel" for part in ("encoder", "decoder")},
    "free": {f"{part}/network/recursive/recurrent_kernel" for part in ("encoder", "decoder")},
    "any frame": {f"{part}/network/recursive/recurrent_kernel" for part in ("encoder", "decoder")},
    "bare": {f"{part}/network/recursive/recurrent_kernel" for part in ("encoder", "decoder")},
    "corrected": {f"{part}/network/recursive/recurrent_kernel" for part in ("encoder", "decoder")},
    "not disentangled": {f"{part}/network/recursive/recurrent_kernel" for part in ("encoder", "decoder")},
    "mlp": {"encoder/network/recursive/recurrent_kernel"},
    # The decoder takes none of the encoder's options. Eq. 8's output layer of the subnet that does not run last.
    "twice": {
        "decoder/network/recursive/recurrent_kernel",
        "encoder/network/recursive/output_kernel",
        "encoder/network/recursive/output_bias",
    },
    "concatenated": {
        "encoder/network/recursive/recurrent_kernel",
        "encoder/network/diffuse/recurrent_kernel",
        "decoder/network/recursive/recurrent_kernel",
    },
}


def test_gradients_reach_every_weight_but_those_that_have_no_effect(any_model, any_gradients):
    dead = {path for path, gradient in any_gradients.items() if gradient is None or not np.any(gradient)}
    assert {path.split("/", 1)[1] for path in dead} == UNREACHED[any_model.case]
    assert all(np.isfinite(gradient).all() for gradient in any_gradients.values() if gradient is not None)


# --- sizes


def test_the_papers_encoder_has_as_many_parameters_as_the_published_one(skeleton):
    encoder = PoseEncoder(skeleton, units=32, code_size=16, view="free")
    encoder.build((None, 17, 3))
    assert encoder.network.count_params() == 215_808
    assert encoder.pose_head.count_params() == 528
    assert encoder.view_head.count_params() == 139_520
    assert encoder.count_params() == 355_856


def test_the_mlp_decoder_has_three_layers(skeleton):
    decoder = PoseDecoder(skeleton, "mlp", units=32)
    decoder.build((None, 17, 16))
    assert [tuple(weight.shape) for weight in decoder.weights if weight.name == "kernel"] == [
        (272, 256),
        (256, 256),
        (256, 51),
    ]


# --- files


def test_keras_files_keep_outputs_and_gradients(any_model, any_gradients, tmp_path):
    poses, other = some_poses(SMALL), some_poses(SMALL, seed=1)
    any_model.save(tmp_path / "model.keras")
    again = load_model(tmp_path / "model.keras")
    assert again.get_config() == any_model.get_config() and again.skeleton == SMALL
    np.testing.assert_array_equal(again(poses), any_model(poses))
    np.testing.assert_array_equal(again.transfer_view(poses, other), any_model.transfer_view(poses, other))
    found = gradients(again)
    assert list(found) == list(any_gradients)
    for path, gradient in any_gradients.items():
        assert (gradient is None) == (found[path] is None)
        if gradient is not None:
            np.testing.assert_allclose(found[path], gradient, atol=1e-5, rtol=1e-5, err_msg=path)


def test_weight_files_keep_outputs(any_model, tmp_path):
    poses = some_poses(SMALL)
    any_model.save_weights(tmp_path / "model.weights.h5")
    again = PoseAutoencoder.from_config(any_model.get_config())
    again.build()
    assert np.abs(again(poses) - any_model(poses)).max() > 1e-3
    again.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(again(poses), any_model(poses))


def test_parts_of_a_model_survive_files_of_their_own(model, skeleton, tmp_path):
    normalized, _ = model.normalizer(some_poses(skeleton))
    codes = model.encoder(normalized)
    model.encoder.save(tmp_path / "encoder.keras")
    model.decoder.save(tmp_path / "decoder.keras")
    for one, other in zip(keras.saving.load_model(tmp_path / "encoder.keras")(normalized), codes, strict=True):
        np.testing.assert_array_equal(one, other)
    decoder = keras.saving.load_model(tmp_path / "decoder.keras")
    np.testing.assert_array_equal(decoder(codes[0]), model.decoder(codes[0]))


def test_a_folder_with_a_model_is_a_model(model, skeleton, tmp_path):
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(load_model(tmp_path)(some_poses(skeleton)), model(some_poses(skeleton)))


def test_what_is_no_model_is_refused_by_name(tmp_path):
    with pytest.raises(DataError, match=r"nothing\.keras: no such file"):
        load_model(tmp_path / "nothing.keras")
    (tmp_path / "broken.keras").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(DataError, match=r"broken\.keras: not a tfpose model, or damaged"):
        load_model(tmp_path / "broken.keras")
    (tmp_path / "model.tflite").touch()
    with pytest.raises(DataError, match=r"model\.tflite: is an exported file"):
        load_model(tmp_path / "model.tflite")
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save(tmp_path / "other.keras")
    with pytest.raises(DataError, match=r"other\.keras: holds a Sequential, expected a model of tfpose"):
        load_model(tmp_path / "other.keras")
    with pytest.raises(DataError, match=r"other\.keras: holds a Sequential, expected a PoseAutoencoder"):
        PoseAutoencoder.from_preset(tmp_path / "other.keras")


def test_a_preset_is_a_name_a_folder_or_a_file(model, skeleton, tmp_path):
    model.save(tmp_path / "model.keras")
    for path in (tmp_path, tmp_path / "model.keras"):
        again = PoseAutoencoder.from_preset(path)
        np.testing.assert_array_equal(again.denoise(some_poses(skeleton)), model.denoise(some_poses(skeleton)))
    assert set(PoseAutoencoder.presets) == {"sebirenet_cmu", "sebirenet_cmu_paper"}
    assert all(about.startswith("cmu") for about in PoseAutoencoder.presets.values())


def test_a_model_says_what_it_is(model):
    assert repr(model).startswith("<PoseAutoencoder of skeleton '") and "weights>" in repr(model)


# --- learning


def test_a_few_steps_learn_a_pose():
    """The whole model, end to end: denoising improves on what it is shown."""
    keras.utils.set_random_seed(0)
    model = PoseAutoencoder(SMALL, units=8, code_size=4, decoder_units=8, refinements=1)
    model.build()
    clean = np.tile(some_poses(SMALL, 1), (8, 1, 1))
    noisy = clean + np.random.default_rng(1).normal(0, 0.05, clean.shape).astype(np.float32)
    optimizer = keras.optimizers.Adam(3e-3)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            value = tf.reduce_mean(tf.norm(model.denoise(noisy) - clean + 1e-9, axis=-1))
        pairs = zip(tape.gradient(value, model.trainable_weights), model.trainable_weights)
        optimizer.apply_gradients([(gradient, weight) for gradient, weight in pairs if gradient is not None])
        return value

    errors = [float(step()) for _ in range(60)]
    assert errors[-1] < 0.5 * errors[0]
