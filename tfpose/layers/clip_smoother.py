"""The part of `ClipDenoiser` that learns: whom to trust in each frame, and how to smooth over frames."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from tfpose.geometry.bones import bone_matrix, norm
from tfpose.layers.local_regression import LocalRegression
from tfpose.layers.sebirenet_over_time import SeBiReNetOverTime
from tfpose.layers.static import by_rows, length
from tfpose.layers.temporal_convolutions import TemporalConvolutions
from tfpose.skeleton import Skeleton

NETWORKS = ("convolutions", "sebirenet")


class Smoothed(NamedTuple):
    """What `ClipSmoother` makes of clips.

    Attributes:
        joints: `[B, T, J, 3]` metres.
        logits: `[B, T, J, 3]`: whether a joint is where its own observation is, where its twin's is, or at neither.
        trust: `[B, T, J, 1]`, 0 to 1: how far the joint's position comes from observations of its frame.
        state: of the causal form, to go on with; a dictionary of `[B, ...]`.
    """

    joints: object
    logits: object
    trust: object
    state: dict


@keras.saving.register_keras_serializable("tfpose")
class ClipSmoother(keras.layers.Layer):
    """Joints over time, smoothed by windows whose weights and mixture a network chooses.

    Three steps. A first network reads for each joint and frame how far to trust its observation, or that of its twin
    where sides are exchanged; the pose model's estimate stands for the rest. `LocalRegression` with these weights
    smooths what was read, once for each of several widths, and pairs of widths are extrapolated to a width of zero,
    which keeps curves that smoothing cuts. A second network mixes them all, adds a correction, and moves the ends of
    bones towards the person's bone lengths.

    Args:
        skeleton: the joints (a `Skeleton`, or its `to_dict`).
        causal: whether a frame is computed from itself and earlier frames alone.
        network: what the two networks are: "convolutions" over the frames of all joints, or "sebirenet", a SeBiReNet
            whose hidden states carry over from frame to frame.
        units: widths of the two networks; of a SeBiReNet, of a joint.
        dilations: of the two networks' convolutions.
        widths, reach: of `LocalRegression`.

    Call arguments:
        joints: `[B, T, J, 3]` metres, finite where observed.
        observed: `[B, T, J, 1]`, 0 to 1: 0 where a joint is missing, else the tracker's confidence.
        seen: `[B, T, 1, 1]`: 0 in frames of which the pose model can say nothing.
        estimate: `[B, T, J, 3]` metres, finite: of the pose model.
        estimate_trust: `[B, T, J, 1]` logits of the pose model's trust.
        rate: `[B]` frames per second.
        state: of the causal form, of the frames before; None at the beginning.

    Returns:
        `Smoothed`.
    """

    def __init__(
        self,
        skeleton,
        causal,
        network="convolutions",
        units=(96, 128),
        dilations=((1, 2, 4), (1, 2, 4, 8)),
        widths=(1, 2, 4, 8, 16),
        reach=32,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.skeleton = skeleton if isinstance(skeleton, Skeleton) else Skeleton.from_dict(skeleton)
        self.causal = causal
        if network not in NETWORKS:
            raise ValueError(f"network must be one of {', '.join(NETWORKS)}, got '{network}'")
        self.options = {
            "network": network,
            "units": list(units),
            "dilations": [list(each) for each in dilations],
            "widths": list(widths),
            "reach": reach,
        }
        self.twins = np.array(self.skeleton.mirror_joints)
        self.bone_of = bone_matrix(self.skeleton)
        self.bone_of_joint = np.maximum(self.bone_of, 0.0)  # [J - 1, J]: 1 at the joint at a bone's end
        self.regression = LocalRegression(widths, reach, causal, name="regression", dtype=self.dtype_policy)
        self.reader, self.mixer = (
            SeBiReNetOverTime(self.skeleton, width, causal, name=name, dtype=self.dtype_policy)
            if network == "sebirenet"
            else TemporalConvolutions(width, taps, causal, name=name, dtype=self.dtype_policy)
            for name, width, taps in zip(("reader", "mixer"), units, dilations)
        )
        joints = len(self.skeleton)
        zeros = {"kernel_initializer": "zeros", "dtype": self.dtype_policy}
        self.logits = keras.layers.Dense(3 * joints, name="logits", **zeros)
        self.candidates = 2 + len(widths) + len(widths) - 1
        # What the mixture begins with: narrow windows, which bend little.
        self.preferred = np.float32([1, 1, *range(1, 1 - len(widths), -1), *range(2, 3 - len(widths), -1)])
        self.mixture = keras.layers.Dense((self.candidates + 3 + 1) * joints, name="mixture", **zeros)

    def build(self, *shapes, **named):
        joints, widths = len(self.skeleton), len(self.options["widths"])
        by_joint = self.options["network"] == "sebirenet"
        common = (joints, 3 * joints) if by_joint else (1, 2 * len(self.bone_of) + 1)
        self.reader.build((None, None, 23 * joints + common[0]))
        self.mixer.build((None, None, (4 * self.candidates + 4 + widths) * joints + common[1]))
        # How much less an estimate counts than an observation, by joint.
        self.guess = self.add_weight(
            shape=(joints, 1), initializer=keras.initializers.Constant(-1.0), name="guess", dtype=self.variable_dtype
        )
        self.logits.build((None, self.reader.units))
        self.mixture.build((None, self.mixer.units))
        self.regression.build(None)
        self.built = True

    @property
    def state_shapes(self) -> dict[str, tuple[int, ...]]:
        """The parts of the causal form's state by name, without the batch."""
        joints, bones, reach = len(self.skeleton), len(self.bone_of), self.options["reach"]
        shapes = {"observed_window": (reach, 4 * joints), "trusted_window": (reach, 4 * joints)}
        shapes |= {"bone_sums": (bones, 2)}
        for name, network in (("reader", self.reader), ("mixer", self.mixer)):
            shapes |= {f"{name}_{number}": shape for number, shape in enumerate(network.history_shapes)}
        return shapes

    def call(self, joints, observed, seen, estimate, estimate_trust, rate, state=None):
        frames, joint_count = length(joints, 1), len(self.skeleton)
        state, later = state or {}, {}

        def history(name, network):
            return [state[f"{name}_{n}"] for n in range(len(network.history_shapes))] if state else None

        here = ops.cast(observed > 0, joints.dtype)
        joints = here * ops.where(here > 0, joints, 0.0) + (1 - here) * estimate
        twin, twin_observed = ops.take(joints, self.twins, axis=2), ops.take(observed, self.twins, axis=2)
        centre = ops.mean(estimate, axis=2, keepdims=True)
        speed = ops.reshape(ops.log(rate / 30.0), (-1, 1, 1)) + ops.zeros_like(centre[..., 0, :1])

        # What can be said before the network.
        weight = observed * ops.sigmoid(estimate_trust)
        first, _, later["observed_window"] = self.regression(joints, weight, estimate, state.get("observed_window"))
        features = [
            (estimate - centre) / 0.4,
            _bounded(joints - estimate, 0.1),
            _bounded(twin - estimate, 0.1),
            _bounded(joints - first[0], 0.05),
            _bounded(joints - first[2], 0.05),
            _bounded(twin - first[2], 0.1),
            *(_bounded(norm(joints - value)[..., None], 0.05) for value in (estimate, first[0], first[2])),
            ops.tanh(estimate_trust / 4),
            observed,
        ]
        read, kept = self.reader(self._features(features, [], speed), history("reader", self.reader))
        later |= {f"reader_{number}": value for number, value in enumerate(kept)}
        logits = ops.reshape(by_rows(self.logits, read), (-1, frames, joint_count, 3))
        own, other, neither = (logits[..., n : n + 1] for n in range(3))
        logits = ops.concatenate([own + estimate_trust, other - 4.0, neither], axis=-1)
        shares = ops.softmax(logits, axis=-1)
        own, other = shares[..., :1] * observed, shares[..., 1:2] * twin_observed
        trust = own + other
        guessed = (1.0 - trust) * seen * ops.sigmoid(self.guess)
        weight = trust + guessed
        reading = (own * joints + other * twin + (guessed + 1e-4) * estimate) / (weight + 1e-4)

        # Smoothed with these weights.
        values, support, later["trusted_window"] = self.regression(
            reading, weight, estimate, state.get("trusted_window")
        )
        middle = values[1]
        candidates = [
            reading,
            estimate,
            *values,
            *(narrow + (narrow - wide) / 3.0 for narrow, wide in itertools.pairwise(values)),
        ]
        lengths = norm(ops.matmul(self.bone_of, middle))
        person, later["bone_sums"] = self._person(lengths, trust, state.get("bone_sums"))
        offsets = [value - middle for value in candidates]
        features = [
            (middle - centre) / 0.4,
            *(_bounded(offset, 0.05) for offset in offsets),
            *(_bounded(norm(offset)[..., None], 0.02) for offset in offsets),
            trust,
            *support,
        ]
        bones = [(lengths - person) / 0.05, person / 0.4]
        mixed, kept = self.mixer(self._features(features, bones, speed), history("mixer", self.mixer))
        later |= {f"mixer_{number}": value for number, value in enumerate(kept)}
        mixture = ops.reshape(by_rows(self.mixture, mixed), (-1, frames, joint_count, self.candidates + 4))
        shares = ops.softmax(mixture[..., : self.candidates] + self.preferred, axis=-1)
        smoothed = middle + 0.1 * mixture[..., self.candidates : self.candidates + 3]
        for number, offset in enumerate(offsets):
            smoothed = smoothed + shares[..., number : number + 1] * offset
        pull = ops.sigmoid(mixture[..., -1:] - 2.0)
        for _ in range(2):
            bone = ops.matmul(self.bone_of, smoothed)
            stretch = (person / ops.maximum(norm(bone), 0.02) - 1.0)[..., None] * bone * 0.5
            smoothed = smoothed + pull * ops.matmul(np.transpose(self.bone_of), stretch)
        return Smoothed(smoothed, logits, trust, later if self.causal else {})

    def _features(self, joints, bones, speed):
        """What a network gets of joints `[B, T, J, n]`, bones `[B, T, J - 1]` and the speed `[B, T, 1]`."""
        frames, count = length(speed, 1), len(self.skeleton)
        if self.options["network"] == "convolutions":
            flat = [ops.reshape(part, (-1, frames, part.shape[-1] * count)) for part in joints]
            return ops.concatenate([*flat, *bones, speed], -1)
        # Each joint gets the bone to its parent, the root zeros.
        bones = [ops.matmul(part, self.bone_of_joint)[..., None] for part in bones]
        speed = speed[..., None] + ops.zeros_like(joints[0][..., :1])
        every = ops.concatenate([*joints, *bones, speed], -1)
        return ops.reshape(every, (-1, frames, every.shape[-1] * count))

    def _person(self, lengths, trust, sums):
        """The person's bone lengths `[B, T, J - 1]`: the mean over the clip, or of the causal form up to the frame."""
        both = ops.prod(ops.take(trust[..., 0], np.reshape(self.skeleton.bones, (-1, 2)), axis=2), axis=-1) + 1e-3
        parts = ops.stack([both * lengths, both], axis=-1)  # [B, T, J - 1, 2]
        if not self.causal:
            total = ops.sum(parts, axis=1, keepdims=True)
            return (total[..., 0] / total[..., 1]) + ops.zeros_like(lengths), None
        total = ops.cumsum(parts, axis=1)
        if sums is not None:
            total = total + sums[:, None]
        return total[..., 0] / total[..., 1], total[:, -1]

    def get_config(self):
        return {
            **super().get_config(),
            "skeleton": self.skeleton.to_dict(),
            "causal": self.causal,
            **self.options,
        }


def _bounded(values, unit):
    """Offsets in units of `unit` metres, softly bounded: beyond a few units it does not matter how far."""
    values = values / unit
    return values / (1.0 + 0.25 * ops.abs(values))
