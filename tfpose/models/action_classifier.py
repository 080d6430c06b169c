"""What somebody does in a clip, from frozen pose codes."""

from __future__ import annotations

import functools

import keras
import numpy as np
from keras import ops

from tfpose.errors import TfposeError
from tfpose.geometry.bones import norm
from tfpose.layers.static import by_rows
from tfpose.models.calls import Input, described, public
from tfpose.models.frozen import frozen_copy
from tfpose.skeleton import Skeleton

FEATURES = ("raw", "normalised", "relative", "aligned", "code")
# What can describe a frame beside its pose, and how many numbers each is.
MOTION = {"height": 1, "speed": 1, "tilt": 3, "turn": 1}


@keras.saving.register_keras_serializable("tfpose")
class ActionClassifier(keras.Model):
    """A one-layer LSTM over what a frozen encoder makes of each pose, translation appended (Sec. 4.3).

    Every frame is described by its pose and by what the description of the pose has lost: the root's height above its
    first and its speed along the ground; and where the view code is a rotation, the direction of up in the frame of the
    body (the tilt) and how far the body has turned about the vertical since the frame before. All of these are the same
    from every upright view. The LSTM sees them standardised, with their differences from the frame before. All of this
    is causal: a frame depends on itself, on the frame before and on the first.

    Args:
        skeleton: the joints (a `Skeleton`, or its `to_dict`).
        actions: what the classes are called.
        features: what describes a pose: "code" (the pose code), or without any learning "raw" (coordinates),
            "normalised" (coordinates, standardised), "relative" (to the root) or "aligned" (relative, and turned by
            hand until the hips lie along x: `tfpose.geometry.frames.face_forward`). Only "raw" is not standardised, and
            the first two still have their translation.
        autoencoder: the trained `PoseAutoencoder` for "code"; a frozen copy of it becomes part of the classifier.
        frames: T; clips of other lengths are resampled before, by `tfpose.datasets.clip_set.resample`.
        units: of the LSTM; the paper's is 128.
        components: codes are standardised along their first so many principal components; 0 standardises each of
            their numbers alone, as for other features.
        motion: what describes a frame beside its pose, of `MOTION`; those that come from a view code need features
            "code" and an autoencoder whose view code is a rotation, and are left out elsewhere. "raw" and "normalised"
            coordinates have their translation, and none of it.
        origin: as of `PoseAutoencoder`.

    Call arguments:
        clips: `[B, T, J, 3]` metres, y up, no joint missing.

    Returns:
        Probabilities `[B, A]`.

    `step` is the streaming form: one pose at a time, with the state of before as an argument.

    Raises:
        ValueError: for unknown features, or "code" without an autoencoder.

    Examples:
        >>> classifier = keras.saving.load_model("runs/classify_nucla/model.keras")
        >>> result = classifier.classify(clips)                   # [B, T, 17, 3]
        >>> [classifier.actions[label] for label in result["label"]]
        ['sit down', 'throw']

    Reference:
        Nie, Liu, Liu: Unsupervised 3D Human Pose Representation with Viewpoint and Pose Disentanglement, ECCV 2020.
    """

    call_sizes = (1, 16)  # clips: each is as much work as `frames` poses

    def __init__(
        self,
        skeleton,
        actions,
        features="code",
        autoencoder=None,
        frames=40,
        units=128,
        components=64,
        motion=tuple(MOTION),
        origin=None,
        **kwargs,
    ):
        super().__init__(**{"autocast": False, **kwargs})
        if features not in FEATURES:
            raise TfposeError(f"features must be one of {', '.join(FEATURES)}, got '{features}'")
        if (features == "code") != (autoencoder is not None):
            raise TfposeError(f"features='{features}' {'needs an' if autoencoder is None else 'takes no'} autoencoder")
        self.skeleton = skeleton if isinstance(skeleton, Skeleton) else Skeleton.from_dict(skeleton)
        self.actions = tuple(actions)
        self.origin = dict(origin or {})
        if unknown := sorted(set(motion) - set(MOTION)):
            raise TfposeError(f"motion must be some of {', '.join(MOTION)}, got '{unknown[0]}'")
        self.options = {
            "features": features,
            "frames": frames,
            "units": units,
            "components": components,
            "motion": list(motion),
        }
        self.features = features
        self.frames = frames
        self.units = units
        self.autoencoder = autoencoder and frozen_copy(autoencoder)
        turns = autoencoder is not None and autoencoder.encoder.view == "frame"
        there = [] if features in ("raw", "normalised") else ["height", "speed", *(["tilt", "turn"] if turns else [])]
        self.motion = tuple(name for name in there if name in motion)
        fewer = components if features == "code" else 0
        self.standardizer = FrameStandardizer(
            min(fewer or self.width, self.width), name="standardizer", dtype=self.variable_dtype
        )
        # Unrolled: built-in operations everywhere, and nothing but matrix products under XLA.
        self.lstm = keras.layers.LSTM(units, unroll=True, name="lstm", dtype=self.dtype_policy)
        self.head = keras.layers.Dense(len(self.actions), name="head", dtype=self.dtype_policy)

    @property
    def width(self) -> int:
        """F, how many numbers describe a frame."""
        return self.pose_width + sum(MOTION[name] for name in self.motion)

    @property
    def pose_width(self) -> int:
        """How many of them describe its pose."""
        return len(self.skeleton) * (self.autoencoder.code_size if self.features == "code" else 3)

    def build(self, input_shape=None):
        described = (None, self.frames, self.width)
        self.standardizer.build(described)
        self.lstm.build(self.standardizer.compute_output_shape(described))
        self.head.build((None, self.units))
        self.built = True

    def call(self, clips):
        return ops.softmax(self.logits(self.standardizer(self.describe(clips))))

    @public
    def classify(self, clips):
        """Clips `[B, T, J, 3]` metres -> `{"probabilities": [B, A], "label": [B] int32}`."""
        return self._decided(self(clips))

    @functools.cached_property
    def call_inputs(self) -> dict[str, Input]:
        """What the public methods take, by the names of their arguments."""
        poses = (len(self.skeleton), 3)
        metres = f"metres, in the joint order of skeleton '{self.skeleton.name}'"
        resample = f"tfpose.datasets.clip_set.resample(positions, {self.frames})"
        return {
            "clips": Input(
                (self.frames, *poses), metres, f"Clips of other lengths are resampled with {resample}.", True
            ),
            "joints": Input(poses, metres, "One pose at a time has no axis of time.", True),
            "state": Input((self.state_size,), "as `step` returned it", "A clip begins with zeros."),
        }

    @public
    def describe(self, clips):
        """Clips `[B, T, J, 3]` metres -> what is known of each frame, `[B, T, F]`."""
        poses, view = self._poses(clips)
        root = clips[:, :, self.skeleton.root]
        return self._described(clips, poses, view, root[:, :1, 1:2], _before(root), _before(view[:, :, 2]))

    @public
    def step(self, joints, state):
        """Sees one more pose of each of B people: `classify` without waiting for the end of the clip.

        After T steps the probabilities are those of `classify` for the clip of the T poses.

        Args:
            joints: `[B, J, 3]` metres, y up, no joint missing: the next pose.
            state: `[B, S]`, the `next_state` of the step before; zeros `[B, state_size]` start a clip.

        Returns:
            `{"probabilities": [B, A], "label": [B] int32, "next_state": [B, S]}`.
        """
        ends = np.cumsum(self._state_sizes[:-1]).tolist()
        hidden, cell, values_before, root_before, ahead_before, first_height, going = ops.split(state, ends, axis=-1)
        root = joints[:, self.skeleton.root]
        start = 1.0 - going  # one of them is 1, the other 0
        poses, view = self._poses(joints[:, None])
        ahead = view[:, 0, 2]
        root_before, first_height = going * root_before + start * root, going * first_height + start * root[:, 1:2]
        ahead_before = going * ahead_before + start * ahead
        described = self._described(
            joints[:, None], poses, view, first_height[:, None], root_before[:, None], ahead_before[:, None]
        )[:, 0]
        values = self.standardizer.values(described)
        inputs = self.standardizer.with_changes(values, going * values_before + start * values)
        hidden, (_, cell) = self.lstm.cell(inputs, [hidden, cell])
        next_state = [hidden, cell, values, root, ahead, first_height, going + start]
        return {**self._decided(ops.softmax(self.head(hidden))), "next_state": ops.concatenate(next_state, axis=-1)}

    @property
    def state_size(self) -> int:
        """S, how many numbers `step` keeps of a person."""
        return sum(self._state_sizes)

    @property
    def _state_sizes(self):
        # The LSTM's hidden and cell state; of the frame before, the standardised numbers, the root and the forward
        # direction; the root's first height; and whether there was a frame before, so that all zeros are a start.
        return (self.units, self.units, self.standardizer.components, 3, 3, 1, 1)

    def logits(self, inputs):
        """What `standardizer` gives, `[B, T, 2 P]` -> `[B, A]`."""
        zeros = ops.pad(0.0 * inputs[:, 0, :1], [[0, 0], [0, self.units - 1]])  # the layer's have a computed shape
        return self.head(self.lstm(inputs, initial_state=[zeros, zeros]))

    def _poses(self, clips):
        """`[B, T, J, 3]` metres -> what describes the poses, `[B, T, .]`, and the rotations of the bodies,
        `[B, T, 3, 3]`, zeros where they are not known."""
        frames, view = clips.shape[1], None
        if self.features == "relative":
            clips = clips - clips[:, :, self.skeleton.root : self.skeleton.root + 1]
        elif self.features == "aligned":
            from tfpose.geometry.frames import face_forward  # TensorFlow only; the rest is not

            clips = face_forward(clips, self.skeleton)
        elif self.features == "code":
            codes = self.autoencoder.encode(ops.reshape(clips, (-1, len(self.skeleton), 3)))
            clips = codes["pose_code"]
            if self.autoencoder.encoder.view == "frame":
                view = ops.reshape(codes["view_code"], (-1, frames, 3, 3))
        poses = ops.reshape(clips, (-1, frames, self.pose_width))
        return poses, ops.zeros_like(poses[..., :1, None]) * ops.zeros((3, 3)) if view is None else view

    def _described(self, clips, poses, view, first_height, root_before, ahead_before):
        """The description `[B, T, F]` of frames, from what describes their poses `[B, T, .]`, the rotations of the
        bodies, the root's first height, and its places and the forward directions of a frame before."""
        root = clips[:, :, self.skeleton.root]
        described = [poses]
        if "height" in self.motion:
            described.append(root[..., 1:2] - first_height)
        if "speed" in self.motion:
            described.append(norm((root - root_before) * ops.array([1.0, 0.0, 1.0]))[..., None])
        if "tilt" in self.motion:  # up, in the frame of the body
            described.append(view[..., 1])
        if "turn" in self.motion:  # the sine of the angle between the forward directions on the ground
            ahead = view[:, :, 2]
            crossed = ahead_before[..., 2:] * ahead[..., :1] - ahead_before[..., :1] * ahead[..., 2:]
            lengths = norm(ahead[..., ::2])[..., None] * norm(ahead_before[..., ::2])[..., None]
            described.append(crossed / ops.maximum(lengths, 1e-3))
        return ops.concatenate(described, axis=-1)

    def _decided(self, probabilities):
        # Not argmax: Keras' looks at the bits of a float's sign, for which LiteRT has no operation.
        _, labels = ops.top_k(probabilities, 1)
        return {"probabilities": probabilities, "label": ops.cast(labels[..., 0], "int32")}

    def __repr__(self):
        return described(self)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], len(self.actions))

    def get_config(self):
        return {
            **super().get_config(),
            "skeleton": self.skeleton.to_dict(),
            "actions": list(self.actions),
            "autoencoder": self.autoencoder and keras.saving.serialize_keras_object(self.autoencoder),
            **self.options,
            "origin": self.origin,
        }

    @classmethod
    def from_config(cls, config):
        nested = config.get("autoencoder")
        if isinstance(nested, dict):
            config = {**config, "autoencoder": keras.saving.deserialize_keras_object(nested)}
        return cls(**config)


def _one_over(deviations):
    """0 for what never changes: rounding must not be blown up."""
    return np.where(deviations > 1e-5, 1.0 / np.maximum(deviations, 1e-5), 0.0)


def _before(values):
    """Of the frame before, `[B, T, ...]`; the first frame is its own."""
    return ops.concatenate([values[:, :1], values[:, :-1]], axis=1)


@keras.saving.register_keras_serializable("tfpose")
class FrameStandardizer(keras.layers.Layer):
    """Numbers about frames and their changes from frame to frame, each with the spread of the training clips.

    Args:
        components: P, how many come out. As many as go in are each standardised alone; fewer are the first principal
            components, which loses little: pose codes repeat themselves.

    Call arguments:
        described: `[B, T, F]`.

    Returns:
        `[B, T, 2 P]`: standardised, then the standardised differences from the frame before (zero for the first).
    """

    def __init__(self, components, **kwargs):
        super().__init__(**kwargs)
        self.components = components

    def build(self, input_shape):
        width = input_shape[-1]
        frozen = {"trainable": False}
        self.mean = self.add_weight(shape=(width,), initializer="zeros", name="mean", **frozen)
        self.basis = self.add_weight(
            shape=(width, self.components), initializer=keras.initializers.Identity(), name="basis", **frozen
        )
        self.change_scale = self.add_weight(shape=(self.components,), initializer="ones", name="change_scale", **frozen)
        self.built = True

    def adapt(self, described):
        """Takes mean and spread from described frames `[N, T, F]` (numpy)."""
        described = np.asarray(described, np.float64)
        frames = described.reshape(-1, described.shape[-1])
        mean = frames.mean(0)
        if self.components == frames.shape[1]:
            basis = np.diag(_one_over(frames.std(0)))
        else:
            variance, vectors = np.linalg.eigh(np.cov(frames, rowvar=False))
            first = np.argsort(-variance)[: self.components]
            basis = vectors[:, first] * _one_over(np.sqrt(np.maximum(variance[first], 0.0)))
        changes = np.diff(described, axis=1) @ basis
        scale = _one_over(changes.std((0, 1))) if changes.size else np.ones(self.components)
        for weight, values in ((self.mean, mean), (self.basis, basis), (self.change_scale, scale)):
            weight.assign(values.astype(np.float32))

    def call(self, described):
        values = self.values(described)
        return self.with_changes(values, _before(values))

    def values(self, described):
        """`[..., F]` -> `[..., P]`, standardised."""
        return by_rows(lambda rows: ops.matmul(rows - self.mean, self.basis), described)

    def with_changes(self, values, before):
        """Values `[..., P]` and those of the frame before -> `[..., 2 P]`."""
        return ops.concatenate([values, (values - before) * self.change_scale], axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 2 * self.components)

    def get_config(self):
        return {**super().get_config(), "components": self.components}
