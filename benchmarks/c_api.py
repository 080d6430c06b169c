"""TensorFlow's C API by ctypes: the loader and the session of TF Serving, without Python code of TensorFlow.

The program `python c_api.py SAVED_MODEL REQUESTS.npz TENSORS.json ANSWERS.npz` shows that: it imports only numpy. The
arrays have keys `signature/tensor`, and TENSORS.json has their names in the graph.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import pathlib
import sys

import numpy as np

_DTYPES = {1: np.float32, 2: np.float64, 3: np.int32, 9: np.int64}  # tensorflow/core/framework/types.proto
_CODES = {np.dtype(dtype): code for code, dtype in _DTYPES.items()}


class Output(ctypes.Structure):
    """TF_Output: one output of an operation."""

    _fields_ = (("operation", ctypes.c_void_p), ("index", ctypes.c_int))


class CApiError(RuntimeError):
    """An error of TensorFlow; `code` is its status code, as of gRPC."""

    def __init__(self, code: int, message: str):
        super().__init__(message)
        self.code = code


def _library() -> ctypes.CDLL:
    folder = importlib.util.find_spec("tensorflow").submodule_search_locations[0]  # finds, does not import
    (path,) = pathlib.Path(folder).glob("libtensorflow_cc.so.*")
    library = ctypes.CDLL(str(path))
    for name in (
        *("TF_NewStatus", "TF_NewGraph", "TF_NewSessionOptions", "TF_LoadSessionFromSavedModel"),
        *("TF_GraphOperationByName", "TF_AllocateTensor", "TF_TensorData"),
    ):
        getattr(library, name).restype = ctypes.c_void_p
    library.TF_Message.restype = ctypes.c_char_p
    library.TF_Dim.restype = ctypes.c_int64
    return library


class Session:
    """A SavedModel, loaded by `TF_LoadSessionFromSavedModel`; may run in several threads at once.

    Args:
        path: its directory.
        threads: how many one operation may compute on, and how many operations at once; None for all cores.
    """

    def __init__(self, path: str | os.PathLike, threads: int | None = None):
        self._tf = _library()
        self._graph = ctypes.c_void_p(self._tf.TF_NewGraph())
        status = ctypes.c_void_p(self._tf.TF_NewStatus())
        options = ctypes.c_void_p(self._tf.TF_NewSessionOptions())
        if threads is not None:
            # A ConfigProto by hand: its fields 2 and 5, intra_ and inter_op_parallelism_threads.
            config = bytes([2 << 3, threads, 5 << 3, threads])
            self._tf.TF_SetConfig(options, config, ctypes.c_size_t(len(config)), status)
        tags = (ctypes.c_char_p * 1)(b"serve")
        session = self._tf.TF_LoadSessionFromSavedModel(
            options, None, str(path).encode(), tags, 1, self._graph, None, status
        )
        self._raise(status)
        self._session = ctypes.c_void_p(session)
        self._tf.TF_DeleteSessionOptions(options)

    def run(self, feeds: dict[str, np.ndarray], fetches: list[str]) -> list[np.ndarray]:
        """Feeds and fetches tensors by their names in the graph, such as "serving_default_joints:0"."""
        inputs = (Output * len(feeds))(*map(self._output, feeds))
        given = (ctypes.c_void_p * len(feeds))(*map(self._tensor, feeds.values()))
        outputs = (Output * len(fetches))(*map(self._output, fetches))
        returned = (ctypes.c_void_p * len(fetches))()
        status = ctypes.c_void_p(self._tf.TF_NewStatus())
        self._tf.TF_SessionRun(
            *(self._session, None, inputs, given, len(feeds), outputs, returned, len(fetches)),
            *(None, 0, None, status),
        )
        for tensor in given:
            self._tf.TF_DeleteTensor(ctypes.c_void_p(tensor))
        self._raise(status)
        return [self._array(ctypes.c_void_p(tensor)) for tensor in returned]

    def _output(self, name: str) -> Output:
        operation, _, index = name.partition(":")
        found = self._tf.TF_GraphOperationByName(self._graph, operation.encode())
        assert found, f"no operation {operation}"
        return Output(found, int(index))

    def _tensor(self, array: np.ndarray) -> int:
        array = np.ascontiguousarray(array)
        shape = (ctypes.c_int64 * array.ndim)(*array.shape)
        tensor = self._tf.TF_AllocateTensor(_CODES[array.dtype], shape, array.ndim, ctypes.c_size_t(array.nbytes))
        ctypes.memmove(self._tf.TF_TensorData(ctypes.c_void_p(tensor)), array.ctypes.data, array.nbytes)
        return tensor

    def _array(self, tensor: ctypes.c_void_p) -> np.ndarray:
        dtype = _DTYPES[self._tf.TF_TensorType(tensor)]
        array = np.empty([self._tf.TF_Dim(tensor, axis) for axis in range(self._tf.TF_NumDims(tensor))], dtype)
        ctypes.memmove(array.ctypes.data, self._tf.TF_TensorData(tensor), array.nbytes)
        self._tf.TF_DeleteTensor(tensor)
        return array

    def _raise(self, status: ctypes.c_void_p):
        code, message = self._tf.TF_GetCode(status), self._tf.TF_Message(status).decode()
        self._tf.TF_DeleteStatus(status)
        if code:
            raise CApiError(code, message)


def tensor_names(saved_model: str | os.PathLike) -> dict:
    """Signature -> "inputs" and "outputs" -> tensor -> its name in the graph. Needs TensorFlow's Python code."""
    from tensorflow.core.protobuf import saved_model_pb2

    content = pathlib.Path(saved_model, "saved_model.pb").read_bytes()
    signatures = saved_model_pb2.SavedModel.FromString(content).meta_graphs[0].signature_def
    return {
        name: {
            part: {tensor: info.name for tensor, info in infos.items()}
            for part, infos in (("inputs", signature.inputs), ("outputs", signature.outputs))
        }
        for name, signature in signatures.items()
        if signature.inputs
    }


def main(saved_model, requests, tensors, answers):
    """Answers every request as a server would."""
    session, arrays, found = Session(saved_model), np.load(requests), {}
    for signature, names in json.loads(pathlib.Path(tensors).read_text()).items():
        feeds = {tensor: arrays[f"{signature}/{name}"] for name, tensor in names["inputs"].items()}
        outputs = session.run(feeds, list(names["outputs"].values()))
        found |= {f"{signature}/{name}": value for name, value in zip(names["outputs"], outputs)}
    python_code = {"tensorflow", "keras", "tfpose"} & set(sys.modules)
    assert not python_code, python_code
    np.savez(answers, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
