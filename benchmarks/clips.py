"""What cleaning clips costs: a stream frame by frame and whole clips, beside filters in numpy and SciPy.

    python benchmarks/clips.py --out results/clips_speed.json

Every contender is timed in turn in one process, several times; the table has medians.
"""

from __future__ import annotations

import pathlib
import statistics
import sys
import tempfile
import time

import numpy as np
from absl import app, flags

import tfpose.lite
from tfpose.datasets import splits
from tfpose.export import export
from tfpose.models import ClipDenoiser
from tfpose.trainers import results
from tfpose.trainers.evaluators import filters
from tfpose.trainers.markdown import table

_MODEL = flags.DEFINE_string("model", "sebirenet_cmu_clips", "A preset or a training of clips.")
_OUT = flags.DEFINE_string("out", None, "JSON file for the result.")
_FRAMES = flags.DEFINE_integer("frames", 300, "Frames of the clip.", lower_bound=10)
_ROUNDS = flags.DEFINE_integer("rounds", 7, "How often each is timed.", lower_bound=1)


def contenders(model: ClipDenoiser, folder: pathlib.Path) -> dict:
    """What is timed: name -> a function of a clip `[T, J, 3]` of 30 Hz."""
    path = export(model, folder, ["litert"])["litert"]
    lite = tfpose.lite.Model(path, threads=1)
    names = tuple(model.state_shapes)

    def stream(clip):
        one = lite.stream(30.0)
        for joints in clip:
            one.step(joints)

    def arithmetic(clip):
        # The signature alone, as a program in C++ or Kotlin calls it.
        run = lite._runners["denoise_step"]
        state = {name: np.zeros([1, *shape], np.float32) for name, shape in model.state_shapes.items()}
        confidence, rate = np.ones([1, clip.shape[1]], np.float32), np.float32([30])
        for joints in clip:
            found = run(joints=joints[None], confidence=confidence, rate=rate, **state)
            state = {name: found[f"next_{name}"] for name in names}

    return {
        "clip model, stream, LiteRT, 1 thread": stream,
        "the same without tfpose.lite's checks": arithmetic,
        "One-Euro, frame by frame, numpy": lambda clip: filters.one_euro(clip, 30.0),
        "Kalman, frame by frame, numpy": lambda clip: filters.kalman(clip, 30.0, smooth=False),
        "clip model, whole clip, Keras": lambda clip: model.denoise_clip(clip, 30.0),
        "Kalman smoother (RTS), numpy": lambda clip: filters.kalman(clip, 30.0),
        "Butterworth, SciPy": lambda clip: filters.butterworth(clip, 30.0),
    }


def measure(clip: np.ndarray, timed: dict, rounds: int) -> dict:
    """Milliseconds per frame of each, the median of `rounds`, and that of the worst."""
    times = {name: [] for name in timed}
    for number in range(rounds + 1):
        for name, function in timed.items():
            start = time.perf_counter()
            function(clip)
            if number:  # the first compiles
                times[name].append(1000 * (time.perf_counter() - start) / len(clip))
    return {name: {"median": statistics.median(each), "worst": max(each)} for name, each in times.items()}


def markdown(measured: dict) -> str:
    """The table of `measure`."""
    rows = [
        (name, f"{numbers['median']:.3f}", f"{1000 / numbers['median']:,.0f}") for name, numbers in measured.items()
    ]
    return table(("", "ms per frame", "frames/s"), rows)


def main(argv):
    if len(argv) > 1:
        sys.exit(f"no positional arguments, got {' '.join(argv[1:])}")
    model = ClipDenoiser.from_preset(_MODEL.value)
    motion = splits.motion("synthetic", "test", skeleton=model.skeleton)
    clip = np.concatenate(motion.clips)[: _FRAMES.value]
    with tempfile.TemporaryDirectory() as folder:
        measured = measure(clip, contenders(model, pathlib.Path(folder)), _ROUNDS.value)
    print(markdown(measured))
    if _OUT.value:
        report = {"frames": _FRAMES.value, "rounds": _ROUNDS.value, "milliseconds_per_frame": measured}
        results.write(_OUT.value, "clips_speed", report, markdown(measured), _MODEL.value)


if __name__ == "__main__":
    app.run(main)
