"""TF Serving's REST interface.

JSON has no word for NaN, by which a missing joint is marked; TF Serving reads and writes `NaN`, `Infinity` and
`-Infinity` all the same ("JSON conformance" in its documentation of the REST API), and so does Python's `json`.
"""

from __future__ import annotations

import json
import urllib.parse

import numpy as np

from tfpose.errors import TfposeError
from tfpose.serving_client.errors import ServingError
from tfpose.serving_client.specs import Signature, TensorSpec, numpy_type

# The HTTP codes to which TF Serving maps its statuses; several become 400.
_CODES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class Rest:
    """One session with the server at `url`, "http://host:port"; for one thread.

    Raises:
        TfposeError: when requests is not installed.
    """

    def __init__(self, url: str, model: str, version: int | None, label: str | None):
        try:
            import requests
        except ImportError as error:
            raise TfposeError(f"REST needs {error.name}; run: pip install 'tfpose[client]'") from error
        self._requests, self._session = requests, requests.Session()
        self._url = f"{url.rstrip('/')}/v1/models/{urllib.parse.quote(model, safe='')}"
        if version is not None:
            self._url += f"/versions/{version}"
        if label is not None:
            self._url += f"/labels/{urllib.parse.quote(label, safe='')}"

    def signatures(self, timeout: float) -> dict[str, Signature]:
        """The signatures of the model."""
        found = self._call("GET", "/metadata", None, timeout, "metadata")["signature_def"]["signature_def"]
        return {
            name: Signature(_specs(signature["inputs"]), _specs(signature["outputs"]))
            for name, signature in found.items()
            if signature["inputs"]  # the initialiser has none
        }

    def predict(self, signature: str, inputs: dict[str, np.ndarray], timeout: float) -> dict[str, np.ndarray]:
        """The outputs of a signature, by name. TF Serving does not name a single output: its name is None."""
        body = {"signature_name": signature, "inputs": {name: array.tolist() for name, array in inputs.items()}}
        outputs = self._call("POST", ":predict", json.dumps(body), timeout, "outputs")
        return outputs if isinstance(outputs, dict) else {None: outputs}

    def close(self):
        """Ends the session."""
        self._session.close()

    def _call(self, method: str, path: str, body: str | None, timeout: float, part: str):
        try:
            response = self._session.request(method, self._url + path, data=body, timeout=timeout)
        except self._requests.Timeout as error:
            raise ServingError("DEADLINE_EXCEEDED", f"no answer within {timeout:.1f} s") from error
        except (self._requests.ConnectionError, self._requests.exceptions.ChunkedEncodingError) as error:
            if "Read timed out" in str(error):  # in the middle of an answer
                raise ServingError("DEADLINE_EXCEEDED", f"no answer within {timeout:.1f} s") from error
            raise ServingError("UNAVAILABLE", f"no connection: {error}") from error
        except self._requests.RequestException as error:
            raise ServingError("INVALID_ARGUMENT", str(error)) from error
        try:
            answer = json.loads(response.content)
        except ValueError:
            answer = None
        if response.status_code == 200 and isinstance(answer, dict) and part in answer:
            return answer[part]
        said = answer.get("error") if isinstance(answer, dict) else None
        raise ServingError(
            _CODES.get(response.status_code, "UNKNOWN"),
            said or f"HTTP {response.status_code}, not an answer of TF Serving",
        )


def _specs(infos: dict) -> dict[str, TensorSpec]:
    def lengths(shape):
        return tuple(None if int(dim["size"]) < 0 else int(dim["size"]) for dim in shape.get("dim", []))

    return {
        name: TensorSpec(lengths(info["tensor_shape"]), numpy_type(info["dtype"]))
        for name, info in sorted(infos.items())
    }
