"""Damaged artifacts answer as whole ones do, or are refused in one line that names them."""

import dataclasses
import json

import numpy as np
import pytest
import tally
from damage import attack, damaged

import tfpose.lite
from tfpose import presets, sealing
from tfpose.datasets import codes, read_codes, shards, synthetic
from tfpose.errors import DataError
from tfpose.export.artifacts import open_artifact
from tfpose.export.litert import unpack
from tfpose.litert_file import schema
from tfpose.models import load_model
from tfpose.skeleton import Skeleton

pytestmark = pytest.mark.slow  # what it exports and starts takes most of a minute


def test_litert(artifacts, poses, tmp_path, times):
    def answer(path):
        model = tfpose.lite.Model(path, threads=1)
        return model.denoise(poses[:3]), model.skeleton.joints

    counts = attack(artifacts["litert"], tmp_path, answer, 300 * times, seed=1)
    tally.count("artifacts", "LiteRT files, damaged", counts)
    assert counts["refused"] > 0.95 * counts.total()


def test_saved_models(artifacts, poses, tmp_path, times):
    def answer(path):
        artifact = open_artifact(path)
        return artifact.signatures["denoise"].run(joints=poses[:3]), artifact.card

    counts = attack(artifacts["saved_model"], tmp_path, answer, 100 * times, seed=2)
    tally.count("artifacts", "SavedModels, damaged", counts)
    assert counts["refused"] > 0.9 * counts.total()


def test_presets(tmp_path, times):
    def answer(path):
        preset = presets.read(path)
        return preset.config, preset.weights, preset.card

    source = presets.folder("sebirenet_cmu")
    counts = attack(source, tmp_path, answer, 150 * times, seed=3)
    tally.count("artifacts", "presets, damaged", counts)
    assert counts["refused"] > 0.5 * counts.total()  # a third of the files is for people


def test_keras_files(model, tmp_path, times):
    def answer(path):
        loaded = load_model(path)
        return loaded.get_config(), loaded.get_weights()

    (tmp_path / "model").mkdir()
    model.save(tmp_path / "model" / "model.keras")
    counts = attack(tmp_path / "model" / "model.keras", tmp_path, answer, 60 * times, seed=4)
    tally.count("artifacts", "Keras files, damaged", counts)
    assert counts["refused"] > 0.7 * counts.total()


@pytest.mark.parametrize("suffix", codes.FORMATS)
def test_codes(tmp_path, suffix, times):
    skeleton, rng = Skeleton.load("paper17"), np.random.default_rng(0)
    about = {"pose_code": [17, 4], "view_code": [3, 3], "skeleton": skeleton.to_dict()}
    (source := tmp_path / "codes" / "out").mkdir(parents=True)
    shard = codes.open_shard(str(source / f"codes-0.{suffix}"), about)
    for number in range(5):
        arrays = [rng.normal(size=(9, *about[code])).astype(np.float32) for code in ("pose_code", "view_code")]
        shard.write(codes.ClipCodes("walk.npz", number, 5, "s01", "a02", "", 30.0, *arrays))
    shard.close()
    (source / "summary.json").write_text(json.dumps({"shards": {f"codes-0.{suffix}": 5}, "clips": 5, **about}))

    def answer(path):
        return [(clip.number, clip.pose_code, clip.view_code) for clip in read_codes(path)]

    counts = attack(source, tmp_path, answer, 150 * times, seed=5)
    tally.count("files", f"codes in {suffix}, damaged", counts)
    assert counts["refused"] > 0.5 * counts.total()


def test_shards(tmp_path, times):
    clips = [dataclasses.replace(clip, source="") for clip in synthetic.clips(2, seed=1)]
    source = tmp_path / "shards" / "out"
    shards.write(source, lambda _: clips, name="a", skeleton=clips[0].skeleton, shards=2, source="b")

    def answer(path):
        stream = shards.PoseStream.open(path)
        records = [shards.read_file(path / name) for name in stream.shards]
        return stream.skeleton.joints, [clip.positions for clips in records for clip in clips]

    counts = attack(source, tmp_path, answer, 60 * times, seed=6)
    tally.count("files", "shards of clips, damaged", counts)
    assert counts["refused"] > 0.3 * counts.total()


def test_without_the_check_a_flipped_bit_is_another_model(artifacts, poses, tmp_path):
    """What the checksum is for: one bit of a weight."""
    content = bytearray(artifacts["litert"].read_bytes())
    expected = tfpose.lite.Model(artifacts["litert"]).denoise(poses)
    table = unpack(bytes(content))
    weights = max(
        (
            bytes(table.buffers[one.buffer].data)
            for one in table.subgraphs[0].tensors
            if one.type == schema().TensorType.FLOAT32 and table.buffers[one.buffer].data is not None
        ),
        key=len,
    )
    sign = content.index(weights) + len(weights) // 8 * 4 + 3
    content[sign] ^= 128
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    for opened in (tfpose.lite.Model, open_artifact):
        with pytest.raises(DataError, match=f"^{path}: damaged: .* verify=False opens it"):
            opened(path)
    assert not np.array_equal(tfpose.lite.Model(path, verify=False).denoise(poses), expected)
    assert open_artifact(path, verify=False).kind == "LiteRT"


def test_a_checksum_cannot_get_lost(artifacts, tmp_path):
    content = artifacts["litert"].read_bytes()
    path = tmp_path / "model.tflite"
    path.write_bytes(content[: -len(sealing.MARK) - 64])
    with pytest.raises(DataError, match=f"^{path}: damaged"):
        tfpose.lite.Model(path)
    assert tfpose.lite.Model(path, verify=False).signatures


def test_seals():
    rng = np.random.default_rng(0)
    content = rng.bytes(5000)
    sealed = sealing.sealed(content)
    assert sealed.startswith(content) and sealing.is_sealed(sealed) and not sealing.is_sealed(content)
    sealing.check("file", sealed)
    sealing.check("file", content)
    for _ in range(200):
        broken = damaged(sealed, rng)
        if broken != sealed and sealing.is_sealed(broken):
            with pytest.raises(DataError, match=r"^file: damaged"):
                sealing.check("file", broken)


def test_the_seal_of_onnx_is_metadata():
    onnx = pytest.importorskip("onnx")
    value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    graph = onnx.helper.make_graph([onnx.helper.make_node("Identity", ["x"], ["y"])], "g", [value], [])
    content = sealing.sealed(onnx.helper.make_model(graph).SerializeToString())
    (entry,) = onnx.load_model_from_string(content).metadata_props
    assert entry.key == "tfpose.sha256" and entry.value.encode() == content[-64:]
