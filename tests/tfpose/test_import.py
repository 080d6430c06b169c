"""`import tfpose` is quick: nothing heavy is loaded before it is used."""

import subprocess
import sys

import pytest

import tfpose

HEAVY = ("tensorflow", "keras", "tensorflow_graphics", "matplotlib", "jax", "torch", "ai_edge_litert")


def loaded_by(program: str) -> set[str]:
    """Which heavy packages a fresh interpreter has loaded after `program`."""
    program += f"\nimport sys\nprint('loaded:', *[name for name in {HEAVY} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return set(run.stdout.splitlines()[-1].split()[1:])


@pytest.mark.parametrize(
    "program",
    [
        "import tfpose",
        "import tfpose; tfpose.Skeleton.load('paper17').levels_by_depth",
        "import tfpose; tfpose.read; tfpose.Clip; tfpose.TfposeError",
        "import tfpose.metrics, tfpose.formats, tfpose.datasets",
        "import tfpose.serving_client",
        "import tfpose.lite",
    ],
)
def test_light_things_load_nothing_heavy(program):
    assert loaded_by(program) == set()


@pytest.mark.parametrize(
    "imports",
    [
        "import tfpose, keras",
        pytest.param("import keras, tfpose", marks=pytest.mark.slow),
        pytest.param("import tfpose, keras; tfpose.SeBiReNet", marks=pytest.mark.slow),
    ],
)
def test_keras_finds_the_classes_of_saved_models(imports, tmp_path):
    model = tfpose.PoseAutoencoder(tfpose.Skeleton.load("paper17"), units=2, code_size=2, decoder_units=2)
    model.build()
    model.save(tmp_path / "model.keras")
    program = f"{imports}; print(keras.saving.load_model({str(tmp_path / 'model.keras')!r}))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "<PoseAutoencoder of skeleton 'paper17'" in run.stdout, run.stderr


def test_every_public_name_is_there():
    for name in tfpose.__all__:
        assert getattr(tfpose, name) is not None
    assert set(tfpose.__all__) <= set(dir(tfpose))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'tfpose' has no attribute 'Skelleton'"):
        _ = tfpose.Skelleton
