"""What XLA compiles is kept and found again."""

import os
import pathlib
import subprocess
import sys

import pytest

from tfpose.compilation import prepare_xla

_PROGRAM = """
import sys
from tfpose.compilation import prepare_xla

print(prepare_xla(sys.argv[1]))
import tensorflow as tf

print(tf.function(lambda x: tf.tanh(x) + 1.0, jit_compile=True)(tf.zeros([3])).numpy().tolist())
"""


@pytest.fixture
def environment(monkeypatch):
    """Without what other settings say."""
    for name in ("TFPOSE_CACHE", "TF_XLA_FLAGS", "XLA_FLAGS", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.mark.slow
def test_a_second_start_finds_what_the_first_compiled(tmp_path):
    folder_of_spaces = tmp_path / 'a "cache" with \\ and spaces'
    environment = {name: value for name, value in os.environ.items() if name != "TF_XLA_FLAGS"}
    found = []
    for _ in range(2):
        run = subprocess.run(
            [sys.executable, "-c", _PROGRAM, folder_of_spaces], env=environment, capture_output=True, text=True
        )
        assert run.returncode == 0, run.stderr
        folder, result = run.stdout.splitlines()
        assert result == "[1.0, 1.0, 1.0]"
        found.append({file.name: file.stat().st_mtime_ns for file in pathlib.Path(folder).iterdir()})
    assert found[0] and found[0] == found[1]


def test_where_it_is_kept(environment, tmp_path):
    environment.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = prepare_xla()
    assert path.parent == tmp_path / "tfpose" and path.is_dir()
    assert os.environ["TF_XLA_FLAGS"] == f"--tf_xla_persistent_cache_directory={path}"
    environment.setenv("TF_XLA_FLAGS", "--tf_xla_auto_jit=1")
    environment.setenv("TFPOSE_CACHE", str(tmp_path / "mine"))
    path = prepare_xla()
    assert path.parent == tmp_path / "mine"
    assert os.environ["TF_XLA_FLAGS"] == f"--tf_xla_auto_jit=1 --tf_xla_persistent_cache_directory={path}"


def test_a_user_without_a_folder_keeps_nothing(environment, tmp_path):
    def nowhere(path):
        raise RuntimeError("Could not determine home directory.")

    environment.setattr(pathlib.Path, "expanduser", nowhere)
    assert prepare_xla() is None and "TF_XLA_FLAGS" not in os.environ
    environment.setenv("TFPOSE_CACHE", str(tmp_path))
    assert prepare_xla().parent == tmp_path


def test_other_flags_of_xla_have_another_folder(environment, tmp_path):
    environment.setenv("XLA_FLAGS", "--xla_backend_optimization_level=0")
    one = prepare_xla(tmp_path)
    environment.delenv("TF_XLA_FLAGS")
    environment.setenv("XLA_FLAGS", "--xla_backend_optimization_level=3")
    assert prepare_xla(tmp_path) != one


@pytest.mark.skipif(pathlib.Path("/dev/nvidia0").exists(), reason="a machine with a GPU")
def test_xla_compiles_quickly_unless_told_otherwise(environment, tmp_path):
    for given, expected in (
        ("", "--xla_backend_optimization_level=1"),
        ("--xla_dump_to=here", "--xla_dump_to=here --xla_backend_optimization_level=1"),
        ("--xla_backend_optimization_level=3", "--xla_backend_optimization_level=3"),
    ):
        environment.setenv("XLA_FLAGS", given)
        prepare_xla(tmp_path)
        assert os.environ["XLA_FLAGS"] == expected


def test_nothing_is_kept(environment, tmp_path):
    (tmp_path / "file").touch()
    assert prepare_xla(tmp_path / "file") is None  # cannot be a folder
    environment.setenv("TFPOSE_CACHE", "")
    assert prepare_xla() is None
    assert "TF_XLA_FLAGS" not in os.environ
    environment.setenv("TF_XLA_FLAGS", "--tf_xla_persistent_cache_directory=/somebody/elses")
    assert prepare_xla(tmp_path) is None
    assert os.environ["TF_XLA_FLAGS"] == "--tf_xla_persistent_cache_directory=/somebody/elses"
