"""The model of clips: noisy joints over time in, clean joints out, at once or frame by frame."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from tfpose import presets
from tfpose.errors import TfposeError
from tfpose.geometry.bones import with_constant_bones
from tfpose.layers.clip_smoother import ClipSmoother, Smoothed
from tfpose.layers.static import length
from tfpose.models.calls import described
from tfpose.models.frozen import frozen_copy
from tfpose.skeleton import Skeleton
from tfpose.streaming import (
    NEXT,
    ClipStream,
    LookAheadStream,
    as_array,
    check_rate,
    checked_confidence,
    filled,
    middle,
    seen,
)

_AT_ONCE, OVERLAP = 512, 64
"""Frames of a longer clip that are computed at once, and how many of them on each side another piece computes too."""


@keras.saving.register_keras_serializable("tfpose")
class ClipDenoiser(keras.Model):
    """Cleans clips of one person: jitter, drift, joints that are off or missing for a while, exchanged sides.

    A `PoseAutoencoder` estimates every frame, and a `ClipSmoother` joins the frames. There are two of these: one sees
    the frames before and after, for whole clips; one sees the past alone, for joints as they come in. Metres in the
    frame of the input go in and come out; missing joints are NaN and come back filled.

    Args:
        skeleton: the joints (a `Skeleton`, or its `to_dict`).
        autoencoder: the pose model, a `PoseAutoencoder`, or its `get_config`. Its weights are copied and do not learn.
        offline, causal: further arguments of the two `ClipSmoother`s.
        origin: what is to be known of the weights; see `PoseAutoencoder`.

    Examples:
        >>> model = ClipDenoiser.from_preset("sebirenet_cmu_clips")
        >>> clean = model.denoise_clip(positions, rate=30)["denoised"]   # [T, 17, 3] -> [T, 17, 3]
        >>> stream = model.stream(rate=30)
        >>> clean = stream.step(joints)["denoised"]                      # [17, 3] -> [17, 3]
    """

    def __init__(self, skeleton, autoencoder, offline=None, causal=None, origin=None, **kwargs):
        super().__init__(**{"autocast": False, **kwargs})
        self.skeleton = skeleton if isinstance(skeleton, Skeleton) else Skeleton.from_dict(skeleton)
        self.autoencoder = frozen_copy(autoencoder, name="autoencoder")
        self.options = {"offline": dict(offline or {}), "causal": dict(causal or {})}
        self.origin = dict(origin or {})
        self.offline = ClipSmoother(self.skeleton, False, name="offline", **self.options["offline"])
        self.causal = ClipSmoother(self.skeleton, True, name="causal", **self.options["causal"])

    def build(self, input_shape=None):
        self.offline.build()
        self.causal.build()
        self.built = True

    def call(self, clips, rate=None):
        rate = 30.0 + ops.zeros_like(clips[:, 0, 0, 0]) if rate is None else rate
        return self.smooth(clips, rate, self.offline).joints

    presets = presets.Summaries()
    """The presets that ship, by name, each with one line about it."""

    @classmethod
    def from_preset(cls, name_or_path, verify: bool = True):
        """A trained model; see `PoseAutoencoder.from_preset`."""
        from tfpose.models.loading import load_model

        return load_model(name_or_path, cls, verify)

    # --- in metres, from plain Python

    def denoise_clip(
        self, positions, rate, confidence=None, *, causal=False, leave_missing=False, constant_bones=False
    ) -> dict[str, np.ndarray]:
        """Cleans a clip, or a batch of clips of one length. Long clips are computed in pieces, in constant memory.

        Args:
            positions: `[T, J, 3]` or `[B, T, J, 3]` metres; NaN = missing.
            rate: frames per second, 10 to 120; one number, or one for each clip.
            confidence: `[T, J]` or `[B, T, J]`, 0 to 1, of the tracker; None where it gives none.
            causal: whether to compute what a stream would.
            leave_missing: whether joints that are missing stay so (NaN), instead of being filled.
            constant_bones: whether each bone has one length over the clip, its median.

        Returns:
            `{"denoised": like positions, "trust": [..., T, J] from 0 to 1, "filled": [..., T, J] bool}`. Trust says how
            far a joint's place comes from what was observed in its frame; what was missing or is trusted by less than
            a half is filled.

        Raises:
            TfposeError: when the arrays do not fit each other or the skeleton.
        """
        clips = as_array(positions, "positions")
        single, joints = clips.ndim == 3, len(self.skeleton)
        clips = clips[None] if single else clips
        if clips.ndim != 4 or clips.shape[2:] != (joints, 3) or not clips.size:
            raise TfposeError(
                f"positions: expected [T, {joints}, 3] or [B, T, {joints}, 3], metres, in the joint order of skeleton "
                f"'{self.skeleton.name}'; got {list(np.shape(positions))}"
            )
        confidence = checked_confidence(confidence, clips.shape[:-1])
        check_rate(rate)
        if np.shape(rate) not in ((), (1,), (len(clips),)):
            raise TfposeError(f"rate: expected one number, or one for each of {len(clips)} clips; got {rate}")
        rates = np.broadcast_to(np.asarray(rate, np.float32), len(clips))
        origin = np.nan_to_num(middle(clips))[:, None]
        denoised, trust = (self._causally if causal else self._in_pieces)(clips - origin, confidence, rates)
        denoised += origin
        if constant_bones:
            denoised = with_constant_bones(denoised, self.skeleton)
        if leave_missing:
            denoised[~np.isfinite(clips).all(-1)] = np.nan
        result = {"denoised": denoised, "trust": trust, "filled": filled(clips, trust)}
        return {name: values[0] for name, values in result.items()} if single else result

    def _causally(self, clips, confidence, rates):
        """Joints and trust of clips, piece by piece, by the form that sees the past alone."""
        compute = self._compiled("causal")
        state, found = [np.zeros([len(clips), *shape], np.float32) for shape in self.state_shapes.values()], []
        for start in range(0, clips.shape[1], _AT_ONCE):
            piece = slice(start, start + _AT_ONCE)
            *values, state = compute(clips[:, piece], confidence[:, piece], rates, state)
            found.append(values)
        return [np.concatenate(values, axis=1) for values in zip(*found)]

    def _in_pieces(self, clips, confidence, rates):
        """The same by the form for whole clips; of its pieces the frames at both ends are computed twice."""
        compute, (count, frames) = self._compiled("offline"), clips.shape[:2]
        last, begun = np.zeros_like(clips[:, 0]), np.zeros([count, 1], np.float32)
        if frames > _AT_ONCE:
            # Before a clip's first seen frame its estimate is that frame's, in whichever piece it is.
            estimated = seen(clips)
            first = clips[np.arange(count), estimated.argmax(1), None]
            last = compute(first, np.ones_like(confidence[:, :1]), rates, last, begun)[2][:, 0]
            begun = estimated.any(1, keepdims=True).astype(np.float32)
        found = []
        for start in range(0, frames, _AT_ONCE):
            end = min(start + _AT_ONCE, frames)
            first, after = max(start - OVERLAP, 0), min(end + OVERLAP, frames)
            piece = slice(first, after)
            *values, estimate = compute(clips[:, piece], confidence[:, piece], rates, last, begun)
            if end > OVERLAP:
                last = estimate[:, end - OVERLAP - 1 - first]  # of the frame before the next piece
            found.append([np.asarray(part)[:, start - first : end - first] for part in values])
        return [np.concatenate(values, axis=1) for values in zip(*found)]

    def stream(self, rate: float, look_ahead: int = 0) -> ClipStream | LookAheadStream:
        """Cleans joints as they come in.

        Args:
            rate: frames per second.
            look_ahead: how many frames after a frame to wait for. With 0 the form that sees the past alone answers at
                once (`ClipStream`); with more, the one for whole clips answers later and better (`LookAheadStream`).
        """
        if look_ahead:
            return LookAheadStream(self.denoise_clip, len(self.skeleton), rate, look_ahead, past=OVERLAP)
        compute = self._compiled("step")
        names = list(self.state_shapes)

        def step(joints, confidence, rate, **state):
            denoised, trust, state = compute(joints[:, None], confidence[:, None], rate, [state[n] for n in names])
            return {
                "denoised": np.asarray(denoised)[:, 0],
                "trust": np.asarray(trust)[:, 0],
                **{NEXT + name: np.asarray(value) for name, value in zip(names, state)},
            }

        return ClipStream(step, self.state_shapes, len(self.skeleton), rate)

    def _compiled(self, form: str):
        """The function of tensors of one form: "offline", "causal", or "step", which is "causal" of one frame."""
        functions = self.__dict__.setdefault("_functions", {})
        if form not in functions:
            function = self._offline if form == "offline" else self._causal
            if keras.config.backend() == "tensorflow":
                import tensorflow as tf

                joints, one = len(self.skeleton), 1 if form == "step" else None
                specs = [
                    tf.TensorSpec([None, one, joints, 3]),
                    tf.TensorSpec([None, one, joints]),
                    tf.TensorSpec([None]),
                ]
                if form == "offline":
                    specs += [tf.TensorSpec([None, joints, 3]), tf.TensorSpec([None, 1])]
                else:
                    specs.append([tf.TensorSpec([None, *shape]) for shape in self.state_shapes.values()])
                function = tf.function(function, input_signature=specs, autograph=False)
            functions[form] = function
        return functions[form]

    def _offline(self, clips, confidence, rate, last, begun):
        *observed, _ = self.observe(clips, confidence, (last, begun))
        smoothed = self.offline(*observed, rate)
        return smoothed.joints, smoothed.trust[..., 0], observed[3]

    def _causal(self, clips, confidence, rate, state):
        denoised, trust, state = self.advance(clips, confidence, rate, dict(zip(self.state_shapes, state)))
        return denoised, trust, list(state.values())

    # --- of tensors

    def weight_paths(self):
        """The path of each of `weights` inside the model, whatever the model is called."""
        return [weight.path.partition("/")[2] for weight in self.weights]

    @property
    def state_shapes(self) -> dict[str, tuple[int, ...]]:
        """What `step` remembers of a clip: name -> shape without the batch. It begins with zeros."""
        return {"last_estimate": (len(self.skeleton), 3), "begun": (1,), **self.causal.state_shapes}

    def observe(self, clips, confidence=None, last=None):
        """What the pose model says of every frame.

        Args:
            clips: `[B, T, J, 3]` metres; NaN = missing.
            confidence: `[B, T, J]`, 0 to 1; None where the tracker gives none.
            last: the last estimate before the clip, `[B, J, 3]`, and whether there is one, `[B, 1]`.

        Returns:
            `(joints, observed, seen, estimate, logits, last)`, as `ClipSmoother` takes them. Frames in which nothing is
            seen have the estimate of the frame before, or at the beginning that of the first which is seen.
        """
        joints = len(self.skeleton)
        frames, model = length(clips, 1), self.autoencoder
        normalized, frame = model.normalizer(ops.reshape(clips, (-1, joints, 3)))
        estimates = model.refine(normalized, frame.observed)[-1]

        def over_time(values):
            return ops.reshape(values, (-1, frames, *values.shape[1:]))

        # Missing joints are at the centre; their place counts for nothing.
        clips = over_time(model.normalizer.restore(normalized, frame))
        estimate = over_time(model.normalizer.restore(estimates.pose, frame))
        observed, logits = over_time(frame.observed), over_time(estimates.trust_logits)
        # Without trust in a frame of which next to nothing is seen: less than three joints.
        seen = ops.clip(ops.sum(observed, axis=(2, 3)) - 2.0, 0.0, 1.0)
        last = (ops.zeros_like(estimate[:, 0]), ops.zeros_like(seen[:, :1])) if last is None else last
        estimate, begun = _filled(estimate, seen, *last)
        if confidence is not None:
            observed = observed * ops.reshape(confidence, (-1, frames, joints, 1))
        last = ops.reshape(estimate[:, -1:], (-1, joints, 3)), begun
        return clips, observed, ops.reshape(seen, (-1, frames, 1, 1)), estimate, logits, last

    def smooth(self, clips, rate, smoother: ClipSmoother, confidence=None) -> Smoothed:
        """Clips `[B, T, J, 3]` metres (NaN = missing) at `rate` `[B]`, by one of `offline` and `causal`."""
        *observed, _ = self.observe(clips, confidence)
        return smoother(*observed, rate)

    def advance(self, clips, confidence, rate, state):
        """The next frames of B clips, from the past alone.

        Args:
            clips: `[B, T, J, 3]` metres; NaN = missing.
            confidence: `[B, T, J]`, 0 to 1.
            rate: `[B]` frames per second.
            state: of `state_shapes`, by name; zeros at the beginning.

        Returns:
            `(denoised [B, T, J, 3], trust [B, T, J], the next state)`.
        """
        *observed, last = self.observe(clips, confidence, (state["last_estimate"], state["begun"]))
        smoothed = self.causal(*observed, rate, {name: state[name] for name in self.causal.state_shapes})
        following = {"last_estimate": last[0], "begun": last[1], **smoothed.state}
        trust = ops.reshape(smoothed.trust, (-1, length(clips, 1), len(self.skeleton)))
        return smoothed.joints, trust, {name: following[name] for name in self.state_shapes}

    def __repr__(self):
        return described(self)

    def compute_output_shape(self, input_shape, rate_shape=None):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "skeleton": self.skeleton.to_dict(),
            "autoencoder": self.autoencoder.get_config(),
            **self.options,
            "origin": self.origin,
        }


def _filled(estimate, seen, last, begun):
    """Estimates `[B, T, J, 3]`, those of frames that are not `seen` `[B, T]` replaced by that of the seen frame before,
    or at the beginning by that of the first; and whether a frame was seen, `[B, 1]`.

    `last` `[B, J, 3]` is the frame before these, where there is one: `begun` `[B, 1]`. All are floats, 0 or 1: XNNPACK
    has no whole numbers.
    """
    frames, joints = length(estimate, 1), estimate.shape[2]
    number = begun + ops.cumsum(seen, axis=1)  # how many are seen up to a frame, itself included
    numbers, seen = ops.concatenate([begun, number], axis=1), ops.concatenate([begun, seen], axis=1)
    wanted = ops.reshape(ops.maximum(number, 1.0), (-1, frames, 1))
    numbers, seen = (ops.reshape(values, (-1, 1, 1 + frames)) for values in (numbers, seen))
    chosen = seen * ops.relu(1.0 - ops.abs(wanted - numbers))  # [B, T, 1 + T]
    every = [ops.reshape(values, (-1, count, 3 * joints)) for values, count in ((last, 1), (estimate, frames))]
    taken = ops.matmul(chosen, ops.concatenate(every, axis=1))
    return ops.reshape(taken, (-1, frames, joints, 3)), ops.minimum(number[:, -1:], 1.0)
