"""The client against a server: `model_server`, or a real one.

`TFPOSE_SERVING=grpc://localhost:8500,http://localhost:8501 TFPOSE_SERVING_PACKAGE=folder` runs the same tests against a
TF Serving that serves version 1 of the package in `folder`; see `make serving-check`.
"""

import concurrent.futures
import http.server
import json
import os
import pathlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

import grpc
import numpy as np
import pytest
import requests
import tensorflow as tf
import yaml
from google.protobuf.descriptor import FieldDescriptor
from model_server import Core, ModelServer
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    predict_pb2,
    prediction_service_pb2,
    prediction_service_pb2_grpc,
)

from tfpose.export.artifacts import open_artifact
from tfpose.export.signatures import signatures
from tfpose.serving_client import MAX_BATCH_SIZE, Client, ServingError, retrying, rpc, wire

_ADDRESSES, _PACKAGE = os.environ.get("TFPOSE_SERVING"), os.environ.get("TFPOSE_SERVING_PACKAGE")

SIGNATURES = ("serving_default", "denoise", "encode", "transfer_view")


class Served(NamedTuple):
    """A server, and what it should answer: `expected(signature, **inputs)`."""

    grpc: str
    rest: str
    expected: Callable[..., dict]
    core: Core | None  # of the stand-in


@pytest.fixture(scope="module")
def served(request):
    if _ADDRESSES:
        opened = open_artifact(pathlib.Path(_PACKAGE, "tfpose", "1")).signatures
        yield Served(*_ADDRESSES.split(","), lambda signature, **inputs: opened[signature].run(**inputs), None)
        return
    functions = {
        name: tf.function(function.python_function, function.input_signature)
        for name, function in signatures(request.getfixturevalue("model")).items()
    }

    def expected(signature, **inputs):
        return {name: value.numpy() for name, value in functions[signature](**inputs).items()}

    with ModelServer(Core(request.getfixturevalue("package"))) as server:
        yield Served(server.grpc, server.rest, expected, server.core)


@pytest.fixture(params=["grpc", "rest"])
def url(request, served) -> str:
    return getattr(served, request.param)


@pytest.fixture
def client(url):
    with Client(url, timeout=60) as client:
        yield client


@pytest.fixture
def core(served) -> Core:
    if served.core is None:
        pytest.skip("makes the stand-in fail, which a real server does not")
    return served.core


@pytest.fixture
def sent(served) -> list:
    """What the stand-in was asked, `(signature, rows)`; of a real server nothing is known."""
    if served.core is None:
        return []
    served.core.requests.clear()
    return served.core.requests


def close(found: dict, expected: dict):
    assert set(found) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, atol=1e-5, rtol=0)
        assert found[name].dtype == value.dtype


def inputs_of(signature: str, joints: np.ndarray) -> dict:
    return {"joints": joints} | ({"view_from": joints[::-1]} if signature == "transfer_view" else {})


# --- answers


@pytest.mark.parametrize("signature", SIGNATURES)
def test_answers_are_the_models(client, served, joints, signature):
    inputs = inputs_of(signature, joints)
    close(client.predict(signature, **inputs), served.expected(signature, **inputs))


def test_the_server_says_what_it_takes(client):
    assert set(client.signatures) == set(SIGNATURES)
    pose = client.signatures["transfer_view"].inputs["view_from"]
    assert (pose.shape, pose.dtype, str(pose)) == ((None, 17, 3), "float32", "[B, 17, 3]")
    assert set(client.signatures["encode"].outputs) == {"pose_code", "view_code"}


@pytest.mark.parametrize("choice", [{}, {"version": 1}, {"label": "stable"}, {"label": "canary"}])
def test_versions_and_labels(url, served, joints, choice):
    with Client(url, **choice) as client:
        close(client.predict("denoise", joints=joints[:2]), served.expected("denoise", joints=joints[:2]))


def test_large_inputs_are_split(client, served, sent, joints):
    many = np.resize(joints, (2 * MAX_BATCH_SIZE + 3, *joints.shape[1:]))
    close(client.predict("encode", joints=many), served.expected("encode", joints=many))
    assert served.core is None or sent == [("encode", rows) for rows in (MAX_BATCH_SIZE, MAX_BATCH_SIZE, 3)]


def test_no_rows_give_no_rows_without_a_request(client, sent):
    outputs = client.predict("encode", joints=np.zeros((0, 17, 3)))
    assert {name: value.shape for name, value in outputs.items()} == {
        name: (0, *spec.shape[1:]) for name, spec in client.signatures["encode"].outputs.items()
    }
    assert sent == []


def test_a_hundred_thousand_poses(served, joints):
    rows = np.arange(100_000) % len(joints)
    with Client(served.grpc) as client:
        found = client.predict("denoise", joints=joints[rows])["denoised"]
    expected = served.expected("denoise", joints=joints)["denoised"]
    np.testing.assert_allclose(found, expected[rows], atol=1e-5, rtol=0)


# --- strange inputs


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30, -3e38, 1e300])
def test_joints_that_are_nowhere_are_missing(client, served, joints, value):
    strange, missing = joints[:4].astype(np.float64), joints[:4].copy()
    strange[1, 5], missing[1, 5] = value, np.nan
    strange[2], missing[2] = value, np.nan  # a pose without a joint
    found = client.predict("denoise", joints=strange)
    assert np.isfinite(found["denoised"]).all()
    close(found, served.expected("denoise", joints=missing))


@pytest.mark.parametrize("wrong", [(2, 16, 3), (2, 18, 3), (2, 17, 2), (17, 3), (1, 2, 17, 3), (), (0,), (0, 16, 3)])
def test_wrong_shapes_are_not_sent(client, sent, wrong):
    with pytest.raises(ServingError, match=r"^joints: expected \[B, 17, 3\], got \[") as caught:
        client.predict("denoise", joints=np.zeros(wrong))
    assert caught.value.code == "INVALID_ARGUMENT" and sent == []


@pytest.mark.parametrize(
    ("signature", "inputs", "message"),
    [
        ("smooth", {"joints": 0}, "has no signature 'smooth'; it has denoise, encode, serving_default, transfer_view"),
        ("denoise", {}, "'denoise' takes joints; got nothing"),
        ("denoise", {"poses": 0}, "'denoise' takes joints; got poses"),
        ("denoise", {"joints": "standing"}, r"joints: expected numbers \[B, 17, 3\]"),
        ("denoise", {"joints": [[1.0], [1.0, 2.0]]}, r"joints: expected numbers \[B, 17, 3\]"),
        ("denoise", {"joints": {}}, r"joints: expected numbers \[B, 17, 3\]"),
        ("denoise", {"joints": None}, r"joints: expected \[B, 17, 3\], got \[\]"),
        (
            "transfer_view",
            {"joints": np.zeros((2, 17, 3)), "view_from": np.zeros((3, 17, 3))},
            "different numbers of rows: {'joints': 2, 'view_from': 3}",
        ),
    ],
)
def test_wrong_calls_are_not_sent(client, sent, signature, inputs, message):
    with pytest.raises(ServingError, match=message) as caught:
        client.predict(signature, **inputs)
    assert caught.value.code == "INVALID_ARGUMENT" and sent == []


# --- statuses: what servers answer when no client has checked


@pytest.mark.parametrize(
    ("choice", "code"),
    [({"model": "nobody"}, "NOT_FOUND"), ({"version": 99}, "NOT_FOUND"), ({"label": "gold"}, "INVALID_ARGUMENT")],
)
def test_models_that_are_not_there(url, choice, code):
    with Client(url, **choice) as client, pytest.raises(ServingError, match=f"^{url}, model ") as caught:
        client.predict("denoise", joints=np.zeros((1, 17, 3)))
    assert caught.value.code == code


def official(served, signature, model="tfpose", **inputs) -> grpc.StatusCode:
    """The status of a request that the official stubs make."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = model, signature
    for name, array in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(array))
    with grpc.insecure_channel(served.grpc.removeprefix("grpc://")) as channel:
        try:
            prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request, timeout=30)
        except grpc.RpcError as error:
            return error.code()
    return grpc.StatusCode.OK


POSE = np.zeros((1, 17, 3), np.float32)
INVALID, PRECONDITION = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION
BAD_REQUESTS = [
    (("smooth", {"joints": POSE}), PRECONDITION),
    (("denoise", {"poses": POSE}), INVALID),
    (("denoise", {}), INVALID),
    (("denoise", {"joints": POSE, "more": POSE}), INVALID),
    (("denoise", {"joints": POSE[:, :16]}), INVALID),
    (("denoise", {"joints": POSE[..., :2]}), INVALID),
    (("denoise", {"joints": POSE[0]}), INVALID),
    (("denoise", {"joints": np.float32(1)}), INVALID),
    (("denoise", {"joints": POSE.astype(np.int32)}), INVALID),
    (("transfer_view", {"joints": POSE, "view_from": np.zeros((2, 17, 3), np.float32)}), INVALID),
]


@pytest.mark.parametrize(("wrong", "code"), BAD_REQUESTS)
def test_bad_requests_over_grpc(served, wrong, code):
    signature, inputs = wrong
    assert official(served, signature, **inputs) == code


def test_good_requests_of_the_official_stubs(served):
    assert official(served, "denoise", joints=POSE) == official(served, "", joints=POSE) == grpc.StatusCode.OK
    assert official(served, "denoise", "nobody", joints=POSE) == grpc.StatusCode.NOT_FOUND


def text(pose: list) -> str:
    return json.dumps({"signature_name": "denoise", "inputs": {"joints": [pose]}})


ZEROS = POSE[0].tolist()
BAD_BODIES = {
    "empty": "",
    "no JSON": "{",
    "no object": "[1]",
    "no inputs": "{}",
    "both": '{"inputs": [], "instances": []}',
    "signature": '{"signature_name": "smooth", "inputs": {}}',
    "signature's type": '{"signature_name": 1, "inputs": {}}',
    "another input": '{"signature_name": "denoise", "inputs": {"poses": []}}',
    "null": text([[None, 0.0, 0.0], *ZEROS[1:]]),
    "text": text([["NaN", 0.0, 0.0], *ZEROS[1:]]),
    "ragged": text([[0.0, 0.0], *ZEROS[1:]]),
    "beyond float32": text([[1e39, 0.0, 0.0], *ZEROS[1:]]),
    "16 joints": text(ZEROS[1:]),
    "no pose": '{"signature_name": "denoise", "instances": []}',
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES)
def test_bad_requests_over_rest(served, body):
    response = requests.post(f"{served.rest}/v1/models/tfpose:predict", data=body, timeout=30)
    assert response.status_code == 400 and response.json()["error"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("", 200),
        ("/labels/stable/metadata", 200),
        ("/versions/99/metadata", 404),
        ("/labels/gold/metadata", 400),
        ("/nonsense", 400),
    ],
)
def test_paths_over_rest(served, path, status):
    response = requests.get(f"{served.rest}/v1/models/tfpose{path}", timeout=30)
    assert response.status_code == status
    if not path:
        (version,) = response.json()["model_version_status"]
        assert (version["version"], version["state"], version["status"]["error_code"]) == ("1", "AVAILABLE", "OK")


def test_the_example_request(served):
    """What the package's README gives to curl, as it stands and row by row."""
    package = pathlib.Path(_PACKAGE) if _PACKAGE else served.core.package
    body = json.loads((package / "tfpose.json").read_text())
    address = f"{served.rest}/v1/models/tfpose/labels/stable:predict"
    given = np.array(body["inputs"]["joints"], np.float32)
    expected = served.expected("denoise", joints=given)["denoised"]
    by_rows = {"signature_name": "denoise", "instances": [{"joints": pose} for pose in body["inputs"]["joints"]]}
    for request, key in ((body, "outputs"), (by_rows, "predictions")):
        response = requests.post(address, data=json.dumps(request), timeout=30)
        assert response.status_code == 200, response.text
        np.testing.assert_allclose(response.json()[key], expected, atol=1e-5, rtol=0)
    assert np.isnan(given).any()


def test_the_health_check_of_compose(served, core):
    """Run here as it will be in the container, but for the port."""
    service = yaml.safe_load((core.package / "compose.yaml").read_text())["services"]["serving"]
    kind, *command, script = service["healthcheck"]["test"]
    assert kind == "CMD" and script.count("8501") == 1
    port = served.rest.rpartition(":")[2]
    assert subprocess.run([*command, script.replace("8501", port)], timeout=30).returncode == 0
    gone = script.replace("8501", port).replace("stable", "gold")
    assert subprocess.run([*command, gone], timeout=30).returncode != 0


# --- load


def test_64_clients_at_once(served, joints):
    """Nothing is lost, every answer is right, and bad requests between get the statuses that they deserve."""
    every = {name: served.expected(name, **inputs_of(name, joints)) for name in SIGNATURES}
    # A server that puts requests together fails the good ones of a batch into which one of another shape has come.
    bad = BAD_REQUESTS if served.core else BAD_REQUESTS[:4]
    start = threading.Barrier(64)

    def work(number: int) -> int:
        random = np.random.default_rng(number)
        right = 0
        with Client(served.grpc if number % 2 else served.rest, timeout=300) as client:
            start.wait()
            for turn in range(6):
                if (number + turn) % 5 == 0:
                    (signature, inputs), code = bad[(number + turn) // 5 % len(bad)]
                    right += official(served, signature, **inputs) == code
                    continue
                signature = SIGNATURES[random.integers(len(SIGNATURES))]
                rows = random.integers(len(joints), size=random.integers(1, 8))
                inputs = {name: array[rows] for name, array in inputs_of(signature, joints).items()}
                answer = client.predict(signature, **inputs)
                close(answer, {name: value[rows] for name, value in every[signature].items()})
                right += 1
        return right

    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        assert list(pool.map(work, range(64), timeout=300)) == [6] * 64


# --- servers in trouble


def test_an_overloaded_server_is_asked_again(client, served, core, joints):
    _ = client.signatures
    core.fail_next(3)
    close(client.predict("denoise", joints=joints[:2]), served.expected("denoise", joints=joints[:2]))
    assert core.failures == 0


def test_not_for_ever(url, core, joints):
    with Client(url, attempts=3) as client:
        _ = client.signatures
        core.fail_next(10)
        with pytest.raises(ServingError, match=r"queue .* is full") as caught:
            client.predict("denoise", joints=joints[:2])
    assert caught.value.code == "UNAVAILABLE" and core.failures == 7
    core.fail_next(0)


@pytest.fixture
def silent():
    """The port of a server that takes connections and says nothing."""
    with socket.create_server(("localhost", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("scheme", ["grpc", "http"])
def test_a_server_that_says_nothing(silent, scheme):
    started = time.monotonic()
    with Client(f"{scheme}://localhost:{silent}", timeout=0.5) as client, pytest.raises(ServingError) as caught:
        _ = client.signatures
    assert caught.value.code == "DEADLINE_EXCEEDED" and time.monotonic() - started < 10


@pytest.mark.parametrize("scheme", ["grpc", "http"])
def test_no_server(scheme):
    with socket.create_server(("localhost", 0)) as taken:
        port = taken.getsockname()[1]
    address = f"{scheme}://localhost:{port}"
    with Client(address, attempts=2) as client, pytest.raises(ServingError, match=f"^{address}, model") as caught:
        _ = client.signatures
    assert caught.value.code == "UNAVAILABLE"


@pytest.mark.parametrize("scheme", ["grpc", "http"])
def test_a_server_that_comes_back(core, joints, scheme):
    with socket.create_server(("localhost", 0)) as one, socket.create_server(("localhost", 0)) as other:
        ports = one.getsockname()[1], other.getsockname()[1]
    done = threading.Event()

    def later():
        time.sleep(0.7)
        with ModelServer(core, ports):
            done.wait(60)

    thread = threading.Thread(target=later)
    thread.start()
    with Client(f"{scheme}://localhost:{ports[scheme == 'http']}", attempts=30) as client:
        try:
            assert client.predict("denoise", joints=joints[:2])["denoised"].shape == (2, 17, 3)
        finally:
            done.set()
            thread.join()


def test_an_answer_that_breaks_off_is_asked_for_again():
    asked = []

    class Broken(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            whole = b'{"metadata": {"signature_def": {"signature_def": {}}}}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(whole)))
            self.end_headers()
            self.wfile.write(whole[:20] if len(asked) < 3 else whole)

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("localhost", 0), Broken) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://localhost:{server.server_port}"
        with Client(url, attempts=2) as client, pytest.raises(ServingError, match="no connection") as caught:
            _ = client.signatures
        assert caught.value.code == "UNAVAILABLE"
        with Client(url, attempts=2) as client:
            assert client.signatures == {}
        server.shutdown()
    assert len(asked) == 3


@pytest.mark.parametrize("page", [b"<html>welcome</html>", b"[1]", b'{"metadata_of": "something else"}'])
def test_a_server_of_something_else(page):
    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("localhost", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with (
            Client(f"http://localhost:{server.server_port}") as client,
            pytest.raises(ServingError, match="HTTP 200, not an answer of TF Serving"),
        ):
            _ = client.signatures
        server.shutdown()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"url": "localhost:8500"}, "expected grpc://host:port or http://host:port"),
        ({"url": "ftp://localhost"}, "expected grpc://host:port or http://host:port"),
        ({"url": "http://a", "version": 1, "label": "stable"}, "give one of the two"),
        ({"url": "http://a", "timeout": 0}, "must be positive"),
    ],
)
def test_impossible_clients(wrong, message):
    with pytest.raises(ServingError, match=message):
        Client(**wrong)


def test_pauses_double_and_are_random(monkeypatch):
    asked, pauses = [], []
    monkeypatch.setattr(retrying.random, "uniform", lambda low, high: asked.append((low, high)) or high / 2)
    monkeypatch.setattr(retrying.time, "sleep", pauses.append)

    def unavailable(left):
        raise ServingError("UNAVAILABLE", f"busy with {left > 0}")

    with pytest.raises(ServingError, match="busy with True"):
        retrying.retrying(unavailable, timeout=1e6, attempts=10)
    assert asked == [(0.0, min(5.0, 0.05 * 2**n)) for n in range(10)]
    assert pauses == [high / 2 for _, high in asked[:-1]]


@pytest.mark.parametrize("code", ["INVALID_ARGUMENT", "NOT_FOUND", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED"])
def test_nothing_else_is_asked_again(code):
    calls = []

    def refused(left):
        calls.append(left)
        raise ServingError(code, "no")

    with pytest.raises(ServingError):
        retrying.retrying(refused, timeout=10, attempts=5)
    assert len(calls) == 1


# --- without TensorFlow


_PROGRAM = """
import sys

sys.modules |= {"tensorflow": None, "keras": None, "tensorflow_serving": None}  # importing them fails
import numpy as np
from tfpose.serving_client import Client

for url in sys.argv[1:]:
    with Client(url) as client:
        joints = np.zeros((2, 17, 3))
        joints[0, 1] = np.nan
        assert np.isfinite(client.predict("denoise", joints=joints)["denoised"]).all()
heavy = {"scipy", "matplotlib", "sklearn"} & set(sys.modules)
assert not heavy, heavy
"""


def test_the_client_needs_no_tensorflow(served):
    subprocess.run([sys.executable, "-c", _PROGRAM, served.grpc, served.rest], check=True, timeout=120)


_OFFICIAL = {
    "PredictRequest": predict_pb2.PredictRequest,
    "PredictResponse": predict_pb2.PredictResponse,
    "GetModelMetadataRequest": get_model_metadata_pb2.GetModelMetadataRequest,
    "GetModelMetadataResponse": get_model_metadata_pb2.GetModelMetadataResponse,
    "SignatureDefMap": get_model_metadata_pb2.SignatureDefMap,
}


def test_the_wire_format_is_the_official_one():
    """Every field, message by message, down to the last one that they are made of."""
    waiting = [(wire.MESSAGES[name].DESCRIPTOR, official.DESCRIPTOR) for name, official in _OFFICIAL.items()]
    compared = set()
    while waiting:
        own, other = waiting.pop()
        compared.add(own.full_name)
        for field in own.fields:
            theirs = other.fields_by_name[field.name]
            kind = FieldDescriptor.TYPE_INT32 if theirs.type == FieldDescriptor.TYPE_ENUM else theirs.type
            assert (field.number, field.type, field.is_repeated) == (theirs.number, kind, theirs.is_repeated), (
                field.name
            )
            if field.message_type is not None and field.message_type.full_name not in compared:
                waiting.append((field.message_type, theirs.message_type))
    assert {message.DESCRIPTOR.full_name for message in wire.MESSAGES.values()} <= compared
    service = prediction_service_pb2.DESCRIPTOR.services_by_name["PredictionService"]
    methods = {f"/{service.full_name}/{method.name}" for method in service.methods}
    assert {wire.PREDICT, wire.METADATA} <= methods


@pytest.mark.parametrize("dtype", ["float32", "int32", "int64"])
@pytest.mark.parametrize("values", [[[1, 2, 3], [4, 5, 6]], [[7, 7, 7], [7, 7, 7]], np.zeros((0, 3))])
def test_tensors_in_every_form(dtype, values):
    array = np.asarray(values, dtype)
    in_content = tf.make_tensor_proto(array)
    in_values = type(in_content)(dtype=in_content.dtype, tensor_shape=in_content.tensor_shape)
    field = getattr(in_values, {"float32": "float_val", "int32": "int_val", "int64": "int64_val"}[dtype])
    distinct = array.ravel().tolist()
    field.extend(distinct[:1] if len(set(distinct)) == 1 else distinct)  # one value may stand for all
    for proto in (in_content, in_values):
        found = rpc._array(wire.MESSAGES["Tensor"].FromString(proto.SerializeToString()))
        np.testing.assert_array_equal(found, array)
        assert found.dtype == array.dtype and found.shape == array.shape
