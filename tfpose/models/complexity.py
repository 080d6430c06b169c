"""Parameters and floating-point operations of a model by component ("Complexity of the SeBiReNet", Sec. 3.2)."""

from __future__ import annotations

import numpy as np

from tfpose.layers import SeBiReNet
from tfpose.layers.cells import CELLS
from tfpose.models.pose_autoencoder import PoseAutoencoder


def parameters(model: PoseAutoencoder) -> dict[str, int]:
    """Component -> number of weights. The model must be built."""
    return {name: sum(int(np.prod(w.shape)) for w in layer.weights) for name, layer in _components(model).items()}


def flops(model: PoseAutoencoder, method: str = "denoise") -> dict[str, int]:
    """Component -> floating-point operations per pose of all its matrix products; a multiply-add counts as two.

    Counted from shapes. Biases, gates and activations are left out, as is usual; they add about one part in fifty.

    Args:
        model: built.
        method: "encode", "reconstruct" or "denoise"; the last runs everything once for each refinement.
    """
    joints, size = len(model.skeleton), model.code_size
    once = {}
    for name, layer in _components(model).items():
        kernels = sum(2 * int(np.prod(w.shape)) for w in layer.weights if w.path.endswith("kernel"))
        once[name] = kernels * (joints if layer is model.encoder.pose_head else 1)
    for part in ("encoder", "decoder"):
        network = getattr(getattr(model, part), "network", None)
        if network is not None:
            for direction in _subnets(network):
                once[f"{part}: {direction}"] = _subnet_flops(network, direction)
    if model.encoder.view == "free" and model.encoder.view_head.orthogonal:
        once["encoder: view head"] += 2 * size * (4 * size**2)  # Gram-Schmidt: two rounds, two products for each row
    if model.encoder.view == "frame":
        once["encoder: frame"] *= model.encoder.frame.steps
        size = 3
    once["coupling"] = 2 * joints * size**2 * (model.encoder.view != "none")
    return {name: count * _runs(model, name, method) for name, count in once.items()}


def _components(model: PoseAutoencoder) -> dict:
    """Component -> the layer or subnet that holds its weights."""
    components = {}
    for part in (model.encoder, model.decoder):
        network = getattr(part, "network", None)
        if network is not None:
            components |= {f"{part.name}: {name}": subnet for name, subnet in _subnets(network).items()}
        if part is model.encoder:
            components["encoder: pose head"] = part.pose_head
            views = {"frame": part.frame, "view head": part.view_head}
            components |= {f"encoder: {name}": layer for name, layer in views.items() if layer is not None}
        elif network is None:
            components["decoder: MLP"] = part
        else:
            components["decoder: read-out"] = part.readout
    optional = {"sides": model.sides, "trust": model.trust, "correction": model.correction}
    return components | {name: layer for name, layer in optional.items() if layer is not None}


def _subnets(network: SeBiReNet) -> dict:
    both = {"recursive": network.recursive, "diffuse": network.diffuse}
    return {name: subnet for name, subnet in both.items() if subnet is not None}


def _subnet_flops(network: SeBiReNet, direction: str) -> int:
    """Every kernel of every node once for each pass, but for what a zero state does not need."""
    subnet = getattr(network, direction)
    sizes = {w.path.rpartition("/")[2]: 2 * int(np.prod(w.shape)) for w in subnet.weights if w.path.endswith("kernel")}
    total = network.passes * sum(sizes.values())
    if direction == "recursive" or network.wiring != "sebirenet":
        gates, alive = CELLS[network.cell].gates, len(CELLS[network.cell].alive)
        entering = sizes["input_kernel"] + sizes.get("message_kernel", 0)
        total -= sizes["recurrent_kernel"] + entering * (gates - alive) // gates
    return total


def _runs(model: PoseAutoencoder, component: str, method: str) -> int:
    if method == "encode":
        return int(component.startswith("encoder"))
    if component in ("trust", "correction"):
        return model.refinements if method == "denoise" else 0
    return max(model.refinements, 1) if method == "denoise" else 1
