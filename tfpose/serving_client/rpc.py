"""TF Serving's gRPC interface."""

from __future__ import annotations

import numpy as np

from tfpose.errors import TfposeError
from tfpose.serving_client.errors import ServingError
from tfpose.serving_client.specs import DTYPES, Signature, TensorSpec, numpy_type

_NUMBERS = {"DT_FLOAT": 1, "DT_INT32": 3, "DT_INT64": 9}  # tensorflow/core/framework/types.proto
_NAMES = {number: name for name, number in _NUMBERS.items()}
_TO_NUMBER = {DTYPES[name]: number for name, number in _NUMBERS.items()}
_VALUES = {"float32": "float_val", "int32": "int_val", "int64": "int64_val"}


class Rpc:
    """One connection to `target`, "host:port"; may be shared by threads.

    Raises:
        TfposeError: when grpcio is not installed.
    """

    def __init__(self, target: str, model: str, version: int | None, label: str | None):
        try:
            import grpc

            from tfpose.serving_client import wire
        except ImportError as error:
            raise TfposeError(f"gRPC needs {error.name}; run: pip install 'tfpose[client]'") from error
        self._error, self._messages = grpc.RpcError, wire.MESSAGES
        # Answers may be large: codes of a full batch come near gRPC's 4 MB where a model is wide.
        # gRPC itself waits a second and more before it connects again, and fails what is asked meanwhile.
        options = {
            "grpc.max_receive_message_length": -1,
            "grpc.initial_reconnect_backoff_ms": 100,
            "grpc.max_reconnect_backoff_ms": 5000,
        }
        self._channel = grpc.insecure_channel(target, options=list(options.items()))
        self._predict = self._method(wire.PREDICT, "PredictRequest", "PredictResponse")
        self._metadata = self._method(wire.METADATA, "GetModelMetadataRequest", "GetModelMetadataResponse")
        self._spec = {"name": model}
        if version is not None:
            self._spec["version"] = self._messages["Int64Value"](value=version)
        if label is not None:
            self._spec["version_label"] = label

    def signatures(self, timeout: float) -> dict[str, Signature]:
        """The signatures of the model."""
        request = self._messages["GetModelMetadataRequest"](
            model_spec=self._messages["ModelSpec"](**self._spec), metadata_field=["signature_def"]
        )
        response = self._call(self._metadata, request, timeout)
        found = self._messages["SignatureDefMap"].FromString(response.metadata["signature_def"].value)
        return {
            name: Signature(_specs(signature.inputs), _specs(signature.outputs))
            for name, signature in found.signature_def.items()
            if signature.inputs  # the initialiser has none
        }

    def predict(self, signature: str, inputs: dict[str, np.ndarray], timeout: float) -> dict[str, np.ndarray]:
        """The outputs of a signature, by name."""
        spec = self._messages["ModelSpec"](signature_name=signature, **self._spec)
        tensors = {name: self._tensor(array) for name, array in inputs.items()}
        request = self._messages["PredictRequest"](model_spec=spec, inputs=tensors)
        response = self._call(self._predict, request, timeout)
        return {name: _array(tensor) for name, tensor in response.outputs.items()}

    def close(self):
        """Ends the connection."""
        self._channel.close()

    def _method(self, path: str, request: str, response: str):
        return self._channel.unary_unary(
            path,
            request_serializer=self._messages[request].SerializeToString,
            response_deserializer=self._messages[response].FromString,
        )

    def _call(self, method, request, timeout: float):
        try:
            return method(request, timeout=timeout)
        except self._error as error:
            raise ServingError(error.code().name, error.details() or "no details") from error

    def _tensor(self, array: np.ndarray):
        shape = self._messages["TensorShape"](dim=[self._messages["Dim"](size=length) for length in array.shape])
        return self._messages["Tensor"](
            dtype=_TO_NUMBER[array.dtype.name],
            tensor_shape=shape,
            tensor_content=array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes(),
        )


def _specs(infos) -> dict[str, TensorSpec]:
    return {
        name: TensorSpec(tuple(None if dim.size < 0 else dim.size for dim in info.tensor_shape.dim), _dtype(info.dtype))
        for name, info in sorted(infos.items())
    }


def _dtype(number: int) -> str:
    return numpy_type(_NAMES.get(number, f"number {number}"))


def _array(tensor) -> np.ndarray:
    dtype = _dtype(tensor.dtype)
    shape = [dim.size for dim in tensor.tensor_shape.dim]
    if tensor.tensor_content:
        return np.frombuffer(tensor.tensor_content, np.dtype(dtype).newbyteorder("<")).astype(dtype).reshape(shape)
    values = np.array(getattr(tensor, _VALUES[dtype]), dtype)
    if 0 < len(values) < np.prod(shape):  # the last value is repeated to fill the shape
        values = np.pad(values, (0, np.prod(shape) - len(values)), mode="edge")
    return values.reshape(shape)
