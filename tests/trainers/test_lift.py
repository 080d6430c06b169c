"""Lifting: the augmentation's geometry, the loss, the baseline's size, and one short training of all stages."""

import json

import keras
import ml_collections
import numpy as np
import pytest
import tensorflow as tf

from tfpose import losses
from tfpose.datasets import synthetic
from tfpose.datasets.lifting import LiftingPairs
from tfpose.datasets.pose_set import PoseSet, complete_poses
from tfpose.models import PoseAutoencoder, PoseLifter
from tfpose.seeds import step_seed
from tfpose.skeleton import Skeleton
from tfpose.trainers.configs import lift as lift_config
from tfpose.trainers.lift import augment, lift, lift_by_mlp, lifting_loss, project
from tfpose.trainers.loop import TrainingError
from tfpose.trainers.residual_mlp import ResidualMLPLifter, units_for

NOTHING = ml_collections.ConfigDict({"bones": 0.0, "turned": 0.0, "mirror": False, "missing": 0.0})
WEIGHTS = ml_collections.ConfigDict({"position": 1.0, "bone_length": 0.2, "code": 0.0})
SMALL = {"units": 4, "code_size": 4, "decoder_units": 4}


@pytest.fixture(scope="module")
def poses(skeleton):
    return PoseSet("made up", complete_poses(synthetic.clips(2, seed=3), skeleton), skeleton)


@pytest.fixture(scope="module")
def pairs(poses):
    return seen_by_a_camera(poses)


def seen_by_a_camera(poses):
    """Before a camera 1.2 m above the ground, 4.5 m away, that looks down by 0.2 rad; joints seen 0.002 off."""
    cosine, sine = np.float32([np.cos(0.2), np.sin(0.2)])
    look_down = np.float32([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]])
    joints_3d = (poses.positions - np.float32([0, 1.2, 4.5])) @ look_down.T
    joints_2d = project(joints_3d).numpy() + np.float32(0.002)
    up = np.tile(look_down @ np.float32([0, 1, 0]), (len(joints_3d), 1))
    return LiftingPairs("made up", poses.skeleton, joints_2d, joints_3d, up, np.full(len(up), "Walking"))


@pytest.fixture(scope="module")
def batch(pairs):
    return {name: tf.constant(values[:32]) for name, values in pairs.arrays().items()}


def options(**changes):
    return ml_collections.ConfigDict({**NOTHING.to_dict(), **changes})


def test_without_augmentation_nothing_changes(batch, skeleton):
    joints_2d, joints_3d = augment(batch, skeleton, step_seed(0, 1), NOTHING)
    np.testing.assert_array_equal(joints_2d, batch["joints_2d"])
    np.testing.assert_array_equal(joints_3d, batch["joints_3d"])


def test_turned_people_stand_where_they_stood(batch, skeleton):
    joints_2d, joints_3d = (value.numpy() for value in augment(batch, skeleton, step_seed(0, 1), options(turned=0.5)))
    before, up = batch["joints_3d"].numpy(), batch["up"].numpy()
    same = np.isclose(joints_3d, before, atol=1e-5).all((1, 2))
    assert 5 < same.sum() < 27
    np.testing.assert_allclose(joints_3d[:, skeleton.root], before[:, skeleton.root], atol=1e-6)
    # Heights above the ground and all distances within the body stay.
    np.testing.assert_allclose(joints_3d @ up[0], before @ up[0], atol=1e-5)
    lengths = [losses.bone_lengths(value, skeleton) for value in (joints_3d, before)]
    np.testing.assert_allclose(*lengths, atol=1e-5)
    # The detector's error is carried along.
    np.testing.assert_allclose(joints_2d, project(joints_3d).numpy() + 0.002, atol=1e-5)


def test_other_bodies_stand_where_they_stood(batch, skeleton):
    joints_2d, joints_3d = (value.numpy() for value in augment(batch, skeleton, step_seed(0, 1), options(bones=0.1)))
    before = batch["joints_3d"].numpy()
    np.testing.assert_allclose(joints_3d[:, skeleton.root], before[:, skeleton.root], atol=1e-6)
    lengths, lengths_before = (losses.bone_lengths(value, skeleton).numpy() for value in (joints_3d, before))
    assert 0.05 < np.log(lengths / lengths_before).std() < 0.2
    directions, directions_before = (
        np.diff(value[:, [skeleton.index("elbow_left"), skeleton.index("wrist_left")]], axis=1)
        for value in (joints_3d, before)
    )
    np.testing.assert_allclose(np.cross(directions, directions_before), 0, atol=1e-5)
    np.testing.assert_allclose(joints_2d, project(joints_3d).numpy() + 0.002, atol=1e-5)


def test_the_mirror_image_of_a_pair_is_a_pair(batch, skeleton):
    joints_2d, joints_3d = (value.numpy() for value in augment(batch, skeleton, step_seed(0, 1), options(mirror=True)))
    mirrored = ~np.isclose(joints_3d, batch["joints_3d"], atol=1e-6).all((1, 2))
    assert 5 < mirrored.sum() < 27
    left, right = skeleton.index("wrist_left"), skeleton.index("wrist_right")
    sign = np.float32([-1, 1, 1])
    np.testing.assert_array_equal(joints_3d[mirrored, left], batch["joints_3d"].numpy()[mirrored, right] * sign)
    np.testing.assert_array_equal(joints_2d[mirrored, left], batch["joints_2d"].numpy()[mirrored, right] * sign[:2])


def test_some_poses_miss_some_joints(batch, skeleton):
    joints_2d, joints_3d = augment(batch, skeleton, step_seed(0, 1), options(missing=0.5))
    missing = np.isnan(joints_2d).all(-1).sum(1)
    assert missing.max() <= 3 and 5 < (missing > 0).sum() < 27
    assert np.isfinite(joints_3d).all()


def test_the_loss_is_that_of_the_pose_in_the_camera(batch, skeleton):
    keras.utils.set_random_seed(1)
    model = PoseLifter(skeleton, **SMALL)
    model.build()
    total, terms = lifting_loss(model, batch, step_seed(0, 1), NOTHING, WEIGHTS)
    predicted, truth = model(batch["joints_2d"]).numpy(), batch["joints_3d"].numpy()
    # The camera's turn changes no distance: the sum over joints of the MPJPE, in units of 0.4 m.
    errors = np.linalg.norm(predicted - (truth - truth[:, :1]), axis=-1)
    np.testing.assert_allclose(terms["position"], errors.sum(1).mean() / 0.4, rtol=1e-4)
    np.testing.assert_allclose(total, terms["position"] + 0.2 * terms["bone_length"], rtol=1e-5)
    assert set(terms) == {"position", "bone_length"}


def test_landing_compares_with_the_codes_of_the_3d_stream(batch, skeleton):
    keras.utils.set_random_seed(1)
    model, stream = PoseLifter(skeleton, **SMALL), PoseAutoencoder(skeleton, **SMALL, view="free", refinements=0)
    model.build()
    stream.build()
    weights = ml_collections.ConfigDict({**WEIGHTS.to_dict(), "code": 2.0})
    total, terms = lifting_loss(model, batch, step_seed(0, 1), NOTHING, weights, stream)
    features, rotation = model.normalizer(batch["joints_2d"])
    own = model.encoder(features)
    target = stream.encode(tf.matmul(batch["joints_3d"], rotation, transpose_b=True))
    apart = [losses.feature(*both) for both in zip(own, (target["pose_code"], target["view_code"]))]
    np.testing.assert_allclose(terms["code"], sum(apart), rtol=1e-4)
    rest = terms["position"] + 0.2 * terms["bone_length"]
    np.testing.assert_allclose(total, rest + 2 * terms["code"], rtol=1e-5)


@pytest.mark.parametrize(("parameters", "blocks"), [(60_000, 2), (625_571, 2), (625_571, 1), (4_300_000, 2)])
def test_the_baseline_has_the_size_asked_for(skeleton, parameters, blocks):
    model = ResidualMLPLifter(skeleton, units=units_for(parameters, skeleton, blocks), blocks=blocks)
    model.build()
    assert model.learned_parameters == pytest.approx(parameters, rel=0.01)


def test_the_baseline_is_residual_and_can_be_saved(skeleton, batch, tmp_path):
    model = ResidualMLPLifter(skeleton, units=8, blocks=1, dropout=0.5)
    model.build()
    # A block whose layers give nothing passes on what it gets.
    for layer in model.hidden[1:]:
        layer.normalization.gamma.assign(tf.zeros(8))
    features, _ = model.normalizer(batch["joints_2d"])
    first = model.hidden[0](tf.reshape(features, [32, -1]), training=False)
    np.testing.assert_allclose(
        tf.reshape(model.readout(first), [32, 17, 3]), model.pose_of(features, training=False), atol=1e-6
    )
    model.save(tmp_path / "mlp.keras")
    again = keras.saving.load_model(tmp_path / "mlp.keras")
    np.testing.assert_array_equal(again(batch["joints_2d"], training=False), model(batch["joints_2d"], training=False))


@pytest.fixture(scope="module")
def few_joints():
    """Poses of a body so small that compiling takes seconds."""
    joints = [["hip", None], ["neck", "hip"], ["hand_left", "neck"], ["hand_right", "neck"]]
    skeleton = Skeleton.from_dict({"name": "few", "joints": joints, "mirror": [["hand_left", "hand_right"]]})
    standing = np.float32([[0, 1, 0], [0, 1.5, 0], [0.3, 1.2, 0], [-0.3, 1.2, 0]])
    return PoseSet("few", standing + np.random.default_rng(4).normal(0, 0.1, (100, 4, 3)), skeleton)


@pytest.fixture(scope="module")
def config():
    config = lift_config.get_config()
    config.batch = config.stream.batch = 16
    config.stream.model.update({**SMALL, "decoder": "mlp"})
    config.stream.model.network.wiring = "recursive"
    config.encoder.units = 4
    config.encoder.network = config.stream.model.network
    config.stream.steps, config.land.steps, config.finetune.steps = 1, 4, 8
    for part in (config.stream, config.land, config.finetune, config.mlp):
        part.optimizer.warmup_steps, part.optimizer.learning_rate = 0, 0.01
    return config


@pytest.fixture
def uncompiled():
    """A few steps of a tiny model take less time than compiling it, four times."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.mark.usefixtures("uncompiled")
def test_all_stages(config, few_joints, tmp_path):
    poses, pairs, seen = few_joints, seen_by_a_camera(few_joints), []

    def evaluate(model):
        error = float(np.linalg.norm(model(pairs.joints_2d) - _rooted(pairs), axis=-1).mean())
        seen.append((error, model.decoder.get_weights()))
        return {"error": error}

    model = lift(config, poses, pairs, tmp_path, evaluate=evaluate, progress=False)
    (landed_error, landed), (tuned_error, tuned) = seen  # once at the end of each stage
    assert tuned_error < landed_error
    stream = keras.saving.load_model(tmp_path / "stream3d" / "model.keras")
    for own, frozen in zip(landed, stream.decoder.get_weights(), strict=True):
        np.testing.assert_array_equal(own, frozen)
    assert not any(np.array_equal(own, other) for own, other in zip(landed, tuned, strict=True))
    assert json.loads((tmp_path / "config.json").read_text())["data"]["checksum"] == pairs.checksum
    # A finished run is not trained again.
    again = lift(config, poses, pairs, tmp_path, evaluate=evaluate, progress=False)
    np.testing.assert_array_equal(again(pairs.joints_2d[:8]), model(pairs.joints_2d[:8]))
    assert len(seen) == 2

    mlp, mlp_again = (
        lift_by_mlp(config, model.learned_parameters, pairs, tmp_path / "mlp", progress=False) for _ in range(2)
    )
    np.testing.assert_array_equal(mlp_again(pairs.joints_2d[:8]), mlp(pairs.joints_2d[:8]))
    assert mlp.learned_parameters == pytest.approx(model.learned_parameters, rel=0.05)
    assert tf.train.latest_checkpoint(tmp_path / "mlp" / "checkpoints").endswith("-12")  # as many as both stages
    assert json.loads((tmp_path / "mlp" / "config.json").read_text())["data"]["checksum"] == pairs.checksum
    other = ml_collections.ConfigDict({**config.to_dict(), "seed": 1})
    with pytest.raises(TrainingError, match="another configuration"):
        lift_by_mlp(other, model.learned_parameters, pairs, tmp_path / "mlp", progress=False)


def _rooted(pairs):
    return pairs.joints_3d - pairs.joints_3d[:, :1]
