"""The benchmark of the network on a GPU: on JAX' CPU, where JAX is installed, and saying that there is no GPU."""

import importlib.util
import json
import os
import pathlib
import subprocess
import sys

import pytest

PROGRAM = pathlib.Path(__file__).parents[2] / "benchmarks" / "gpu.py"


def run(*arguments):
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, str(PROGRAM), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600, env=environment)


def test_without_a_gpu_it_says_so(tmp_path):
    done = run(f"--out={tmp_path / 'gpu.json'}")
    assert done.returncode == 0, done.stderr
    assert "here: " in done.stdout and "skipped" in done.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_on_the_cpu(tmp_path):
    if importlib.util.find_spec("jax") is None:
        pytest.skip("jax is not installed")
    out = tmp_path / "gpu.json"
    done = run("--platform=cpu", "--batches=2", "--rounds=1", "--size=64", f"--out={out}")
    assert done.returncode == 0, done.stderr[-3000:]
    report = json.loads(out.read_text())
    assert [row["kind"] for row in report["rows"]] == ["encode", "denoise", "training step"]
    assert all(row["poses_per_second"] > 0 for row in report["rows"])
    assert report["limits"]["float32_flops"] > 0 and report["limits"]["bytes_per_second"] > 0
    assert "| training step | 2 |" in out.with_suffix(".md").read_text()
