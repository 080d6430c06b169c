"""The floating-point operations of a piece of work, counted from shapes. They do not depend on the implementation."""

from __future__ import annotations

from typing import NamedTuple

from tfpose.layers.cells import CELLS
from tfpose.models import PoseAutoencoder, complexity

_BRANCHES, _DECODES = 2, 4  # of a training step's pose


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

    A training step is two encoder runs, four decoder runs, and for each product two of the same size backwards: the
    gradients of its two factors. (Those of the poses themselves, which nothing asks for, are 0.4 % of it.)
    """
    if kind != "train":
        return sum(complexity.flops(model, kind).values())
    encode, both = (sum(complexity.flops(model, method).values()) for method in ("encode", "reconstruct"))
    return 3 * (_BRANCHES * encode + _DECODES * (both - encode))


def products(model: PoseAutoencoder, kind: str, batch: int) -> list[Product]:
    """All matrix products of a model without refinements, each kind of them at once, as if none waited for another."""
    joints, size = len(model.skeleton), model.code_size
    encode = [*_of_network(model.encoder.network, batch), *_of_heads(model.encoder, batch)]
    decode = [Product(batch, joints, size, size), *_of_network(model.decoder.network, batch)]
    decode.append(Product(joints, batch, *model.decoder.readout.kernel.shape[1:]))
    if kind == "encode":
        return encode
    if kind == "denoise":
        return encode + decode
    forward = products(model, "encode", _BRANCHES * batch)
    forward += products(model, "denoise", _DECODES * batch)[len(forward) :]
    gradients = [Product(count, inner, rows, columns) for count, rows, inner, columns in forward]
    gradients += [Product(count, rows, columns, inner) for count, rows, inner, columns in forward]
    return forward + gradients


def gates(model: PoseAutoencoder, kind: str, batch: int) -> tuple[int, int]:
    """How many sigmoids and hyperbolic tangents the same work has; their derivatives need none."""
    runs = {"encode": (1, 0), "denoise": (1, 1), "train": (_BRANCHES, _DECODES)}[kind]
    units = (model.encoder.network.units, model.decoder.network.units)
    nodes = batch * len(model.skeleton) * sum(run * unit for run, unit in zip(runs, units))
    # A recursive node starts from nothing, and so has no reset gate: one sigmoid; a diffuse node has two.
    return 3 * nodes, 2 * nodes


def _of_network(network, batch: int) -> list[Product]:
    """Of one pass: the recursive nodes start from nothing, and then some gates are not alive."""
    cell, found = CELLS[network.cell], []
    for subnet, alive in ((network.recursive, len(cell.alive)), (network.diffuse, cell.gates)):
        for kernel in (subnet.input_kernel, subnet.message_kernel):
            joints, inner, columns = kernel.shape
            found.append(Product(joints, batch, inner, columns * alive // cell.gates))
    joints, *kernel = network.diffuse.recurrent_kernel.shape
    return [*found, Product(joints, batch, *kernel)]


def _of_heads(encoder, batch: int) -> list[Product]:
    pose, view = (
        next(w for w in head.weights if w.path.endswith("kernel")) for head in (encoder.pose_head, encoder.view_head)
    )
    return [Product(1, batch * len(encoder.skeleton), *pose.shape), Product(1, batch, *view.shape)]
