"""Predictions by a server, as arrays."""

from __future__ import annotations

import functools
import urllib.parse

import numpy as np

from tfpose.serving_client.errors import ServingError
from tfpose.serving_client.rest import Rest
from tfpose.serving_client.retrying import retrying
from tfpose.serving_client.rpc import Rpc
from tfpose.serving_client.specs import Signature
from tfpose.streaming import STEP_INPUTS, ClipStream

MAX_BATCH_SIZE = 1024
"""The most rows of one request: what `batching_parameters.txt` of an exported package lets through."""


class Client:
    """Asks a TF Serving model over gRPC or REST; for one thread over REST, for any over gRPC.

    Inputs of any number of rows are sent as requests of at most `max_batch_size` rows, one after the other, and their
    answers joined. Shapes are checked against what the server says of the model before anything is sent, since one
    wrong request would fail all others that the server has put into a batch with it.

    Args:
        url: "grpc://host:8500", or "http://host:8501" (also https).
        model: its name on the server.
        version: a version's number.
        label: a version's label, such as "stable"; without a version and a label the server takes its newest.
        timeout: seconds for each request, its retries included; over REST, for each wait for a part of the answer.
        attempts: how often a request is tried while the server is unavailable.
        max_batch_size: rows per request.

    Raises:
        ServingError: for a URL of another kind, or both a version and a label.
        TfposeError: when requests or grpcio is not installed.

    Examples:
        >>> with Client("grpc://localhost:8500", label="stable") as client:
        ...     clean = client.predict("denoise", joints=joints)["denoised"]   # [B, 17, 3] metres; NaN = missing
    """

    def __init__(
        self,
        url: str,
        model: str = "tfpose",
        version: int | None = None,
        label: str | None = None,
        timeout: float = 30.0,
        attempts: int = 5,
        max_batch_size: int = MAX_BATCH_SIZE,
    ):
        if version is not None and label is not None:
            raise ServingError("INVALID_ARGUMENT", f"version {version} and label '{label}': give one of the two")
        if timeout <= 0 or attempts < 1 or max_batch_size < 1:
            raise ServingError("INVALID_ARGUMENT", "timeout, attempts and max_batch_size must be positive")
        parts = urllib.parse.urlsplit(url)
        if parts.scheme == "grpc" and parts.netloc:
            self._transport = Rpc(parts.netloc, model, version, label)
        elif parts.scheme in ("http", "https") and parts.netloc:
            self._transport = Rest(url, model, version, label)
        else:
            raise ServingError("INVALID_ARGUMENT", f"{url}: expected grpc://host:port or http://host:port")
        self._url, self._model = url, model
        self._timeout, self._attempts, self._max_batch_size = timeout, attempts, max_batch_size

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends the connection."""
        self._transport.close()

    @functools.cached_property
    def signatures(self) -> dict[str, Signature]:
        """What the model offers; asked once.

        Raises:
            ServingError: when there is no such model, version or label, or no server.
        """
        return self._ask(self._transport.signatures)

    def predict(self, signature: str, **inputs: np.ndarray) -> dict[str, np.ndarray]:
        """The outputs of a signature, by name, with as many rows as the inputs.

        Args:
            signature: such as "denoise" or "encode".
            **inputs: by name, `[B, ...]`, all with the same B; no rows give no rows, without a request.

        Raises:
            ServingError: with code "INVALID_ARGUMENT", before anything is sent, for an unknown signature or input, or
                another shape; else with the code that the server gave.
        """
        spec = self._signature(signature)
        arrays, rows = _checked(signature, spec, inputs)
        if not rows:
            return {name: output.empty() for name, output in spec.outputs.items()}

        chunks = [
            self._ask(functools.partial(self._transport.predict, signature, _rows(arrays, start, self._max_batch_size)))
            for start in range(0, rows, self._max_batch_size)
        ]
        return {
            name: np.concatenate([_output(chunk, name, output.dtype) for chunk in chunks])
            for name, output in spec.outputs.items()
        }

    def stream(self, rate: float) -> ClipStream:
        """Cleans joints as they come in, by a served model of clips; see `tfpose.streaming.ClipStream`.

        The client keeps the state, so that any server of the model may answer any frame. When a request fails the
        state stays as it was, and the frame can be given again.

        Raises:
            ServingError: when the model has no signature "denoise_step".
        """
        inputs = self._signature("denoise_step").inputs
        shapes = {name: spec.shape[1:] for name, spec in inputs.items() if name not in STEP_INPUTS}
        return ClipStream(functools.partial(self.predict, "denoise_step"), shapes, inputs["joints"].shape[1], rate)

    def _signature(self, name: str) -> Signature:
        if name not in self.signatures:
            known = ", ".join(sorted(self.signatures))
            raise ServingError("INVALID_ARGUMENT", f"{self._model} has no signature '{name}'; it has {known}")
        return self.signatures[name]

    def _ask(self, call):
        try:
            return retrying(call, self._timeout, self._attempts)
        except ServingError as error:
            raise ServingError(error.code, f"{self._url}, model {self._model}: {error.detail}") from error


def _checked(signature: str, spec: Signature, inputs: dict) -> tuple[dict[str, np.ndarray], int]:
    """The inputs as arrays of the types that the server takes, and how many rows they have."""
    if set(inputs) != set(spec.inputs):
        raise ServingError(
            "INVALID_ARGUMENT", f"'{signature}' takes {', '.join(spec.inputs)}; got {', '.join(inputs) or 'nothing'}"
        )
    arrays = {}
    for name, wanted in spec.inputs.items():
        try:
            with np.errstate(over="ignore"):  # what is too large for float32 becomes infinite, which is missing
                array = np.asarray(inputs[name]).astype(wanted.dtype)
        except (TypeError, ValueError) as error:
            raise ServingError("INVALID_ARGUMENT", f"{name}: expected numbers {wanted}: {error}") from error
        if not wanted.fits(array.shape):
            raise ServingError("INVALID_ARGUMENT", f"{name}: expected {wanted}, got {list(array.shape)}")
        arrays[name] = array
    counts = {name: len(array) for name, array in arrays.items()}
    if len(set(counts.values())) != 1:
        raise ServingError("INVALID_ARGUMENT", f"inputs with different numbers of rows: {counts}")
    return arrays, next(iter(counts.values()))


def _rows(arrays: dict[str, np.ndarray], start: int, count: int) -> dict[str, np.ndarray]:
    return {name: array[start : start + count] for name, array in arrays.items()}


def _output(outputs: dict, name: str, dtype: str) -> np.ndarray:
    return np.asarray(outputs[name] if name in outputs else outputs[None], dtype)
