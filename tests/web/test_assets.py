"""What the page in the browser loads."""

import json
import pathlib
import runpy

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

import tfpose.lite
from tfpose import presets
from tfpose.errors import DataError
from tfpose.export.card import make_card
from tfpose.formats import Clip, axes
from tfpose.models import ClipDenoiser, PoseAutoencoder
from tfpose.skeleton import Skeleton

pytestmark = pytest.mark.slow  # what it exports and starts takes most of a minute

ASSETS = runpy.run_path(str(pathlib.Path(__file__).parents[2] / "web" / "assets.py"))
ORIGIN = {"name": "small", "licence": "free", "lineage": "made up"}


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    """The folder of a small model with random weights."""
    keras.utils.set_random_seed(0)
    model = PoseAutoencoder(Skeleton.load("paper17"), units=8, code_size=4, decoder_units=8, refinements=1)
    model.build()
    return write_preset(model, tmp_path_factory.mktemp("presets") / "small")


@pytest.fixture(scope="module")
def clip_preset(clip_model, tmp_path_factory):
    """The folder of a small model of clips with random weights."""
    return write_preset(clip_model, tmp_path_factory.mktemp("presets") / "small_clips")


def write_preset(model, folder: pathlib.Path) -> pathlib.Path:
    weights = dict(zip(model.weight_paths(), model.get_weights(), strict=True))
    presets.write(folder, presets.Preset(model.get_config(), weights, make_card(model) | ORIGIN))
    return folder


@pytest.fixture(scope="module")
def assets(preset, clip_preset, tmp_path_factory):
    out = tmp_path_factory.mktemp("web") / "public"
    ASSETS["write"](preset, clip_preset, out)
    return out


def test_the_model_takes_one_pose(preset, assets):
    model = PoseAutoencoder.from_preset(preset)
    interpreter = Interpreter(str(assets / "model.tflite"))
    assert set(interpreter.get_signature_list()) >= {"denoise", "encode", "transfer_view"}
    clips = json.loads((assets / "clips.json").read_text())
    pose, lender = (np.float32(flat).reshape(1, 17, 3) for flat in (clips["clips"][0]["poses"][7], clips["lender"]))
    pose[0, 5] = np.nan
    denoise, transfer = (interpreter.get_signature_runner(name) for name in ("denoise", "transfer_view"))
    assert denoise.get_input_details()["joints"]["shape_signature"].tolist() == [1, 17, 3]
    np.testing.assert_allclose(denoise(joints=pose)["denoised"], model.denoise(pose), atol=1e-5, rtol=0)
    np.testing.assert_allclose(
        transfer(joints=pose, view_from=lender)["transferred"], model.transfer_view(pose, lender), atol=1e-5, rtol=0
    )


def test_the_stream_takes_one_person(clip_preset, assets):
    poses = np.random.default_rng(1).normal(size=(6, 17, 3)).astype(np.float32)
    poses[3, 5] = np.nan
    model, file = ClipDenoiser.from_preset(clip_preset), tfpose.lite.Model(assets / "stream.tflite")
    ours, theirs = model.stream(30), file.stream(30)
    for pose in poses:
        np.testing.assert_allclose(theirs.step(pose)["denoised"], ours.step(pose)["denoised"], atol=1e-4, rtol=0)


@pytest.mark.parametrize(("name", "signature"), [("model", "denoise"), ("stream", "denoise_step")])
def test_the_card_is_of_the_file(assets, name, signature):
    card = json.loads((assets / f"{name}.json").read_text())
    assert card["bytes"] == (assets / f"{name}.tflite").stat().st_size
    assert {name: card[name] for name in ORIGIN} == ORIGIN
    assert Skeleton.from_dict(card["skeleton"]) == Skeleton.load("paper17")
    assert card["signatures"][signature]["inputs"]["joints"]["shape"] == [1, 17, 3]


def test_landmarks_become_joints_as_clips_do(assets):
    made = json.loads((assets / "landmarks.json").read_text())
    found, wanted = Skeleton.load("blazepose33"), Skeleton.load("paper17")
    landmarks = np.random.default_rng(0).normal(size=(33, 3))
    joints = [sum(weight * landmarks[at] for at, weight in rule) for rule in made["rules"]]
    expected = Clip(landmarks[None] * [1, -1, -1], found).to(wanted).positions[0]
    np.testing.assert_allclose(np.array(joints) * made["axes"], expected, atol=1e-6)
    assert made["visible"] == 0.5
    assert [tuple(bone) for bone in made["bones"]] == list(found.bones)


def test_rigs_are_known_as_in_python(assets):
    rigs = json.loads((assets / "rigs.json").read_text())
    assert list(map(Skeleton.from_dict, rigs["skeletons"])) == list(map(Skeleton.load, Skeleton.names()))
    assert "thigh" in rigs["names"]["paired"]["hip"].split()
    assert rigs["trc"]["units"]["millimeters"] == 0.001
    for up, turn in rigs["axes"].items():
        turned = np.eye(3)[turn["order"]] * np.array(turn["signs"])[:, None]
        np.testing.assert_array_equal(turned, axes.matrix(up))


def test_the_clips_are_people_who_move(assets):
    made = json.loads((assets / "clips.json").read_text())
    for clip, action in zip(made["clips"], ASSETS["SHOWN"], strict=True):
        assert clip["action"].startswith(action)
        positions = np.array(clip["poses"]).reshape(-1, 17, 3)
        assert len(positions) > made["rate"]
        assert np.ptp(positions, axis=0).max() > 0.1
        assert 0.0 < positions[..., 1].min() < positions[..., 1].max() < 2.5


def test_what_exists_stays(preset, clip_preset, assets):
    before = (assets / "model.json").read_bytes()
    with pytest.raises(DataError, match=f"^{assets}: exists already"):
        ASSETS["write"](preset, clip_preset, assets)
    assert (assets / "model.json").read_bytes() == before
