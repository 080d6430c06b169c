"""The examples run, in their short form."""

import importlib.util
import json
import pathlib
import re

import numpy as np
import pytest

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def example(name: str):
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_example_is_tested():
    here = pathlib.Path(__file__).read_text()
    for path in EXAMPLES.iterdir():
        assert f'"{path.stem}"' in here or path.name == "__pycache__", path.name


def test_clean_a_clip(tmp_path, capsys):
    example("clean_a_clip").main([])
    before, after = map(float, re.search(r"mean error (.*) -> (.*) mm", capsys.readouterr().out).groups())
    assert after < before / 2
    assert (tmp_path / "clean.bvh").is_file() and (tmp_path / "clean.gif").is_file()


@pytest.mark.slow
def test_train_on_my_rig(tmp_path, capsys):
    example("train_on_my_rig").main(["--steps", "3", "--clips", "3"])
    assert "autoencoder + trust" in capsys.readouterr().out
    assert (tmp_path / "my_rig" / "exported" / "model.tflite").is_file()


@pytest.mark.slow
def test_edge(tmp_path, capsys):
    from tfpose import PoseAutoencoder, export

    paths = export.export(PoseAutoencoder.from_preset("sebirenet_cmu"), tmp_path / "exported", ["litert"])
    example("edge").main([str(paths["litert"])])
    assert "(1, 17, 3)" in capsys.readouterr().out


@pytest.mark.slow
def test_serve_and_call(tmp_path, capsys, monkeypatch):
    serve_and_call = example("serve_and_call")
    serve_and_call.main(["package", str(tmp_path / "package")])
    from tfpose.export.artifacts import open_artifact
    from tfpose.serving_client import Client

    # The server is tested with the client's own tests; here the exported version answers.
    signatures = open_artifact(tmp_path / "package" / "tfpose" / "1").signatures
    monkeypatch.setattr(Client, "__init__", lambda self, url: None)
    monkeypatch.setattr(Client, "__exit__", lambda self, *error: None)
    monkeypatch.setattr(Client, "predict", lambda self, name, **inputs: signatures[name].run(**inputs))
    clean = serve_and_call.main(["call", "grpc://localhost:8500"])
    assert np.isfinite(clean).all() and "'view_code': (60, 3, 3)" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["quickstart", "codes"])
def test_notebooks(name, tmp_path):
    cells = json.loads((EXAMPLES / f"{name}.ipynb").read_text())["cells"]
    assert all(not cell["outputs"] for cell in cells if cell["cell_type"] == "code")
    program = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    exec(compile(program, f"{name}.ipynb", "exec"), {"__name__": "__main__"})
    assert (tmp_path / f"{name}.png").is_file()
