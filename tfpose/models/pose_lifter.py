"""2D joints of one image in, the 3D pose out."""

from __future__ import annotations

import functools
import math

import keras
from keras import ops

from tfpose.layers import RayNormalizer
from tfpose.models.calls import Input, checked, described, public
from tfpose.models.pose_decoder import PoseDecoder
from tfpose.models.pose_encoder import PoseEncoder, couple
from tfpose.skeleton import Skeleton

FEATURES = 6  # of each joint, from `RayNormalizer`


class Lifter(keras.Model):
    """What all lifters share: the normalisation around a network `pose_of(features [B, J, 6]) -> [B, J, 3]`.

    Args:
        skeleton: the joints (a `Skeleton`, or its `to_dict`).
        scale: metres per unit of the network.
        origin: as of `PoseAutoencoder`.

    Call arguments:
        joints_2d: `[B, J, 2]` normalised image coordinates, NaN = missing: pixels from the principal point, divided by
            the focal length in pixels, x right and y down (`tfpose.datasets.lifting.image_coordinates`).

    Returns:
        `[B, J, 3]` metres, the root at the origin, in the camera frame turned y up: x right, y up, z towards the
        viewer. With `axes.to_y_up(pose, "-y")` it is the usual camera frame (x right, y down, z forward).
    """

    def __init__(self, skeleton, scale=0.4, origin=None, **kwargs):
        super().__init__(**{"autocast": False, **kwargs})
        self.origin = dict(origin or {})
        self.skeleton = skeleton if isinstance(skeleton, Skeleton) else Skeleton.from_dict(skeleton)
        self.scale = scale
        self.normalizer = RayNormalizer(name="normalizer", dtype=self.variable_dtype)

    def call(self, joints_2d, training=None):
        joints_2d = checked(joints_2d, "joints_2d", self.call_inputs["joints_2d"], self.variable_dtype)
        features, rotation = self.normalizer(joints_2d)
        return self.placed(self.pose_of(features, training), rotation)

    @public
    def lift(self, joints_2d):
        """`[B, J, 2]` normalised image coordinates -> `[B, J, 3]` metres about the root, as a call of the model."""
        return self(joints_2d, training=False)

    @property
    def learned_parameters(self) -> int:
        """How many numbers are learned; the running statistics of a normalisation are not."""
        return sum(math.prod(weight.shape) for weight in self.trainable_weights)

    def placed(self, pose, rotation):
        """A pose of the network, about its root, in metres and in the frame of the camera."""
        pose = ops.cast(pose, rotation.dtype)
        root = pose[:, self.skeleton.root : self.skeleton.root + 1]
        return self.normalizer.restore((pose - root) * self.scale, rotation)

    @functools.cached_property
    def call_inputs(self) -> dict[str, Input]:
        """What the public methods take, by the names of their arguments."""
        expected = Input(
            (len(self.skeleton), 2),
            f"normalised image coordinates in the joint order of skeleton '{self.skeleton.name}'",
            "Pixels become such coordinates with tfpose.datasets.lifting.image_coordinates, other skeletons are "
            "converted with Skeleton.load(NAME).to(model.skeleton) @ joints_2d.",
        )
        return {"joints_2d": expected}

    def __repr__(self):
        return described(self)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 3)

    def get_config(self):
        return {**super().get_config(), "skeleton": self.skeleton.to_dict(), "scale": self.scale, "origin": self.origin}


@keras.saving.register_keras_serializable("tfpose")
class PoseLifter(Lifter):
    """Lifts 2D joints by way of the codes of a 3D stream (Sec. 4.5, Fig. 5).

    A 2D encoder, the same network as the 3D one but for its input, gives the pose code and the view code that the 3D
    encoder would give for the pose that the image shows; the 3D stream's decoder makes the pose of them. See `Lifter`
    for what goes in and comes out.

    Args:
        skeleton: the joints (a `Skeleton`, or its `to_dict`).
        units: hidden size of the 2D encoder's nodes.
        code_size: z of the codes; the 3D stream's.
        orthogonal: whether view codes are orthogonal by construction; the 3D stream's.
        network: further arguments of the 2D encoder's `SeBiReNet`.
        decoder: "tree" or "mlp"; the 3D stream's.
        decoder_units: hidden size of the decoder; the 3D stream's.
        scale: metres per unit of the network; the 3D stream's.

    Examples:
        >>> lifter = PoseLifter(Skeleton.load("paper17"))
        >>> joints_3d = lifter(image_coordinates(pixels, focal=1145, center=(512, 512)))  # [B, 17, 2] -> [B, 17, 3]

    Reference:
        Nie, Liu, Liu: Unsupervised 3D Human Pose Representation with Viewpoint and Pose Disentanglement, ECCV 2020.
    """

    def __init__(
        self,
        skeleton,
        units=32,
        code_size=16,
        orthogonal=False,
        network=None,
        decoder="tree",
        decoder_units=32,
        scale=0.4,
        **kwargs,
    ):
        super().__init__(skeleton, scale, **kwargs)
        self.options = {
            "units": units,
            "code_size": code_size,
            "orthogonal": orthogonal,
            "network": dict(network or {}),
            "decoder": decoder,
            "decoder_units": decoder_units,
        }
        self.code_size = code_size
        self.encoder = PoseEncoder(
            self.skeleton,
            units,
            code_size,
            "free",
            orthogonal=orthogonal,
            network=network,
            name="encoder",
            dtype=self.dtype_policy,
        )
        self.decoder = PoseDecoder(self.skeleton, decoder, decoder_units, name="decoder", dtype=self.dtype_policy)

    def build(self, input_shape=None):
        joints = len(self.skeleton)
        self.normalizer.build((None, joints, 2))
        self.encoder.build((None, joints, FEATURES))
        self.decoder.build((None, joints, self.code_size))
        self.built = True

    def pose_of(self, features, training=None):
        """`[B, J, 6]` of the normaliser -> the pose `[B, J, 3]` in the network's unit, before the turned camera."""
        return self.decoder(couple(*self.encoder(features)))

    def get_config(self):
        return {**super().get_config(), **self.options}
