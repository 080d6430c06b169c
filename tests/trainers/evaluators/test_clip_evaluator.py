"""Filters, kinds of noise, and the evaluator of clips."""

import numpy as np
import pytest

from tfpose import metrics
from tfpose.datasets import splits
from tfpose.datasets.motion_set import MotionSet
from tfpose.errors import DataError, TfposeError
from tfpose.formats.clip import Clip
from tfpose.formats.samples import sample
from tfpose.skeleton import Skeleton
from tfpose.trainers.evaluators import clips as evaluator
from tfpose.trainers.evaluators import filters, look_ahead, recognise_cleaned, recordings


@pytest.fixture(scope="module")
def smooth() -> np.ndarray:
    """Two seconds of slow movement, `[60, 17, 3]`."""
    random = np.random.default_rng(0)
    phase, size = random.uniform(0, 6, (17, 3)), random.uniform(0.1, 0.3, (17, 3))
    return size * np.sin(2 * np.pi * 0.5 * np.arange(60)[:, None, None] / 30 + phase)


def test_filters_take_jitter_away(smooth):
    noisy = smooth + 0.02 * np.random.default_rng(1).normal(size=smooth.shape)
    before = metrics.mpjpe(noisy, smooth)
    for name, method in filters.filters([smooth], 30.0).items():
        cleaned = method(noisy, 30.0)
        assert cleaned.shape == smooth.shape
        error = metrics.mpjpe(cleaned, smooth)
        assert error == pytest.approx(before) if name == "interpolation" else error < 0.9 * before, name
        if name not in ("interpolation", "median"):
            assert metrics.acceleration_error(cleaned, smooth) < 0.7 * metrics.acceleration_error(noisy, smooth), name


def test_filters_fill_gaps(smooth):
    gap = np.array(smooth)
    gap[20:24, 5], gap[:2, 6], gap[40] = np.nan, np.nan, np.nan
    for name, method in filters.filters([smooth], 30.0).items():
        assert np.isfinite(method(gap, 30.0)).all(), name


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("frames", [1, 2, 4, 7])
def test_filters_take_short_clips(smooth, frames):
    for name, method in filters.filters([smooth], 30.0).items():
        cleaned = method(smooth[:frames], 30.0)
        assert cleaned.shape == (frames, 17, 3) and np.abs(cleaned - smooth[:frames]).max() < 0.1, name


def test_causal_filters_ignore_the_future(smooth):
    changed = np.array(smooth)
    changed[40:] += 1.0
    made = filters.filters([smooth], 30.0)
    for name, method in made.items():
        same = np.allclose(method(smooth, 30.0)[:35], method(changed, 30.0)[:35], atol=1e-9)
        assert same or name not in filters.CAUSAL, name


def test_the_smoother_of_a_line_is_the_line():
    line = np.arange(40)[:, None, None] * np.ones((1, 2, 3)) / 30
    np.testing.assert_allclose(filters.kalman(line, 30.0)[10:], line[10:], atol=1e-3)


def test_kinds_of_noise(smooth):
    skeleton = Skeleton.load("paper17")
    kinds = evaluator.noises(skeleton)
    changed = {name: noise(smooth.astype(np.float32), 30.0, 3) for name, noise in kinds.items()}
    np.testing.assert_array_equal(changed["clean"], smooth.astype(np.float32))
    assert metrics.mpjpe(changed["jitter of 15 mm"], smooth) == pytest.approx(0.0239, rel=0.05)
    assert metrics.acceleration_error(changed["jitter of 15 mm"], smooth) == pytest.approx(0.0586, rel=0.05)
    assert np.isnan(changed["an arm missing 10 of 20 frames"]).any(-1).sum() == 30 * 3
    assert np.isnan(changed["3 of 10 frames missing"]).any((1, 2)).sum() == 18
    moved = np.abs(changed["legs exchanged 5 of 20 frames"] - smooth).max(-1) > 1e-5
    assert set(np.flatnonzero(moved.any(0))) == {
        skeleton.index(f"{j}_{s}") for j in ("hip", "knee", "ankle") for s in ("left", "right")
    }
    off = np.linalg.norm(changed["2 joints off for 8 frames"] - smooth, axis=-1)
    assert ((off > 0.1).sum(1) == 2).all()


class NothingDone:
    """Stands for a model that changes nothing."""

    autoencoder = property(lambda self: self)

    def denoise(self, poses):
        return np.nan_to_num(poses)

    def denoise_clip(self, clip, rate, causal=False):
        return {"denoised": np.nan_to_num(clip)}


def test_measured_beside_the_filters(monkeypatch):
    skeleton = Skeleton.load("paper17")
    motion = splits.motion("synthetic", "test", skeleton=skeleton)
    few = MotionSet("few", motion.clips[:2], motion.rate, skeleton)
    data = evaluator.Data(few, few)
    measured = evaluator.measure(NothingDone(), data, 0)
    rows = measured["rows"]
    assert measured["frames"] == 120 and list(rows) == list(evaluator.noises(skeleton))
    for kind, row in rows.items():
        if "doing nothing" in row:
            assert row["clip model"] == pytest.approx(row["doing nothing"]), kind
    assert "doing nothing" not in rows["3 of 10 frames missing"]
    assert rows["clean"]["clip model"]["mpjpe"] == 0.0
    table = evaluator.markdown({"mean": measured})
    assert "| jitter of 15 mm | 23." in table or "| jitter of 15 mm | 24." in table


def test_thinned_clips_are_evenly_spaced_to_the_last():
    assert evaluator.thinned(list(range(23)), 12) == list(range(0, 23, 2))
    assert evaluator.thinned([1, 2], 12) == [1, 2]


def test_clips_that_are_too_short_are_one_error(smooth):
    short = MotionSet("short", (smooth,), 30.0, Skeleton.load("paper17"))
    data = evaluator.Data(short, short)
    with pytest.raises(DataError, match=r"^short: has no clip of 30 frames at 10 Hz"):
        evaluator.measure(NothingDone(), data, frame_rate=10.0)
    with pytest.raises(DataError, match=r"^short: has no clip of 90 frames at 30 Hz"):
        look_ahead.measure(NothingDone(), data)


def test_metrics_of_time():
    clip = np.zeros((5, 3, 3))
    clip[2, 0, 0] = 1.0  # second differences 1, -2, 1 of one of three joints
    assert metrics.jitter(clip) == pytest.approx(4 / 9)
    assert metrics.acceleration_error(clip, np.zeros_like(clip)) == pytest.approx(4 / 9)
    stick = Skeleton("stick", ("a", "b", "c"), (-1, 0, 1))
    clip = np.zeros((2, 3, 3))
    clip[:, 1, 0], clip[:, 2, 0] = (1, 3), (2, 4)
    assert metrics.bone_length_spread(clip, stick) == pytest.approx((1.0 + 0.0) / 2)
    with pytest.raises(TfposeError, match="at least 3 frames"):
        metrics.jitter(clip)


def test_recordings_of_ones_own(smooth):
    skeleton = Skeleton.load("paper17")
    noisy = (smooth + 0.01 * np.random.default_rng(2).normal(size=smooth.shape)).astype(np.float32)
    gap = noisy.copy()
    gap[5:8, 2] = np.nan
    clips = [Clip(noisy, skeleton, rate=30), Clip(gap, skeleton), Clip(noisy[:5], skeleton)]
    data = recordings.of_clips("mine", clips, skeleton)
    assert len(data.clips) == 2 and data.rates == [30, 30.0]
    measured = recordings.measure(NothingDone(), data)
    rows = measured["rows"]
    assert measured["frames"] == 120 and rows["as recorded"]["moved"] == 0.0
    assert rows["Kalman smoother (RTS)"]["jitter"] < 0.5 * rows["as recorded"]["jitter"]
    assert rows["clip model"]["moved"] == 0.0
    assert "| as recorded |" in recordings.markdown({"mean": measured})
    with pytest.raises(DataError, match="no clip of 20 frames"):
        recordings.of_clips("mine", clips[2:], skeleton)
    with pytest.raises(DataError, match="no recordings 'cmu'"):
        recordings.load("cmu", None, skeleton)


class Still(NothingDone):
    """Stands for a model that takes all movement away."""

    skeleton = Skeleton.load("paper17")

    def denoise_clip(self, clip, rate, causal=False):
        return {"denoised": np.repeat(clip[:1], len(clip), axis=0) if causal else np.nan_to_num(clip)}


def test_actions_are_recognised_in_cleaned_clips(smooth, monkeypatch):
    """Of two actions, a wrist that moves much and one that moves little, nothing is left in clips that stand still."""
    standing, phase = sample("walk").to(Still.skeleton).positions[:1], np.random.default_rng(0)
    wrist = np.arange(17)[:, None] == Still.skeleton.index("wrist_left")
    moments = np.arange(60)[:, None, None]
    clips = [
        Clip(
            standing + wrist * size * np.sin(moments / 5 + phase.uniform(0, 6)),
            Still.skeleton,
            action=action,
            rate=30.0,
        )
        for _ in range(12)
        for action, size in (("little", 0.02), ("much", 0.3))
    ]
    data = recognise_cleaned.Data(
        "made up", {"train": clips[:16], "test": clips[16:]}, {"little": "a", "much": "b"}, [smooth], "us"
    )
    monkeypatch.setattr(recognise_cleaned, "_FEATURES", {"aligned": "coordinates"})
    report = recognise_cleaned.measure(Still(), data)
    assert report["clips"] == {"train": 16, "test": 8} and "Savitzky-Golay" in report["rows"]
    rows = {name: row["aligned"]["linear"] for name, row in report["rows"].items()}
    assert rows["clip model"] == rows["as recorded"] == 100.0 and rows["clip model, causal"] < 90.0
    assert "| clips | coordinates, linear | coordinates, nearest clip |" in recognise_cleaned.markdown({"mean": report})


def test_who_looks_ahead_is_measured_as_a_stream_answers(clip_model, monkeypatch):
    monkeypatch.setattr(look_ahead, "_KINDS", ("jitter of 15 mm",))
    monkeypatch.setattr(look_ahead, "LOOK_AHEAD", (3,))
    monkeypatch.setattr(look_ahead, "_MOST_CLIPS", 1)
    skeleton = clip_model.skeleton
    walk = np.tile(sample("walk").to(skeleton).positions, (3, 1, 1))[:90].astype(np.float32)
    data = look_ahead.Data(MotionSet("made up", (walk,), 30.0, skeleton), None)
    report = look_ahead.measure(clip_model, data, seed=5)
    noisy = evaluator.noises(skeleton)["jitter of 15 mm"](walk, 30.0, 5).astype(np.float32)
    stream = clip_model.stream(30.0, look_ahead=3)
    late = [stream.step(joints) for joints in noisy][67:]
    late = np.stack([step["denoised"] for step in late][: report["frames"]])
    assert len(late) == 90 - 64 - 3
    found = report["rows"]["jitter of 15 mm"]
    assert list(found) == ["0", "3", "all"]
    assert found["3"]["mpjpe"] == pytest.approx(1000 * metrics.mpjpe(late, walk[64:-3]), rel=1e-3)
    assert f"| jitter of 15 mm | {found['0']['mpjpe']:.1f} / " in look_ahead.markdown({"mean": report})


def test_a_rig_without_elbows_and_knees_has_fewer_kinds_of_noise():
    kinds = evaluator.noises(Skeleton("two", ("a", "b"), (-1, 0)))
    assert "clean" in kinds and not {"an arm missing 10 of 20 frames", "legs exchanged 5 of 20 frames"} & set(kinds)
