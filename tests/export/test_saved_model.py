"""A SavedModel needs neither tfpose nor Keras, and appears whole or not at all."""

import json
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfpose.errors import DataError
from tfpose.export.artifacts import open_artifact
from tfpose.export.saved_model import CARD, export_saved_model
from tfpose.export.verify import verify
from tfpose.models import PoseAutoencoder
from tfpose.skeleton import Skeleton

_CLIENT = """
import sys

sys.modules |= {"keras": None, "tfpose": None}  # importing them fails
import numpy as np
import tensorflow as tf

folder, given, returned = sys.argv[1:]
denoise = tf.saved_model.load(folder).signatures["serving_default"]
joints = tf.constant(np.load(given))
np.save(returned, denoise(joints=joints)["denoised"])
"""


def test_a_client_needs_tensorflow_alone(model, artifacts, poses, tmp_path):
    given, returned = tmp_path / "given.npy", tmp_path / "returned.npy"
    joints = poses[:9].copy()
    joints[::2, 3] = np.nan
    np.save(given, joints)
    subprocess.run([sys.executable, "-c", _CLIENT, artifacts["saved_model"], given, returned], check=True, timeout=300)
    assert np.isfinite(np.load(returned)).all()
    np.testing.assert_allclose(np.load(returned), model.denoise(joints), atol=1e-5, rtol=0)


def test_a_model_that_was_never_saved(poses, tmp_path):
    keras.utils.set_random_seed(1)
    fresh = PoseAutoencoder(Skeleton.load("paper17"), 8, 4, decoder="mlp", decoder_units=4, refinements=0)
    fresh.build()
    path = export_saved_model(fresh, tmp_path / "saved_model")
    report = verify(fresh, poses, [path])
    assert report.ok, str(report)


def test_the_pose_code_is_the_same_for_every_heading(artifacts, headings):
    """And the view code turns with the pose."""
    joints, turns = headings
    codes = open_artifact(artifacts["saved_model"]).signatures["encode"].run(joints=joints)
    np.testing.assert_allclose(codes["pose_code"], codes["pose_code"][:1].repeat(12, 0), atol=1e-4, rtol=0)
    assert np.ptp(codes["pose_code"][0], axis=0).min() > 1e-2
    expected = codes["view_code"][0] @ turns[0] @ turns.transpose(0, 2, 1)
    np.testing.assert_allclose(codes["view_code"], expected, atol=1e-4, rtol=0)


def test_the_card_lies_inside(model, artifacts):
    card = json.loads((artifacts["saved_model"] / CARD).read_text())
    assert Skeleton.from_dict(card["skeleton"]) == model.skeleton


@pytest.mark.parametrize("kind", ["file", "folder", "dangling link"])
def test_what_exists_is_not_overwritten(model, tmp_path, kind):
    path = tmp_path / "saved_model"
    if kind == "file":
        path.write_text("mine")
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "nowhere")
    with pytest.raises(DataError, match=f"^{path}: exists already; delete it"):
        export_saved_model(model, path)
    assert list(tmp_path.iterdir()) == [path]


def test_a_crash_leaves_nothing(model, tmp_path, monkeypatch):
    def write_half(_, folder, **__):
        pathlib.Path(folder).mkdir()
        pathlib.Path(folder, "saved_model.pb").write_bytes(b"half")
        raise RuntimeError("the machine is on fire")

    monkeypatch.setattr(tf.saved_model, "save", write_half)
    with pytest.raises(RuntimeError, match="on fire"):
        export_saved_model(model, tmp_path / "saved_model")
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written(model, tmp_path):
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "saved_model"
    with pytest.raises(DataError, match=f"^{path}: cannot be written"):
        export_saved_model(model, path)
