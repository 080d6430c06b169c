"""The frame of a body: a rotation that turns exactly as the body turns."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from tfpose.errors import SkeletonError
from tfpose.layers.static import by_rows
from tfpose.skeleton import Skeleton

# The length at which a vector counts half, in the network's unit: no broken joint can outweigh the others.
_SHORT = 0.25
# What the pairs of the limbs count beside those of the trunk: enough to give a heading where the trunk is missing.
_LIMBS = 0.02


@keras.saving.register_keras_serializable("tfpose")
class BodyFrame(keras.layers.Layer):
    """Turns poses into the frame of their body; the view code is the rotation back.

    The frame starts from directions that rotate exactly as the pose does: the right-to-left vectors of the trunk, each
    shortened to `v / (|v| + 0.25)` so that a broken pair cannot dominate, summed, and laid on the ground. In that frame
    a pose is the same for every heading, so whatever is computed of it there is too. An MLP then reads a residual
    rotation off the pose in that frame: it mends a heading that broken joints have spoilt, and the tilt. It starts as
    no rotation, and looks again at the pose that it has turned.

    The view code is orthogonal by construction, so that the coupling of eq. 2 is a rotation and eq. 10 holds exactly.

    Args:
        skeleton: whose joints (a `Skeleton`, or its `to_dict`).
        upright: True for a frame whose start is upright (sensors know where up is); False takes the up direction from
            the trunk too, so that poses are the same for every rotation.
        units: width of the MLP.
        steps: how often the MLP looks.

    Call arguments:
        poses: `[B, J, 3]`, centred, missing joints at the centre; in the network's unit.
        observed: `[B, J, 1]`, 0 where a joint is missing; None for complete poses.

    Returns:
        `(turned [B, J, 3], view_code [B, 3, 3])`, with `poses = turned @ view_code`.

    Raises:
        SkeletonError: when the skeleton has no mirror pairs.
    """

    def __init__(self, skeleton, upright=True, units=128, steps=2, **kwargs):
        super().__init__(**kwargs)
        self.skeleton = skeleton if isinstance(skeleton, Skeleton) else Skeleton.from_dict(skeleton)
        if not self.skeleton.mirror:
            raise SkeletonError(
                f"skeleton '{self.skeleton.name}' has no mirror pairs, which tell where a body faces; add them to its "
                "'mirror' part, or use the free view code: view='free' (--config.model.view=free)"
            )
        self.upright = upright
        self.units = units
        self.steps = steps
        self.left = _left_vectors(self.skeleton)
        self.up = None if upright else _up_vectors(self.skeleton)
        precise = {"dtype": self.variable_dtype}  # half precision would cost a millimetre
        self.hidden = keras.layers.Dense(units, activation="relu", name="hidden", **precise)
        self.hidden2 = keras.layers.Dense(units, activation="relu", name="hidden2", **precise)
        self.residual = keras.layers.Dense(6, kernel_initializer="zeros", name="residual", **precise)

    def build(self, input_shape):
        batch, joints = input_shape[0], len(self.skeleton)
        self.hidden.build((batch, 3 * joints))
        self.hidden2.build((batch, self.units))
        self.residual.build((batch, self.units))
        self.built = True

    def call(self, poses, observed=None):
        poses = ops.cast(poses, self.variable_dtype)
        observed = observed if observed is None else ops.cast(observed, self.variable_dtype)
        frame = self._start(poses, observed)
        turned = ops.matmul(poses, ops.swapaxes(frame, -1, -2))
        for _ in range(self.steps):
            flat = ops.reshape(turned, (-1, 3 * len(self.skeleton)))
            rows = self.residual(self.hidden2(self.hidden(flat))) + np.array([1.0, 0.0, 0.0, 0.0, 1.0, 0.0], "f")
            turn = _rotation(rows[:, :3], rows[:, 3:])
            turned = ops.matmul(turned, ops.swapaxes(turn, -1, -2))
            frame = ops.matmul(turn, frame)
        return ops.cast(turned, self.compute_dtype), ops.cast(frame, self.compute_dtype)

    def _start(self, poses, observed):
        """`[B, 3, 3]` whose rows are the body's left, up and forward directions."""
        coordinates = ops.transpose(poses, (0, 2, 1))
        left = _direction(coordinates, observed, *self.left)
        if self.up is not None:
            return _rotation(left, _direction(coordinates, observed, *self.up))
        left = _unit(left * np.array([1.0, 0.0, 1.0], "f"), np.array([1.0, 0.0, 0.0], "f"))
        x, nothing, z = (left[:, axis : axis + 1] for axis in range(3))
        return _rows(left, nothing, nothing + 1.0, nothing, ops.concatenate([-z, nothing, x], axis=-1))

    def get_config(self):
        return {
            **super().get_config(),
            "skeleton": self.skeleton.to_dict(),
            "upright": self.upright,
            "units": self.units,
            "steps": self.steps,
        }


def _direction(coordinates, observed, differences, weights):
    """The weighted sum `[B, 3]` of shortened vectors between joints, of those whose joints are both observed."""
    vectors = by_rows(lambda rows: ops.matmul(rows, differences), coordinates)  # [B, 3, V]
    length = ops.sqrt(ops.maximum(ops.sum(ops.square(vectors), axis=1, keepdims=True), 1e-12))
    vectors = vectors / (length + _SHORT) * weights
    if observed is not None:
        observed = ops.reshape(observed, (-1, len(differences)))
        ends = ops.matmul(observed, np.abs(differences))  # 2 where both joints are observed
        vectors = vectors * ops.relu(ends - 1.0)[:, None]
    return ops.sum(vectors, axis=-1)


# No comparison and no choice between values below: XNNPACK, which runs the parts of a LiteRT graph that it can, has
# neither, and leaving it for one operation takes longer than the operation. Nor does it join more than five pieces.


def _rotation(first, second):
    """The rotation `[B, 3, 3]` whose rows are `first` `[B, 3]`, then `second` made orthogonal to it, then their cross
    product. A direction of no length is replaced by a fixed one, so that there is a rotation whatever the pose."""
    first = _unit(first, np.array([1.0, 0.0, 0.0], "f"))
    second = second - first * ops.sum(first * second, axis=-1, keepdims=True)
    second = _unit(second, _orthogonal(first))
    return _rows(first, second, _cross(first, second))


def _unit(vector, instead):
    """`vector` `[B, 3]` at length 1; `instead`, a unit vector, where it has no length."""
    squared = ops.sum(ops.square(vector), axis=-1, keepdims=True)
    known = _exceeds(squared, 1e-10)
    return vector * (known / ops.sqrt(ops.maximum(squared, 1e-10))) + instead * (1.0 - known)


def _orthogonal(unit):
    """A unit vector orthogonal to `unit` `[B, 3]`, from the y axis, or from the z axis where `unit` is nearly y."""
    y = unit[:, 1:2]
    upright = _exceeds(y * y, 0.75)
    axis = upright * np.array([0.0, -1.0, 1.0], "f") + np.array([0.0, 1.0, 0.0], "f")
    along = ops.sum(unit * axis, axis=-1, keepdims=True)
    return (axis - unit * along) / ops.sqrt(1.0 - along * along)


def _cross(a, b):
    a, b = ops.concatenate([a, a], axis=-1), ops.concatenate([b, b], axis=-1)
    return a[:, 1:4] * b[:, 2:5] - a[:, 2:5] * b[:, 1:4]


def _rows(*parts):
    """`[B, 3, 3]` of its numbers in parts `[B, n]`, row by row."""
    return ops.reshape(ops.concatenate(parts, axis=-1), (-1, 3, 3))


def _exceeds(values, limit):
    """1 where `values` exceed `limit`, 0 elsewhere: the next number of float32 makes the difference."""
    return ops.minimum(ops.relu(values - limit) * (1e8 / limit), 1.0)


def _left_vectors(skeleton: Skeleton):
    """Which differences of joints point to the left: a matrix `[J, V]` and what each counts, `[V]`.

    Of a pair of the trunk there are three: from right to left, and from either to the joint that both hang on. So one
    bad joint of a pair leaves a good vector.
    """
    ends, weights = [], []
    trunk = skeleton.torso_pairs or skeleton.mirror
    for pair in skeleton.mirror:
        left, right = map(skeleton.index, pair)
        whole = [(left, right)]
        if pair in trunk:
            # At last the root.
            middle = next(joint for joint in skeleton.ancestry(left) if joint in skeleton.ancestry(right))
            if skeleton.joints[middle] in skeleton.torso and middle not in (left, right):
                whole += [(left, middle), (middle, right)]
        ends += whole
        weights += [1.0 if pair in trunk else _LIMBS] * len(whole)
    return _differences(ends, skeleton), np.array(weights, "f")


def _up_vectors(skeleton: Skeleton):
    """Which differences of joints of the trunk point up, as `_left_vectors` has it."""
    pairs = skeleton.torso_pairs
    paired = {joint for pair in pairs for joint in pair}
    middle = [joint for joint in skeleton.torso if joint not in paired and joint != skeleton.joints[skeleton.root]]
    root = skeleton.joints[skeleton.root]
    low = [*([root] if root in skeleton.torso or not pairs else []), *(pairs[0] if pairs else ())]
    high = [*middle, *(pairs[-1] if len(pairs) > 1 else ())]
    ends = [(skeleton.index(top), skeleton.index(bottom)) for top in high for bottom in dict.fromkeys(low)]
    if not ends:
        raise SkeletonError(
            f"skeleton '{skeleton.name}' has no trunk above its hips, which tells where up is; name the trunk's joints "
            "in its 'torso' part, or learn upright views (--config.view.rotations=upright)"
        )
    return _differences(ends, skeleton), np.ones(len(ends), "f")


def _differences(ends, skeleton: Skeleton) -> np.ndarray:
    matrix = np.zeros((len(skeleton), len(ends)), "f")
    for number, (end, start) in enumerate(ends):
        matrix[end, number], matrix[start, number] = 1.0, -1.0
    return matrix
