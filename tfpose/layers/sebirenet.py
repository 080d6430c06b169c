"""The sequential bidirectional recursive network."""

from __future__ import annotations

import keras
from keras import ops

from tfpose.errors import TfposeError
from tfpose.layers.tree_pass import TreePass
from tfpose.skeleton import Skeleton

WIRINGS = ("sebirenet", "recursive", "diffuse", "concatenated")


@keras.saving.register_keras_serializable("tfpose")
class SeBiReNet(keras.layers.Layer):
    """A recursive and a diffuse tree of cells that share their hidden states (Sec. 3.2, Fig. 1, eq. 8).

    The recursive subnet carries information from the leaves to the root; the diffuse subnet, which starts from the
    hidden states that the recursive one left, carries it back. The output is that of the last subnet to run. With one
    pass the recursive subnet begins without states: its `recurrent_kernel` has no gradient, as Keras will say.

    Args:
        skeleton: the tree (a `Skeleton`, or its `to_dict`).
        units: size of a node's hidden state, n_h; the paper's is 32.
        passes: how often the pair of subnets runs over the shared states; 2 is the paper's "recurrent SeBiReNet".
        wiring: "sebirenet", or a row of the paper's Table 1: "recursive" (the conventional tree), "diffuse", or
            "concatenated" (both subnets alone, outputs side by side).
        cell: "gru" (the paper's), "lstm" or "simple".
        use_bias: whether cells have a bias. Without it, and with `node_output`, the number of parameters is the
            paper's formula.
        node_output: whether nodes have the output layer of eq. 8.

    Call arguments:
        inputs: `[B, J, n_x]`.

    Returns:
        `[B, J, units]`, or `[B, J, 2 * units]` for "concatenated".

    Raises:
        ValueError: when the input does not have the skeleton's joints.

    Examples:
        >>> network = SeBiReNet(Skeleton.load("paper17"), units=32)
        >>> network(poses).shape
        (64, 17, 32)

    Reference:
        Nie, Liu, Liu: Unsupervised 3D Human Pose Representation with Viewpoint and Pose Disentanglement, ECCV 2020.
    """

    def __init__(
        self,
        skeleton,
        units=32,
        passes=1,
        wiring="sebirenet",
        cell="gru",
        use_bias=True,
        node_output=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if wiring not in WIRINGS:
            raise TfposeError(f"wiring must be one of {', '.join(WIRINGS)}, got '{wiring}'")
        for name, value in (("passes", passes), ("units", units)):
            if value < 1:
                raise TfposeError(f"{name} must be at least 1, got {value}")
        self.skeleton = skeleton if isinstance(skeleton, Skeleton) else Skeleton.from_dict(skeleton)
        self.units = units
        self.passes = passes
        self.wiring = wiring
        self.cell = cell
        self.use_bias = use_bias
        self.node_output = node_output
        for direction in ("recursive", "diffuse"):
            used = wiring in (direction, "sebirenet", "concatenated")
            subnet = TreePass(
                self.skeleton, units, direction, cell, use_bias, node_output, name=direction, dtype=self.dtype_policy
            )
            setattr(self, direction, subnet if used else None)

    def build(self, input_shape):
        if input_shape[1] != len(self.skeleton):
            raise TfposeError(
                f"expected poses of the {len(self.skeleton)} joints of skeleton '{self.skeleton.name}', shape "
                f"[B, {len(self.skeleton)}, n], got {tuple(input_shape)}"
            )
        for subnet in (self.recursive, self.diffuse):
            if subnet is not None:
                subnet.build((input_shape[1], input_shape[0], input_shape[2]))
        self.built = True

    def call(self, inputs):
        inputs = ops.transpose(inputs, (1, 0, 2))
        if self.wiring == "concatenated":
            outputs = [self._run([subnet], inputs) for subnet in (self.recursive, self.diffuse)]
            output = ops.concatenate(outputs, axis=-1)
        else:
            output = self._run([subnet for subnet in (self.recursive, self.diffuse) if subnet is not None], inputs)
        return ops.transpose(output, (1, 0, 2))

    def _run(self, subnets, inputs):
        state, levels = None, None
        for subnet in subnets * self.passes:
            output, state = subnet(inputs, state, state_levels=levels)
            levels = subnet.levels
        return output

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units * (2 if self.wiring == "concatenated" else 1))

    def get_config(self):
        return {
            **super().get_config(),
            "skeleton": self.skeleton.to_dict(),
            "units": self.units,
            "passes": self.passes,
            "wiring": self.wiring,
            "cell": self.cell,
            "use_bias": self.use_bias,
            "node_output": self.node_output,
        }


def paper_parameter_count(skeleton: Skeleton, features: int = 3, units: int = 32) -> int:
    """The paper's count of a SeBiReNet's parameters: the sum over nodes of `l_N = [3 n_x + (3 N + 4) n_h + 1] n_h`.

    N is the number of a node's children in the recursive subnet, of its parents in the diffuse one ("Complexity of
    the SeBiReNet", Sec. 3.2). It is the count of a `SeBiReNet(use_bias=False, node_output=True)`.
    """
    neighbours = [len(children) for children in skeleton.children] + [int(p >= 0) for p in skeleton.parents]
    return sum((3 * features + (3 * n + 4) * units + 1) * units for n in neighbours)
