"""Work for processes that are killed: each is the same whenever it runs, and goes on or starts over after a stop.

The processes are forked off a server that has imported all this and done nothing yet: they start at once.
"""

import contextlib
import multiprocessing
import os
import pathlib
import sys
import unittest.mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import tensorflow as tf

from tfpose.datasets import shards, synthetic
from tfpose.errors import TfposeError
from tfpose.export import export
from tfpose.files import locked
from tfpose.models import load_model, save_model
from tfpose.skeleton import Skeleton
from tfpose.trainers.loop import Loop

with contextlib.suppress(ImportError):
    from tfpose.export.encode_dataset import encode_dataset

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["jobs"])


def train(workdir: pathlib.Path):
    """A line that is fitted to made-up points in 200 steps, with a checkpoint every 10."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Dense(1)])
    model.build((None, 3))

    def batches(start):
        def at(step):
            x = tf.random.stateless_normal([4, 3], tf.stack([tf.constant(7, tf.int64), step]))
            return {"x": x, "y": tf.reduce_sum(x, axis=1, keepdims=True)}

        return tf.data.Dataset.counter(start, dtype=tf.int64).map(at)

    def loss(batch, seed):
        shaken = batch["x"] + 0.1 * tf.random.stateless_normal(batch["x"].shape, seed)
        return tf.reduce_mean(tf.abs(model(shaken) - batch["y"])), {}

    options = {"checkpoint_every": 10, "log_every": 10, "progress": False, "compiled": False}
    with locked(workdir):
        loop = Loop(model, keras.optimizers.Adam(0.01), loss, batches, 200, 3, workdir, 4, **options)
        loop.run()
        save_model(model, workdir)


def write_shards(folder: pathlib.Path):
    """Eight shards of a made-up clip each."""
    clips = list(synthetic.clips(8, seed=1))
    named = {"name": "a", "skeleton": clips[0].skeleton, "shards": 8, "source": "b"}
    shards.write(folder, lambda number: [clips[number]], **named)


def export_model(keras_file: pathlib.Path, out: pathlib.Path):
    """A SavedModel of a model, verified by nobody."""
    export(load_model(keras_file), out, ["saved_model"])


def encode(clips: pathlib.Path, saved_model: pathlib.Path, out: pathlib.Path):
    """The codes of a folder of clips of `paper17`."""
    encode_dataset(clips, saved_model, out, reading_options={"skeleton": Skeleton.load("paper17")}, clips_per_shard=5)


def run(job, *arguments):
    """Runs a job in this process; it ends with status 3 and the message on stderr where the job is refused."""
    try:
        job(*arguments)
    except TfposeError as error:
        print(error, file=sys.stderr, flush=True)
        os._exit(3)


def start(job, *arguments):
    """A process at work."""
    process = PROCESSES.Process(target=run, args=(job, *arguments))
    # The server imports from there alone.
    with unittest.mock.patch.dict(os.environ, PYTHONPATH=os.pathsep.join(filter(None, sys.path))):
        process.start()
    return process
