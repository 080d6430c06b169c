"""A stand-in for `tensorflow_model_server`, which no package registry has.

It serves a package over real sockets with the official messages, runs models in TensorFlow's C++ session (see
`c_api`), and follows TF Serving's sources where clients can tell: statuses, the JSON of `util/json_tensor.cc`, version
policies and labels of `model_servers/server_core.cc`, warm-up before a version is available. It puts no requests
together; of batching it has what concerns a single request.
"""

from __future__ import annotations

import concurrent.futures
import http.server
import json
import pathlib
import re
import threading
import urllib.parse

import grpc
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from c_api import CApiError, Session
from flatbuffers import flexbuffers
from google.protobuf import json_format, text_format
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)
from tensorflow_serving.config import model_server_config_pb2
from text_protos import BatchingParameters

from tfpose.export.litert import unpack
from tfpose.export.serving.warmup import read_warmup

Code = grpc.StatusCode

_HTTP = {  # model_servers/http_server.cc
    Code.INVALID_ARGUMENT: 400,
    Code.FAILED_PRECONDITION: 400,
    Code.NOT_FOUND: 404,
    Code.UNAVAILABLE: 503,
    Code.INTERNAL: 500,
    Code.UNIMPLEMENTED: 501,
}
_CODES = {code.value[0]: code for code in Code}
_PREDICT_PATH = re.compile(r"/v1/models/([^/:]+)(?:/versions/(\d+)|/labels/([^/:]+))?:(classify|regress|predict)", re.I)
_STATUS_PATH = re.compile(r"/v1/models/([^/:]+)(?:/versions/(\d+)|/labels/([^/:]+))?(?:/(metadata))?", re.I)
_LARGEST_INT = 2**24 - 1  # what float32 holds exactly
_LARGEST_FLOAT = float(np.finfo(np.float32).max)


class Refused(Exception):
    """A status other than OK."""

    def __init__(self, code: Code, message: str):
        super().__init__(message)
        self.code = code


class LiteSession:
    """As `servables/tensorflow/tflite_session.cc`: tensors by name, of the first graph; shapes are not checked."""

    def __init__(self, path: pathlib.Path):
        self._interpreter = Interpreter(str(path))
        self._places = [
            {detail["name"]: detail["index"] for detail in details}
            for details in (self._interpreter.get_input_details(), self._interpreter.get_output_details())
        ]
        self._lock = threading.Lock()

    @staticmethod
    def signatures(path: pathlib.Path) -> dict[str, meta_graph_pb2.SignatureDef]:
        """What `GetSignatureDefMap` finds: up to the first 0, as it takes a text of C."""
        model = unpack(path.read_bytes())
        (entry,) = (entry for entry in model.metadata if entry.name == b"signature_defs_metadata")
        found = flexbuffers.GetRoot(bytes(model.buffers[entry.buffer].data)).AsMap
        texts = {key.AsKey: found[key.AsKey].AsStringBytes for key in found.Keys}
        return {key: meta_graph_pb2.SignatureDef.FromString(text.partition(b"\0")[0]) for key, text in texts.items()}

    def run(self, feeds: dict[str, np.ndarray], fetches: list[str]) -> list[np.ndarray]:
        inputs, outputs = self._places
        with self._lock:
            try:
                for name, array in feeds.items():
                    self._interpreter.resize_tensor_input(inputs[name], array.shape)
                self._interpreter.allocate_tensors()
                for name, array in feeds.items():
                    self._interpreter.set_tensor(inputs[name], array)
                self._interpreter.invoke()
            except (RuntimeError, ValueError) as error:
                raise CApiError(Code.INTERNAL.value[0], str(error)) from error
            return [self._interpreter.get_tensor(outputs[name]) for name in fetches]


class Servable:
    """A loaded version."""

    def __init__(self, path: pathlib.Path, prefer_tflite_model: bool = False):
        lite = path / "model.tflite"
        if prefer_tflite_model and lite.exists():
            self.signatures, self._session = LiteSession.signatures(lite), LiteSession(lite)
        else:
            saved = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())
            self.signatures, self._session = saved.meta_graphs[0].signature_def, Session(path)
        warmup = read_warmup(path)
        assert len(warmup) <= 1000
        for request in warmup:  # one that fails keeps the version from being served
            self.predict(request)

    def predict(self, request: predict_pb2.PredictRequest) -> predict_pb2.PredictResponse:
        """As `servables/tensorflow/predict_util.cc`."""
        name = request.model_spec.signature_name or "serving_default"
        if name not in self.signatures:
            raise Refused(Code.FAILED_PRECONDITION, f'Serving signature key "{name}" not found.')
        signature = self.signatures[name]
        given, wanted = set(request.inputs), set(signature.inputs)
        if given != wanted:
            raise Refused(
                Code.INVALID_ARGUMENT,
                f"input size does not match signature. Sent extra: {{{','.join(sorted(given - wanted))}}}. "
                f"Missing but required: {{{','.join(sorted(wanted - given))}}}.",
            )
        try:
            arrays = {tensor: _array(proto) for tensor, proto in request.inputs.items()}
        except (TypeError, ValueError) as error:
            raise Refused(Code.INVALID_ARGUMENT, f"Invalid TensorProto: {error}") from error
        feeds = {signature.inputs[tensor].name: array for tensor, array in arrays.items()}
        try:
            outputs = self._session.run(feeds, [info.name for info in signature.outputs.values()])
        except CApiError as error:
            raise Refused(_CODES[error.code], str(error)) from error
        response = predict_pb2.PredictResponse()
        for output, array in zip(signature.outputs, outputs):
            response.outputs[output].CopyFrom(as_proto_field(array))
        return response


def _array(proto) -> np.ndarray:
    if any(dimension.size < 0 for dimension in proto.tensor_shape.dim):
        raise ValueError("a shape with negative lengths")
    if proto.dtype == types_pb2.DT_STRING:  # which no model here takes
        raise TypeError("expected numbers, got texts")
    return tf.make_ndarray(proto)


def as_proto_field(array: np.ndarray) -> tf.compat.v1.TensorProto:
    """As TF Serving answers: numbers in `float_val` and the like, not in `tensor_content`."""
    proto = tf.make_tensor_proto(array[:0])
    proto.ClearField("tensor_content")
    proto.tensor_shape.CopyFrom(tf.TensorShape(array.shape).as_proto())
    field = {"float32": "float_val", "int32": "int_val", "int64": "int64_val"}[array.dtype.name]
    getattr(proto, field).extend(array.ravel().tolist())
    return proto


class Core:
    """Models, versions and labels; what `models.config` and the file system say, as they are polled."""

    def __init__(self, package: pathlib.Path, prefer_tflite_model: bool = False):
        self.package, self._prefer_tflite_model = package, prefer_tflite_model
        self._accepted = model_server_config_pb2.ModelServerConfig()
        self.models: dict[str, dict[int, Servable]] = {}
        self.labels: dict[str, dict[str, int]] = {}
        batching = text_format.Parse((package / "batching_parameters.txt").read_text(), BatchingParameters())
        self._max_batch_size = batching.max_batch_size.value
        self._lock = threading.Lock()
        self.failures = 0
        self.requests: list[tuple[str, int]] = []
        self.reload()

    def watch(self):
        """Loads what is new on disk, as the last configuration wants it (`--file_system_poll_wait_seconds`)."""
        self._load(self._accepted)

    def reload(self):
        """Reads `models.config` (`--model_config_file_poll_wait_seconds`); moves labels before it loads models.

        Raises:
            Refused: for a configuration that is not accepted; the last one stays in force.
        """
        config = text_format.Parse(
            (self.package / "models.config").read_text(), model_server_config_pb2.ModelServerConfig()
        )
        labels = {model.name: dict(model.version_labels) for model in config.model_config_list.config}
        for name, wanted in labels.items():
            for label, version in wanted.items():
                # --allow_version_labels_for_unavailable_models is about labels that are not in use
                in_use = self.labels.get(name, {}).get(label, version) != version
                if in_use and version not in self.models.get(name, {}):
                    raise Refused(
                        Code.FAILED_PRECONDITION,
                        f"Request to assign label to version {version} of model {name}, which is not currently "
                        "available for inference",
                    )
        self.labels, self._accepted = labels, config
        self._load(config)

    def _load(self, config):
        for model in config.model_config_list.config:
            base = self.package / pathlib.PurePosixPath(model.base_path).relative_to("/models")
            found = {int(path.name): path for path in base.iterdir() if re.fullmatch(r"\s*[+-]?\d+\s*", path.name)}
            policy = model.model_version_policy
            kind = policy.WhichOneof("policy_choice") or "latest"
            if kind == "latest":
                found = dict(sorted(found.items())[-max(policy.latest.num_versions, 1) :])
            elif kind == "specific":
                found = {version: path for version, path in found.items() if version in policy.specific.versions}
            loaded = self.models.get(model.name, {})
            self.models[model.name] = {
                version: loaded.get(version) or Servable(path, self._prefer_tflite_model)
                for version, path in sorted(found.items())
            }

    def fail_next(self, count: int):
        """Answers the next `count` requests with UNAVAILABLE."""
        self.failures = count

    def servable(self, spec) -> tuple[int, Servable]:
        """The version that a request names."""
        with self._lock:
            if self.failures:
                self.failures -= 1
                raise Refused(Code.UNAVAILABLE, "The batch scheduling queue to which this task was submitted is full")
        if not spec.name:
            raise Refused(Code.INVALID_ARGUMENT, "Missing ModelSpec")
        found = self.models.get(spec.name, {})
        choice = spec.WhichOneof("version_choice")
        if choice == "version_label":
            labels = self.labels.get(spec.name, {})
            if spec.version_label not in labels:
                raise Refused(Code.INVALID_ARGUMENT, f"Unrecognized servable version label: {spec.version_label}")
            version = labels[spec.version_label]
        else:
            version = spec.version.value if choice else max(found, default=0)
        if version not in found:
            asked = f"Specific({spec.name}, {version})" if choice else f"Latest({spec.name})"
            raise Refused(Code.NOT_FOUND, f"Servable not found for request: {asked}")
        return version, found[version]

    def predict(self, request) -> predict_pb2.PredictResponse:
        """Answers a request, with the conditions that batching sets."""
        version, servable = self.servable(request.model_spec)
        shapes = [[dim.size for dim in tensor.tensor_shape.dim] for tensor in request.inputs.values()]
        if not all(shapes):
            raise Refused(Code.INVALID_ARGUMENT, "Batching Run() input tensors must have at least one dimension")
        rows = {shape[0] for shape in shapes}
        if len(rows) > 1:
            raise Refused(Code.INVALID_ARGUMENT, "Batching Run() input tensors must have equal 0th-dimension size")
        if max(rows, default=0) > self._max_batch_size:
            raise Refused(
                Code.INVALID_ARGUMENT,
                f"Task size {max(rows)} is larger than maximum input batch size {self._max_batch_size}",
            )
        response = servable.predict(request)
        response.model_spec.CopyFrom(request.model_spec)
        response.model_spec.version.value = version
        with self._lock:
            self.requests.append((request.model_spec.signature_name, max(rows, default=0)))
        return response

    def metadata(self, request) -> get_model_metadata_pb2.GetModelMetadataResponse:
        """As `servables/tensorflow/get_model_metadata_impl.cc`."""
        if list(request.metadata_field) != ["signature_def"]:
            raise Refused(Code.INVALID_ARGUMENT, "GetModelMetadataRequest must specify at least one metadata_field")
        version, servable = self.servable(request.model_spec)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.model_spec.name, response.model_spec.version.value = request.model_spec.name, version
        signatures = get_model_metadata_pb2.SignatureDefMap()
        for name, signature in servable.signatures.items():
            signatures.signature_def[name].CopyFrom(signature)
        response.metadata["signature_def"].Pack(signatures)
        return response

    def status(self, request) -> get_model_status_pb2.GetModelStatusResponse:
        """The versions of a model."""
        found = self.models.get(request.model_spec.name)
        if not found:
            raise Refused(Code.NOT_FOUND, f"Could not find any versions of model {request.model_spec.name}")
        response = get_model_status_pb2.GetModelStatusResponse()
        for version in sorted(found, reverse=True):
            state = get_model_status_pb2.ModelVersionStatus.AVAILABLE
            response.model_version_status.add(version=version, state=state).status.SetInParent()
        return response


class _Rpc(prediction_service_pb2_grpc.PredictionServiceServicer, model_service_pb2_grpc.ModelServiceServicer):
    def __init__(self, core: Core):
        self._core = core

    def Predict(self, request, context):
        return self._answer(self._core.predict, request, context)

    def GetModelMetadata(self, request, context):
        return self._answer(self._core.metadata, request, context)

    def GetModelStatus(self, request, context):
        return self._answer(self._core.status, request, context)

    def _answer(self, method, request, context):
        try:
            return method(request)
        except Refused as error:
            context.abort(error.code, str(error))


class _Rest(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    core: Core

    def do_GET(self):
        match = _STATUS_PATH.fullmatch(self.path)
        if match is None:
            return self._send(400, {"error": f"Malformed request: GET {self.path}"})
        *names, part = match.groups()
        self._answer(lambda: self._metadata(names) if part else self._status(names))

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        match = _PREDICT_PATH.fullmatch(self.path)
        if match is None:
            return self._send(400, {"error": f"Malformed request: POST {self.path}"})
        *names, method = match.groups()
        assert method == "predict", "this stand-in has the Predict API alone"
        self._answer(lambda: self._predict(names, body))

    def log_message(self, *_):
        pass

    def _answer(self, work):
        try:
            self._send(200, work())
        except Refused as error:
            self._send(_HTTP[error.code], {"error": str(error)})

    def _send(self, status: int, answer: dict):
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _metadata(self, names) -> dict:
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        _name(request.model_spec, *names)
        response = self.core.metadata(request)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        response.metadata["signature_def"].Unpack(signatures)
        return {"model_spec": _as_json(response.model_spec), "metadata": {"signature_def": _as_json(signatures)}}

    def _status(self, names) -> dict:
        request = get_model_status_pb2.GetModelStatusRequest()
        _name(request.model_spec, *names)
        return _as_json(self.core.status(request))

    def _predict(self, names, body: bytes) -> dict:
        request = predict_pb2.PredictRequest()
        _name(request.model_spec, *names)
        try:
            document = json.loads(body)
        except ValueError as error:
            raise Refused(Code.INVALID_ARGUMENT, f"JSON Parse error: {error}") from error
        if not isinstance(document, dict):
            raise Refused(Code.INVALID_ARGUMENT, "JSON Value: Is not object")
        signature = document.get("signature_name", "")
        if not isinstance(signature, str):
            raise Refused(Code.INVALID_ARGUMENT, "'signature_name' key must be a string value.")
        request.model_spec.signature_name = signature
        _, servable = self.core.servable(request.model_spec)
        signature = signature or "serving_default"
        if signature not in servable.signatures:
            raise Refused(Code.INVALID_ARGUMENT, f'Serving signature name: "{signature}" not found in signature def')
        wanted = servable.signatures[signature].inputs
        by_rows = "instances" in document
        if by_rows == ("inputs" in document):
            raise Refused(Code.INVALID_ARGUMENT, "expecting only one of 'inputs' or 'instances' keys to exist")
        inputs = _by_columns(document["instances"], wanted) if by_rows else document["inputs"]
        if not isinstance(inputs, dict):
            if len(wanted) > 1:
                raise Refused(Code.INVALID_ARGUMENT, "inputs is a plain value/list, but expecting an object")
            inputs = {next(iter(wanted)): inputs}
        for name, info in wanted.items():
            if name not in inputs:
                raise Refused(Code.INVALID_ARGUMENT, f"Missing named input: {name} in 'inputs' object.")
            fill_tensor(request.inputs[name], inputs[name], info.dtype)
        outputs = {name: tf.make_ndarray(proto).tolist() for name, proto in self.core.predict(request).outputs.items()}
        if by_rows:
            rows = [dict(zip(outputs, row)) for row in zip(*outputs.values())]
            return {"predictions": rows if len(outputs) > 1 else [next(iter(row.values())) for row in rows]}
        return {"outputs": outputs if len(outputs) > 1 else next(iter(outputs.values()))}


def _name(spec, name: str, version: str | None, label: str | None):
    spec.name = urllib.parse.unquote(name)
    if version:
        spec.version.value = int(version)
    if label:
        spec.version_label = urllib.parse.unquote(label)


def _as_json(message) -> dict:
    return json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )


def _by_columns(instances, wanted) -> dict:
    if not isinstance(instances, list) or not instances:
        raise Refused(Code.INVALID_ARGUMENT, "Excepting 'instances' to be an list/array with values")
    if not all(isinstance(row, dict) and set(row) == set(wanted) for row in instances):
        if len(wanted) > 1 or any(isinstance(row, dict) for row in instances):
            raise Refused(Code.INVALID_ARGUMENT, f"keys must be equal to: {','.join(wanted)}")
        return {next(iter(wanted)): instances}
    return {name: [row[name] for row in instances] for name in wanted}


def fill_tensor(proto, value, dtype: int):
    """As `FillTensorProto` and `AddValueToTensor` of `util/json_tensor.cc`."""
    assert dtype == types_pb2.DT_FLOAT
    shape, inner = [], value
    while isinstance(inner, list):
        shape.append(len(inner))
        if not inner:
            break
        inner = inner[0]
    values = []
    _fill(value, 0, shape, values)
    proto.dtype = dtype
    proto.tensor_shape.CopyFrom(tf.TensorShape(shape).as_proto())
    proto.float_val.extend(values)


def _fill(value, level: int, shape: list[int], values: list[float]):
    if isinstance(value, list):
        if level >= len(shape):
            raise Refused(Code.INVALID_ARGUMENT, f"Encountered list at unexpected level: {level}")
        if len(value) != shape[level]:
            raise Refused(Code.INVALID_ARGUMENT, f"Encountered list at unexpected size: {len(value)} at level: {level}")
        for part in value:
            _fill(part, level + 1, shape, values)
        return
    if level != len(shape):
        raise Refused(Code.INVALID_ARGUMENT, f"JSON Value: {value} found at incorrect level: {level + 1}")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refused(Code.INVALID_ARGUMENT, f"JSON Value: {value} is not of expected type: float")
    whole = isinstance(value, int)
    if abs(value) > (_LARGEST_INT if whole else _LARGEST_FLOAT) and (whole or np.isfinite(value)):
        raise Refused(Code.INVALID_ARGUMENT, f"Cannot convert JSON value: {value} to float without loss of precision.")
    values.append(value)


class _HttpServer(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class ModelServer:
    """Serves at `grpc` and `rest` (URLs), until the end of the `with` block; port 0 is any that is free."""

    def __init__(self, core: Core, ports: tuple[int, int] = (0, 0)):
        self.core = core
        self._rpc = grpc.server(concurrent.futures.ThreadPoolExecutor(16))
        servicer = _Rpc(self.core)
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(servicer, self._rpc)
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(servicer, self._rpc)
        self.grpc = f"grpc://localhost:{self._rpc.add_insecure_port(f'localhost:{ports[0]}')}"
        self._http = _HttpServer(("localhost", ports[1]), type("Rest", (_Rest,), {"core": self.core}))
        self.rest = f"http://localhost:{self._http.server_port}"

    def __enter__(self) -> ModelServer:
        self._rpc.start()
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._rpc.stop(grace=1).wait()
        self._http.shutdown()
        self._http.server_close()
