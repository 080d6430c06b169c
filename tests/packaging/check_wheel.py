"""Builds the wheel, and uses it in clean environments outside of the repository. Called by `make test-wheel`.

.venv/bin/python tests/packaging/check_wheel.py
"""

from __future__ import annotations

import pathlib
import subprocess
import sys
import tempfile
import venv

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
USE = """
import pathlib, sys
import numpy as np
import tfpose

assert "site-packages" in tfpose.__file__, tfpose.__file__
model = tfpose.PoseAutoencoder.from_preset("sebirenet_cmu")
poses = np.random.default_rng(0).normal(0, 0.3, (3, 17, 3)).astype("float32")
poses[0, 5] = np.nan
clean = model.denoise(poses)
assert type(clean) is np.ndarray and clean.shape == (3, 17, 3) and np.isfinite(clean).all()
assert model.encode(poses)["view_code"].shape == (3, 3, 3)
np.savez("poses.npz", positions=poses)
"""


def run(*command, folder: pathlib.Path, fails_with: str | None = None) -> str:
    """Runs a command outside of the repository; where it is to fail, that must be with one line that says so."""
    found = subprocess.run([str(part) for part in command], cwd=folder, capture_output=True, text=True, check=False)
    said = found.stdout + found.stderr
    if fails_with is None and found.returncode:
        sys.exit(f"{' '.join(map(str, command))} ended with {found.returncode}:\n{said}")
    if fails_with is not None:
        lines = [line for line in found.stderr.splitlines() if not line.startswith(("WARNING: All log", "I0000"))]
        if found.returncode != 1 or len(lines) != 1 or fails_with not in lines[0]:
            sys.exit(f"{' '.join(map(str, command))} must say '{fails_with}' in one line and end with 1, got:\n{said}")
    return said


def environment(folder: pathlib.Path, *packages: str) -> pathlib.Path:
    """The folder of programs of a new environment with these packages."""
    venv.create(folder, with_pip=True)
    programs = folder / ("Scripts" if sys.platform == "win32" else "bin")
    run(programs / "python", "-m", "pip", "install", "--quiet", *packages, folder=folder)
    return programs


def main():
    with tempfile.TemporaryDirectory(prefix="tfpose_wheel_") as name:
        folder = pathlib.Path(name)
        tools = environment(folder / "tools", "build==1.6.1", "twine==7.0.0")
        run(tools / "python", "-m", "build", "--outdir", folder / "dist", REPOSITORY, folder=folder)
        run(tools / "twine", "check", "--strict", *(folder / "dist").iterdir(), folder=folder)
        (wheel,) = (folder / "dist").glob("*.whl")
        print(f"built {wheel.name}", flush=True)

        whole = environment(folder / "whole", f"{wheel}[cpu]")
        run(whole / "python", "-c", USE, folder=folder)
        tfpose = whole / "tfpose"
        version = run(tfpose, "--version", folder=folder).strip()
        assert wheel.name.startswith(f"tfpose-{version}-"), version
        assert "denoise" in run(tfpose, "--help", folder=folder)
        denoise = ("denoise", "poses.npz", "--skeleton", "paper17", "--model", "sebirenet_cmu", "--out", "clean.npz")
        run(tfpose, *denoise, "--plot", "clean.png", folder=folder)
        run(tfpose, "export", "--model", "sebirenet_cmu", "--out", "exported", "--data", "synthetic", folder=folder)
        assert (folder / "exported" / "model.tflite").is_file() and (folder / "clean.png").is_file()
        pretrain = ("pretrain", "--config", "default", "--data", "synthetic", "--workdir", "run")
        run(tfpose, *pretrain, folder=folder, fails_with="pip install --no-deps tensorflow-graphics")
        print("used whole", flush=True)

        # Without TensorFlow: the LiteRT file still runs, and what needs TensorFlow says so.
        needed = ("numpy", "scipy", "absl-py", "ml_collections", "wrapt", "tqdm", "ai-edge-litert")
        light = environment(folder / "light", *needed)
        run(light / "python", "-m", "pip", "install", "--quiet", "--no-deps", wheel, folder=folder)
        edge = "import numpy as np, tfpose.lite as lite; m = lite.Model('exported/model.tflite'); "
        run(light / "python", "-c", edge + "print(m.denoise(np.zeros((2, 17, 3), 'f')).shape)", folder=folder)
        run(light / "tfpose", "demo", folder=folder, fails_with="pip install 'tfpose[cpu]'")
        print("used without TensorFlow", flush=True)


if __name__ == "__main__":
    main()
