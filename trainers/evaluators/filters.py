"""The usual filters of clips, with which `tfpose evaluate clips` compares the model. Clips are numpy `[T, J, 3]`."""

from __future__ import annotations

import functools
import itertools

import numpy as np
from scipy import signal

from tfpose import metrics
from tfpose.datasets import splits
from tfpose.datasets.clip_set import resample

_REFERENCE_CLIPS, _REFERENCE_FRAMES = 12, 300
_PASSES_BEFORE_EDGE = 15  # frames that `filtfilt` needs


def interpolate(clip: np.ndarray, rate: float) -> np.ndarray:
    """Missing joints filled linearly over time; all other methods begin with it."""
    filled = resample(clip, len(clip))
    return np.where(np.isfinite(filled), filled, 0.0)


def median(clip, rate, window=5):
    return signal.medfilt(interpolate(clip, rate).astype(np.float64), (_inside(window, clip), 1, 1))


def savitzky_golay(clip, rate, window=9, order=2):
    filled, window = interpolate(clip, rate), _inside(window, clip)
    return signal.savgol_filter(filled, window, order, axis=0) if window > order else filled


def _inside(window: int, clip) -> int:
    """`window`, or of shorter clips the largest odd number of frames."""
    return min(window, len(clip) - (len(clip) + 1) % 2)


def butterworth(clip, rate, cutoff=6.0):
    """Of order 4, 6 Hz, forwards and backwards: the default of Pose2Sim."""
    filled = interpolate(clip, rate)
    sections = signal.butter(2, min(cutoff, 0.45 * rate), fs=rate, output="sos")
    return signal.sosfiltfilt(sections, filled, axis=0) if len(clip) > _PASSES_BEFORE_EDGE else filled


def hampel_butterworth(clip, rate, window=7, sigmas=2.0):
    """Coordinates far from their local median become that, then `butterworth`: the default of Pose2Sim."""
    filled = interpolate(clip, rate).astype(np.float64)
    padded = np.pad(filled, ((window // 2, window // 2), (0, 0), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, window, axis=0)
    middle = np.median(windows, axis=-1)
    deviation = 1.4826 * np.median(np.abs(windows - middle[..., None]), axis=-1)
    return butterworth(np.where(np.abs(filled - middle) > sigmas * deviation, middle, filled), rate)


def one_euro(clip, rate, cutoff=1.0, beta=1.0, speed_cutoff=1.0):
    """Casiez, Roussel, Vogel: 1 Euro Filter, CHI 2012; uses past frames only. Missing joints stay where they were."""
    clip = np.array(clip, np.float64)
    first = interpolate(clip, rate)[0]

    def share(cut):
        return 1.0 / (1.0 + rate / (2 * np.pi * cut))

    result, value, speed = np.empty_like(clip), first, np.zeros_like(first)
    for frame, seen in enumerate(clip):
        seen = np.where(np.isfinite(seen), seen, value)
        speed = speed + share(speed_cutoff) * ((seen - value) * rate - speed)
        value = value + share(cutoff + beta * np.abs(speed)) * (seen - value)
        result[frame] = value
    return result


def kalman(clip, rate, process=20.0, measured=0.015, smooth=True):
    """A Kalman filter of constant velocity, and with `smooth` the backward pass of Rauch, Tung and Striebel.

    `process` is the spectral density of the acceleration, `measured` the noise in metres.
    """
    clip = np.array(clip, np.float64)
    missing, seen = ~np.isfinite(clip).all(-1, keepdims=True), np.nan_to_num(clip)
    step = 1.0 / rate
    move = np.array([[1.0, step], [0.0, 1.0]])
    noise = process * np.array([[step**3 / 3, step**2 / 2], [step**2 / 2, step]])
    joints = clip.shape[1]
    state = np.stack([interpolate(clip, rate)[0], np.zeros((joints, 3))], axis=1)  # [J, 2, 3]
    spread = np.tile(np.diag([measured**2, 1.0]), (joints, 1, 1))
    states, spreads, predicted, predicted_spreads = [], [], [], []
    for frame in range(len(clip)):
        if frame:
            state, spread = move @ state, move @ spread @ move.T + noise
        predicted.append(state)
        predicted_spreads.append(spread)
        gain = np.where(missing[frame], 0.0, spread[:, :, 0] / (spread[:, :1, 0] + measured**2))[..., None]
        state = state + gain * (seen[frame][:, None] - state[:, :1])
        spread = spread - gain @ spread[:, :1]
        states.append(state)
        spreads.append(spread)
    for frame in range(len(clip) - 2, -1, -1) if smooth else ():
        back = spreads[frame] @ move.T @ np.linalg.inv(predicted_spreads[frame + 1])
        states[frame] = states[frame] + back @ (states[frame + 1] - predicted[frame + 1])
    return np.stack(states)[:, :, 0]


_GRIDS = {
    "Savitzky-Golay": (savitzky_golay, {"window": (5, 7, 9, 11, 13), "order": (2, 3)}),
    "One-Euro": (one_euro, {"cutoff": (0.5, 1.0, 2.0, 4.0), "beta": (0.3, 1.0, 3.0, 10.0)}),
    "Kalman": (functools.partial(kalman, smooth=False), {"process": (5.0, 20.0, 80.0, 300.0)}),
    "Kalman smoother (RTS)": (kalman, {"process": (5.0, 20.0, 80.0, 300.0)}),
}
CAUSAL = ("One-Euro", "Kalman")
"""The filters that use past frames only."""


def reference(data_dir, skeleton, rate: float = 30.0) -> list[np.ndarray]:
    """Clean clips of CMU's training subjects, on which `filters` can be set; `rate` as of `splits.motion`."""
    clips = splits.motion("cmu", "train", data_dir, skeleton, rate).clips[:_REFERENCE_CLIPS]
    return [clip[:_REFERENCE_FRAMES] for clip in clips]


def filters(clips, rate: float, seed: int = 0, std: float = 0.015) -> dict:
    """The filters by name, functions of `(clip, rate)`.

    Their settings are the best ones on clean `clips` `[T, J, 3]` with jitter of `std` metres.
    """
    generator = np.random.default_rng(seed)
    noisy = [clip + std * generator.standard_normal(clip.shape) for clip in clips]

    def error(method):
        return np.mean([metrics.mpjpe(method(seen, rate), clip) for seen, clip in zip(noisy, clips)])

    found = {
        "interpolation": interpolate,
        "median": median,
        "Butterworth": butterworth,
        "Hampel, Butterworth": hampel_butterworth,
    }
    for name, (method, grid) in _GRIDS.items():
        settings = [dict(zip(grid, values)) for values in itertools.product(*grid.values())]
        found[name] = min((functools.partial(method, **setting) for setting in settings), key=error)
    return found
