"""The signatures of a model: the tf.functions that every export format contains."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from tfpose.errors import TfposeError
from tfpose.models import ActionClassifier, ClipDenoiser, PoseAutoencoder, PoseLifter
from tfpose.streaming import NEXT, TRUSTED

DEFAULT = "serving_default"
"""The signature of requests that name none: a second name of the model's first signature."""

_METRES = ("joints", "view_from", "clips", "denoised", "transferred", "joints_3d")
UNITS = {**dict.fromkeys(_METRES, "metres"), "joints_2d": "focal lengths", "rate": "frames per second"}
"""The units of inputs and outputs; the others have none."""


def signatures(
    model: keras.Model, batch: int | None = None, names: Sequence[str] | None = None
) -> dict[str, tf.types.experimental.PolymorphicFunction]:
    """The signatures of a model by name; normalisation is inside, so that clients send and get metres.

    ==================  ===============================  ============================================================
    signature           inputs                           outputs
    ==================  ===============================  ============================================================
    `PoseAutoencoder`
    `denoise`           `joints` `[B, J, 3]`             `denoised` `[B, J, 3]`
    `encode`            `joints`                         `pose_code` `[B, J, z]`, `view_code` `[B, 3, 3]`
    `transfer_view`     `joints`, `view_from`            `transferred` `[B, J, 3]`
    `ClipDenoiser`
    `denoise_clip`      `clips` `[B, T, J, 3]`,          `denoised` `[B, T, J, 3]`, `trust` `[B, T, J]`,
                        `confidences` `[B, T, J]`,       `filled` `[B, T, J]` (1 where missing or trusted below 0.5)
                        `rate` `[B]`
    `denoise_step`      `joints`, `confidence` `[B, J]`, `denoised` `[B, J, 3]`, `trust`, `filled` `[B, J]`, and
                        `rate`, the state by name        the state by name, `next_...`
    `ActionClassifier`
    `classify`          `clips` `[B, T, J, 3]`           `probabilities` `[B, A]`, `label` `[B]`
    `classify_step`     `joints`, `state` `[B, S]`       `probabilities`, `label`, `next_state` `[B, S]`
    `PoseLifter`
    `lift`              `joints_2d` `[B, J, 2]`          `joints_3d` `[B, J, 3]`
    ==================  ===============================  ============================================================

    B is `batch`, or free without. With `names` there are those alone. The first is `serving_default` too. Positions are
    metres, y up, and a joint with a NaN is missing (`PoseAutoencoder`, `PoseLifter`). `joints_2d` are normalised image
    coordinates. No input has the name of an output: converters to other formats confuse the two.

    Raises:
        TfposeError: for another model, or a name that it does not have.
    """
    for kind, functions in _SIGNATURES.items():
        if isinstance(model, kind):
            made = functions(model)
            if lacking := [name for name in names or () if name not in made]:
                raise TfposeError(
                    f"a {type(model).__name__} has no signature '{lacking[0]}'; it has {', '.join(sorted(made))}"
                )
            made = {name: made[name] for name in names or made}
            if batch is not None:
                made = {name: _with_batch(function, batch) for name, function in made.items()}
            return {DEFAULT: next(iter(made.values())), **made}
    kinds = ", ".join(kind.__name__ for kind in _SIGNATURES)
    raise TfposeError(f"no signatures for a {type(model).__name__}; there are for {kinds}")


def _of_autoencoder(model: PoseAutoencoder) -> dict:
    shape = (len(model.skeleton), 3)

    @_takes(joints=shape)
    def denoise(joints):
        # One output: with several, REST answers rows of dictionaries, which its clients do not expect.
        return {"denoised": model.denoise(joints)}

    @_takes(joints=shape)
    def encode(joints):
        return model.encode(joints)

    @_takes(joints=shape, view_from=shape)
    def transfer_view(joints, view_from):
        return {"transferred": model.transfer_view(joints, view_from)}

    return {"denoise": denoise, "encode": encode, "transfer_view": transfer_view}


def _of_clip_denoiser(model: ClipDenoiser) -> dict:
    shape = (len(model.skeleton), 3)

    @_takes(clips=(None, *shape), confidences=(None, shape[0]), rate=())
    def denoise_clip(clips, confidences, rate):
        smoothed = model.smooth(clips, rate, model.offline, confidences)
        return _filled(clips, smoothed.joints, smoothed.trust[..., 0])

    @_takes(joints=shape, confidence=shape[:1], rate=(), **model.state_shapes)
    def denoise_step(joints, confidence, rate, *state):
        state = dict(zip(model.state_shapes, state, strict=True))
        given = tf.reshape(joints, (-1, 1, *shape)), tf.reshape(confidence, (-1, 1, shape[0]))
        denoised, trust, state = model.advance(*given, rate, state)
        denoised, trust = tf.reshape(denoised, (-1, *shape)), tf.reshape(trust, (-1, shape[0]))
        following = {NEXT + name: value for name, value in state.items()}
        return {**_filled(joints, denoised, trust), **following}

    return {"denoise_clip": denoise_clip, "denoise_step": denoise_step}


def _filled(observed, denoised, trust) -> dict:
    seen = tf.reduce_all(tf.abs(observed) < 1e6, axis=-1)  # false for NaN
    return {"denoised": denoised, "trust": trust, "filled": tf.cast(~(seen & (trust >= TRUSTED)), tf.float32)}


def _of_classifier(model: ActionClassifier) -> dict:
    shape = (len(model.skeleton), 3)

    @_takes(clips=(model.frames, *shape))
    def classify(clips):
        return model.classify(clips)

    @_takes(joints=shape, state=(model.state_size,))
    def classify_step(joints, state):
        return model.step(joints, state)

    return {"classify": classify, "classify_step": classify_step}


def _of_lifter(model: PoseLifter) -> dict:
    @_takes(joints_2d=(len(model.skeleton), 2))
    def lift(joints_2d):
        return {"joints_3d": model(joints_2d)}

    return {"lift": lift}


_SIGNATURES = {
    PoseAutoencoder: _of_autoencoder,
    ClipDenoiser: _of_clip_denoiser,
    ActionClassifier: _of_classifier,
    PoseLifter: _of_lifter,
}


def _takes(**shapes):
    """A tf.function of named float32 inputs of any batch size."""
    specs = [tf.TensorSpec([None, *shape], tf.float32, name=name) for name, shape in shapes.items()]
    return tf.function(input_signature=specs, autograph=False)


def _with_batch(function, batch):
    """The same for one batch size alone."""
    specs = [tf.TensorSpec([batch, *spec.shape[1:]], spec.dtype, spec.name) for spec in function.input_signature]
    return tf.function(function.python_function, input_signature=specs, autograph=False)
