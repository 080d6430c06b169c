"""Models of a tfpose before 0.2 are refused; what it exported says itself what it is, and is of use still."""

import json
import re
import shutil
import zipfile

import numpy as np
import pytest

import tfpose
from tfpose import cli, lite, presets
from tfpose.errors import DataError
from tfpose.export import export, export_serving
from tfpose.export.card import make_card
from tfpose.export.saved_model import CARD
from tfpose.models import load_model

REFUSED = r"made by tfpose before 0\.2, whose view code was another; train it again"


def aged(config: dict) -> dict:
    """The config that tfpose 0.1 wrote for such a model."""
    config = {key: value for key, value in config.items() if key not in ("view", "upright")}
    return {**config, "disentangled": True}


@pytest.fixture
def old_file(keras_file, tmp_path):
    """A .keras file of tfpose 0.1."""
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(keras_file) as given, zipfile.ZipFile(path, "w") as changed:
        for name in given.namelist():
            content = given.read(name)
            if name == "config.json":
                described = json.loads(content)
                described["config"] = aged(described["config"])
                content = json.dumps(described)
            changed.writestr(name, content)
    return path


@pytest.fixture
def old_preset(model, tmp_path):
    """The folder of a preset of tfpose 0.1."""
    path = tmp_path / "preset"
    path.mkdir()
    weights = dict(zip(model.weight_paths(), model.get_weights(), strict=True))
    card = make_card(model) | {"name": "old", "licence": "free", "lineage": "made up"}
    presets.write(path, presets.Preset(aged(model.get_config()), weights, card))
    return path


@pytest.mark.parametrize("kind", ["old_file", "old_preset"])
def test_an_older_model_is_refused_in_one_line(kind, request, capsys, tmp_path):
    path = request.getfixturevalue(kind)
    with pytest.raises(DataError, match=f"^{re.escape(str(path))}: {REFUSED}") as refused:
        load_model(path)
    assert "\n" not in str(refused.value)
    assert not re.search("damaged|not a tfpose model", str(refused.value))
    assert cli.main(["export", "--model", str(path), "--out", str(tmp_path / "out"), "--data", "synthetic"]) != 0
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("tfpose")]
    assert len(said) == 1 and re.match(f"tfpose export: {re.escape(str(path))}: {REFUSED}", said[0])
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_an_older_file_for_boards_runs(free_model, poses, tmp_path, monkeypatch):
    """Its card and its shapes are its own."""
    monkeypatch.setattr(tfpose, "__version__", "0.1.0")
    path = export(free_model, tmp_path, ["litert"])["litert"]
    monkeypatch.undo()
    model = lite.Model(path)
    assert model.card["tfpose"] == "0.1.0" != tfpose.__version__
    assert model.signatures["encode"]["outputs"]["view_code"]["shape"] == [None, 4, 4]
    np.testing.assert_allclose(
        model.encode(poses[:5])["view_code"], free_model.encode(poses[:5])["view_code"], atol=1e-5, rtol=0
    )


@pytest.mark.slow
def test_a_package_keeps_its_older_versions(free_model, artifacts, tmp_path):
    """The new version is the canary, and README.md describes it; requests for the stable one go where they went."""
    export_serving(free_model, tmp_path)
    older = tmp_path / "tfpose" / "1"
    before = {path: path.read_bytes() for path in older.rglob("*") if path.is_file()}
    added = export_serving(shutil.copytree(artifacts["saved_model"], tmp_path.with_name("saved_model")), tmp_path)
    assert added == tmp_path / "tfpose" / "2"
    assert {path: path.read_bytes() for path in older.rglob("*") if path.is_file()} == before
    config = (tmp_path / "models.config").read_text()
    assert re.search(r'key: "stable"\s*value: 1', config) and re.search(r'key: "canary"\s*value: 2', config)
    assert "`view_code` `[B, 3, 3]`" in (tmp_path / "README.md").read_text()
    sizes = [
        json.loads((folder / CARD).read_text())["signatures"]["encode"]["outputs"]["view_code"]["shape"]
        for folder in (older, added)
    ]
    assert sizes == [[None, 4, 4], [None, 3, 3]]
