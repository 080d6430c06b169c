"""How well clips are cleaned, by kind of noise, beside what people smooth clips with."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from tfpose import metrics
from tfpose.datasets import splits
from tfpose.datasets.motion_set import MotionSet, at_rate
from tfpose.datasets.pose_set import places
from tfpose.errors import DataError
from tfpose.models.clip_denoiser import ClipDenoiser
from tfpose.noise import clips as clip_noise
from tfpose.seeds import step_seed
from tfpose.trainers.evaluators.denoise import Data, corrupt_clip
from tfpose.trainers.evaluators.filters import CAUSAL, filters
from tfpose.trainers.markdown import table

MODEL = ClipDenoiser
OPTIONS = ("frame_rate",)
_SHORTEST, _MOST_FRAMES, _REFERENCE_CLIPS = 30, 300, 12
ERRORS = {"mpjpe": metrics.mpjpe, "pa_mpjpe": metrics.pa_mpjpe, "acceleration": metrics.acceleration_error}
"""Measures of a clip and its truth; the acceleration error is per frame squared."""


def load(name: str, data_dir, skeleton) -> Data:
    """The clips of a motion capture set; see `tfpose.datasets.splits.motion`."""
    return Data(*(splits.motion(name, split, data_dir, skeleton) for split in ("test", "train")))


def noises(skeleton) -> dict:
    """Kind -> `noise(clip [T, J, 3], rate, seed) -> clip`, with other settings than those of a training.

    What is done to arms and legs is left out of skeletons that have no joint `elbow_left` or `knee_left`.
    """

    def of_batch(function):
        def noise(clip, rate, seed):
            clips, rates = tf.constant(clip[None], tf.float32), tf.constant([rate], tf.float32)
            return function(clips, rates, step_seed(seed, 0))[0].numpy()

        return noise

    def jitter(millimetres):
        return of_batch(lambda clips, rate, seed: clip_noise.add_jitter(clips, _level(millimetres), skeleton, seed))

    def off(clip, rate, seed, moved=2):
        return corrupt_clip(clip, seed, moved)

    def limbs_with(joint):
        return next((limb for limb in skeleton.limbs if joint in {skeleton.joints[j] for j in limb}), None)

    arms, legs = limbs_with("elbow_left"), limbs_with("knee_left")

    def arm(clip, rate, seed):
        lefts = {skeleton.index(left) for left, _ in skeleton.mirror}
        gaps = np.arange(len(clip)) % 20 >= 10
        result = np.array(clip)
        result[np.ix_(gaps, [joint for joint in arms if joint in lefts])] = np.nan
        return result

    def exchanged(clip, rate, seed):
        while_exchanged = np.arange(len(clip)) % 20 >= 15
        result = np.array(clip)
        result[np.ix_(while_exchanged, legs)] = clip[np.ix_(while_exchanged, [skeleton.mirror_joints[j] for j in legs])]
        return result

    def stuck(clip, rate, seed):
        joints = np.random.default_rng(seed).permutation(len(skeleton))[:2]
        held = (np.arange(len(clip)) % 40 >= 20)[:, None] & np.isin(np.arange(len(skeleton)), joints)
        return clip_noise.hold(tf.constant(clip[None], tf.float32), held[None])[0].numpy()

    def frames(clip, rate, seed):
        result = np.array(clip)
        result[np.arange(len(clip)) % 10 >= 7] = np.nan
        return result

    return {
        "clean": lambda clip, rate, seed: clip,
        "jitter of 5 mm": jitter(5),
        "jitter of 15 mm": jitter(15),
        "jitter of 30 mm": jitter(30),
        "depth noise of 60 mm": of_batch(
            lambda clips, rate, seed: clip_noise.add_depth_noise(clips, _level(60), skeleton, seed)
        ),
        "drift of 20 mm": of_batch(
            lambda clips, rate, seed: clip_noise.add_drift(clips, rate, _level(20), seed, (1 / 3, 1 / 3 + 1e-6))
        ),
        "2 joints off for 8 frames": off,
        "3 joints off, jitter of 10 mm": lambda clip, rate, seed: jitter(10)(off(clip, rate, seed, 3), rate, seed + 1),
        **({"an arm missing 10 of 20 frames": arm} if arms else {}),
        "3 of 10 frames missing": frames,
        **({"legs exchanged 5 of 20 frames": exchanged} if legs else {}),
        "2 joints stuck 20 of 40 frames": stuck,
    }


def forms(model: ClipDenoiser) -> dict:
    """The model's pose model and its two forms by name, functions of `(clip, rate)` like `filters`."""
    return {
        "pose model, frame by frame": lambda clip, rate: model.autoencoder.denoise(clip.astype(np.float32)),
        "clip model, causal": lambda clip, rate: model.denoise_clip(clip, rate, causal=True)["denoised"],
        "clip model": lambda clip, rate: model.denoise_clip(clip, rate)["denoised"],
    }


def measure(model: ClipDenoiser, data: Data, seed: int = 0, *, frame_rate: float | None = None) -> dict:
    """Measures both forms of the model, its pose model alone and the filters on the same noisy clips.

    Args:
        model: a `ClipDenoiser`.
        data: of `load`.
        seed: of the noise.
        frame_rate: to which the clips are brought; by default their own.

    Returns:
        `{"rows": {kind: {method: {"mpjpe", "pa_mpjpe", "acceleration" (per frame squared), "bone_spread", "moved"}}},
        "frames": N}`, in millimetres.

    Raises:
        DataError: when no clip has 30 frames.
    """
    rate = float(frame_rate or data.test.rate)
    skeleton = data.test.skeleton
    tests, rows = _middles(data.test, rate), {}
    found = filters(thinned(_middles(data.reference, rate), _REFERENCE_CLIPS), rate, seed)
    methods = {"doing nothing": None, **found, **forms(model)}
    for kind, noise in noises(skeleton).items():
        noisy = [noise(clip, rate, seed + 100 * number) for number, clip in enumerate(tests)]
        rows[kind] = {}
        for name, method in methods.items():
            if method is None and any(np.isnan(clip).any() for clip in noisy):
                continue
            cleaned = [clip if method is None else method(clip, rate) for clip in noisy]
            rows[kind][name] = _numbers(cleaned, tests, noisy, skeleton)
    return {"rows": rows, "frames": sum(len(clip) for clip in tests)}


def thinned(clips: Sequence, most: int) -> Sequence:
    """At most so many of the clips, evenly spaced."""
    return [clips[at] for at in places(len(clips), most)]


def markdown(report: dict) -> str:
    """MPJPE by kind of noise and method, then the other measures of the forms of the model and the best filter."""
    report = report["mean"]
    rows = report["rows"]
    methods = list(dict.fromkeys(name for row in rows.values() for name in row))
    first = [
        (kind, *(f"{row[name]['mpjpe']:.1f}" if name in row else "-" for name in methods)) for kind, row in rows.items()
    ]
    second = []
    for kind, row in rows.items():
        known = [name for name in row if name not in ("doing nothing", "interpolation")]
        simple = [name for name in known if "model" not in name]
        best = min(simple, key=lambda name: row[name]["acceleration"])
        shown = [name for name in ("doing nothing", "clip model, causal", "clip model") if name in row]
        for name in [*shown[:1], best, *shown[1:]]:
            label = f"{name} (the smoothest filter)" if name == best else name
            numbers = row[name]
            second.append((kind, label, *(f"{numbers[measure]:.1f}" for measure in (*ERRORS, "bone_spread", "moved"))))
    looks = f"{', '.join(CAUSAL)} and the causal clip model look at the past alone."
    return (
        f"{report['frames']:,.0f} frames; MPJPE in mm. {looks}\n\n{table(['mm', *methods], first)}\n\n"
        "Acceleration error in mm per frame squared, the others in mm; moved: from the noisy clip.\n\n"
        + table(["noise", "method", "MPJPE", "PA-MPJPE", "acceleration error", "bone spread", "moved"], second)
    )


def averaged(measures: dict[str, Callable], *clips: Sequence[np.ndarray]) -> dict[str, float]:
    """Each `measure(*clips)` in millimetres, of clips in metres: the mean over clips, weighted by their frames."""
    frames = [len(clip) for clip in clips[0]]
    return {
        name: 1000 * float(np.average([measure(*each) for each in zip(*clips)], weights=frames))
        for name, measure in measures.items()
    }


def moved(cleaned: np.ndarray, seen: np.ndarray) -> float:
    """How far the joints of a clip are from where they were seen, in metres."""
    return metrics.mpjpe(cleaned, seen, np.isfinite(seen).all(-1))


def _middles(motion: MotionSet, rate: float) -> list[np.ndarray]:
    """The clips at a frame rate, without short ones; of long ones the middle."""
    clips = [at_rate(clip, motion.rate, rate) for clip in motion.clips]
    clips = [clip[(len(clip) - min(len(clip), _MOST_FRAMES)) // 2 :][:_MOST_FRAMES] for clip in clips]
    clips = [clip for clip in clips if len(clip) >= _SHORTEST]
    if not clips:
        raise DataError(f"{motion.name}: has no clip of {_SHORTEST} frames at {rate:g} Hz")
    return clips


def _numbers(cleaned, truth, noisy, skeleton) -> dict:
    spread = {"bone_spread": functools.partial(metrics.bone_length_spread, skeleton=skeleton)}
    return averaged(ERRORS, cleaned, truth) | averaged(spread, cleaned) | averaged({"moved": moved}, cleaned, noisy)


def _level(millimetres: float) -> tf.Tensor:
    return tf.constant([millimetres / 1000], tf.float32)
