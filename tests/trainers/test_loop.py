"""The training loop: stopping and going on, refusals, what it writes, and strategies."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfpose import cli
from tfpose.errors import TfposeError
from tfpose.seeds import step_seed
from tfpose.trainers.loop import Loop, TrainingError

TRUE_WEIGHTS = np.float32([[2.0], [-1.0], [0.5]])


def line_loop(workdir, steps=12, *, outputs=1, optimizer=None, spoil=None, noise=0.0, **options) -> Loop:
    """A linear regression; `spoil(x, y, step)` may change a batch."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Dense(outputs)])
    model.build((None, 3))

    def batches(start):
        def at(step):
            x = tf.random.stateless_normal([4, 3], tf.stack([tf.constant(7, tf.int64), step]))
            y = tf.matmul(x, TRUE_WEIGHTS)
            return spoil(x, y, step) if spoil else {"x": x, "y": y}

        return tf.data.Dataset.counter(start, dtype=tf.int64).map(at)

    def loss(batch, seed):
        shaken = batch["x"] + noise * tf.random.stateless_normal(batch["x"].shape, seed)
        error = tf.reduce_mean(tf.abs(model(shaken) - batch["y"]))
        return error, {"error": error, "fine": tf.constant(1.0)}

    return Loop(
        model=model,
        optimizer=optimizer or keras.optimizers.Adam(0.05),
        loss=loss,
        batches=batches,
        steps=steps,
        seed=3,
        workdir=pathlib.Path(workdir),
        poses_per_step=4,
        **{"checkpoint_every": 5, "log_every": 4, "progress": False, **options},
    )


def checkpointed(workdir) -> dict[str, np.ndarray]:
    """Every tensor of the last checkpoint: weights, the optimizer's state and the step."""
    reader = tf.train.load_checkpoint(tf.train.latest_checkpoint(pathlib.Path(workdir) / "checkpoints"))
    names = [name for name in reader.get_variable_to_shape_map() if not name.startswith("_CHECKPOINTABLE")]
    return {name: reader.get_tensor(name) for name in names}


def assert_equal_to_the_bit(one: dict, other: dict):
    assert one.keys() == other.keys()
    for name, value in one.items():
        np.testing.assert_array_equal(value, other[name], err_msg=name, strict=True)


def logged(workdir) -> dict[str, dict[int, float]]:
    """TensorBoard's scalars as its own reader sees them: name -> step -> value."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(pathlib.Path(workdir) / "tensorboard")).Reload()
    tensors = {name: events.Tensors(name) for name in events.Tags()["tensors"]}
    return {name: {e.step: float(tf.make_ndarray(e.tensor_proto)) for e in found} for name, found in tensors.items()}


# --- stopping and going on


@pytest.mark.slow
def test_a_killed_run_goes_on_as_if_nothing_had_been(tmp_path, pretrained, tiny_pretrain):
    """SIGKILL at step 25, after the checkpoint of step 20; `pretrained` is the same run, uninterrupted."""
    workdir, at_step_25 = tmp_path / "run", tmp_path / "at_step_25"
    script = f"""
import pathlib, time
from tfpose import cli
from tfpose.trainers.evaluators import denoise
from tfpose.seeds import step_seed

def wait_for_the_kill(model, poses):
    pathlib.Path({str(at_step_25)!r}).touch()
    time.sleep(3600)

denoise.summary = wait_for_the_kill
cli.main({tiny_pretrain(workdir)!r})
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.DEVNULL) as process:
        try:
            while not at_step_25.exists():
                assert process.poll() is None, "the run ended before it could be killed"
                time.sleep(0.1)
        finally:
            process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert not (workdir / "model.keras").exists()
    assert tf.train.latest_checkpoint(workdir / "checkpoints").endswith("ckpt-20")
    # A kill while a checkpoint is written leaves such parts.
    whole = (workdir / "checkpoints" / "ckpt-20.data-00000-of-00001").read_bytes()
    (workdir / "checkpoints" / "ckpt-30.data-00000-of-00001").write_bytes(whole[:1000])

    assert cli.main(tiny_pretrain(workdir)) == 0
    resumed, uninterrupted = checkpointed(workdir), checkpointed(pretrained)
    assert uninterrupted["step/.ATTRIBUTES/VARIABLE_VALUE"] == 40
    assert any("optimizer/_momentums" in name or "optimizer/_variables" in name for name in uninterrupted)
    assert_equal_to_the_bit(resumed, uninterrupted)
    models = [keras.saving.load_model(folder / "model.keras") for folder in (workdir, pretrained)]
    for one, other in zip(*(model.weights for model in models), strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


@pytest.mark.parametrize("stop", [5, 7, 12])
def test_any_step_is_a_good_place_to_stop(tmp_path, stop):
    """Randomness in the step, a moving learning rate and momentum: all go on where they were."""

    def make(workdir):
        rate = keras.optimizers.schedules.CosineDecay(0.1, 12)
        return line_loop(workdir, noise=0.1, optimizer=keras.optimizers.SGD(rate, momentum=0.9))

    assert make(tmp_path / "whole").run() == 0
    interrupted = make(tmp_path / "parts")
    interrupted.steps = stop
    interrupted.run()
    assert make(tmp_path / "parts").run() == stop
    one, other = checkpointed(tmp_path / "whole"), checkpointed(tmp_path / "parts")
    for numbers in (one, other):  # of saves, which differs by the one at the stop
        numbers.pop("save_counter/.ATTRIBUTES/VARIABLE_VALUE")
    assert_equal_to_the_bit(one, other)


def test_the_seed_matters_only_to_what_is_random(tmp_path):
    weights = {}
    for seed, noise in ((3, 0.1), (4, 0.1), (3, 0.0), (4, 0.0)):
        loop = line_loop(tmp_path / f"{seed}_{noise}", steps=5, noise=noise)
        loop.seed = seed
        loop.run()
        weights[seed, noise] = loop.model.get_weights()[0]
    assert (weights[3, 0.1] != weights[4, 0.1]).all()
    np.testing.assert_array_equal(weights[3, 0.0], weights[4, 0.0])


def test_a_finished_run_is_left_alone(tmp_path):
    finished = line_loop(tmp_path, steps=6)
    finished.run()
    before = checkpointed(tmp_path)
    again = line_loop(tmp_path, steps=6)
    assert again.run() == 6
    assert_equal_to_the_bit(checkpointed(tmp_path), before)
    np.testing.assert_array_equal(again.model.get_weights()[0], finished.model.get_weights()[0])


def test_it_learns_and_keeps_two_checkpoints(tmp_path):
    loop = line_loop(tmp_path, steps=300, checkpoint_every=50)
    loop.run()
    np.testing.assert_allclose(loop.model.get_weights()[0], TRUE_WEIGHTS, atol=0.1)
    kept = sorted(path.name for path in (tmp_path / "checkpoints").glob("*.index"))
    assert kept == ["ckpt-250.index", "ckpt-300.index"]


# --- losses that are not finite


def infinite_at(bad_step):
    def spoil(x, y, step):
        return {"x": x, "y": tf.where(step == bad_step, tf.fill([4, 1], float("inf")), y)}

    return spoil


def test_an_infinite_loss_stops_the_run_and_saves_the_batch(tmp_path):
    loop = line_loop(tmp_path, spoil=infinite_at(7))
    with pytest.raises(TrainingError, match=r"the loss is inf at step 7 .*not finite: error") as caught:
        loop.run()
    path = tmp_path / "nonfinite_step_7.npz"
    assert str(path) in str(caught.value) and isinstance(caught.value, TfposeError)
    with np.load(path) as saved:
        assert saved["step"] == 7 and saved["seed"] == 3
        assert np.isinf(saved["y"]).all() and saved["x"].shape == (4, 3)
        # Step and seed are all that is needed to see it again.
        (batch,) = loop.batches(int(saved["step"])).take(1)
        np.testing.assert_array_equal(saved["x"], batch["x"])
    assert tf.train.latest_checkpoint(tmp_path / "checkpoints").endswith("ckpt-5")
    assert all(np.isfinite(value).all() for value in checkpointed(tmp_path).values())


def test_a_run_goes_on_once_the_batch_is_mended(tmp_path):
    with pytest.raises(TrainingError):
        line_loop(tmp_path, spoil=infinite_at(7)).run()
    assert line_loop(tmp_path).run() == 5
    line_loop(tmp_path / "clean").run()
    assert_equal_to_the_bit(checkpointed(tmp_path), checkpointed(tmp_path / "clean"))


@pytest.mark.parametrize("bad_step", [9, 11])
def test_weights_that_are_not_finite_are_never_saved(tmp_path, bad_step):
    """The loss of the step before a checkpoint is finite, its gradient is not."""

    def spoil(x, y, step):
        return {"x": x, "y": y, "factor": tf.fill([4], tf.where(step == bad_step, 0.0, 1.0))}

    loop = line_loop(tmp_path, spoil=spoil)
    plain = loop.loss

    def loss(batch, seed):
        # The derivative of a root at zero.
        roots = tf.sqrt(batch["factor"] * tf.reduce_sum(tf.square(loop.model.trainable_variables[0].value)))
        error, terms = plain(batch, seed)
        return error + 1e-3 * tf.reduce_mean(roots), terms

    loop.loss = loss
    with pytest.raises(TrainingError, match=f"weights are not finite after step {bad_step}") as caught:
        loop.run()
    path = tmp_path / f"nonfinite_step_{bad_step}.npz"
    assert str(path) in str(caught.value)
    with np.load(path) as saved:
        assert saved["step"] == bad_step and (saved["factor"] == 0).all()
    assert all(np.isfinite(value).all() for value in checkpointed(tmp_path).values())


# --- checkpoints that cannot be used


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> pathlib.Path:
    workdir = tmp_path_factory.mktemp("finished")
    line_loop(workdir).run()
    return workdir


@pytest.fixture
def workdir(tmp_path, finished) -> pathlib.Path:
    """Of a run with a checkpoint at step 12."""
    return shutil.copytree(finished, tmp_path / "run")


def cut_off(path: pathlib.Path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: cut_off(folder / "ckpt-12.data-00000-of-00001"),
        lambda folder: cut_off(folder / "ckpt-12.index"),
        lambda folder: (folder / "ckpt-12.data-00000-of-00001").unlink(),
        lambda folder: (folder / "ckpt-12.index").write_bytes(b"no checkpoint at all"),
    ],
    ids=["data cut off", "index cut off", "data missing", "index foreign"],
)
def test_a_damaged_checkpoint_is_passed_over_and_named_where_it_is_the_only_one(workdir, tmp_path, damage, capsys):
    damage(workdir / "checkpoints")
    shutil.copytree(workdir, tmp_path / "other")
    assert 0 < line_loop(tmp_path / "other", steps=20).run() < 12
    assert "ckpt-12 is damaged; training goes on from step" in capsys.readouterr().err
    line_loop(tmp_path / "whole", steps=20).run()
    found, expected = (checkpointed(tmp_path / name) for name in ("other", "whole"))
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)
    for path in (workdir / "checkpoints").glob("ckpt-*"):
        if not path.name.startswith("ckpt-12"):
            path.write_bytes(b"")
    with pytest.raises(TrainingError) as caught:
        line_loop(workdir, steps=20).run()
    message = str(caught.value)
    assert message.startswith(f"{workdir}/checkpoints/ckpt-12: ")
    assert "damaged or belongs to another configuration" in message and f"delete {workdir}" in message
    assert "\n" not in message and len(message) < 800


@pytest.mark.parametrize(
    "change", [{"outputs": 2}, {"optimizer": keras.optimizers.SGD(0.1)}], ids=["another model", "another optimizer"]
)
def test_a_foreign_checkpoint_is_named(workdir, change):
    with pytest.raises(TrainingError, match=r"checkpoints/ckpt-12: .* does not fit the model") as caught:
        line_loop(workdir, steps=20, **change).run()
    assert "\n" not in str(caught.value)


# --- what it shows


def test_tensorboard_gets_the_scalars(tmp_path):
    loop = line_loop(tmp_path, evaluate=lambda step: {"held_out": 2.0 * step}, evaluate_every=6)
    loop.run()
    scalars = logged(tmp_path)
    assert scalars.keys() == {"loss", "error", "fine", "learning_rate", "held_out"}
    for name in ("loss", "error", "fine", "learning_rate"):
        assert sorted(scalars[name]) == [4, 8, 12]
    assert scalars["loss"] == pytest.approx(scalars["error"])
    assert set(scalars["fine"].values()) == {1.0}
    assert scalars["learning_rate"][12] == pytest.approx(0.05)
    assert scalars["held_out"] == {6: 12.0, 12: 24.0}


def test_a_resumed_run_adds_to_the_same_board(tmp_path):
    line_loop(tmp_path, steps=8).run()
    line_loop(tmp_path, steps=16).run()
    assert sorted(logged(tmp_path)["loss"]) == [4, 8, 12, 16]


@pytest.mark.parametrize(
    ("every", "steps", "expected"), [(4, 10, [4, 8, 10]), (4, 8, [4, 8]), (0, 5, [5]), (99, 5, [5])]
)
def test_evaluation_comes_at_its_steps_and_at_the_end(tmp_path, every, steps, expected):
    seen = []
    line_loop(tmp_path, steps, evaluate=lambda step: seen.append(step) or {}, evaluate_every=every).run()
    assert seen == expected


def test_the_progress_bar_shows_poses_and_results(tmp_path, capsys):
    line_loop(tmp_path, evaluate=lambda step: {"held_out_mm": 12.34}, evaluate_every=6, progress=True).run()
    shown = capsys.readouterr().err
    assert "48.0/48.0" in shown and "pose/s" in shown and "loss=" in shown and "held_out_mm=12.34" in shown


# --- parts and strategies


@pytest.mark.parametrize("compiled", [True, False])
def test_the_parts_of_a_batch_take_the_step_of_the_whole(tmp_path, compiled):
    def at(seed, x):
        return {**x, "x": x["x"] + tf.random.stateless_normal(x["x"].shape, seed)}

    weights, terms = {}, {}
    for parts in (1, 2, 4):
        loop = line_loop(tmp_path / str(parts), prepare=lambda batch, seed: at(seed, batch), parts=parts, log_every=1)
        loop.compiled = compiled
        loop.run()
        (weights[parts], _), terms[parts] = loop.model.get_weights(), logged(loop.workdir)
    for parts in (2, 4):
        np.testing.assert_allclose(weights[parts], weights[1], rtol=1e-5)
        assert terms[parts].keys() == terms[1].keys()
        for name, steps in terms[1].items():
            assert terms[parts][name] == pytest.approx(steps, rel=1e-4)


def test_the_parts_of_a_batch_draw_their_own_randomness(tmp_path):
    loop = line_loop(tmp_path, 3, parts=2, log_every=1, compiled=False)  # XLA draws other numbers
    plain = loop.loss
    loop.loss = lambda batch, seed: (plain(batch, seed)[0], {"drawn": tf.random.stateless_uniform([], seed)})
    loop.run()
    draws = [float(tf.random.stateless_uniform([], step_seed(3, number))) for number in range(6)]
    means = {step + 1: (draws[2 * step] + draws[2 * step + 1]) / 2 for step in range(3)}
    assert logged(tmp_path)["drawn"] == pytest.approx(means)


STRATEGY = pathlib.Path(__file__).with_name("two_replicas.py")


@pytest.fixture(scope="module")
def two_replicas(tmp_path_factory) -> dict[str, np.ndarray]:
    """What `two_replicas.py` found; devices can be split only before TensorFlow starts, hence a process of its own."""
    folder = tmp_path_factory.mktemp("two_replicas")
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([sys.executable, STRATEGY, folder], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    yield dict(np.load(folder / "found.npz"))
    shutil.rmtree(folder)


@pytest.mark.slow
def test_replicas_stay_equal(two_replicas):
    replicas = two_replicas["replicas"]  # [2, all weights]
    assert replicas.shape[0] == 2
    np.testing.assert_array_equal(replicas[0], replicas[1])


@pytest.mark.slow
def test_two_replicas_learn(two_replicas):
    before, after = two_replicas["losses"]
    assert after < 0.9 * before


@pytest.mark.slow
def test_two_replicas_take_the_step_that_one_takes(two_replicas):
    """Without randomness half a batch each, averaged, is the whole batch."""
    np.testing.assert_allclose(two_replicas["line_two"], two_replicas["line_one"], rtol=1e-5)


@pytest.mark.slow
def test_two_replicas_draw_their_own_randomness(two_replicas):
    one, other = two_replicas["drawn"]
    assert one != other


@pytest.mark.slow
def test_the_whole_batch_of_two_replicas_is_saved(two_replicas):
    assert two_replicas["refused_shape"].tolist() == [4, 3]


@pytest.mark.slow
def test_a_model_trained_by_two_replicas_can_be_loaded(two_replicas):
    np.testing.assert_array_equal(two_replicas["loaded"], two_replicas["replicas"][0])
