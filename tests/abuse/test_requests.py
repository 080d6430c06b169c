"""Requests as broken clients send them to a server, many at once: refused with a status, or answered as the model does.

The server is the stand-in of tests/export: the SavedModel runs in TensorFlow's C++ session, as in TF Serving.
"""

import concurrent.futures

import grpc
import numpy as np
import pytest
import tensorflow as tf

pytest.importorskip("tensorflow_serving")
from model_server import Core, ModelServer
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from tfpose.export import export_serving
from tfpose.export.artifacts import open_artifact
from tfpose.serving_client import MAX_BATCH_SIZE

pytestmark = pytest.mark.slow  # what it exports and starts takes most of a minute

REFUSALS = {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.NOT_FOUND}
CLIENTS = 16


@pytest.fixture(scope="module")
def server(artifacts, tmp_path_factory):
    package = tmp_path_factory.mktemp("serving") / "package"
    export_serving(artifacts["saved_model"], package)
    with ModelServer(Core(package)) as server:
        yield server.grpc.removeprefix("grpc://")


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


def work(address: str, poses, denoise, seed: int, rounds: int) -> int:
    """How many requests of one client got what they deserve."""
    rng, right = np.random.default_rng(seed), 0
    with grpc.insecure_channel(address) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        for number in range(rounds):
            joints = poses[rng.integers(len(poses), size=rng.integers(1, 9))].copy()
            if number % 3 == 0:
                which = rng.integers(len(WRONG))
                with pytest.raises(grpc.RpcError) as caught:
                    stub.Predict(WRONG[which](joints), timeout=60)
                assert caught.value.code() in REFUSALS, f"{caught.value}, wrong request {which}, seed {seed}"
                right += 1
                continue
            missing = joints.copy()
            if number % 3 == 1:
                where = rng.integers(len(joints)), rng.integers(17), rng.integers(3)
                joints[where], missing[where] = NOWHERE[rng.integers(len(NOWHERE))], np.nan
            answer = tf.make_ndarray(stub.Predict(request_of(joints), timeout=60).outputs["denoised"])
            np.testing.assert_allclose(answer, denoise(missing), atol=1e-5, rtol=0)
            assert np.isfinite(answer).all()
            right += 1
    return right


def test_many_clients_good_and_bad(server, poses, denoise, times):
    rounds = 30 * times
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        done = pool.map(lambda seed: work(server, poses, denoise, seed, rounds), range(CLIENTS))
        assert list(done) == [rounds] * CLIENTS


@pytest.mark.parametrize("which", range(len(WRONG)))
def test_each_wrong_request(server, poses, denoise, which):
    """And the next good one is answered."""
    with grpc.insecure_channel(server) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        with pytest.raises(grpc.RpcError) as caught:
            stub.Predict(WRONG[which](poses[:4]), timeout=60)
        assert caught.value.code() in REFUSALS, caught.value
        answer = stub.Predict(request_of(poses[:4]), timeout=60).outputs["denoised"]
        np.testing.assert_allclose(tf.make_ndarray(answer), denoise(poses[:4]), atol=1e-5, rtol=0)
