"""Presets: files of weights with their origin; and those that ship."""

import json
import os
import subprocess
import sys

import golden
import numpy as np
import pytest

from tfpose import metrics, presets
from tfpose.datasets import synthetic
from tfpose.datasets.pose_set import PoseSet, complete_poses
from tfpose.errors import DataError, TfposeError
from tfpose.export import preset as export_preset
from tfpose.models import ClipDenoiser, PoseAutoencoder, load_model
from tfpose.skeleton import Skeleton
from tfpose.trainers.evaluators import denoise

SMALL = Skeleton(
    "small",
    ("arm_left", "chest", "hand", "hip", "arm_right"),
    (1, 3, 0, -1, 1),
    mirror=(("arm_left", "arm_right"),),
    torso=("hip", "chest"),
)
POSES = np.random.default_rng(0).normal(0, 0.5, (4, 5, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def model() -> PoseAutoencoder:
    model = PoseAutoencoder(SMALL, units=4, code_size=3, decoder_units=4, refinements=1, correction_units=4)
    model.build()
    for number, weight in enumerate(model.weights):
        weight.assign(np.random.default_rng(number).normal(0, 0.3, weight.shape))
    return model


@pytest.fixture
def run(tmp_path, model):
    """The working directory of a training on CMU, as `tfpose pretrain` leaves it."""
    folder = tmp_path / "run"
    folder.mkdir()
    model.save(folder / "model.keras")
    trained = {"config": {"steps": 7, "batch": 2, "seed": 3}, "data": {"name": "cmu/train", "checksum": "abc"}}
    (folder / "config.json").write_text(json.dumps(trained))
    return folder


@pytest.fixture
def made(run, tmp_path):
    return export_preset.export_preset(run, tmp_path / "mine")


def test_a_preset_gives_the_model_again_in_half_precision(model, made):
    again = PoseAutoencoder.from_preset(made)
    for path, ours, theirs in zip(model.weight_paths(), model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(theirs, ours.astype(np.float16).astype(np.float32), err_msg=path)
    np.testing.assert_allclose(again.denoise(POSES), model.denoise(POSES), atol=2e-3)
    np.testing.assert_array_equal(load_model(made).denoise(POSES), again.denoise(POSES))


def test_the_card_says_where_the_weights_come_from(made):
    card = presets.read(made).card
    assert card["trained"]["data"] == {"name": "cmu/train", "checksum": "abc"}
    assert "mocap.cs.cmu.edu" in card["lineage"] and "NSF EIA-0196217" in card["lineage"]
    readme = (made / "README.md").read_text()
    assert readme.startswith("# mine\n") and card["sha256"] in readme and card["lineage"] in readme
    assert "7 steps of 2 poses, seed 3" in readme and 'from_preset("mine")' in readme
    assert sorted(file.name for file in made.iterdir()) == ["README.md", "config.json", "weights.npz"]


def test_weights_from_data_with_other_terms_are_refused(run, tmp_path):
    described = json.loads((run / "config.json").read_text())
    described["data"]["name"] = "cmu/train+nucla/train"
    (run / "config.json").write_text(json.dumps(described))
    with pytest.raises(TfposeError, match=r"run: was trained on cmu/train\+nucla/train, and weights carry the terms"):
        export_preset.export_preset(run, tmp_path / "mine")
    assert not (tmp_path / "mine").exists()


def test_a_preset_is_never_written_over(run, made):
    before = (made / "weights.npz").read_bytes()
    with pytest.raises(DataError, match="mine"):
        export_preset.export_preset(run, made)
    assert (made / "weights.npz").read_bytes() == before


def test_weights_that_do_not_fit_half_precision_are_refused(tmp_path):
    with pytest.raises(DataError, match="weight a/b does not fit half precision"):
        presets.write(tmp_path, presets.Preset({}, {"a/b": np.float32([7e4])}, {}))
    assert list(tmp_path.iterdir()) == []


def test_unknown_presets_list_the_known_ones(tmp_path):
    with pytest.raises(
        DataError,
        match=r"cnu: no such file; .* or a preset \(sebirenet_cmu, sebirenet_cmu_clips, sebirenet_cmu_paper\)",
    ):
        PoseAutoencoder.from_preset("cnu")


def test_damaged_weights_are_named(made):
    content = (made / "weights.npz").read_bytes()
    (made / "weights.npz").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"weights\.npz: damaged, or not the weights that config\.json"):
        presets.read(made)


def test_a_damaged_card_is_named(made):
    (made / "config.json").write_text("{")
    with pytest.raises(DataError, match=r"config\.json: not the config\.json of a preset"):
        presets.read(made)


def test_weights_of_another_model_are_refused(made, model):
    preset = presets.read(made)
    preset.weights.popitem()
    presets.write(made, preset)
    with pytest.raises(DataError, match="its weights are not those of its model"):
        PoseAutoencoder.from_preset(made)


def test_a_preset_with_an_option_of_another_version_is_refused(made):
    preset = presets.read(made)
    preset.config["unheard_of"] = 1
    presets.write(made, preset)
    with pytest.raises(DataError, match=r"not a preset of this tfpose version: .*unheard_of"):
        PoseAutoencoder.from_preset(made)


# --- what ships


@pytest.mark.parametrize("name", presets.NAMES)
def test_shipped_weights_are_from_cmu_alone(name):
    card = presets.read(name).card
    assert card["name"] == name and card["trained"]["data"]["name"] == "cmu/train"
    assert "The data used in this project was obtained from mocap.cs.cmu.edu." in card["lineage"]
    readme = (presets.folder(name) / "README.md").read_text()
    assert card["sha256"] in readme and card["lineage"] in readme


def test_shipped_presets_are_small():
    most = {"sebirenet_cmu": 2e6, "sebirenet_cmu_clips": 4e6, "sebirenet_cmu_paper": 2e6}
    assert set(presets.NAMES) == set(most)
    for name in presets.NAMES:
        assert sum(file.stat().st_size for file in presets.folder(name).iterdir()) < most[name]


def test_each_class_lists_its_own_presets():
    assert set(PoseAutoencoder.presets) == {"sebirenet_cmu", "sebirenet_cmu_paper"}
    assert set(ClipDenoiser.presets) == {"sebirenet_cmu_clips"}
    with pytest.raises(DataError, match="holds a ClipDenoiser, expected a PoseAutoencoder"):
        PoseAutoencoder.from_preset("sebirenet_cmu_clips")


def test_the_clip_preset_has_the_pose_model_that_ships():
    ours, theirs = ClipDenoiser.from_preset("sebirenet_cmu_clips"), PoseAutoencoder.from_preset("sebirenet_cmu")
    for one, other in zip(ours.autoencoder.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_clip_preset_cleans_clips_that_it_never_saw():
    model = ClipDenoiser.from_preset("sebirenet_cmu_clips")
    clip = next(iter(synthetic.clips(1, seed=5))).to(model.skeleton).positions
    noisy = clip + 0.015 * np.random.default_rng(0).normal(size=clip.shape).astype(np.float32)
    before = metrics.mpjpe(noisy, clip)
    assert metrics.mpjpe(model.denoise_clip(noisy, 30)["denoised"], clip) < 0.5 * before
    assert metrics.mpjpe(model.denoise_clip(noisy, 30, causal=True)["denoised"], clip) < 0.75 * before
    assert metrics.mpjpe(model.denoise_clip(clip, 30)["denoised"], clip) < 1.5e-3
    noisy[10:15, 4:7] += (0.3, 0.2, 0.0)
    result = model.denoise_clip(noisy, 30)
    assert result["filled"][10:15, 4:7].mean() > 0.9 and result["filled"][20:].mean() < 0.05


def test_the_default_preset_cleans_bodies_that_it_never_saw():
    model = PoseAutoencoder.from_preset("sebirenet_cmu")
    assert model.skeleton == Skeleton.load("paper17")
    poses = PoseSet("made up", complete_poses(synthetic.clips(4, seed=5), model.skeleton)[::4], model.skeleton)
    found = denoise.summary(model, denoise.Data(poses, poses))
    assert found["clean_mm"] < 0.5 and found["corrupted_mm"] < 26  # doing nothing: 88


@pytest.mark.parametrize("name", presets.NAMES)
def test_presets_give_what_they_gave(name):
    kept = json.loads(golden.PATH.read_text())[name]
    found = golden.outputs(name)
    assert set(found) == set(kept)
    for key, value in found.items():
        np.testing.assert_allclose(value, kept[key], atol=2e-4, err_msg=key)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sebirenet_cmu", "sebirenet_cmu_clips"])
def test_presets_give_the_same_on_jax(tmp_path, name):
    program = "import sys, golden, keras, numpy as np; assert keras.backend.backend() == 'jax'; "
    program += "np.savez(sys.argv[1], **golden.outputs(sys.argv[2])); assert 'tensorflow' not in sys.modules"
    environment = {**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": str(golden.PATH.parent)}
    command = [sys.executable, "-c", program, str(tmp_path / "found.npz"), name]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    kept = json.loads(golden.PATH.read_text())[name]
    for key, value in np.load(tmp_path / "found.npz").items():
        np.testing.assert_allclose(value, kept[key], atol=2e-4, err_msg=key)


def test_the_paper_s_preset_is_the_paper_s_model():
    model = PoseAutoencoder.from_preset("sebirenet_cmu_paper")
    assert model.refinements == 0 and model.trust is None
    assert model.encoder.count_params() == 355_856  # the published encoder's
