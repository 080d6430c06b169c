"""One small model, its artifacts, and poses, made once for all tests of the package."""

import pathlib
import shutil
from collections.abc import Iterator

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from tfpose import sealing
from tfpose.datasets import synthetic
from tfpose.export import FORMATS, export, export_serving
from tfpose.export.onnx import export_onnx
from tfpose.export.saved_model import CHECKSUMS, as_saved_model
from tfpose.geometry import rotations
from tfpose.models import ActionClassifier, PoseAutoencoder, PoseLifter, load_model
from tfpose.skeleton import Skeleton


@pytest.fixture(scope="session")
def model() -> PoseAutoencoder:
    """A small model with random weights; one refinement, because tracing them is what takes time."""
    keras.utils.set_random_seed(0)
    model = PoseAutoencoder(Skeleton.load("paper17"), units=8, code_size=4, decoder_units=8, refinements=1)
    model.build()
    # As after a training; nothing is what it starts with.
    kernel = model.encoder.frame.residual.kernel
    kernel.assign(np.random.default_rng(0).normal(0, 0.1, kernel.shape))
    return model


@pytest.fixture(scope="session")
def free_model() -> PoseAutoencoder:
    """The same with a free view code."""
    keras.utils.set_random_seed(3)
    model = PoseAutoencoder(Skeleton.load("paper17"), units=8, code_size=4, view="free", decoder_units=8, refinements=1)
    model.build()
    return model


@pytest.fixture(scope="session")
def classifier(model, poses) -> ActionClassifier:
    """A small classifier of short clips, with `model` as its encoder and made-up origins."""
    keras.utils.set_random_seed(1)
    actions = ("sit down", "throw", "walk")
    classifier = ActionClassifier(model.skeleton, actions, "code", model, frames=4, units=6, components=5)
    classifier.build()
    clips = poses[: len(poses) // 4 * 4].reshape(-1, 4, *poses.shape[1:])
    classifier.standardizer.adapt(classifier.describe(clips))
    return classifier


@pytest.fixture(scope="session")
def lifter(model) -> PoseLifter:
    """A small lifter with random weights."""
    keras.utils.set_random_seed(2)
    lifter = PoseLifter(model.skeleton, units=8, code_size=4, decoder_units=8, origin={"lineage": "nothing"})
    lifter.build()
    return lifter


@pytest.fixture(scope="session")
def keras_file(model, tmp_path_factory):
    """`model` as a .keras file."""
    path = tmp_path_factory.mktemp("keras") / "model.keras"
    model.save(path)
    return path


@pytest.fixture(scope="session")
def exported(keras_file, poses, tmp_path_factory) -> dict:
    """Format -> path of what `export` made of `model` after a reload from its .keras file: all but ONNX."""
    formats = [name for name in FORMATS if name != "onnx"]
    return export(load_model(keras_file), tmp_path_factory.mktemp("exported") / "out", formats, calibration=poses)


@pytest.fixture(scope="session")
def artifacts(exported) -> dict:
    """The formats that are exactly the model, for any batch."""
    return {name: exported[name] for name in ("saved_model", "litert")}


@pytest.fixture(scope="session")
def plain_saved_model(model) -> Iterator[pathlib.Path]:
    """What `model` is converted from."""
    with as_saved_model(model) as path:
        yield path


@pytest.fixture(scope="session")
def onnx_folder(plain_saved_model, tmp_path_factory):
    """The ONNX files of `model`."""
    for package in ("tf2onnx", "onnxruntime"):
        pytest.importorskip(package)
    return export_onnx(plain_saved_model, tmp_path_factory.mktemp("onnx") / "onnx")


@pytest.fixture(scope="session")
def classifier_artifacts(classifier, tmp_path_factory) -> dict:
    """Some formats of `classifier`, after a reload from its .keras file."""
    return _exported(classifier, tmp_path_factory.mktemp("classifier"))


@pytest.fixture(scope="session")
def lifter_artifacts(lifter, tmp_path_factory) -> dict:
    """The same formats of `lifter`."""
    return _exported(lifter, tmp_path_factory.mktemp("lifter"))


def _exported(model, folder) -> dict:
    model.save(folder / "model.keras")
    loaded = load_model(folder / "model.keras", type(model))
    return export(loaded, folder / "out", ["saved_model", "litert", "litert_float16", "litert_int8"])


@pytest.fixture(scope="session")
def poses() -> np.ndarray:
    """Complete poses `[70, 17, 3]`: more than the largest batch that is verified."""
    return np.concatenate([clip.positions for clip in synthetic.clips(2, seed=0)])[:70]


@pytest.fixture(scope="session")
def joints(poses) -> np.ndarray:
    """Poses, some with missing joints."""
    joints = poses.copy()
    joints[::3, 4] = np.nan
    joints[1::7, 9:, 2] = np.inf
    return joints


@pytest.fixture(scope="session")
def headings(poses) -> tuple[np.ndarray, np.ndarray]:
    """One pose, a joint of which is missing, in many headings `[12, 17, 3]`; the rotations to them `[12, 3, 3]`."""
    turns = rotations.about_axis(np.linspace(-3, 3, 12, dtype=np.float32)).numpy()
    pose = poses[40].copy()
    pose[5] = np.nan
    return pose @ turns.transpose(0, 2, 1), turns


@pytest.fixture(scope="session")
def tampered_saved_model(artifacts, tmp_path_factory):
    """A copy of the SavedModel whose largest weight is not the model's."""
    path = shutil.copytree(artifacts["saved_model"], tmp_path_factory.mktemp("tampered") / "saved_model")
    file = path / "saved_model.pb"
    content = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    for function in content.meta_graphs[0].graph_def.library.function:
        constants = [node.attr["value"].tensor for node in function.node_def if node.op == "Const"]
        constants = [tensor for tensor in constants if tensor.dtype == tf.float32.as_datatype_enum]
        if constants:
            largest = max(constants, key=lambda tensor: len(tensor.tensor_content))
            largest.CopyFrom(tf.make_tensor_proto(tf.make_ndarray(largest) * np.float32(1.01)))
    file.write_bytes(content.SerializeToString())
    sealing.seal_folder(path, CHECKSUMS)
    return path


@pytest.fixture(scope="session")
def package(artifacts, tmp_path_factory):
    """A package for TF Serving with version 1 of `model`; for reading."""
    folder = tmp_path_factory.mktemp("serving") / "package"
    export_serving(artifacts["saved_model"], folder)
    return folder
