"""Trains on two logical CPUs in a process of its own and writes what it found to FOLDER/found.npz; see test_loop.py."""

import pathlib
import sys

import keras
import numpy as np
import tensorflow as tf

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)

from test_loop import infinite_at, line_loop  # noqa: E402  (devices are split first)

from tfpose.datasets import synthetic  # noqa: E402
from tfpose.datasets.pose_set import PoseSet, complete_poses  # noqa: E402
from tfpose.models import PoseAutoencoder, load_model  # noqa: E402
from tfpose.seeds import step_seed  # noqa: E402
from tfpose.skeleton import Skeleton  # noqa: E402
from tfpose.trainers.configs import default  # noqa: E402
from tfpose.trainers.loop import TrainingError  # noqa: E402
from tfpose.trainers.pretrain import pretrain, siamese_loss  # noqa: E402

STICK = Skeleton(
    "stick", ("spine_base", "head", "wrist_left", "wrist_right"), (-1, 0, 0, 0), (("wrist_left", "wrist_right"),)
)


def main(folder: pathlib.Path):
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    assert strategy.num_replicas_in_sync == 2

    one = line_loop(folder / "one")
    one.run()
    with strategy.scope():
        line_loop(folder / "two", 6).run()
        two = line_loop(folder / "two")
        assert two.run() == 6

    with strategy.scope():
        loop = line_loop(folder / "spoilt", spoil=infinite_at(7))
        try:
            loop.run()
        except TrainingError:
            refused_shape = np.load(folder / "spoilt" / "nonfinite_step_7.npz")["x"].shape

    config = default.get_config()
    config.update({"steps": 30, "batch": 8, "evaluate_every": 0})
    config.model.update({"units": 4, "code_size": 4, "decoder_units": 4, "refinements": 0})
    config.optimizer.update({"learning_rate": 1e-2, "warmup_steps": 0})
    poses = PoseSet("made up", complete_poses(synthetic.clips(2, seed=1), STICK), STICK)
    with strategy.scope():
        model = pretrain(config, poses, folder / "pretrained", progress=False)
    replicas = [
        np.concatenate([strategy.experimental_local_results(v.value)[replica].numpy().ravel() for v in model.weights])
        for replica in range(2)
    ]
    loaded = load_model(folder / "pretrained")

    keras.utils.set_random_seed(config.seed)
    untrained = PoseAutoencoder(STICK, **config.model.to_dict())
    untrained.build()
    (batch,) = poses.batches(64, seed=9).take(1)
    losses = [siamese_loss(each, batch, step_seed(9, 9), config)[0].numpy() for each in (untrained, loaded)]

    np.savez(
        folder / "found.npz",
        replicas=replicas,
        losses=losses,
        line_one=one.model.get_weights()[0],
        line_two=two.model.get_weights()[0],
        drawn=drawn_by_each(strategy, folder / "drawn"),
        refused_shape=refused_shape,
        loaded=np.concatenate([v.numpy().ravel() for v in loaded.weights]),
    )


def drawn_by_each(strategy, workdir) -> list[float]:
    """A number that each replica draws in its first step; the mean over replicas is all that leaves the loop."""
    seen = []
    with strategy.scope():
        loop = line_loop(workdir, 1)
        plain = loop.loss

        def loss(batch, seed):
            number = tf.random.stateless_uniform([], seed)
            error, _ = plain(batch, seed)
            return error, {"mean": number, "mean of squares": number**2}

        loop.loss = loss
        loop.log_every = 1
        loop._write = lambda scalars, step: seen.append((float(scalars["mean"]), float(scalars["mean of squares"])))
        loop.run()
    mean, mean_of_squares = seen[0]
    half = np.sqrt(max(mean_of_squares - mean**2, 0.0))
    return [mean - half, mean + half] if half > 1e-4 else [mean, mean]


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
