"""The floating-point operations of a piece of work, counted from shapes, whatever the implementation."""

from __future__ import annotations

from typing import NamedTuple

from tfpose.layers.cells import CELLS
from tfpose.models import PoseAutoencoder, complexity

_BRANCHES, _RECONSTRUCTIONS = 2, 4  # of each pose in a training step


class Product(NamedTuple):
    """`count` matrix products `[rows, inner] x [inner, columns]`."""

    count: int
    rows: int
    inner: int
    columns: int

    @property
    def flops(self) -> int:
        return 2 * self.count * self.rows * self.inner * self.columns


def per_pose(model: PoseAutoencoder, kind: str) -> int:
    """Of all matrix products per pose, as `tfpose.models.complexity` counts them; a multiply-add counts as two.

    A training step runs the encoder twice, and couples and decodes four pose and view codes. For each product there are
    two of the same size in the backward pass, the gradients of its two factors. (The gradient of the poses themselves,
    which nothing asks for, would be 0.4 % of it.)
    """
    if kind != "train":
        return sum(complexity.flops(model, kind).values())
    encode = sum(complexity.flops(model, "encode").values())
    parts = complexity.flops(model, "reconstruct")
    decode = sum(parts.values()) - encode
    return 3 * (_BRANCHES * encode + _RECONSTRUCTIONS * decode)


def products(model: PoseAutoencoder, kind: str, batch: int) -> list[Product]:
    """All matrix products of a model with a free view code and without refinements, as if none waited for another."""

    def encode(batch):
        return [*_of_network(model.encoder.network, batch), *_of_heads(model.encoder, batch)]

    def decode(batch):
        readout = Product(joints, batch, *model.decoder.readout.kernel.shape[1:])
        return [*_of_network(model.decoder.network, batch), readout]

    joints = len(model.skeleton)
    coupling = (joints, model.code_size, model.code_size)
    if kind == "encode":
        return encode(batch)
    if kind == "denoise":
        return [*encode(batch), *decode(batch), Product(batch, *coupling)]
    forward = [*encode(_BRANCHES * batch), *decode(_RECONSTRUCTIONS * batch)]
    forward.append(Product(_RECONSTRUCTIONS * batch, *coupling))
    gradients = [Product(count, inner, rows, columns) for count, rows, inner, columns in forward]
    gradients += [Product(count, rows, columns, inner) for count, rows, inner, columns in forward]
    return forward + gradients


def gates(model: PoseAutoencoder, kind: str, batch: int) -> tuple[int, int]:
    """How many sigmoids and hyperbolic tangents the same work needs; their derivatives need none."""
    runs = {"encode": (1, 0), "denoise": (1, 1), "train": (_BRANCHES, _RECONSTRUCTIONS)}[kind]
    units = (model.encoder.network.units, model.decoder.network.units)
    nodes = batch * len(model.skeleton) * sum(run * unit for run, unit in zip(runs, units))
    # A recursive node starts from a zero state and needs no reset gate: one sigmoid. A diffuse node has two.
    return 3 * nodes, 2 * nodes


def _of_network(network, batch: int) -> list[Product]:
    """Of one pass. Recursive nodes start from a zero state, for which some gates are not needed."""
    cell, found = CELLS[network.cell], []
    for subnet, alive in ((network.recursive, len(cell.alive)), (network.diffuse, cell.gates)):
        for kernel in (subnet.input_kernel, subnet.message_kernel):
            joints, inner, columns = kernel.shape
            found.append(Product(joints, batch, inner, columns * alive // cell.gates))
    joints, *kernel = network.diffuse.recurrent_kernel.shape
    return [*found, Product(joints, batch, *kernel)]


def _of_heads(encoder, batch: int) -> list[Product]:
    rows = ((encoder.pose_head, batch * len(encoder.skeleton)), (encoder.view_head, batch))
    return [
        Product(1, count, *weight.shape)
        for head, count in rows
        for weight in head.weights
        if weight.path.endswith("kernel")
    ]
