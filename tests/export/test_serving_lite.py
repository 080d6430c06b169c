"""`model.tflite` in a version: LiteRT reads it there, and a server that prefers it answers as the SavedModel does.

`TFPOSE_SERVING_LITE=grpc://localhost:8500 TFPOSE_SERVING_PACKAGE=folder` runs the same tests against a TF Serving that
serves version 1 of the package in `folder`; see `make serving-check`.
"""

import os
import pathlib

import grpc
import numpy as np
import pytest
import yaml
from ai_edge_litert.interpreter import Interpreter
from model_server import Core, LiteSession, ModelServer

import tfpose.lite
from tfpose.errors import DataError, TfposeError
from tfpose.export import export_serving
from tfpose.export.artifacts import open_artifact
from tfpose.export.litert import unpack
from tfpose.export.serving.warmup import read_warmup
from tfpose.export.verify import verify
from tfpose.models import ClipDenoiser
from tfpose.serving_client import Client, ServingError

pytestmark = pytest.mark.slow  # making the files takes half a minute
_ADDRESS, _PACKAGE = os.environ.get("TFPOSE_SERVING_LITE"), os.environ.get("TFPOSE_SERVING_PACKAGE")
SERVED = {"serving_default", "denoise", "encode"}


@pytest.fixture(scope="module")
def package(model, tmp_path_factory):
    if _PACKAGE:
        return pathlib.Path(_PACKAGE)
    folder = tmp_path_factory.mktemp("lite") / "package"
    export_serving(model, folder, lite=True)
    return folder


@pytest.fixture(scope="module")
def version(package):
    return package / "tfpose" / "1"


@pytest.fixture(scope="module")
def expected(version):
    opened = open_artifact(version).signatures
    return lambda name, joints: opened[name].run(joints=joints)


# --- the file


def test_litert_answers_as_the_saved_model(version, joints, expected):
    interpreter = Interpreter(str(version / "model.tflite"))
    assert set(interpreter.get_signature_list()) == SERVED
    for name in SERVED:
        found, wanted = interpreter.get_signature_runner(name)(joints=joints), expected(name, joints)
        assert set(found) == set(wanted)
        for output, value in wanted.items():
            np.testing.assert_allclose(found[output], value, atol=1e-4, rtol=0)


def test_tfpose_lite_reads_it(version, joints, expected):
    lite = tfpose.lite.Model(version / "model.tflite")
    np.testing.assert_allclose(lite.denoise(joints), expected("denoise", joints)["denoised"], atol=1e-4, rtol=0)


@pytest.mark.skipif(bool(_PACKAGE), reason="of another model")
def test_it_is_verified_with_the_model(version, model, poses):
    report = verify(model, poses, [version, version / "model.tflite"])
    assert report.ok, str(report)
    assert {row.signature for row in report.differences if row.artifact.endswith(".tflite")} == SERVED


def test_it_has_one_graph_that_begins_once(version, artifacts):
    """What denoises encodes first: the codes come with it, and no operation is there twice."""
    together = unpack((version / "model.tflite").read_bytes())
    assert len(together.subgraphs) == 1
    if not _PACKAGE:
        alone = unpack(artifacts["litert"].read_bytes())
        denoise = next(one for one in alone.signatureDefs if one.signatureKey == b"denoise")
        graph = alone.subgraphs[denoise.subgraphIndex]
        assert len(together.subgraphs[0].operators) <= len(graph.operators) + 5


def test_no_message_has_a_zero(version):
    """TF Serving takes each for a text of C, which ends there."""
    found = LiteSession.signatures(version / "model.tflite")
    assert set(found) == SERVED
    for definition in found.values():
        assert b"\0" not in definition.SerializeToString() and definition.method_name == "tensorflow/serving/predict"
        assert [dim.size for dim in definition.inputs["joints"].tensor_shape.dim] == [-1, 17, 3]


def test_a_damaged_file_is_found(version, tmp_path):
    copy = tmp_path / "1"
    copy.mkdir()
    for file in (file for file in version.rglob("*") if file.is_file()):
        (copy / file.relative_to(version)).parent.mkdir(parents=True, exist_ok=True)
        (copy / file.relative_to(version)).write_bytes(file.read_bytes())
    content = bytearray((copy / "model.tflite").read_bytes())
    content[len(content) // 2] ^= 1
    (copy / "model.tflite").write_bytes(content)
    for path in (copy, copy / "model.tflite"):
        with pytest.raises(DataError, match=rf"^{copy}/model\.tflite: damaged"):
            open_artifact(path)


# --- the package


def test_the_warm_up_asks_for_what_both_have(version):
    assert {request.model_spec.signature_name for request in read_warmup(version)} == SERVED


def test_the_package_starts_a_server_that_prefers_it(package):
    compose = yaml.safe_load((package / "compose.yaml").read_text())["services"]["serving"]
    assert "--prefer_tflite_model=true" in compose["command"]
    readme = (package / "README.md").read_text()
    assert "a server runs `model.tflite` instead, which has `serving_default`, `denoise`, `encode`." in readme


def test_other_servers_pass_over_it(package, joints, expected):
    with ModelServer(Core(package)) as server, Client(server.grpc) as client:
        assert set(client.signatures) == SERVED | {"transfer_view"}
        found = client.predict("encode", joints=joints)
    for output, value in expected("encode", joints).items():
        np.testing.assert_allclose(found[output], value, atol=1e-5, rtol=0)


def test_a_saved_model_is_no_source(artifacts, tmp_path):
    with pytest.raises(TfposeError, match=r"saved_model: model\.tflite is made of a model, not of its SavedModel"):
        export_serving(artifacts["saved_model"], tmp_path / "package", lite=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_model_of_clips(tmp_path):
    """Whole clips have any length, which LiteRT has not: its server has streams."""
    model = ClipDenoiser.from_preset("sebirenet_cmu_clips")
    version = export_serving(model, tmp_path, lite=True)
    assert set(Interpreter(str(version / "model.tflite")).get_signature_list()) == {"denoise_step"}
    (servable,) = Core(tmp_path, prefer_tflite_model=True).models["tfpose"].values()
    assert set(servable.signatures) == {"denoise_step"}
    assert "denoise_step" in (tmp_path / "tfpose.json").read_text()


# --- a server that prefers it


@pytest.fixture(scope="module")
def address(package):
    if _ADDRESS:
        yield _ADDRESS
        return
    with ModelServer(Core(package, prefer_tflite_model=True)) as server:
        yield server.grpc


@pytest.fixture
def client(address):
    with Client(address, timeout=60) as client:
        yield client


def test_the_server_has_its_signatures(client):
    assert set(client.signatures) == SERVED
    assert str(client.signatures["denoise"].inputs["joints"]) == "[B, 17, 3]"


@pytest.mark.parametrize("name", sorted(SERVED))
def test_the_server_answers_as_the_saved_model(client, joints, expected, name):
    for rows in (1, 7, 64, 3):  # up and down: each is another plan of memory
        found, wanted = client.predict(name, joints=joints[:rows]), expected(name, joints[:rows])
        assert set(found) == set(wanted)
        for output, value in wanted.items():
            np.testing.assert_allclose(found[output], value, atol=1e-4, rtol=0)


def test_what_it_has_not_is_refused(client):
    with pytest.raises(ServingError, match="has no signature 'transfer_view'; it has denoise, encode, serving_default"):
        client.predict("transfer_view", joints=np.zeros((1, 17, 3)), view_from=np.zeros((1, 17, 3)))


def test_wrong_shapes_are_refused_and_the_next_request_is_answered(address, client, joints, expected):
    from test_serving_client import Served, official

    for wrong in (joints[:2, :16], joints[:2, :, :2]):
        code = official(Served(address, "", None, None), "denoise", joints=wrong)
        assert code in (grpc.StatusCode.INTERNAL, grpc.StatusCode.INVALID_ARGUMENT)
        found = client.predict("denoise", joints=joints[:2])["denoised"]
        np.testing.assert_allclose(found, expected("denoise", joints[:2])["denoised"], atol=1e-4, rtol=0)
