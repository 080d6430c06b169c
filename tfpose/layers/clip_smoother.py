"""The part of `ClipDenoiser` that learns: whom to trust in each frame, and how to smooth over frames."""

from __future__ import annotations

from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from tfpose.errors import TfposeError
from tfpose.geometry.bones import at_lengths, bone_matrix, norm, stretches
from tfpose.layers.gap_bridge import GapBridge
from tfpose.layers.local_regression import LocalRegression
from tfpose.layers.sebirenet_over_time import SeBiReNetOverTime
from tfpose.layers.static import by_rows, concatenate, exchange, length
from tfpose.layers.temporal_convolutions import TemporalConvolutions
from tfpose.skeleton import Skeleton

NETWORKS = ("convolutions", "sebirenet")
_PASSES, _LEAST_MASS = 4, 0.1  # of `at_lengths`; the mass of a joint is its trust, and a little more


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
    which keeps curves that smoothing cuts. In whole clips, `GapBridge` takes joints over gaps from what is trusted on
    both sides. A second network mixes them all, adds a correction, and moves the ends of bones towards the person's
    bone lengths. Except while training, a last step moves all joints to these lengths, trusted joints least.

    Args:
        skeleton: the joints (a `Skeleton`, or its `to_dict`).
        causal: whether a frame is computed from itself and earlier frames alone.
        network: what the two networks are: "convolutions" over the frames of all joints, or "sebirenet", a SeBiReNet
            whose hidden states carry over from frame to frame.
        units: widths of the two networks; of a SeBiReNet, of a joint.
        dilations: of the two networks' convolutions.
        widths, reach: of `LocalRegression`.

    Call arguments:
        joints: `[B, T, J, 3]` metres, finite.
        observed: `[B, T, J, 1]`, 0 to 1: 0 where a joint is missing, else the tracker's confidence.
        seen: `[B, T, 1, 1]`: 0 in frames of which the pose model can say nothing.
        estimate: `[B, T, J, 3]` metres, finite: of the pose model.
        estimate_trust: `[B, T, J, 1]` logits of the pose model's trust.
        rate: `[B]` frames per second.
        state: of the causal form, of the frames before; None at the beginning.
        training: whether to leave out the last step: clips of a training are too short to tell a person's lengths.

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
            raise TfposeError(f"network must be one of {', '.join(NETWORKS)}, got '{network}'")
        self.options = {
            "network": network,
            "units": list(units),
            "dilations": [list(each) for each in dilations],
            "widths": list(widths),
            "reach": reach,
        }
        self.exchange = exchange(self.skeleton.mirror_joints)
        self.bone_of = bone_matrix(self.skeleton)
        self.child_of = np.maximum(self.bone_of, 0.0)  # [J - 1, J]: takes for each bone the joint at its end
        self.regression = LocalRegression(widths, reach, causal, name="regression", dtype=self.dtype_policy)
        self.reader, self.mixer = (
            SeBiReNetOverTime(self.skeleton, width, causal, name=name, dtype=self.dtype_policy)
            if network == "sebirenet"
            else TemporalConvolutions(width, taps, causal, name=name, dtype=self.dtype_policy)
            for name, width, taps in zip(("reader", "mixer"), units, dilations)
        )
        self.bridge = None if causal else GapBridge(reach, name="bridge", dtype=self.dtype_policy)
        joints = len(self.skeleton)
        zeros = {"kernel_initializer": "zeros", "dtype": self.dtype_policy}
        self.logits = keras.layers.Dense(3 * joints, name="logits", **zeros)
        # The mixture begins with narrow windows, which flatten curves least.
        preferred = [1, 1, *range(1, 1 - len(widths), -1), *range(2, 3 - len(widths), -1)]
        self.preferred = np.float32([*preferred, 1] if self.bridge else preferred)
        self.candidates = len(self.preferred)
        self.mixture = keras.layers.Dense((self.candidates + 3 + 1) * joints, name="mixture", **zeros)

    def build(self, *shapes, **named):
        joints, supports = len(self.skeleton), len(self.options["widths"]) + bool(self.bridge)
        by_joint = self.options["network"] == "sebirenet"
        common = (joints, 3 * joints) if by_joint else (1, 2 * len(self.bone_of) + 1)
        self.reader.build((None, None, 23 * joints + common[0]))
        self.mixer.build((None, None, (4 * self.candidates + 4 + supports) * joints + common[1]))
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
        shapes |= {"bone_sums": (bones, 2), "length_sums": (bones, 2)}
        for name, network in (("reader", self.reader), ("mixer", self.mixer)):
            shapes |= {f"{name}_{number}": shape for number, shape in enumerate(network.history_shapes)}
        return shapes

    def call(self, joints, observed, seen, estimate, estimate_trust, rate, state=None, training=False):
        frames, count = length(joints, 1), len(self.skeleton)
        state, later = state or {}, {}

        def history(name, network):
            return [state[f"{name}_{n}"] for n in range(len(network.history_shapes))] if state else None

        # Below, values of joints are `[B * T, n, J, .]`; n tensors that are treated alike share the second axis.
        def by_frame(values):
            return ops.reshape(values, (-1, int(np.prod(values.shape[2:-2])), *values.shape[-2:]))

        def over_time(*every):
            return [ops.reshape(values, (-1, frames, count, values.shape[-1])) for values in every]

        def smoothed_by(weights, values, name):
            values, support, later[name] = self.regression(*over_time(values, weights, estimate), state.get(name))
            return by_frame(values), by_frame(support)

        joints, observed, seen, estimate, estimate_trust = (
            by_frame(each) for each in (joints, observed, seen, estimate, estimate_trust)
        )
        here = ops.ceil(observed)  # 1 wherever there is an observation
        joints = estimate + here * (joints - estimate)
        twin, twin_observed = ops.matmul(self.exchange, joints), ops.matmul(self.exchange, observed)
        centre = ops.mean(estimate, axis=2, keepdims=True)
        speed = ops.reshape(ops.log(rate / 30.0), (-1, 1, 1)) + ops.zeros((1, frames, 1), rate.dtype)

        # What can be said before the network.
        first, _ = smoothed_by(observed * ops.sigmoid(estimate_trust), joints, "observed_window")
        narrow, wide = first[:, :1], first[:, 2:3]
        offsets = concatenate([joints, twin, joints, joints, twin], 1)
        offsets = offsets - concatenate([estimate, estimate, narrow, wide, wide], 1)
        bounds = np.float32([0.1, 0.1, 0.05, 0.05, 0.1])[:, None, None]
        distances = _bounded(norm(offsets, keepdims=True), 0.05)
        features = [
            (estimate - centre) / 0.4,
            _bounded(offsets, bounds),
            distances[:, :1],
            distances[:, 2:4],
            ops.tanh(estimate_trust / 4),
            observed,
        ]
        read, kept = self.reader(self._features(features, [], speed), history("reader", self.reader))
        later |= {f"reader_{number}": value for number, value in enumerate(kept)}
        logits = ops.reshape(by_rows(self.logits, read), (-1, 1, count, 3))
        logits = logits + estimate_trust * np.float32([1, 0, 0]) - np.float32([0, 4, 0])
        shares = ops.softmax(logits, axis=-1)
        own, other = shares[..., :1] * observed, shares[..., 1:2] * twin_observed
        trust = own + other
        guessed = (1.0 - trust) * seen * ops.sigmoid(self.guess)
        weight = trust + guessed
        trusted = own * joints + other * twin
        reading = (trusted + (guessed + 1e-4) * estimate) / (weight + 1e-4)

        # Smoothed with these weights.
        values, support = smoothed_by(weight, reading, "trusted_window")
        middle = values[:, 1:2]
        extrapolated = values[:, :-1] + (values[:, :-1] - values[:, 1:]) / 3.0
        candidates, supports = [reading, estimate, values, extrapolated], [support]
        if self.bridge:
            # From what is trusted alone: a joint that is half trusted must not count where it is nearest.
            known = (trusted + 1e-4 * estimate) / (trust + 1e-4)
            bridged, seen_around = self.bridge(*over_time(known, trust**4, estimate))
            candidates.append(by_frame(bridged))
            supports.append(by_frame(seen_around))
        offsets = concatenate(candidates, 1) - middle
        lengths = norm(ops.matmul(self.bone_of, middle), keepdims=True)
        person, later["bone_sums"] = self._person(lengths, trust, frames, state.get("bone_sums"))
        features = [
            (middle - centre) / 0.4,
            _bounded(offsets, 0.05),
            _bounded(norm(offsets, keepdims=True), 0.02),
            trust,
            *supports,
        ]
        bones = [(lengths - person) / 0.05, person / 0.4]
        mixed, kept = self.mixer(self._features(features, bones, speed), history("mixer", self.mixer))
        later |= {f"mixer_{number}": value for number, value in enumerate(kept)}
        mixture = ops.reshape(by_rows(self.mixture, mixed), (-1, 1, count, self.candidates + 4))
        shares = ops.softmax(mixture[..., : self.candidates] + self.preferred, axis=-1)
        shares = ops.transpose(shares, (0, 3, 2, 1))  # [B * T, candidates, J, 1]
        smoothed = middle + 0.1 * mixture[..., self.candidates : self.candidates + 3]
        smoothed = smoothed + ops.sum(shares * offsets, axis=1, keepdims=True)
        pull = ops.sigmoid(mixture[..., -1:] - 2.0)
        for _ in range(2):
            stretch = 0.5 * stretches(smoothed, person, self.bone_of)
            smoothed = smoothed + pull * ops.matmul(np.transpose(self.bone_of), stretch)
        if not training:
            lengths = norm(ops.matmul(self.bone_of, smoothed), keepdims=True)
            person, later["length_sums"] = self._person(lengths, trust, frames, state.get("length_sums"))
            smoothed = at_lengths(smoothed, trust + _LEAST_MASS, person, self.skeleton, _PASSES)
        return Smoothed(*over_time(smoothed, logits, trust), later if self.causal else {})

    def _features(self, joints, bones, speed):
        """What a network gets of joints `[B * T, n, J, .]`, bones `[B * T, 1, J - 1, 1]` and the speed `[B, T, 1]`."""
        frames = length(speed, 1)
        if self.options["network"] == "convolutions":
            flat = [ops.reshape(part, (-1, frames, int(np.prod(part.shape[1:])))) for part in (*joints, *bones)]
            return concatenate([*flat, speed], -1)
        # Joint by joint; each gets the bone to its parent, and the root zeros.
        joints = [*joints, *(ops.matmul(np.transpose(self.child_of), part) for part in bones)]
        joints = [ops.transpose(part, (0, 2, 1, 3)) for part in joints]
        count = len(self.skeleton)
        flat = [ops.reshape(part, (-1, frames, count, part.shape[-2] * part.shape[-1])) for part in joints]
        speed = speed[..., None] + ops.zeros_like(flat[0][..., :1])
        every = concatenate([*flat, speed], -1)
        return ops.reshape(every, (-1, frames, count * every.shape[-1]))

    def _person(self, lengths, trust, frames, sums):
        """The person's bone lengths `[B * T, 1, J - 1, 1]`: the mean over the clip, or of the causal form up to the
        frame."""
        both = ops.matmul(self.child_of, trust) * ops.matmul(self.child_of - self.bone_of, trust) + 1e-3
        bones = len(self.bone_of)
        parts = ops.reshape(ops.concatenate([both * lengths, both], axis=-1), (-1, frames, bones, 2))
        if self.causal:
            total = ops.cumsum(parts, axis=1)
            if sums is not None:
                total = total + ops.reshape(sums, (-1, 1, bones, 2))
            sums = ops.reshape(total[:, -1:], (-1, bones, 2))
        else:
            total = ops.sum(parts, axis=1, keepdims=True) + ops.zeros_like(parts)
        total = ops.reshape(total, (-1, 1, bones, 2))
        return total[..., :1] / total[..., 1:], sums

    def get_config(self):
        return {
            **super().get_config(),
            "skeleton": self.skeleton.to_dict(),
            "causal": self.causal,
            **self.options,
        }


def _bounded(values, unit):
    """Offsets in units of `unit` metres, softly bounded: beyond a few units it does not matter how far."""
    return values / (unit + 0.25 * ops.abs(values))
