"""The speed of cleaning clips, as a stream and as whole clips, beside filters in numpy and SciPy.

    python benchmarks/clips.py --out results/clips_speed.json

All contenders take turns in one process. The table has medians.
"""

from __future__ import annotations

import pathlib
import tempfile

import numpy as np
from absl import flags
from harness import medians, program, report

import tfpose.lite
from tfpose.datasets import splits
from tfpose.export import export
from tfpose.models import ClipDenoiser
from tfpose.trainers.evaluators import filters
from tfpose.trainers.markdown import table

_MODEL = flags.DEFINE_string("model", "sebirenet_cmu_clips", "A preset or a training of clips.")
_OUT = flags.DEFINE_string("out", None, "JSON file for the result.")

_FRAMES, _ROUNDS = 300, 7


def contenders(model: ClipDenoiser, folder: pathlib.Path) -> dict:
    """Name -> what is timed: a function of a clip `[T, J, 3]` at 30 Hz."""
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


def measure(clip: np.ndarray, functions: dict) -> dict[str, float]:
    """Milliseconds per frame of each function."""
    seconds = medians({name: (lambda call=call: call(clip)) for name, call in functions.items()}, _ROUNDS)
    return {name: 1000 / len(clip) * one for name, one in seconds.items()}


def main(_):
    model = ClipDenoiser.from_preset(_MODEL.value)
    motion = splits.motion("synthetic", "test", skeleton=model.skeleton)
    clip = np.concatenate(motion.clips)[:_FRAMES]
    with tempfile.TemporaryDirectory() as folder:
        measured = measure(clip, contenders(model, pathlib.Path(folder)))
    rows = [(name, f"{one:.3f}", f"{1000 / one:,.0f}") for name, one in measured.items()]
    found = {"frames": _FRAMES, "rounds": _ROUNDS, "milliseconds_per_frame": measured}
    report(_OUT.value, "clips_speed", found, table(("", "ms per frame", "frames/s"), rows), _MODEL.value)


if __name__ == "__main__":
    program(main)
