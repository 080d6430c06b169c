"""The model that users hold: raw joints in metres in, joints in metres or codes out."""

from __future__ import annotations

import functools
from typing import NamedTuple

import keras
from keras import ops

from tfpose import presets
from tfpose.errors import DataError
from tfpose.layers import JointCorrection, JointTrust, PoseNormalizer, SideMatch
from tfpose.models.calls import Input, described, public
from tfpose.models.pose_decoder import PoseDecoder
from tfpose.models.pose_encoder import PoseEncoder, couple
from tfpose.skeleton import Skeleton
from tfpose.streaming import TRUSTED


class Estimate(NamedTuple):
    """One estimate of `PoseAutoencoder.refine`.

    Attributes:
        pose: `[B, J, 3]`, normalised.
        observed: `[B, J, 3]`, normalised: the observed joints, exchanged sides put right by `SideMatch`.
        trust_logits: `[B, J, 1]` of `JointTrust`, how far to trust those; None from a bare autoencoder.
    """

    pose: object
    observed: object
    trust_logits: object


@keras.saving.register_keras_serializable("tfpose")
class PoseAutoencoder(keras.Model):
    """A denoising autoencoder whose codes separate the pose from the view (Sec. 3, Fig. 2).

    Normalisation is inside: every method takes and returns metres, in the frame of its input. Missing joints are NaN
    and come back filled. Calling the model denoises.

    Args:
        skeleton: the joints (a `Skeleton`, or its `to_dict`).
        units: hidden size of the encoder's nodes; the paper's is 32.
        code_size: z of the codes.
        view: "frame" (the view code is a rotation `[B, 3, 3]`, and the pose code is the same for every heading), "free"
            (the paper's matrix `[B, z, z]`) or "none" (see `PoseEncoder`).
        upright: whether the frame of the body starts upright (see `BodyFrame`).
        orthogonal: whether free view codes are orthogonal by construction.
        network: further arguments of the encoder's `SeBiReNet`: `passes`, `wiring`, `cell`, `use_bias`,
            `node_output`.
        decoder: "tree" or "mlp".
        decoder_units: hidden size of the decoder.
        refinements: how often `denoise` reconstructs and blends with the observed pose by a learned trust per joint;
            0 is the bare autoencoder of the paper.
        correction_units: width of the `JointCorrection` of every refinement; 0 is none.
        scale: metres per unit of the network.
        origin: what is to be known of the weights, such as {"lineage": what they learned from, "licence": their terms};
            kept with the model, and in what is exported of it.

    Examples:
        >>> model = PoseAutoencoder.from_preset("sebirenet_cmu")
        >>> clean = model.denoise(joints)                         # [B, 17, 3] -> [B, 17, 3]
        >>> codes = model.encode(joints)                          # {"pose_code": ..., "view_code": ...}
        >>> turned = model.transfer_view(joints, view_from=other)

    Reference:
        Nie, Liu, Liu: Unsupervised 3D Human Pose Representation with Viewpoint and Pose Disentanglement, ECCV 2020.
    """

    def __init__(
        self,
        skeleton,
        units=32,
        code_size=16,
        view="frame",
        upright=True,
        orthogonal=False,
        network=None,
        decoder="tree",
        decoder_units=32,
        refinements=2,
        correction_units=0,
        scale=0.4,
        origin=None,
        **kwargs,
    ):
        super().__init__(**{"autocast": False, **kwargs})  # metres lose their millimetres in half precision
        self.skeleton = skeleton if isinstance(skeleton, Skeleton) else Skeleton.from_dict(skeleton)
        self.options = {
            "units": units,
            "code_size": code_size,
            "view": view,
            "upright": upright,
            "orthogonal": orthogonal,
            "network": dict(network or {}),
            "decoder": decoder,
            "decoder_units": decoder_units,
            "refinements": refinements,
            "correction_units": correction_units,
            "scale": scale,
        }
        self.origin = dict(origin or {})
        self.refinements = refinements
        self.code_size = code_size

        def named(name):
            return {"name": name, "dtype": self.dtype_policy}

        self.normalizer = PoseNormalizer(scale, name="normalizer", dtype=self.variable_dtype)
        self.encoder = PoseEncoder(
            self.skeleton, units, code_size, view, upright, orthogonal, network, **named("encoder")
        )
        self.decoder = PoseDecoder(self.skeleton, decoder, decoder_units, **named("decoder"))
        self.trust = JointTrust(self.skeleton, **named("trust")) if refinements else None
        self.sides = (
            SideMatch(self.skeleton, name="sides", dtype=self.variable_dtype)
            if refinements and self.skeleton.mirror
            else None
        )
        corrected = refinements and correction_units
        self.correction = JointCorrection(self.skeleton, correction_units, **named("correction")) if corrected else None

    def build(self, input_shape=None):
        joints = len(self.skeleton)
        self.normalizer.build((None, joints, 3))
        self.encoder.build((None, joints, 3))
        self.decoder.build((None, joints, self.code_size))
        if self.trust is not None:
            self.trust.build((None, joints, 3))
        if self.sides is not None:
            self.sides.build((None, joints, 3))
        if self.correction is not None:
            self.correction.build((None, joints, 3))
        self.built = True

    def call(self, joints):
        return self.denoise(joints)

    presets = presets.Summaries()
    """The presets that ship, by name, each with one line about it."""

    @classmethod
    def from_preset(cls, name_or_path, verify: bool = True):
        """A trained model.

        Args:
            name_or_path: a preset by name (one of `PoseAutoencoder.presets`), the folder of a preset, a `.keras` file,
                or the working directory of a training.
            verify: whether to compare the files with their checksums, which takes milliseconds.

        Raises:
            DataError: when there is no such model, it is damaged, or of another class.
        """
        from tfpose.models.loading import load_model

        return load_model(name_or_path, cls, verify)

    def weight_paths(self):
        """The path of each of `weights` inside the model, whatever the model is called."""
        return [weight.path.partition("/")[2] for weight in self.weights]

    @functools.cached_property
    def call_inputs(self) -> dict[str, Input]:
        """What the public methods take, by the names of their arguments."""
        joints, size = len(self.skeleton), 3 if self.encoder.view == "frame" else self.code_size
        poses = Input(
            (joints, 3),
            f"metres, in the joint order of skeleton '{self.skeleton.name}'",
            "Other skeletons are converted with Skeleton.load(NAME).to(model.skeleton) @ joints.",
        )
        codes = "as `encode` returns it", "Codes are of the model that decodes them."
        return {
            "joints": poses,
            "view_from": poses,
            "pose_code": Input((joints, self.code_size), *codes),
            "view_code": Input((size, size), *codes),
        }

    # --- in metres

    @public
    def encode(self, joints):
        """`[B, J, 3]` metres -> `{"pose_code": [B, J, z], "view_code": [B, 3, 3]}`; free view codes are `[B, z, z]`."""
        normalized, frame = self.normalizer(joints)
        pose_code, view_code = self.encoder(normalized, frame.observed)
        return {"pose_code": pose_code, "view_code": view_code}

    @public
    def decode(self, pose_code, view_code):
        """Codes -> `[B, J, 3]` metres about the pose's own centre (codes hold no translation)."""
        return self.recover(pose_code, view_code) * self.normalizer.scale

    @public
    def denoise(self, joints):
        """`[B, J, 3]` metres, NaN = missing -> `[B, J, 3]` metres in the same frame."""
        return self._denoised(joints)[0]

    @public
    def denoise_with_trust(self, joints):
        """What `denoise` does, and how far each joint's place comes from what was observed.

        Args:
            joints: `[B, J, 3]` metres, NaN = missing.

        Returns:
            `{"denoised": [B, J, 3] metres, "trust": [B, J] from 0 to 1, "filled": [B, J] bool}`; what was missing or is
            trusted by less than a half is filled. A model without refinements trusts nothing.
        """
        denoised, trust = self._denoised(joints)
        return {"denoised": denoised, "trust": trust, "filled": trust < TRUSTED}

    def _denoised(self, joints):
        normalized, frame = self.normalizer(joints)
        last = self.refine(normalized, frame.observed)[-1]
        trust = ops.zeros_like(frame.observed)
        if last.trust_logits is not None:
            trust = frame.observed * ops.cast(ops.sigmoid(last.trust_logits), frame.observed.dtype)
        return self.normalizer.restore(last.pose, frame), trust[..., 0]

    @public
    def reconstruct(self, joints):
        """What the autoencoder alone makes of `[B, J, 3]` metres, without trust: the paper's denoising."""
        normalized, frame = self.normalizer(joints)
        return self.normalizer.restore(self.recover(*self.encoder(normalized, frame.observed)), frame)

    @public
    def transfer_view(self, joints, view_from):
        """The pose of `joints` seen as `view_from` is seen (both `[B, J, 3]` metres), about the centre of `joints`."""
        normalized, frame = self.normalizer(joints)
        other, other_frame = self.normalizer(view_from)
        pose_code, _ = self.encoder(normalized, frame.observed)
        _, view_code = self.encoder(other, other_frame.observed)
        return self.normalizer.restore(self.recover(pose_code, view_code), frame)

    # --- in the network's unit

    def recover(self, pose_code, view_code):
        """Codes -> the pose `[B, J, 3]`, normalised."""
        if self.encoder.view == "frame":
            return couple(ops.cast(self.decoder(pose_code), view_code.dtype), view_code)
        return self.decoder(couple(pose_code, view_code))

    def refine(self, observed_pose, observed, first=None):
        """The successive estimates of `denoise`, for training on all of them.

        Args:
            observed_pose: `[B, J, 3]`, normalised, missing joints at the centre.
            observed: `[B, J, 1]`, 0 where a joint is missing: it gets no trust.
            first: the first reconstruction `[B, J, 3]` and the view code `[B, ., .]`, when the caller has them.

        Returns:
            A list of `Estimate`.
        """
        if first is None:
            pose_code, view_code = self.encoder(observed_pose, observed)
            first = self.recover(pose_code, view_code), view_code
        reconstructed, view_code = ops.cast(first[0], observed_pose.dtype), first[1]
        if not self.refinements:
            return [Estimate(reconstructed, observed_pose, None)]
        estimates = []
        for _ in range(self.refinements):
            if estimates:
                pose_code, view_code = self.encoder(estimates[-1].pose)
                if self.encoder.view == "free":
                    # From a better estimate, a free view code would learn to hold the pose.
                    view_code = ops.stop_gradient(view_code)
                reconstructed = ops.cast(self.recover(pose_code, view_code), observed_pose.dtype)
            # Always the observed pose, so that a joint distrusted by mistake can come back.
            named = observed_pose if self.sides is None else self.sides(observed_pose, reconstructed, observed)
            logits = self.trust(named, reconstructed)
            kept = ops.cast(ops.sigmoid(logits), observed.dtype) * observed
            if self.correction is not None:
                reconstructed = self._corrected(kept, named, reconstructed, view_code)
            estimates.append(Estimate(reconstructed + kept * (named - reconstructed), named, logits))
        return estimates

    def _corrected(self, kept, observed_pose, reconstructed, view_code):
        """What `JointCorrection` makes of a reconstruction, in the frame of the body where there is one."""
        if self.encoder.view != "frame":
            return ops.cast(self.correction(kept, observed_pose, reconstructed), reconstructed.dtype)
        to_body = ops.swapaxes(view_code, -1, -2)
        in_frame = (couple(pose, to_body) for pose in (observed_pose, reconstructed))
        return couple(ops.cast(self.correction(kept, *in_frame), view_code.dtype), view_code)

    def __repr__(self):
        return described(self)

    def compute_output_shape(self, input_shape):
        return input_shape

    @classmethod
    def from_config(cls, config):
        """The inverse of `get_config`.

        Raises:
            DataError: for a model of an older tfpose.
        """
        if "view" not in config:
            raise DataError(
                "made by tfpose before 0.2, whose view code was another; train it again, or use the tfpose that made it"
            )
        return cls(**config)

    def get_config(self):
        return {**super().get_config(), "skeleton": self.skeleton.to_dict(), **self.options, "origin": self.origin}
