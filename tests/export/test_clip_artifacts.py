"""Artifacts of the model of clips: whole clips in a SavedModel, streams everywhere."""

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from model_server import Core, ModelServer

import tfpose.lite
from tfpose.errors import TfposeError
from tfpose.export import export
from tfpose.export.artifacts import open_artifact
from tfpose.export.examples import synthetic_poses
from tfpose.export.litert import unpack
from tfpose.export.serving import export_serving
from tfpose.litert_file import schema
from tfpose.serving_client import Client

pytestmark = pytest.mark.slow  # what it exports and starts takes most of a minute


@pytest.fixture(scope="module")
def exported(clip_model, tmp_path_factory):
    """Verified against the model in batches of 1, 7 and 64."""
    folder = tmp_path_factory.mktemp("clips")
    return export(clip_model, folder, ["saved_model", "litert"], poses=synthetic_poses(clip_model.skeleton, 24))


def test_what_each_artifact_has(exported):
    saved, litert = (open_artifact(exported[name]) for name in ("saved_model", "litert"))
    assert set(saved.signatures) == {"denoise_clip", "denoise_step", "serving_default"}
    assert set(litert.signatures) == {"denoise_step"} == set(litert.card["signatures"])
    assert not litert.foreign_operations
    inputs = saved.card["signatures"]["denoise_clip"]["inputs"]
    assert inputs["clips"]["shape"] == [None, None, 17, 3] and inputs["rate"]["unit"] == "frames per second"


def test_xnnpack_runs_nearly_all_of_a_step(exported):
    """What it has not tells missing joints at the beginning and filled ones at the end, and ends no part between."""
    content, operators = exported["litert"].read_bytes(), schema().BuiltinOperator
    model = unpack(content)
    used = {model.operatorCodes[operation.opcodeIndex].builtinCode for operation in model.subgraphs[0].operators}
    assert not {operators.SHAPE, operators.SPLIT_V, operators.GATHER, operators.PACK, operators.CUMSUM} & used
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    parts = [part for part in interpreter._get_ops_details() if part["op_name"] == "DELEGATE"]
    assert len(parts) <= 2


def test_streams_are_the_same_everywhere(exported, clip_model):
    clip = synthetic_poses(clip_model.skeleton, 20) + np.float32([3, 0, 1])
    clip[4:6, 3], clip[9] = np.nan, np.nan
    whole = clip_model.denoise_clip(clip, 30, causal=True)
    streams = [clip_model.stream(30), tfpose.lite.Model(exported["litert"]).stream(30)]
    for number, joints in enumerate(clip):
        for stream in streams:
            step = stream.step(joints)
            for name in ("denoised", "trust", "filled"):
                np.testing.assert_allclose(step[name], whole[name][number], atol=1e-5)


def test_the_saved_model_cleans_clips_of_any_length(exported, clip_model):
    signature = open_artifact(exported["saved_model"]).signatures["denoise_clip"]
    for frames in (1, 30):
        clip = synthetic_poses(clip_model.skeleton, frames)[None]
        given = {"clips": clip, "confidences": np.ones(clip.shape[:3], np.float32), "rate": np.float32([30])}
        np.testing.assert_allclose(
            signature.run(**given)["denoised"][0], clip_model.denoise_clip(clip[0], 30)["denoised"], atol=1e-4
        )


@pytest.mark.parametrize("protocol", ["grpc", "rest"])
def test_a_served_stream(exported, clip_model, tmp_path, protocol):
    export_serving(exported["saved_model"], tmp_path / "package")
    clip = synthetic_poses(clip_model.skeleton, 6)
    clip[2, 4], clip[4] = np.nan, np.nan
    here = clip_model.stream(30)
    core = Core(tmp_path / "package")
    with ModelServer(core) as server, Client(getattr(server, protocol), timeout=60, attempts=1) as client:
        there, other = client.stream(30), client.stream(30)
        for number, joints in enumerate(clip):
            if number == 3:  # a lost request
                ask, client._transport.predict = client._transport.predict, None
                with pytest.raises(TypeError):
                    there.step(joints)
                client._transport.predict = ask
            expected, found = here.step(joints), there.step(joints)
            other.step(joints + 1)  # another session of the same client
            np.testing.assert_allclose(found["denoised"], expected["denoised"], atol=1e-5)
            np.testing.assert_array_equal(found["filled"], expected["filled"])


def test_a_lite_stream_needs_a_rate(exported):
    with pytest.raises(TfposeError, match="how many frames per second"):
        tfpose.lite.Model(exported["litert"]).stream()
