"""Two worker processes on this machine take the steps that one takes, from the same batches."""

import contextlib
import json
import os
import pathlib
import socket
import subprocess
import sys

import numpy as np
import pytest
from test_loop import checkpointed, logged

import tfpose
from tfpose import cli
from tfpose.trainers import loop
from tfpose.trainers.loop import TrainingError

SCRIPT = pathlib.Path(__file__).with_name("two_workers.py")

pytestmark = pytest.mark.slow


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("localhost", 0))
        return [each.getsockname()[1] for each in sockets]


def run(workers: int, *arguments):
    """Runs the script in so many processes to its end."""
    addresses = [f"localhost:{port}" for port in free_ports(workers)]
    processes = []
    for index in range(workers):
        environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
        if workers > 1:
            task = {"type": "worker", "index": index}
            environment["TF_CONFIG"] = json.dumps({"cluster": {"worker": addresses}, "task": task})
        command = [sys.executable, SCRIPT, *arguments]
        processes.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT))
    try:
        said = [process.communicate(timeout=600)[0].decode() for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert not any(process.returncode for process in processes), "\n".join(text[-3000:] for text in said)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, stick_shards) -> dict[int, pathlib.Path]:
    """Number of workers -> folder with what they have trained."""
    folders = {workers: tmp_path_factory.mktemp(f"workers_{workers}") for workers in (1, 2)}
    for workers, folder in folders.items():
        run(workers, folder, stick_shards)
    return folders


@pytest.mark.parametrize("name", ["line", "default", "paper"])
def test_two_workers_end_with_the_weights_of_one(trained, name):
    """Also of the default configuration, whose poses share views in pairs across the halves of a batch."""
    one, two = (checkpointed(trained[workers] / name) for workers in (1, 2))
    assert one.keys() == two.keys() and one["step/.ATTRIBUTES/VARIABLE_VALUE"] == 12
    for variable, value in one.items():
        np.testing.assert_allclose(two[variable], value, atol=1e-5, rtol=1e-4, err_msg=variable)


@pytest.mark.parametrize("name", ["default", "paper"])
def test_the_loss_of_every_step_is_that_of_one_worker(trained, name):
    one, two = (logged(trained[workers] / name) for workers in (1, 2))
    assert one.keys() == two.keys() and "loss" in one
    for scalar, steps in one.items():
        assert two[scalar] == pytest.approx(steps, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("name", ["default", "paper"])
def test_the_chief_alone_writes(trained, name):
    one, two = (sorted(path.name for path in (trained[workers] / name).iterdir()) for workers in (1, 2))
    assert one == two == ["checkpoints", "config.json", "model.keras", "tensorboard"]
    for workers in (1, 2):
        assert len(list((trained[workers] / name / "tensorboard").iterdir())) == 1
    moved = [weights.numpy() for weights in tfpose.load_model(trained[2] / name).weights]
    assert all(np.isfinite(weights).all() for weights in moved)


@pytest.mark.parametrize("described", ["two hosts", "{}", '{"cluster": {"worker": []}}'])
def test_a_wrong_tf_config_is_one_error(monkeypatch, capsys, described):
    monkeypatch.setenv("TF_CONFIG", described)
    assert cli.main(["pretrain", "--data=synthetic"]) == 1
    (message,) = capsys.readouterr().err.splitlines()
    assert message.startswith("tfpose pretrain: TF_CONFIG describes no workers (") and '"task"' in message


def test_each_replica_takes_its_share():
    values = np.arange(12).reshape(12, 1)
    shares = [loop._share(values, replica, 3).numpy()[:, 0].tolist() for replica in range(3)]
    assert shares == [[0, 3, 6, 9], [1, 4, 7, 10], [2, 5, 8, 11]]
    with pytest.raises(TrainingError, match="12 samples of a batch cannot be shared evenly by 5 replicas"):
        loop._share(values, 0, 5)
