"""Packages for TF Serving: whole or not at all, and what a server makes of them."""

import json
import pathlib
import re
import shutil
import signal
import subprocess
import sys

import c_api
import numpy as np
import pytest
import tensorflow as tf
import yaml
from google.protobuf import text_format
from model_server import Core, Refused
from tensorflow_serving.config import model_server_config_pb2
from text_protos import BatchingParameters, MonitoringConfig

from tfpose.errors import DataError, TfposeError
from tfpose.export import export_serving
from tfpose.export.serving import package as package_module
from tfpose.export.serving import warmup
from tfpose.export.serving.package import versions
from tfpose.export.serving.warmup import BATCHES, WARMUP, read_warmup
from tfpose.export.signatures import signatures
from tfpose.export.verify import verify
from tfpose.serving_client import MAX_BATCH_SIZE


@pytest.fixture
def saved_model(artifacts):
    return artifacts["saved_model"]


def labels(folder, name="tfpose") -> dict[str, int]:
    config = text_format.Parse((folder / "models.config").read_text(), model_server_config_pb2.ModelServerConfig())
    (model,) = (model for model in config.model_config_list.config if model.name == name)
    assert (model.base_path, model.model_platform) == (f"/models/{name}", "tensorflow")
    return dict(model.version_labels)


# --- what is in a package


def test_layout(package):
    assert sorted(path.name for path in package.iterdir()) == [
        *("README.md", "batching_parameters.txt", "compose.yaml", "kubernetes.yaml"),
        *("models.config", "monitoring.config", "tfpose", "tfpose.json"),
    ]
    assert [path.name for path in (package / "tfpose").iterdir()] == ["1"]
    assert labels(package) == {"stable": 1, "canary": 1}


def test_the_server_understands_the_text_files(package):
    batching = text_format.Parse((package / "batching_parameters.txt").read_text(), BatchingParameters())
    assert batching.max_batch_size.value == MAX_BATCH_SIZE
    measured = json.loads((pathlib.Path(__file__).parents[2] / "results" / "batching.json").read_text())["chosen"]
    assert measured.pop("allowed_batch_sizes") == "as they are" and not batching.allowed_batch_sizes
    assert measured.pop("max_batch_size") in (MAX_BATCH_SIZE, MAX_BATCH_SIZE // 2)  # half of it on slow cores
    assert {name: getattr(batching, name).value for name in measured} == measured
    monitoring = text_format.Parse((package / "monitoring.config").read_text(), MonitoringConfig())
    assert monitoring.prometheus_config.enable
    assert monitoring.prometheus_config.path == "/monitoring/prometheus/metrics"


def test_every_way_to_start_gives_the_same_flags(package):
    compose = yaml.safe_load((package / "compose.yaml").read_text())["services"]["serving"]
    deployment, service = yaml.safe_load_all((package / "kubernetes.yaml").read_text())
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    readme = (package / "README.md").read_text()
    assert compose["image"] == container["image"] and compose["image"] in readme
    assert compose["image"].startswith("tensorflow/serving:" + ".".join(tf.__version__.split(".")[:2]))
    assert compose["command"] == container["args"]
    assert all(readme.count(flag) >= 2 for flag in compose["command"])
    for flag in compose["command"]:
        if "=/models/" in flag:
            assert (package / flag.partition("=/models/")[2]).is_file()
    assert container["readinessProbe"]["httpGet"]["path"] == "/v1/models/tfpose/labels/stable/metadata"
    assert {port["port"] for port in service["spec"]["ports"]} == {8500, 8501}


def test_the_readme_says_what_clients_need(package, model):
    readme = (package / "README.md").read_text()
    assert ", ".join(model.skeleton.joints) in readme
    assert "| `encode` | `joints` `[B, 17, 3]` metres | `pose_code` `[B, 17, 4]`, `view_code` `[B, 3, 3]` |" in readme
    assert not re.search(r"\$[a-z{]", readme)


@pytest.fixture(scope="module")
def compiled_package(model, tmp_path_factory):
    """A package whose signatures XLA compiles, for two batch sizes, because each takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tfpose.export.saved_model.COMPILED_BATCHES", (1, 4))
        folder = tmp_path_factory.mktemp("compiled") / "package"
        export_serving(model, folder, compiled=True)
    return folder


@pytest.mark.slow
def test_a_compiled_package_warms_up_each_allowed_batch(compiled_package):
    batching = text_format.Parse((compiled_package / "batching_parameters.txt").read_text(), BatchingParameters())
    assert list(batching.allowed_batch_sizes) == [1, 4]
    compose = yaml.safe_load((compiled_package / "compose.yaml").read_text())["services"]["serving"]
    assert "--xla_cpu_compilation_enabled=true" in compose["command"]
    rows = {}
    for request in read_warmup(compiled_package / "tfpose" / "1"):
        (joints, *_) = request.inputs.values()
        rows.setdefault(request.model_spec.signature_name, []).append(joints.tensor_shape.dim[0].size)
    assert rows == {name: [1, 4] for name in ("serving_default", "denoise", "encode", "transfer_view")}


@pytest.mark.slow
def test_a_compiled_version_computes_what_the_model_computes(compiled_package, model, poses):
    report = verify(model, poses[:4], [compiled_package / "tfpose" / "1"], batches=[4])
    assert report.ok, str(report)


# --- versions


@pytest.fixture
def quick(package, monkeypatch):
    """Takes the warm-up requests from `package`, for tests of what comes after them."""
    made = package / "tfpose" / "1" / WARMUP
    monkeypatch.setattr(warmup, "write_warmup", lambda saved_model, _: shutil.copy(made, saved_model / WARMUP))


def test_the_next_version_appears_beside_the_last(quick, saved_model, tmp_path):
    assert export_serving(saved_model, tmp_path) == tmp_path / "tfpose" / "1"
    (tmp_path / "batching_parameters.txt").write_text("max_batch_size { value: 7 }")
    assert export_serving(saved_model, tmp_path) == tmp_path / "tfpose" / "2"
    assert labels(tmp_path) == {"stable": 1, "canary": 2}
    assert (tmp_path / "batching_parameters.txt").read_text() == "max_batch_size { value: 7 }"
    promoted = (tmp_path / "models.config").read_text().replace("value: 1", "value: 2")
    (tmp_path / "models.config").write_text(promoted)
    export_serving(saved_model, tmp_path, name="other", version=40)
    assert export_serving(saved_model, tmp_path, version=5).name == "5"
    assert (labels(tmp_path), labels(tmp_path, "other")) == (
        {"stable": 2, "canary": 5},
        {"stable": 40, "canary": 40},
    )
    assert "**tfpose**" in (tmp_path / "README.md").read_text() and "**other**" in (tmp_path / "README.md").read_text()


def test_a_running_server_takes_it_up(quick, saved_model, tmp_path):
    export_serving(saved_model, tmp_path)
    core = Core(tmp_path)
    export_serving(saved_model, tmp_path)
    with pytest.raises(Refused, match=r"assign label to version 2 .*not currently available"):
        core.reload()  # the new version is not loaded yet: nothing changes
    assert core.labels["tfpose"] == {"stable": 1, "canary": 1} and set(core.models["tfpose"]) == {1}
    core.watch()
    core.reload()
    assert core.labels["tfpose"] == {"stable": 1, "canary": 2} and set(core.models["tfpose"]) == {1, 2}


def test_why_the_policy_is_not_a_list_of_versions(quick, saved_model, tmp_path):
    """A server that learns of a version and of a label's move in one file does neither."""

    def listed(*numbers):
        text = (tmp_path / "models.config").read_text()
        versions = " ".join(f"versions: {number}" for number in numbers)
        (tmp_path / "models.config").write_text(re.sub(r"all \{\s*\}", f"specific {{ {versions} }}", text))

    export_serving(saved_model, tmp_path)
    all_versions = (tmp_path / "models.config").read_text()
    listed(1)
    core = Core(tmp_path)
    (tmp_path / "models.config").write_text(all_versions)
    export_serving(saved_model, tmp_path)
    listed(1, 2)
    for _ in range(3):
        core.watch()
        with pytest.raises(Refused, match="not currently available"):
            core.reload()
    assert set(core.models["tfpose"]) == {1}


def test_a_list_of_versions_is_yours(quick, saved_model, tmp_path):
    export_serving(saved_model, tmp_path)
    config = tmp_path / "models.config"
    config.write_text(re.sub(r"all \{\s*\}", "specific { versions: 1 }", config.read_text()))
    export_serving(saved_model, tmp_path)
    assert labels(tmp_path) == {"stable": 1, "canary": 1} and "versions: 1" in config.read_text()


@pytest.mark.parametrize("taken", ["1", "001"])
def test_a_version_is_never_replaced(package, saved_model, tmp_path, taken):
    (tmp_path / "tfpose" / taken).mkdir(parents=True)
    with pytest.raises(DataError, match=f"^{tmp_path / 'tfpose' / taken}: exists already"):
        export_serving(saved_model, tmp_path, version=1)
    assert [path.name for path in tmp_path.rglob("*")] == ["tfpose", taken]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"name": "a/b"}, "model name 'a/b'"),
        ({"name": "models.config"}, "model name 'models.config'"),
        ({"version": 0}, "version 0: expected 1 or more"),
    ],
)
def test_impossible_names_and_versions(saved_model, tmp_path, wrong, message):
    with pytest.raises(TfposeError, match=message):
        export_serving(saved_model, tmp_path / "out", **wrong)
    assert not list(tmp_path.iterdir())


def test_a_damaged_models_config_stops_before_anything_is_written(saved_model, tmp_path):
    (tmp_path / "models.config").write_text("model_config_list { config {")
    with pytest.raises(DataError, match=rf"^{tmp_path / 'models.config'}: not a ModelServerConfig"):
        export_serving(saved_model, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["models.config"]


def test_a_source_that_is_no_model_of_tfpose(tmp_path):
    with pytest.raises(DataError, match=f"^{tmp_path}: not a SavedModel of tfpose"):
        export_serving(tmp_path, tmp_path / "out")
    assert versions(tmp_path / "out" / "tfpose") == {}


def test_without_tensorflow_serving_api(saved_model, tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.startswith(("tensorflow_serving", "tfpose.export.serving."))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("tfpose.export.serving.model_config", raising=False)
    monkeypatch.setitem(sys.modules, "tensorflow_serving", None)
    with pytest.raises(TfposeError, match="tensorflow-serving-api is not installed; run: pip install --no-deps"):
        package_module.export_serving(saved_model, tmp_path / "out")
    assert not list(tmp_path.iterdir())


# --- crashes


@pytest.mark.parametrize("where", ["warm-up", "check"])
def test_a_crash_leaves_nothing(saved_model, tmp_path, monkeypatch, where):
    def crash(*_):
        raise RuntimeError("the machine is on fire")

    if where == "warm-up":
        monkeypatch.setattr(warmup, "write_warmup", crash)
    with pytest.raises(RuntimeError, match="on fire"):
        export_serving(saved_model, tmp_path, check=crash)
    assert [path.name for path in tmp_path.rglob("*")] == ["tfpose"]


_KILLED = """
import sys, time
from tfpose.export.serving import export_serving

def check(path):
    print("whole, but hidden:", path, flush=True)
    time.sleep(600)

export_serving(sys.argv[1], sys.argv[2], check=check)
"""


@pytest.mark.slow
def test_a_killed_export_leaves_nothing_that_a_server_loads(quick, saved_model, tmp_path):
    export_serving(saved_model, tmp_path)
    program = [sys.executable, "-c", _KILLED, saved_model, tmp_path]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout.readline().startswith("whole, but hidden")
        process.send_signal(signal.SIGKILL)
    (left,) = (path for path in (tmp_path / "tfpose").iterdir() if path.name != "1")
    assert left.name.startswith(".2.") and (left / "2" / "saved_model.pb").exists()
    core = Core(tmp_path)
    assert set(core.models["tfpose"]) == {1} and labels(tmp_path) == {"stable": 1, "canary": 1}
    assert export_serving(saved_model, tmp_path).name == "2"


# --- warm-up


def test_warm_up_requests_one_by_one(package):
    version = package / "tfpose" / "1"
    requests = read_warmup(version)
    (servable,) = Core(package).models["tfpose"].values()
    assert len(requests) == len(BATCHES) * 4
    assert {request.model_spec.signature_name for request in requests} == {
        name for name, signature in servable.signatures.items() if signature.inputs
    }
    for request in requests:
        given = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
        assert all(np.isnan(array).any() == (len(array) > 1) for array in given.values())
        assert all(np.nanmax(np.abs(array)) < 10 for array in given.values())
        outputs = servable.predict(request).outputs.values()
        assert all(np.isfinite(tf.make_ndarray(output)).all() for output in outputs)


def test_a_model_that_answers_nan_is_not_published(saved_model, tmp_path, monkeypatch):
    opened = warmup.open_artifact(saved_model)
    signature = opened.signatures["encode"]
    opened.signatures["encode"] = signature._replace(run=lambda **_: {"pose_code": np.full(3, np.nan)})
    monkeypatch.setattr(warmup, "open_artifact", lambda _: opened)
    with pytest.raises(TfposeError, match="'encode' returns numbers that are not finite"):
        export_serving(saved_model, tmp_path)
    assert versions(tmp_path / "tfpose") == {}


# --- TensorFlow's own loader and tools


def test_the_c_api_answers_as_the_model(package, model, poses, tmp_path):
    """In a process without Python code of TensorFlow, Keras or tfpose."""
    version = package / "tfpose" / "1"
    functions, tensors = signatures(model), c_api.tensor_names(version)
    assert set(tensors) == set(functions)
    joints = poses[:9].copy()
    joints[::3, 4] = np.nan
    given = {"joints": joints, "view_from": joints[::-1]}
    requests = {f"{name}/{tensor}": given[tensor] for name in tensors for tensor in tensors[name]["inputs"]}
    np.savez(tmp_path / "requests.npz", **requests)
    (tmp_path / "tensors.json").write_text(json.dumps(tensors))
    files = [tmp_path / name for name in ("requests.npz", "tensors.json", "answers.npz")]
    subprocess.run([sys.executable, c_api.__file__, version, *files], check=True, timeout=300)
    answers = np.load(tmp_path / "answers.npz")
    for name, function in functions.items():
        expected = function.python_function(*(given[spec.name] for spec in function.input_signature))
        for output, value in expected.items():
            np.testing.assert_allclose(answers[f"{name}/{output}"], value, atol=1e-5, rtol=0)


@pytest.mark.slow
def test_saved_model_cli(package, model, poses, tmp_path):
    """TensorFlow's tool, as people call it; the three side by side, because each waits for TensorFlow's import."""
    version = package / "tfpose" / "1"
    np.save(tmp_path / "joints.npy", poses[:3])
    calls = {
        "show": (),
        "scan": (),
        "run": ("--signature_def", "denoise", "--inputs", f"joints={tmp_path / 'joints.npy'}", "--outdir", tmp_path),
    }
    tool = (sys.executable, "-m", "tensorflow.python.tools.saved_model_cli")
    started = {
        name: subprocess.Popen(
            [*tool, name, "--dir", version, "--tag_set", "serve", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for name, arguments in calls.items()
    }
    said = {name: process.communicate(timeout=300)[0] for name, process in started.items()}
    assert {name: process.returncode for name, process in started.items()} == dict.fromkeys(calls, 0), said
    assert all(f'SignatureDef key: "{name}"' in said["show"] for name in signatures(model))
    assert "does not contain the default denylisted ops" in said["scan"]
    np.testing.assert_allclose(np.load(tmp_path / "denoised.npy"), model.denoise(poses[:3]), atol=1e-5, rtol=0)
