"""The model of clips: noisy joints over time in, clean joints out, at once or frame by frame."""

from __future__ import annotations

import functools

import keras
import numpy as np
from keras import ops

from tfpose.layers.clip_smoother import ClipSmoother, Smoothed
from tfpose.models.pose_autoencoder import PoseAutoencoder
from tfpose.skeleton import Skeleton


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
        given = autoencoder if isinstance(autoencoder, PoseAutoencoder) else None
        config = given.get_config() if given else dict(autoencoder)
        self.autoencoder = PoseAutoencoder.from_config({**config, "trainable": True, "name": "autoencoder"})
        self.autoencoder.build()
        self.autoencoder.trainable = False
        if given:
            self.autoencoder.set_weights(given.get_weights())
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
            `(joints, observed, estimate, logits, last)`, as `ClipSmoother` takes them. Frames in which nothing is seen
            have the estimate of the frame before, or at the beginning that of the first which is seen.
        """
        joints = len(self.skeleton)
        frames = ops.shape(clips)[1] if clips.shape[1] is None else clips.shape[1]
        model = self.autoencoder
        normalized, frame = model.normalizer(ops.reshape(clips, (-1, joints, 3)))
        estimates = model.refine(normalized, frame.observed)[-1]
        estimate = model.normalizer.restore(estimates.pose, frame)
        seen = ops.sum(frame.observed[..., 0], axis=1) > 2.5

        def over_time(values):
            return ops.reshape(values, (-1, frames, *values.shape[1:]))

        observed, logits = over_time(frame.observed), over_time(estimates.trust_logits)
        # Without trust in a frame of which next to nothing is seen.
        estimate, seen = over_time(estimate), over_time(seen)
        if last is None:
            last_estimate, begun = ops.zeros_like(estimate[:, 0]), ops.zeros_like(estimate[:, 0, 0, :1])
        else:
            last_estimate, begun = last
        estimate = _filled(estimate, seen, last_estimate, begun)
        clips = ops.where(observed > 0, clips, 0.0)
        if confidence is not None:
            observed = observed * confidence[..., None]
        begun = ops.maximum(begun, ops.cast(ops.any(seen, axis=1, keepdims=True), begun.dtype))
        return clips, observed, estimate, logits, (estimate[:, -1], begun)

    def smooth(self, clips, rate, smoother: ClipSmoother, confidence=None) -> Smoothed:
        """Clips `[B, T, J, 3]` metres (NaN = missing) at `rate` `[B]`, by one of `offline` and `causal`."""
        *observed, _ = self.observe(clips, confidence)
        return smoother(*observed, rate)

    def step(self, joints, confidence, rate, state) -> dict:
        """The next frame of B clips.

        Args:
            joints: `[B, J, 3]` metres; NaN = missing.
            confidence: `[B, J]`, 0 to 1.
            rate: `[B]` frames per second.
            state: of `state_shapes`; zeros at the beginning.

        Returns:
            `{"denoised": [B, J, 3], "trust": [B, J], "state": the next state}`.
        """
        last = state["last_estimate"], state["begun"]
        *observed, (estimate, begun) = self.observe(joints[:, None], confidence[:, None], last)
        smoothed = self.causal(*observed, rate, {name: state[name] for name in self.causal.state_shapes})
        state = {"last_estimate": estimate, "begun": begun, **smoothed.state}
        return {"denoised": smoothed.joints[:, 0], "trust": smoothed.trust[:, 0, :, 0], "state": state}

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
    """Estimates `[B, T, J, 3]`, those of frames that are not `seen` `[B, T]` replaced by that of the frame before."""
    frames = ops.shape(estimate)[1] if estimate.shape[1] is None else estimate.shape[1]
    number = ops.arange(frames)
    earlier = number[None, :] <= number[:, None]
    usable = ops.logical_and(earlier, seen[:, None, :])  # [B, T, T]
    latest = ops.max(ops.where(usable, number, -1), axis=-1)  # [B, T]
    chosen = ops.cast(number[None, None, :] == latest[..., None], estimate.dtype)
    taken = ops.einsum("bts,bsjc->btjc", chosen, estimate)
    first = ops.cast(number[None] == ops.min(ops.where(seen, number, frames), axis=-1, keepdims=True), estimate.dtype)
    beginning = ops.einsum("bs,bsjc->bjc", first, estimate)
    before = begun[..., None] * last + (1 - begun[..., None]) * beginning
    return taken + ops.cast(latest < 0, estimate.dtype)[..., None, None] * before[:, None]
