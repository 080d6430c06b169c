"""LiteRT files and inputs as bad luck makes them: an error or a documented result, never a crash, never a hang."""

import collections
import subprocess
import sys

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

# Reads paths from stdin, says before each what it tries and after it what came of it: a crash ends it in between.
_TRY_FILES = """
import sys
import numpy as np
from tfpose.errors import DataError
from tfpose.export.artifacts import open_artifact

for path in map(str.strip, sys.stdin):
    print("trying", path, flush=True)
    try:
        run = open_artifact(path, verify=False).signatures["denoise"].run
    except DataError as error:
        assert str(error).startswith(path + ": not a LiteRT model"), error
        print("refused", flush=True)
        continue
    try:
        finite = np.isfinite(run(joints=np.ones((2, 17, 3), np.float32))["denoised"]).all()
        print("ran" if finite else "ran, not finite", flush=True)
    except (RuntimeError, ValueError) as error:
        print("failed", flush=True)
"""


@pytest.fixture(params=["litert", "litert_full_int8"])
def path(request, exported):
    return exported[request.param]


def test_damaged_files(path, tmp_path):
    """Cut off, or with bytes overwritten: in a process of its own, which must survive all of them."""
    content, random = path.read_bytes(), np.random.default_rng(0)
    damaged = [content[: int(share * len(content))] for share in (0, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.999)]
    for length in (1, 4, 64, 4096):
        for start in random.integers(len(content) - length, size=4):
            damage = random.integers(256, size=length, dtype=np.uint8).tobytes()
            damaged.append(content[:start] + damage + content[start + length :])
    paths = [tmp_path / f"{number}.tflite" for number in range(len(damaged))]
    for file, broken in zip(paths, damaged):
        file.write_bytes(broken)
    given = "".join(f"{file}\n" for file in paths)
    command = [sys.executable, "-c", _TRY_FILES]
    run = subprocess.run(command, input=given, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, f"{run.stdout[-300:]}\n{run.stderr[-2000:]}"
    outcomes = run.stdout.splitlines()[1::2]
    assert len(outcomes) == len(damaged)
    assert outcomes[:9] == ["refused"] * 9  # what is cut off is always noticed
    counted = collections.Counter(outcomes)
    assert counted["refused"] > len(damaged) / 2
    # Changed numbers in the weights are a model too: only the checksum tells.
    assert counted["ran"] + counted["ran, not finite"] + counted["failed"] > 0


@pytest.mark.parametrize("factor", [np.nan, np.inf, 1e30, 1e7])
def test_positions_that_cannot_be_are_missing(path, poses, factor):
    """Not finite, or over a million metres: as NaN, so a pose without any joint comes back about the origin."""
    denoise = Interpreter(str(path)).get_signature_runner("denoise")
    nowhere, missing = (np.full_like(poses[:3], value) for value in (factor, np.nan))
    found = denoise(joints=nowhere)["denoised"]
    np.testing.assert_array_equal(found, denoise(joints=missing)["denoised"])
    assert np.isfinite(found).all() and np.abs(found).max() < 5.0
    mixed = poses[:3].copy()
    mixed[:, 4] = factor
    as_missing = poses[:3].copy()
    as_missing[:, 4] = np.nan
    np.testing.assert_array_equal(denoise(joints=mixed)["denoised"], denoise(joints=as_missing)["denoised"])


@pytest.mark.parametrize(
    "shape, dtype",
    [
        ((0, 17, 3), "float32"),
        ((2, 16, 3), "float32"),
        ((2, 18, 3), "float32"),
        ((2, 17, 2), "float32"),
        ((0,), "float32"),
        ((2, 17, 3), "float64"),
        ((2, 17, 3), "int32"),
    ],
)
def test_wrong_inputs_are_errors_and_the_next_call_is_none(path, poses, shape, dtype):
    denoise = Interpreter(str(path)).get_signature_runner("denoise")
    expected = denoise(joints=poses[:3])["denoised"]
    with pytest.raises((RuntimeError, ValueError)):
        denoise(joints=np.zeros(shape, dtype))
    with pytest.raises(ValueError, match="Invalid Input name"):
        denoise(poses=poses[:3])
    np.testing.assert_array_equal(denoise(joints=poses[:3])["denoised"], expected)


def test_a_pose_without_a_batch_axis_is_never_right(path, poses):
    """LiteRT refuses it, or spreads it over axes as it likes: what comes out is wrong, which BUILD.md warns of."""
    denoise = Interpreter(str(path)).get_signature_runner("denoise")
    right = denoise(joints=poses[:1])["denoised"]
    try:
        found = denoise(joints=poses[0])["denoised"]
    except RuntimeError as error:
        assert "failed to" in str(error)
    else:
        assert found.shape == right.shape and not np.allclose(found, right, atol=0.1)


def test_a_huge_batch(exported, poses):
    """100,000 poses at once: the same as in small batches."""
    denoise = Interpreter(str(exported["litert"]), num_threads=2).get_signature_runner("denoise")
    many = np.resize(poses, (100_000, 17, 3))
    found = denoise(joints=many)["denoised"]
    np.testing.assert_allclose(found[-70:], denoise(joints=many[-70:])["denoised"], atol=1e-5, rtol=0)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("batch", [0, 2])
def test_a_fixed_batch_takes_no_other(exported, poses, batch):
    denoise = Interpreter(str(exported["litert_batch1"])).get_signature_runner("denoise")
    with pytest.raises(RuntimeError):
        denoise(joints=poses[:batch])
    assert denoise(joints=poses[:1])["denoised"].shape == (1, 17, 3)
