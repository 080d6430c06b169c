"""Requests as broken clients send them to a server, many at once: refused with a status, or answered as the model does.

The server is the stand-in of tests/export: the SavedModel runs in TensorFlow's C++ session, as in TF Serving.
"""

import collections
import concurrent.futures
import contextlib
import json

import grpc
import numpy as np
import pytest
import requests
import tally
import tensorflow as tf

pytest.importorskip("tensorflow_serving")
from model_server import Core, ModelServer
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc
from test_serving_client import BAD_BODIES

from tfpose.export import export_serving
from tfpose.export.artifacts import open_artifact
from tfpose.serving_client import MAX_BATCH_SIZE, Client

pytestmark = pytest.mark.slow  # what it exports and starts takes most of a minute

REFUSALS = {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.NOT_FOUND}
CLIENTS = 64


@pytest.fixture(scope="module")
def server(artifacts, tmp_path_factory):
    package = tmp_path_factory.mktemp("serving") / "package"
    export_serving(artifacts["saved_model"], package)
    with ModelServer(Core(package)) as server:
        yield server


@pytest.fixture(scope="module")
def denoise(artifacts):
    run = open_artifact(artifacts["saved_model"]).signatures["denoise"].run
    return lambda joints: run(joints=joints)["denoised"]


def request_of(joints, model="tfpose", signature="denoise", name="joints") -> predict_pb2.PredictRequest:
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = model, signature
    request.inputs[name].CopyFrom(tf.make_tensor_proto(joints))
    return request


def resized(joints, *lengths):
    """A request whose tensor says that it has another shape than its content has."""
    request = request_of(joints)
    shape = request.inputs["joints"].tensor_shape
    del shape.dim[:]
    for length in lengths:
        shape.dim.add(size=length)
    return request


# Given good joints `[B, 17, 3]`, a request that no server may answer.
WRONG = [
    lambda joints: request_of(joints[:, :16]),
    lambda joints: request_of(np.concatenate([joints, joints], 1)),
    lambda joints: request_of(joints[..., :2]),
    lambda joints: request_of(joints[0]),
    lambda joints: request_of(np.float32(1)),
    lambda joints: request_of(joints.astype(np.float64)),
    lambda joints: request_of(np.zeros(joints.shape, np.int32)),
    lambda joints: request_of(joints.astype(str)),
    lambda joints: request_of(joints, signature="smooth"),
    lambda joints: request_of(joints, model="nobody"),
    lambda joints: request_of(joints, model=""),
    lambda joints: request_of(joints, name="poses"),
    lambda joints: predict_pb2.PredictRequest(model_spec=request_of(joints).model_spec),
    lambda joints: resized(joints, len(joints) + 1, 17, 3),
    lambda joints: resized(joints, -1, 17, 3),
    lambda joints: resized(joints, 2**40, 17, 3),
    lambda joints: resized(joints),
    lambda joints: request_of(np.resize(joints, (MAX_BATCH_SIZE + 1, 17, 3))),
]
NOWHERE = [np.nan, np.inf, -np.inf, 1e30, -3e38, 2e6]


@contextlib.contextmanager
def by_grpc(server):
    """Two functions: one that asks well and returns the answer, one that asks badly and expects a refusal."""
    with grpc.insecure_channel(server.grpc.removeprefix("grpc://")) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)

        def well(joints):
            return tf.make_ndarray(stub.Predict(request_of(joints), timeout=60).outputs["denoised"])

        def badly(joints, which):
            with pytest.raises(grpc.RpcError) as caught:
                stub.Predict(WRONG[which % len(WRONG)](joints), timeout=60)
            assert caught.value.code() in REFUSALS, f"{caught.value}, wrong request {which}"

        yield well, badly


@contextlib.contextmanager
def by_rest(server):
    """The same over REST."""
    with requests.Session() as session:

        def post(body):
            return session.post(f"{server.rest}/v1/models/tfpose:predict", data=body, timeout=60)

        def well(joints):
            answer = post(body_of(joints))
            assert answer.status_code == 200, answer.text
            return np.array(answer.json()["outputs"], np.float32)

        def badly(joints, which):
            answer = post(list(BAD_BODIES.values())[which % len(BAD_BODIES)])
            assert answer.status_code == 400 and answer.json()["error"], f"{answer}, wrong body {which}"

        yield well, badly


def body_of(joints) -> str:
    return json.dumps({"signature_name": "denoise", "inputs": {"joints": joints.tolist()}})


def work(server, poses, denoise, seed: int, rounds: int) -> collections.Counter:
    """How many requests of one client were refused and answered as they deserve."""
    rng, counts = np.random.default_rng(seed), collections.Counter()
    with (by_rest if seed % 2 else by_grpc)(server) as (well, badly):
        for number in range(rounds):
            joints = poses[rng.integers(len(poses), size=rng.integers(1, 9))].copy()
            if number % 3 == 0:
                badly(joints, int(rng.integers(1000)))
                counts["refused"] += 1
                continue
            missing = joints.copy()
            if number % 3 == 1:
                where = rng.integers(len(joints)), rng.integers(17), rng.integers(3)
                joints[where], missing[where] = NOWHERE[rng.integers(len(NOWHERE))], np.nan
            answer = well(joints)
            np.testing.assert_allclose(answer, denoise(missing), atol=1e-5, rtol=0, err_msg=f"seed {seed}")
            assert np.isfinite(answer).all()
            counts["answered"] += 1
    return counts


def test_many_clients_good_and_bad(server, poses, denoise, times):
    rounds = 9 * times
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        done = list(pool.map(lambda seed: work(server, poses, denoise, seed, rounds), range(CLIENTS)))
    counts = sum(done, collections.Counter())
    assert len(done) == CLIENTS and counts.total() == CLIENTS * rounds
    tally.count("requests", f"of {CLIENTS} clients at once, by gRPC and REST", counts)


def test_a_request_of_50_mb(server, poses, denoise):
    """It is refused, as too many rows for a batch, and so is one that is wrong at its end; the client splits it."""
    rows = np.arange(50_000) % len(poses)
    body = body_of(poses[rows])
    assert len(body) > 50e6
    for wrong, reason in ((body, "larger than maximum input batch size"), (body[:-3] + ", [0]]}}", "unexpected size")):
        answer = requests.post(f"{server.rest}/v1/models/tfpose:predict", data=wrong, timeout=300)
        assert answer.status_code == 400 and reason in answer.json()["error"]
    with Client(server.rest, timeout=300) as client:
        found = client.predict("denoise", joints=poses[rows])["denoised"]
    np.testing.assert_allclose(found, denoise(poses)[rows], atol=1e-5, rtol=0)
    tally.count("requests", "of 50 MB of JSON", {"refused": 2, "answered": 1})


@pytest.mark.parametrize("which", range(len(WRONG)))
def test_each_wrong_request(server, poses, denoise, which):
    """And the next good one is answered."""
    with by_grpc(server) as (well, badly):
        badly(poses[:4], which)
        np.testing.assert_allclose(well(poses[:4]), denoise(poses[:4]), atol=1e-5, rtol=0)
