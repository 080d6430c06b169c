"""Pretraining: what the branches see, the loss of eq. 11, the configurations, and one short training."""

import dataclasses
import functools
import importlib
import json
import os
import re
import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from reproduction.configs import ablation, frame, structures
from tfpose import cli, losses
from tfpose.datasets import splits, synthetic
from tfpose.datasets.pose_set import PoseSet, complete_poses
from tfpose.errors import TfposeError
from tfpose.geometry import frames
from tfpose.models import PoseAutoencoder, load_model
from tfpose.seeds import step_seed
from tfpose.skeleton import Skeleton
from tfpose.trainers import configs, run
from tfpose.trainers.configs import default, paper
from tfpose.trainers.loop import TrainingError
from tfpose.trainers.pretrain import corrupt, make_loop, pretrain, siamese_loss, two_views
from tfpose.trainers.run import make_optimizer

SEED = (11, 12)
CONFIGS = {
    "default": default.get_config,
    "paper": paper.get_config,
    **{f"structures:{row}": functools.partial(structures.get_config, row) for row in ("concatenated", "recurrent")},
    "ablation:raw": functools.partial(ablation.get_config, "raw"),
}


@pytest.fixture(scope="module")
def poses(skeleton) -> PoseSet:
    return PoseSet("made up", complete_poses(synthetic.clips(5, seed=21), skeleton), skeleton)


@pytest.fixture(scope="module")
def batch(poses) -> dict:
    return {"poses": tf.constant(poses.positions)}


def tiny(config):
    config.batch = 8
    config.model.update({"units": 4, "code_size": 4, "decoder_units": 4, "correction_units": 8})
    return config


def untrained(skeleton, config) -> PoseAutoencoder:
    keras.utils.set_random_seed(config.seed)
    model = PoseAutoencoder(skeleton, **config.model.to_dict())
    model.build()
    return model


# --- what the two branches see


def halves(values):
    values = np.asarray(values)
    return values[: len(values) // 2], values[len(values) // 2 :]


def rotation_between(one, other) -> np.ndarray:
    """The best rotations about the origin from poses `[B, J, 3]` to others (Kabsch): `[B, 3, 3]`."""
    u, _, vt = np.linalg.svd(np.einsum("bjc,bjd->bcd", one.astype(float), other.astype(float)))
    sign = np.sign(np.linalg.det(u @ vt))
    u[:, :, -1] *= sign[:, None]
    return (u @ vt).transpose(0, 2, 1)


@pytest.mark.parametrize("name", ["default", "paper"])
def test_the_second_view_is_the_first_one_rotated(batch, skeleton, name):
    config = {"default": default, "paper": paper}[name].get_config()
    config.view.left_right_swap = 0.0
    config.corruption.independent = 0.0
    truth, observed = two_views(batch, skeleton, SEED, config)
    assert truth.shape == observed.shape == (600, 17, 3)
    (truth_1, truth_2), (observed_1, observed_2) = halves(truth), halves(observed)
    rotation = rotation_between(truth_1, truth_2)
    np.testing.assert_allclose(truth_1 @ rotation.transpose(0, 2, 1), truth_2, atol=1e-4)
    # The corruption turned along, missing joints too: it came before the rotation.
    np.testing.assert_allclose(observed_1 @ rotation.transpose(0, 2, 1), observed_2, atol=1e-4)
    angle = np.degrees(np.arccos(np.clip((np.trace(rotation, axis1=1, axis2=2) - 1) / 2, -1, 1)))
    assert len(np.unique(angle.round(3))) > (140 if config.view.shared else 290)  # each, or each pair, has its own
    assert angle.min() < 40 and angle.max() > 160


def test_default_views_are_both_upright_and_the_papers_second_is_any(batch, skeleton):
    for config, both in ((default.get_config(), True), (paper.get_config(), False)):
        config.body.mirror = False
        default.without_other_bodies(config)
        first, second = halves(two_views(batch, skeleton, SEED, config)[0])
        original = (frames.face_forward(batch["poses"], skeleton) if config.view.shared else batch["poses"]).numpy()
        tilts = [
            np.degrees(np.arccos(np.clip(rotation_between(original, view)[:, 1, 1], -1, 1))) for view in (first, second)
        ]
        if both:
            for tilt in tilts:  # Rayleigh with 10 degrees on each of two axes
                assert np.sqrt((tilt**2).mean() / 2) == pytest.approx(10, rel=0.15) and tilt.max() < 60
            assert np.abs(first - original).max() > 0.1
        else:
            np.testing.assert_array_equal(first, original)
            assert tilts[1].max() > 150


def test_each_view_is_shared_by_two_poses_that_faced_forward(batch, skeleton):
    config = default.get_config()
    default.without_other_bodies(config)
    config.body.mirror = False
    facing = frames.face_forward(batch["poses"], skeleton).numpy()
    for view in halves(two_views(batch, skeleton, SEED, config)[0]):
        rotation = rotation_between(facing, view)
        one, other = halves(rotation)
        np.testing.assert_allclose(one, other, atol=1e-3)
        assert np.abs(one[:-1] - one[1:]).max(axis=(1, 2)).min() > 1e-3  # and by no others


def test_an_odd_batch_cannot_share_views(batch, skeleton):
    with pytest.raises(TrainingError, match=r"config\.view\.shared needs an even config\.batch, got 7"):
        two_views({"poses": batch["poses"][:7]}, skeleton, SEED, default.get_config())


def test_a_view_code_learns_nothing_from_its_own_pose(batch, skeleton):
    """Without the transfers nothing reaches a free view head, also where good estimates would reward it."""
    config = tiny(default.get_config())
    config.model.view = "free"
    config.loss.view = 0.0
    config.loss.eq11.update({"transfer": 0.0, "transfer_rotated": 0.0, "orthogonality": 0.0})
    model = untrained(skeleton, config)
    head = model.encoder.view_head.trainable_variables
    with tf.GradientTape() as tape:
        loss, _ = siamese_loss(model, {"poses": batch["poses"][:8]}, SEED, config)
    gradients = tape.gradient(loss, [v.value for v in head], unconnected_gradients=tf.UnconnectedGradients.ZERO)
    assert not any(np.any(gradient) for gradient in gradients)


def test_a_rig_whose_front_is_unknown_cannot_share_views(tmp_path):
    rig = Skeleton("stick", ("hip", "head"), (-1, 0))
    poses = PoseSet("made up", np.zeros((8, 2, 3)), rig)
    with pytest.raises(TrainingError, match=r"skeleton 'stick' has no mirror pairs.*--config\.view\.shared=False"):
        pretrain(default.get_config(), poses, tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


def test_backs_are_taken_for_fronts_as_often_as_the_config_says(batch, skeleton):
    config = default.get_config()
    default.without_other_bodies(config)
    config.body.mirror = False
    config.view.left_right_swap = 0.3
    facing = frames.face_forward(batch["poses"], skeleton).numpy()
    for truth in halves(two_views(batch, skeleton, SEED, config)[0]):
        # Only the right assignment of sides leads from the pose to the view by a rotation.
        straight, exchanged = (
            np.abs(np.einsum("bcd,bjd->bjc", rotation_between(seen, truth), seen) - truth).max((1, 2)) < 1e-3
            for seen in (facing, facing[:, skeleton.mirror_joints])
        )
        assert (straight ^ exchanged).all()
        assert exchanged.mean() == pytest.approx(0.3, abs=0.1)
        one, other = halves(exchanged)
        np.testing.assert_array_equal(one, other)  # shared like the rest of the view


def test_the_seed_is_the_batch(batch, skeleton):
    config = default.get_config()
    first, again, other = (two_views(batch, skeleton, seed, config)[1].numpy() for seed in (SEED, SEED, (11, 13)))
    np.testing.assert_array_equal(first, again)
    assert np.nanmean(np.abs(first - other)) > 0.01


@pytest.mark.parametrize(("config", "min_joints", "max_joints"), [(default, 0, 5), (paper, 1, 5)])
def test_as_many_joints_move_as_the_config_says(batch, skeleton, config, min_joints, max_joints):
    config = config.get_config()
    config.corruption.update({"missing": 0.0, "sides": 0.0, "noise": 0.0})
    truth, observed = two_views(batch, skeleton, SEED, config)
    distance = np.linalg.norm(observed - truth, axis=-1)
    count = (distance > 1e-3).sum(1)
    assert set(count) == set(range(min_joints, max_joints + 1))
    assert np.bincount(count, minlength=6)[min_joints:].min() > 600 / 6 * 0.5  # about equally often
    moved = distance[distance > 1e-3]
    assert 0.2 - 1e-4 < moved.min() < 0.22 and 0.78 < moved.max() < 0.8 + 1e-4


def test_the_protocols_labels_are_used_when_the_config_says_so(skeleton, batch):
    poses = batch["poses"]
    labels = np.zeros((len(poses), 17), bool)
    labels[np.arange(len(poses)), np.arange(len(poses)) % 17] = True
    for config, used in ((paper, True), (default, False)):
        options = config.get_config().corruption
        options.update({"missing": 0.0, "sides": 0.0, "noise": 0.0})
        corrupted = corrupt(poses, tf.constant(labels), skeleton, SEED, options)
        moved = (corrupted.numpy() != poses.numpy()).any(-1)
        assert (moved == labels).all() == used


def test_the_pipelines_labels_reach_the_loss(poses, skeleton):
    labelled = PoseSet(
        "l", poses.positions, skeleton, moved=np.eye(17, dtype=bool)[np.arange(300) % 17], k=np.ones(300)
    )
    (batch,) = labelled.batches(50, seed=1).take(1)
    truth, observed = two_views(batch, skeleton, SEED, paper.get_config())
    moved = np.linalg.norm(observed - truth, axis=-1) > 1e-3
    np.testing.assert_array_equal(moved, np.tile(batch["moved"], (2, 1)))


def test_some_joints_are_missing(skeleton, batch):
    options = default.get_config().corruption
    corrupted = corrupt(batch["poses"], None, skeleton, SEED, options).numpy()
    missing = np.isnan(corrupted)
    np.testing.assert_array_equal(missing.any(-1), missing.all(-1))
    count = missing.all(-1).sum(1)
    assert (count > 0).mean() == pytest.approx(options.missing, abs=0.06)
    assert set(count) <= set(range(6)) and len(set(count)) > 3


def test_arms_legs_or_all_sides_are_exchanged_as_often_as_the_config_says(skeleton, batch):
    options = paper.get_config().corruption
    options.update({"min_joints": 0, "max_joints": 0, "sides": 0.6})
    poses = batch["poses"].numpy()
    corrupted = corrupt(batch["poses"], None, skeleton, SEED, options).numpy()
    image = poses[:, list(skeleton.mirror_joints)]
    arms, legs = (np.isin(np.arange(17), limb) for limb in skeleton.limbs)
    assert [skeleton.joints[limb[1]] for limb in skeleton.limbs] == ["elbow_left", "knee_left"]
    kinds = np.stack(
        [(corrupted == np.where(limb[:, None], image, poses)).all((1, 2)) for limb in (arms, legs, arms | legs)], 1
    )
    same = (corrupted == poses).all((1, 2))
    assert (kinds.sum(1) + same == 1).all()
    np.testing.assert_allclose(kinds.mean(0), 0.2, atol=0.08)


def test_a_share_of_the_poses_has_noise_of_its_own_level(skeleton, batch):
    options = paper.get_config().corruption
    options.update({"min_joints": 0, "max_joints": 0, "noise": 0.02, "noisy": 0.5})
    poses = batch["poses"].numpy()
    level = (corrupt(batch["poses"], None, skeleton, SEED, options).numpy() - poses).std((1, 2))
    assert (level > 1e-6).mean() == pytest.approx(0.5, abs=0.1)
    noisy = level[level > 1e-6]
    assert noisy.mean() == pytest.approx(0.01, rel=0.15) and noisy.max() < 0.026 and noisy.min() < 0.003


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_share_of_the_poses_is_corrupted_in_each_branch_on_its_own(batch, skeleton, share):
    config = default.get_config()
    config.corruption.update({"independent": share, "min_joints": 1, "missing": 0.0, "noise": 0.0, "sides": 0.0})
    moved_1, moved_2 = (
        np.linalg.norm(observed - truth, axis=-1) > 1e-3
        for truth, observed in zip(*map(halves, two_views(batch, skeleton, SEED, config)))
    )
    assert (moved_1 != moved_2).any(1).mean() == pytest.approx(share, abs=0.1)


# --- the loss


@pytest.mark.parametrize("view", ["frame", "free"])
def test_the_terms_equal_a_slow_computation(batch, skeleton, view):
    """Two encoder calls and four decodes, one after the other, as Fig. 2 draws them."""
    config = tiny(default.get_config())
    config.model.view = view
    config.loss.view = 1.5 if view == "frame" else 0.0
    model = untrained(skeleton, config)
    model.trust.logits.bias.assign(tf.linspace(-1.0, 1.0, 17))
    batch = {"poses": batch["poses"][::10]}
    total, terms = siamese_loss(model, batch, SEED, config)

    truth, observed = (tf.split(part, 2) for part in two_views(batch, skeleton, SEED, config))
    pose, view, target, joints, there = [], [], [], [], []
    for branch in (0, 1):
        normalized, frame = model.normalizer(observed[branch])
        codes = model.encoder(normalized, frame.observed)
        pose.append(codes[0])
        view.append(codes[1])
        target.append((truth[branch] - frame.centre) / 0.4)
        joints.append(normalized)
        there.append(frame.observed)

    def decode(pose_of, view_of):
        """A transfer takes its view from the pose of the other half of the batch that shares it."""
        views = view[view_of]
        if pose_of != view_of:
            views = tf.roll(views, len(views) // 2, axis=0)
        return model.recover(pose[pose_of], views)

    decoded = {"plain": (0, 0), "rotated": (1, 1), "transfer": (1, 0), "transfer_rotated": (0, 1)}
    slow = {
        name: losses.reconstruction(decode(pose_of, view_of), target[view_of], skeleton)
        for name, (pose_of, view_of) in decoded.items()
    }
    slow["feature"] = losses.feature(pose[0], pose[1])
    slow["orthogonality"] = (losses.orthogonality(view[0]) + losses.orthogonality(view[1])) / 2
    if config.loss.view:
        others = [tf.roll(codes, len(codes) // 2, axis=0) for codes in view]
        slow["view"] = sum(losses.feature(one, other) for one, other in zip(view, others)) / 2
    slow["refined"] = slow["trust"] = 0.0
    for branch in (0, 1):
        for estimate in model.refine(joints[branch], there[branch]):
            slow["refined"] += losses.position(estimate.pose, target[branch]) / 2
            cross_entropy = losses.trust(
                estimate.trust_logits, estimate.observed, target[branch], there[branch], tolerance=0.05 / 0.4
            )
            slow["trust"] += cross_entropy / 2
    assert terms.keys() == slow.keys()
    for name, value in slow.items():
        assert float(terms[name]) == pytest.approx(float(value), rel=1e-5), name
    weights = {**config.loss.eq11.to_dict(), "plain": 1.0}
    weights |= {name: config.loss[name] for name in ("view", "refined", "trust")}
    assert float(total) == pytest.approx(sum(weights[name] * float(value) for name, value in slow.items()), rel=1e-5)


def test_the_papers_loss_is_eq_11(batch, skeleton):
    config = tiny(paper.get_config())
    total, terms = siamese_loss(untrained(skeleton, config), {"poses": batch["poses"][:16]}, SEED, config)
    names = ("plain", "rotated", "transfer", "transfer_rotated", "feature", "orthogonality")
    assert set(terms) == set(names)
    by_hand = sum(w * float(terms[name]) for w, name in zip((1, 1, 0.01, 0.01, 0.1, 0.1), names))
    assert float(total) == pytest.approx(by_hand, rel=1e-6)


def test_where_the_pose_stands_does_not_matter(batch, skeleton):
    """Only the first branch shows it: rotations are about the origin, which a translation leaves."""
    config = tiny(paper.get_config())
    config.corruption.max_joints = 1
    model = untrained(skeleton, config)
    near, far = (
        siamese_loss(model, {"poses": batch["poses"][:16] + shift}, SEED, config)[1]["plain"] for shift in (0.0, 5.0)
    )
    assert float(near) == pytest.approx(float(far), rel=1e-4)


@pytest.mark.parametrize("name", CONFIGS)
def test_every_weight_gets_a_finite_gradient(batch, skeleton, name):
    config = tiny(CONFIGS[name]())
    model = untrained(skeleton, config)
    with tf.GradientTape() as tape:
        loss, _ = siamese_loss(model, {"poses": batch["poses"][:8]}, SEED, config)
    values = [variable.value for variable in model.trainable_variables]
    without = []
    for variable, gradient in zip(model.trainable_variables, tape.gradient(loss, values)):
        if gradient is None:
            without.append(variable.path)
        else:
            assert np.isfinite(gradient).all(), variable.path
    # A single pass starts from zero states, which the recursive subnets' recurrent kernels would multiply.
    assert all(path.endswith("recurrent_kernel") for path in without) and len(without) <= 2, without


# --- configurations


def test_the_papers_configuration_has_the_papers_numbers():
    config = paper.get_config()
    assert (config.model.units, config.batch, config.model.refinements) == (32, 64, 0)
    assert config.model.network.to_dict() == {"passes": 1, "wiring": "sebirenet", "cell": "gru"}
    assert not config.model.orthogonal
    weights = losses.LossWeights(**config.loss.eq11.to_dict())
    assert weights == losses.LossWeights()
    assert (weights.transfer, weights.transfer_rotated, weights.feature, weights.orthogonality) == (
        0.01,
        0.01,
        0.1,
        0.1,
    )
    assert weights.rotated == 1.0
    assert (config.view.rotations, config.view.both) == ("so3", False)
    corruption = config.corruption
    assert (corruption.min_joints, corruption.max_joints, corruption.use_labels) == (1, 5, True)
    assert (corruption.missing, corruption.sides, corruption.noise, corruption.independent) == (0.0, 0.0, 0.0, 0.0)
    assert (config.model.view, config.loss.view) == ("free", 0.0)
    assert not any(config.body.values())
    assert config.loss.refined == config.loss.trust == 0.0


@pytest.mark.parametrize("name", configs.NAMES)
def test_a_config_says_how_it_is_run(name):
    module = importlib.import_module(f"tfpose.trainers.configs.{name}")
    assert re.search(rf"\n    tfpose [a-z-]+ .*--config {name}[: ]", module.__doc__)
    assert configs.path(name) == module.__file__


def test_a_row_of_a_table_is_named_after_its_file():
    file = structures.__file__
    assert configs.with_paths(["--config", f"{file}:full"]) == ["--config", f"{file}:full"]
    with pytest.raises(TfposeError, match="--config=structure:full: there is no such file; it is a file or one of"):
        configs.with_paths(["--config=structure:full"])


def test_the_structures_differ_in_structure_alone():
    rows = {row: structures.get_config(row).to_dict() for row in structures.ROWS}
    paper_rows = {row: {**config, "model": paper.get_config().model.to_dict()} for row, config in rows.items()}
    assert all(config == paper.get_config().to_dict() for config in paper_rows.values())
    assert rows["full"] == paper.get_config().to_dict()
    assert {row: config["model"]["decoder"] for row, config in rows.items()} == {
        **dict.fromkeys(("recursive", "diffuse", "concatenated", "sebirenet", "recurrent"), "mlp"),
        "full": "tree",
    }
    assert [config["model"]["network"]["wiring"] for config in rows.values()] == [
        *("recursive", "diffuse", "concatenated"),
        *["sebirenet"] * 3,
    ]
    assert [config["model"]["network"]["passes"] for config in rows.values()] == [1, 1, 1, 1, 2, 1]


def test_the_ablation_adds_one_part_after_the_other():
    rows = [*(ablation.get_config(row) for row in ablation.ROWS), paper.get_config()]
    parts = [
        [
            config.model.view,
            config.loss.eq11.orthogonality,
            config.loss.eq11.feature,
            config.loss.eq11.rotated,
            config.loss.eq11.transfer,
            config.loss.eq11.transfer_rotated,
        ]
        for config in rows
    ]
    full = ["free", 0.1, 0.1, 1.0, 0.01, 0.01]
    none = ["none", 0.0, 0.0, 0.0, 0.0, 0.0]
    assert parts == [full[:count] + none[count:] for count in (0, 1, 2, 3, 4, 6)]


def test_the_steps_to_the_default_are_taken_one_after_the_other():
    rows = {row: frame.get_config(row).to_dict() for row in frame.ROWS}
    last, steps = default.get_config().to_dict(), 8_000
    assert rows["sides"] == {**last, "steps": steps} and last["steps"] > steps
    parts = [
        (row["model"]["view"], row["corruption"]["independent"] > 0, row["corruption"]["sides"] > 0)
        for row in rows.values()
    ]
    assert parts == [
        ("free", False, False),
        ("frame", False, False),
        ("frame", True, False),
        ("frame", True, True),
    ]
    assert (rows["free"]["loss"]["view"], rows["frame"]["loss"]["view"]) == (0.0, last["loss"]["view"])


def test_where_the_view_code_turns_what_is_decoded_two_decodes_serve_all_four(batch, skeleton):
    """Free view codes need four."""
    for view, decodes in (("frame", 2), ("free", 4)):
        config = tiny(default.get_config())
        config.model.update({"view": view, "refinements": 0})
        model, sizes = untrained(skeleton, config), []
        decoder = model.decoder
        model.decoder = lambda codes: sizes.append(len(codes)) or decoder(codes)  # noqa: B023
        siamese_loss(model, {"poses": batch["poses"][:8]}, SEED, config)
        assert sizes == [decodes * 8], view


def test_the_plain_autoencoder_has_no_view_code(batch, skeleton):
    config = tiny(ablation.get_config("raw"))
    model = untrained(skeleton, config)
    codes = model.encode(batch["poses"][:3])
    np.testing.assert_array_equal(
        codes["view_code"], np.broadcast_to(np.eye(model.code_size), (3, *[model.code_size] * 2))
    )
    assert not any("view_head" in weight.path for weight in model.weights)
    loss, terms = siamese_loss(model, {"poses": batch["poses"][:8]}, SEED, config)
    assert float(loss) == pytest.approx(float(terms["plain"]), rel=1e-6)


def test_configs_are_named_or_files(tmp_path):
    own = tmp_path / "own.py"
    own.write_text("")
    named = ["--config", "paper", "--data", "default", f"--config={own}", "--config.steps=3"]
    resolved = configs.with_paths(named)
    assert resolved == ["--config", paper.__file__, "--data", "default", f"--config={own}", "--config.steps=3"]
    assert configs.with_names(resolved) == named


def test_the_papers_own_descent_is_one_override_away():
    config = paper.get_config()
    config.optimizer.name = "sgd"
    config.optimizer.learning_rate = 0.0032
    optimizer = make_optimizer(config)
    assert isinstance(optimizer, keras.optimizers.SGD)
    # 5e-5 on sums over a batch of 64 is the same step.
    assert float(optimizer._learning_rate(config.optimizer.warmup_steps)) == pytest.approx(64 * 5e-5)


def test_the_learning_rate_rises_then_falls():
    config = default.get_config()
    rate = make_optimizer(config)._learning_rate
    highest = config.optimizer.learning_rate
    at = {step: float(rate(step)) for step in (0, 100, 200, config.steps // 2, config.steps)}
    assert at[0] == pytest.approx(highest * 1e-3)
    assert at[0] < at[100] < at[200] == pytest.approx(highest)
    assert highest > at[config.steps // 2] > at[config.steps] > 0
    assert at[config.steps] < 0.01 * highest
    config.optimizer.warmup_steps = 0
    assert float(make_optimizer(config)._learning_rate(0)) == pytest.approx(highest)


def test_clipping_and_decay_reach_the_optimizer():
    config = default.get_config()
    assert make_optimizer(config).global_clipnorm is None and make_optimizer(config).weight_decay is None
    config.optimizer.update({"clip_norm": 2.0, "weight_decay": 0.01})
    assert make_optimizer(config).global_clipnorm == 2.0 and make_optimizer(config).weight_decay == 0.01


def test_unknown_choices_are_named(batch, skeleton):
    config = default.get_config()
    config.optimizer.name = "lion"
    with pytest.raises(TrainingError, match=r"config\.optimizer\.name must be 'adam' or 'sgd', got 'lion'"):
        make_optimizer(config)
    config.view.rotations = "sideways"
    with pytest.raises(TrainingError, match=r"config\.view\.rotations must be 'so3' or 'upright', got 'sideways'"):
        two_views(batch, skeleton, SEED, config)


# --- one training


def test_the_loss_falls(pretrained, tiny_pretrain, skeleton):
    config = ml_config(pretrained)
    test = splits.poses("synthetic", "test")
    (batch,) = test.batches(256, seed=5).take(1)
    before, after = (
        float(siamese_loss(model, batch, step_seed(5, 5), config)[0])
        for model in (untrained(skeleton, config), load_model(pretrained))
    )
    assert after < 0.8 * before


def ml_config(workdir):
    config = default.get_config()
    config.update(json.loads((workdir / "config.json").read_text())["config"])
    return config


def test_the_workdir_says_what_ran_there(pretrained):
    said = json.loads((pretrained / "config.json").read_text())
    assert said["config"]["steps"] == 40 and said["config"]["model"]["units"] == 4
    train = splits.poses("synthetic", "train")
    assert said["data"].pop("skeleton") == run._checksum(train.skeleton)
    assert said["data"] == {"name": "synthetic/train", "checksum": train.checksum}
    assert {path.name for path in pretrained.iterdir()} == {"config.json", "checkpoints", "tensorboard", "model.keras"}


def listing(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_a_workdir_of_another_configuration_is_refused(pretrained, tiny_pretrain, capsys):
    before = listing(pretrained)
    assert cli.main([*tiny_pretrain(pretrained), "--config.batch=16"]) == 1
    assert f"{pretrained} holds a run with another configuration or other data" in capsys.readouterr().err
    assert listing(pretrained) == before


def test_a_workdir_of_other_data_is_refused(pretrained, poses):
    before = listing(pretrained)
    with pytest.raises(TrainingError, match=r"holds a run .* other data \(see .*config\.json\)"):
        pretrain(ml_config(pretrained), poses, pretrained, progress=False)
    assert listing(pretrained) == before


def test_a_workdir_of_another_rig_is_refused_and_one_of_an_older_version_goes_on(tmp_path, poses):
    config = tiny(default.get_config())
    (tmp_path / "model.keras").touch()

    def claim(skeleton):
        data = types.SimpleNamespace(name=poses.name, checksum=poses.checksum, skeleton=skeleton)
        with run.claimed(tmp_path, config, data):
            pass

    claim(poses.skeleton)
    claim(poses.skeleton)
    with pytest.raises(TrainingError, match="holds a run with another configuration or other data"):
        claim(dataclasses.replace(poses.skeleton, mirror=poses.skeleton.mirror[:1]))
    said = json.loads((tmp_path / "config.json").read_text())
    del said["data"]["skeleton"]
    (tmp_path / "config.json").write_text(json.dumps(said))
    claim(poses.skeleton)
    config.batch += 1
    with pytest.raises(TrainingError, match="holds a run with another configuration or other data"):
        claim(poses.skeleton)  # a finished model without checkpoints


def test_a_run_that_could_not_start_does_not_block_the_next(tmp_path, poses):
    config = tiny(default.get_config())
    config.optimizer.name = "lion"
    with pytest.raises(TrainingError, match="lion"):
        pretrain(config, poses, tmp_path, progress=False)
    config.optimizer.name = "sgdd"
    with pytest.raises(TrainingError, match="sgdd"):  # and not: holds another run
        pretrain(config, poses, tmp_path, progress=False)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["default", "paper"])
def test_half_of_the_batch_twice_takes_the_step_of_the_whole(tmp_path, skeleton, batch, name):
    """Also where poses share views in pairs across the halves of a batch."""
    weights = []
    for parts in (1, 2):
        config = tiny(CONFIGS[name]())
        config.optimizer.update({"name": "sgd", "warmup_steps": 0})  # Adam's first steps are the gradients' signs
        model = untrained(skeleton, config)
        loop = make_loop(config, model, batches=None, workdir=tmp_path)
        loss, _ = dataclasses.replace(loop, parts=parts).traced_step()(
            {"poses": batch["poses"][:8]}, tf.constant(0, tf.int64)
        )
        weights.append([loss.numpy(), *model.get_weights()])
    before = untrained(skeleton, config).get_weights()
    assert sum(not np.array_equal(*pair) for pair in zip(before, weights[0][1:])) > len(before) / 2
    for one, two in zip(*weights, strict=True):
        np.testing.assert_allclose(two, one, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("size", "cores", "parts"), [(6, 2, 1), (8, 2, 2), (8, 1, 1)])
def test_a_batch_is_cut_where_that_is_faster(tmp_path, skeleton, monkeypatch, size, cores, parts):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(cores)), raising=False)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    config = tiny(default.get_config())
    config.batch = size  # poses share views in pairs
    assert make_loop(config, untrained(skeleton, config), batches=None, workdir=tmp_path).parts == parts
