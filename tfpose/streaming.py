"""Cleaning joints as they come in, whatever computes it: Keras, LiteRT or a server. Needs numpy alone."""

from __future__ import annotations

import collections
from collections.abc import Callable, Mapping

import numpy as np

from tfpose.errors import TfposeError

STEP_INPUTS = ("joints", "confidence", "rate")
"""The inputs of the signature `denoise_step` that are no part of the state."""
TRUSTED = 0.5
"""The trust from which on a joint counts as observed."""
NEXT = "next_"
"""What the name of a part of the state begins with among the outputs of `denoise_step`."""


class ClipStream:
    """Cleans what one or several people do, frame by frame, without looking ahead.

    Joints in metres go in and come out where they were. A stream begins with its first frame; its people and their
    number stay. A call that fails leaves the state as it was, so that the frame can be given again.

    Args:
        step: runs the signature `denoise_step`: arrays by name -> arrays by name.
        state_shapes: name -> shape without the batch.
        joints: J.
        rate: frames per second, of all frames.

    Attributes:
        state: name -> `[B, ...]`: what is remembered; None before the first frame.
    """

    def __init__(self, step: Callable, state_shapes: Mapping[str, tuple[int, ...]], joints: int, rate: float):
        check_rate(rate)
        self._step, self._shapes, self._joints, self.rate = step, dict(state_shapes), joints, rate
        self.state, self._origin = None, None

    def step(self, joints, confidence=None) -> dict[str, np.ndarray]:
        """The next frame of one person or of B people.

        Args:
            joints: `[J, 3]` or `[B, J, 3]` metres; NaN = missing.
            confidence: `[J]` or `[B, J]`, 0 to 1, of the tracker; None where it gives none.

        Returns:
            `{"denoised": [B, J, 3] metres, "trust": [B, J] from 0 to 1, "filled": [B, J] bool}`, without B for one
            person given without.

        Raises:
            TfposeError: when the joints do not fit, or are not of as many people as before.
        """
        people = None if self.state is None else len(next(iter(self.state.values())))
        joints, confidence, single = _checked_frame(joints, confidence, self._joints, people)
        state = self.state or {
            name: np.zeros([len(joints), *shape], np.float32) for name, shape in self._shapes.items()
        }
        # Near to the origin float32 has more digits. Each person's is where they are seen first.
        place = middle(joints[:, None])
        place = place if self._origin is None else np.where(np.isnan(self._origin), place, self._origin)
        origin = np.nan_to_num(place)
        inputs = {
            "joints": joints - origin,
            "confidence": confidence,
            "rate": np.full(len(joints), self.rate, np.float32),
        }
        outputs = self._step(**inputs, **state)
        self.state = {name: np.asarray(outputs[NEXT + name]) for name in self._shapes}
        self._origin = place
        result = {
            "denoised": np.asarray(outputs["denoised"]) + origin,
            "trust": np.asarray(outputs["trust"]),
        }
        result["filled"] = filled(joints, result["trust"])
        return {name: values[0] for name, values in result.items()} if single else result


class LookAheadStream:
    """Cleans what one or several people do, frame by frame, each frame when some frames after it have come in.

    Every frame costs what `past + 1 + look_ahead` frames of a whole clip cost. After a call that failed the frame can
    be given again.

    Args:
        denoise_clip: as `ClipDenoiser.denoise_clip`; it gets the frames around the wanted one.
        joints: J.
        rate: frames per second, of all frames.
        look_ahead: how many frames after a frame are looked at, 1 or more.
        past: how many frames before it.
    """

    def __init__(self, denoise_clip: Callable, joints: int, rate: float, look_ahead: int, past: int):
        check_rate(rate)
        if look_ahead < 1:
            raise TfposeError(f"look_ahead: expected a number of frames, 1 or more; got {look_ahead}")
        self._denoise_clip, self._joints, self.rate, self.look_ahead = denoise_clip, joints, rate, look_ahead
        self._window = collections.deque(maxlen=past + 1 + look_ahead)
        self._single, self._last = False, None

    def step(self, joints, confidence=None) -> dict[str, np.ndarray] | None:
        """Takes the next frame, and returns the one `look_ahead` frames before it; arguments as of `ClipStream.step`.

        Returns:
            What `ClipStream.step` does, or None for the first `look_ahead` frames.

        Raises:
            TfposeError: when the joints do not fit, or are not of as many people as before.
        """
        people = len(self._window[0][0]) if self._window else None
        *frame, self._single = _checked_frame(joints, confidence, self._joints, people)
        former = self._window.copy()
        self._window.append(frame)
        try:
            return self._frames(-1 - self.look_ahead, 1)[0] if len(self._window) > self.look_ahead else None
        except BaseException:
            self._window = former  # so that the frame can be given again
            raise

    def finish(self) -> list[dict[str, np.ndarray]]:
        """The frames that are still due when no more come in, in their order; the next `step` begins another clip."""
        due = min(len(self._window), self.look_ahead)
        frames = self._frames(-due, due) if due else []
        self._window.clear()
        self._last = None
        return frames

    def _frames(self, first: int, count: int) -> list[dict[str, np.ndarray]]:
        """`count` frames of the window from `first` on, which counts from its end: -1 is the last that came in."""
        joints, confidence = (np.stack(values, axis=1) for values in zip(*self._window))
        result = self._denoise_clip(joints, self.rate, confidence)
        # Who is not seen in the whole window stays where they were last.
        gone = ~seen(joints).any(1)
        if self._last is not None:
            result["denoised"][gone] = self._last[gone, None]
        self._last = result["denoised"][:, first].copy()
        person = 0 if self._single else slice(None)
        return [{name: values[person, at] for name, values in result.items()} for at in range(first, first + count)]


def check_rate(rate):
    """Refuses frames per second, one number or several, that are not finite and above zero.

    Raises:
        TfposeError: when one is not.
    """
    try:
        rates = np.asarray(rate, np.float64)  # None is NaN
    except (TypeError, ValueError):
        rates = np.array(np.nan)
    if not (np.isfinite(rates) & (rates > 0)).all():
        raise TfposeError(f"rate: expected frames per second, such as 30; got {rate}")


def _checked_frame(joints, confidence, count: int, people: int | None):
    """One frame `[B, J, 3]`, its confidence `[B, J]`, and whether it was given without B; of `people`, if not None."""
    joints = as_array(joints, "joints")
    single = joints.ndim == 2
    joints = joints[None] if single else joints
    if joints.ndim != 3 or joints.shape[1:] != (count, 3) or not len(joints):
        raise TfposeError(f"joints: expected [{count}, 3] or [B, {count}, 3], got {list(joints.shape)}")
    if people not in (None, len(joints)):
        raise TfposeError(
            f"joints: expected the next frame of {people} people, as before; got that of {len(joints)}. Begin another "
            "stream where people come or go"
        )
    return joints, checked_confidence(confidence, joints.shape[:-1]), single


def as_array(values, name: str) -> np.ndarray:
    """`values` as float32.

    Raises:
        TfposeError: for what is no array, such as a path, or a clip instead of its positions.
    """
    try:
        return np.asarray(values, np.float32)
    except (TypeError, ValueError) as error:
        raise TfposeError(f"{name}: expected an array, got a {type(values).__name__}") from error


def checked_confidence(confidence, shape: tuple[int, ...]) -> np.ndarray:
    """A tracker's confidence as float32 of a `shape` `[B, ..., J]`, 0 to 1; NaN is 0, and None is 1 everywhere.

    Raises:
        TfposeError: for another shape; the first axis may be left out where B is 1.
    """
    if confidence is None:
        return np.ones(shape, np.float32)
    confidence = np.asarray(confidence)
    if confidence.shape not in (shape, shape[1:] if shape[0] == 1 else shape):
        raise TfposeError(f"confidence: expected {list(shape)}, got {list(confidence.shape)}")
    return np.clip(np.nan_to_num(confidence), 0, 1).astype(np.float32).reshape(shape)


def filled(joints: np.ndarray, trust: np.ndarray) -> np.ndarray:
    """bool `[..., J]`: the joints `[..., J, 3]` that were missing, or whose trust is below `TRUSTED`."""
    return ~np.isfinite(joints).all(-1) | (trust < TRUSTED)


def seen(joints: np.ndarray) -> np.ndarray:
    """bool `[...]`: of which poses `[..., J, 3]` enough joints are there for an estimate, three."""
    return np.isfinite(joints).all(-1).sum(-1) > 2


def middle(clips: np.ndarray) -> np.ndarray:
    """The median of the joints of each clip's first frame that has any, `[B, 1, 3]`; NaN where none has."""
    found = np.full((len(clips), 1, 3), np.nan, np.float32)
    for clip, place in zip(clips, found):
        seen = np.isfinite(clip).all(-1)
        frames = seen.any(-1).nonzero()[0]
        if len(frames):
            place[:] = np.median(clip[frames[0]][seen[frames[0]]], axis=0)
    return found
