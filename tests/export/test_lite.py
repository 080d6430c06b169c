"""Exported files with numpy and LiteRT alone."""

import concurrent.futures
import importlib.util
import pathlib
import subprocess
import sysconfig
import threading
import venv

import numpy as np
import pytest

from tfpose import lite, sealing
from tfpose.errors import DataError, TfposeError
from tfpose.litert_file import read_card

_ENOUGH = ("tfpose", "numpy", "ai_edge_litert", "flatbuffers")

_PROGRAM = """
import sys

import numpy as np
from tfpose import lite

autoencoder, classifier, lifter, given, returned = sys.argv[1:]
given = np.load(given)
model, recogniser = lite.Model(autoencoder, threads=1), lite.Model(classifier)
stream = recogniser.stream()
for time in range(given["clips"].shape[1]):
    seen = stream.step(given["clips"][:, time])
np.savez(
    returned,
    denoise=model.denoise(given["joints"]),
    transfer_view=model.transfer_view(given["joints"], given["joints"][::-1]),
    **model.encode(given["joints"]),
    **recogniser.classify(given["clips"]),
    seen=seen["probabilities"],
    lift=lite.Model(lifter).lift(given["joints_2d"]),
)
for name in ("tensorflow", "keras", "scipy", "absl"):
    try:
        __import__(name)
    except ImportError:
        continue
    sys.exit(f"{name} is here: this shows nothing")
"""


@pytest.fixture(scope="module")
def model_lite(artifacts) -> lite.Model:
    return lite.Model(artifacts["litert"])


@pytest.fixture(scope="module")
def classifier_lite(classifier_artifacts) -> lite.Model:
    return lite.Model(classifier_artifacts["litert"])


@pytest.fixture(scope="module")
def clips(classifier, poses) -> np.ndarray:
    return poses[: 8 * classifier.frames].reshape(8, classifier.frames, *poses.shape[1:])


@pytest.fixture(scope="module")
def joints(poses) -> np.ndarray:
    """Poses of which every other lacks a joint."""
    joints = poses.copy()
    joints[::2, 3] = np.nan
    return joints


@pytest.fixture(scope="module")
def python_without_tensorflow(tmp_path_factory) -> pathlib.Path:
    """The interpreter of a virtual environment that has what `tfpose.lite` needs, and nothing else."""
    folder = tmp_path_factory.mktemp("light") / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    packages = pathlib.Path(sysconfig.get_path("purelib", "venv", {"base": str(folder), "platbase": str(folder)}))
    for name in _ENOUGH:
        (found,) = importlib.util.find_spec(name).submodule_search_locations
        (packages / name).symlink_to(found)
        libraries = pathlib.Path(f"{found}.libs")
        if libraries.exists():  # where wheels keep theirs
            (packages / libraries.name).symlink_to(libraries)
    return folder / "bin" / "python"


@pytest.mark.slow
def test_without_tensorflow(python_without_tensorflow, request, joints, clips, tmp_path):
    model, classifier, lifter = (request.getfixturevalue(name) for name in ("model", "classifier", "lifter"))
    artifacts = ("artifacts", "classifier_artifacts", "lifter_artifacts")
    files = [request.getfixturevalue(name)["litert"] for name in artifacts]
    given, returned = tmp_path / "given.npz", tmp_path / "returned.npz"
    np.savez(given, joints=joints, clips=clips, joints_2d=joints[..., :2])
    run = subprocess.run(
        [python_without_tensorflow, "-I", "-c", _PROGRAM, *files, given, returned],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    result = np.load(returned)
    recognised = classifier.classify(clips)
    expected = {
        "denoise": model.denoise(joints),
        "transfer_view": model.transfer_view(joints, joints[::-1]),
        **model.encode(joints),
        "probabilities": recognised["probabilities"],
        "seen": recognised["probabilities"],
        "lift": lifter(joints[..., :2]),
    }
    for name, value in expected.items():
        np.testing.assert_allclose(result[name], value, atol=1e-5, rtol=0, err_msg=name)
    np.testing.assert_array_equal(result["label"], recognised["label"])
    assert list(result["action"]) == [classifier.actions[label] for label in recognised["label"]]


def test_it_knows_what_it_is(model_lite, model, classifier_lite, classifier):
    assert model_lite.skeleton == model.skeleton
    assert model_lite.card["parameters"] == model.count_params()
    assert model_lite.signatures == model_lite.card["signatures"]
    assert (model_lite.actions, classifier_lite.actions) == ((), classifier.actions)


@pytest.mark.parametrize("batch", [0, 1, 7, 400])
def test_any_batch(model_lite, model, joints, batch):
    """400 are more than go in at once."""
    joints = np.resize(joints, (batch, *joints.shape[1:]))
    encoded = model_lite.encode(joints)
    assert model_lite.denoise(joints).shape == (batch, 17, 3)
    for name, expected in model.encode(np.resize(joints, (max(batch, 1), 17, 3))).items():
        assert encoded[name].shape == (batch, *expected.shape[1:]) and encoded[name].dtype == np.float32
        np.testing.assert_allclose(encoded[name], expected[:batch], atol=1e-5, rtol=0)


def test_a_file_for_batches_of_one(model, exported, joints):
    """Such as accelerators want."""
    fixed = lite.Model(exported["litert_batch1"])
    assert fixed.signatures["denoise"]["inputs"]["joints"]["shape"] == [1, 17, 3]
    np.testing.assert_allclose(fixed.denoise(joints[:5]), model.denoise(joints[:5]), atol=1e-5, rtol=0)
    assert fixed.denoise(joints[:0]).shape == (0, 17, 3)


def test_what_numbers_may_be(model_lite, poses):
    expected = model_lite.denoise(poses)
    np.testing.assert_array_equal(model_lite.denoise(poses.astype(np.float64).tolist()), expected)
    np.testing.assert_array_equal(model_lite.denoise(np.asfortranarray(poses)), expected)
    assert model_lite.denoise(np.zeros((2, 17, 3), int)).shape == (2, 17, 3)


@pytest.mark.parametrize(
    "wrong, got",
    [
        (np.zeros((17, 3)), r"\[17, 3\] float64"),
        (np.zeros((5, 16, 3)), r"\[5, 16, 3\] float64"),
        (np.zeros((5, 17, 3), complex), r"\[5, 17, 3\] complex128"),
        (np.full((5, 17, 3), "1"), r"\[5, 17, 3\] <U1"),
        (None, r"\[\] object"),
        ([[1.0], [1.0, 2.0]], "no array of numbers"),
    ],
)
def test_what_does_not_fit(model_lite, wrong, got):
    expected = r"expected \[B, 17, 3\] float32, metres, in the joint order of skeleton 'paper17'; got "
    with pytest.raises(TfposeError, match=f"^{model_lite.path}: joints of 'denoise': {expected}{got}$"):
        model_lite.denoise(wrong)


def test_wrong_calls(model_lite, poses):
    with pytest.raises(TfposeError, match=r"'denoise' takes joints; got nothing$"):
        model_lite("denoise")
    with pytest.raises(TfposeError, match=r"'transfer_view' takes joints, view_from; got joints$"):
        model_lite("transfer_view", joints=poses)
    with pytest.raises(TfposeError, match=r"'transfer_view' differ in their batch: joints has 70, view_from has 3$"):
        model_lite.transfer_view(poses, poses[:3])
    for call in (model_lite.stream, lambda: model_lite.classify(poses), lambda: model_lite.lift(poses)):
        with pytest.raises(TfposeError, match="this PoseAutoencoder has serving_default, denoise, encode, transfer_"):
            call()


def test_a_stream_ends_as_the_clip_does(classifier_lite, clips):
    stream = classifier_lite.stream()
    answers = [stream.step(clips[:, time]) for time in range(clips.shape[1])]
    whole = classifier_lite.classify(clips)
    assert set(answers[0]) == set(whole) == {"probabilities", "label", "action"}
    np.testing.assert_allclose(answers[-1]["probabilities"], whole["probabilities"], atol=1e-5, rtol=0)
    assert not np.allclose(answers[0]["probabilities"], whole["probabilities"], atol=1e-3)
    with pytest.raises(TfposeError, match="expected the next poses of 8 people, as before; got those of 3"):
        stream.step(clips[:3, 0])


def test_a_classifier_knows_no_missing_joints(classifier_lite, clips):
    clips = clips.copy()
    clips[0, 1, 2, 0] = np.nan
    with pytest.raises(TfposeError, match="clips of 'classify': a joint is missing"):
        classifier_lite.classify(clips)
    stream = classifier_lite.stream()
    stream.step(clips[:, 0])
    before = stream.state
    with pytest.raises(TfposeError, match="joints of 'classify_step': a joint is missing"):
        stream.step(clips[:, 1])
    assert stream.state is before and np.isfinite(before).all()


def test_results_are_new_arrays(model_lite, poses):
    first = model_lite.denoise(poses[:4])
    kept = first.copy()
    model_lite.denoise(poses[10:14])
    np.testing.assert_array_equal(first, kept)
    first[:] = 0.0  # theirs to change


def test_threads_may_share_a_model(model_lite, poses):
    """The interpreter alone may not be shared: their inputs would mix."""
    batches = [poses[start : start + 10] for start in range(0, 60, 10)]
    expected = [model_lite.denoise(batch) for batch in batches]
    wrong = []

    def work(number):
        for _ in range(30):
            if not np.array_equal(model_lite.denoise(batches[number]), expected[number]):
                wrong.append(number)

    workers = [threading.Thread(target=work, args=[number]) for number in range(len(batches))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


@pytest.mark.parametrize("count", [41, 64, 1000])
def test_large_batches_are_computed_on_several_threads(artifacts, model_lite, poses, count, tmp_path):
    """In the order in which they came, and the file is not needed any more."""
    copy = tmp_path / "model.tflite"
    copy.write_bytes(artifacts["litert"].read_bytes())
    model = lite.Model(copy, threads=3)
    copy.unlink()
    many = np.resize(poses, (count, *poses.shape[1:]))
    many += np.linspace(0, 1, count, dtype=np.float32)[:, None, None]  # each elsewhere
    one_by_one = np.concatenate([model_lite.denoise(many[at : at + 16]) for at in range(0, count, 16)])
    np.testing.assert_allclose(model.denoise(many), one_by_one, atol=1e-5)
    codes = model.encode(many)
    assert {name: len(values) for name, values in codes.items()} == {"pose_code": count, "view_code": count}


def test_threads_share_a_model_on_several_threads(artifacts, poses):
    model = lite.Model(artifacts["litert"], threads=2)
    batches = [np.resize(poses, (50 + number, *poses.shape[1:])) for number in range(4)]
    expected = [model.denoise(batch) for batch in batches]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for found, wanted in zip(pool.map(model.denoise, batches * 10), expected * 10):
            np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("kind", ["empty", "random", "half", "nothing"])
def test_files_that_are_none(artifacts, tmp_path, kind):
    path = tmp_path / "model.tflite"
    content = artifacts["litert"].read_bytes()
    if kind != "nothing":
        damaged = {"empty": b"", "random": np.random.default_rng(0).bytes(5000), "half": content[: len(content) // 2]}
        path.write_bytes(damaged[kind])
    with pytest.raises(DataError, match=f"^{path}: (not a LiteRT model|no such file)"):
        lite.Model(path)


def test_the_file_of_somebody_else(artifacts, tmp_path):
    path = tmp_path / "model.tflite"
    content = artifacts["litert"].read_bytes().rpartition(sealing.MARK)[0]
    path.write_bytes(content.replace(b"tfpose\0\0", b"others\0\0"))
    assert read_card(path.read_bytes()) == {}
    with pytest.raises(DataError, match=f"^{path}: not exported by tfpose"):
        lite.Model(path)
