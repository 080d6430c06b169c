"""Training from shards: stopped and started again, and on shards that are damaged."""

import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfpose import cli
from tfpose.trainers.evaluators import denoise

SETTINGS = {
    "steps": 12,
    "batch": 50,
    "checkpoint_every": 4,
    "evaluate_every": 6,
    "model.units": 4,
    "model.code_size": 4,
    "model.decoder_units": 4,
    "optimizer.warmup_steps": 0,
}


def train(shards, workdir) -> int:
    settings = [f"--config.{name}={value}" for name, value in SETTINGS.items()]
    return cli.main(
        [
            "pretrain",
            "--config=paper",
            f"--data={shards}",
            f"--workdir={workdir}",
            f"--model_skeleton={shards.parent / 'stick.json'}",
            *settings,
        ]
    )


@pytest.mark.slow
def test_a_stopped_run_ends_with_the_same_weights(tmp_path, stick_shards, monkeypatch, capsys):
    measured = []

    def summary(model, data):
        measured.append(len(data.test))
        if len(measured) == 1:
            raise KeyboardInterrupt
        return {}

    monkeypatch.setattr(denoise, "summary", summary)
    assert train(stick_shards, tmp_path / "run") == 130
    assert tf.train.latest_checkpoint(tmp_path / "run" / "checkpoints").endswith("ckpt-4")
    for workdir in ("run", "whole"):
        assert train(stick_shards, tmp_path / workdir) == 0
        assert "330 poses of synthetic (made by tfpose.datasets.synthetic)" in capsys.readouterr().out
    assert set(measured) == {165}  # of a set larger than memory its first shard
    models = [keras.saving.load_model(tmp_path / workdir / "model.keras") for workdir in ("run", "whole")]
    for one, other in zip(*(model.weights for model in models), strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy(), err_msg=one.path)


def test_a_shard_with_changed_bytes_is_one_error(tmp_path, stick_shards, capsys):
    folder = shutil.copytree(stick_shards.parent, tmp_path / "shards") / stick_shards.name
    path = folder / "clips-00001-of-00002.tfrecord"
    content = bytearray(path.read_bytes())
    content[5000] ^= 1
    path.write_bytes(content)
    assert train(folder, tmp_path / "run") == 1
    (message,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("tfpose pretrain: ")]
    assert message.startswith(f"tfpose pretrain: {path}: ") and message.endswith("let tfpose shard make it again")
