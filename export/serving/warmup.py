"""Requests that a server runs while it loads a version, so that the first user does not wait for TensorFlow."""

from __future__ import annotations

import pathlib

import numpy as np
import tensorflow as tf

from tfpose.errors import TfposeError
from tfpose.export.artifacts import open_artifact
from tfpose.export.examples import example_inputs, synthetic_poses
from tfpose.export.saved_model import read_card
from tfpose.export.serving.lite import LITE
from tfpose.export.serving.protos import model_pb2, predict_pb2, prediction_log_pb2
from tfpose.skeleton import Skeleton

WARMUP = pathlib.PurePath("assets.extra", "tf_serving_warmup_requests")
"""Where TF Serving looks for them in a SavedModel: a TFRecord of PredictionLog, at most 1,000."""

BATCHES = (1, 32)
"""Rows of the requests for each signature; of a compiled one, each batch size that its card has."""


def write_warmup(version: pathlib.Path, name: str):
    """Adds requests for every signature to a version; where it has a `model.tflite`, for those that are there too.

    Each is run first: one that fails would keep a server from ever loading the version.

    Args:
        version: a directory that no server reads yet.
        name: what the model is called on the server.

    Raises:
        TfposeError: for a signature that answers good poses with numbers that are not finite.
    """
    card = read_card(version)
    batches = card.get("compiled_batches", BATCHES)
    examples = example_inputs(card, synthetic_poses(Skeleton.from_dict(card["skeleton"]), max(batches)))
    opened = {path: open_artifact(path) for path in (version, version / LITE) if path.exists()}
    with tf.io.TFRecordWriter(str(version / WARMUP)) as writer:
        for signature, found in opened[version].signatures.items():
            if not found.inputs or any(signature not in one.signatures for one in opened.values()):
                continue  # the initialiser; what a server of LiteRT has not
            for batch in batches:
                inputs = {tensor: examples[tensor][:batch] for tensor in found.inputs}
                for path, one in opened.items():
                    outputs = one.signatures[signature].run(**inputs).values()
                    if not all(np.isfinite(output).all() for output in outputs):
                        raise TfposeError(f"{path}: '{signature}' returns numbers that are not finite")
                request = predict_pb2.PredictRequest(
                    model_spec=model_pb2.ModelSpec(name=name, signature_name=signature),
                    inputs={tensor: tf.make_tensor_proto(array) for tensor, array in inputs.items()},
                )
                log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
                writer.write(log.SerializeToString())


def read_warmup(saved_model: pathlib.Path) -> list:
    """The requests (PredictRequest) that `write_warmup` added, in order."""
    records = tf.data.TFRecordDataset(str(saved_model / WARMUP))
    return [prediction_log_pb2.PredictionLog.FromString(record.numpy()).predict_log.request for record in records]
