"""How well 2D joints of one image are lifted to 3D: the two protocols of Human3.6M (the paper's Table 4).

Protocol 1 is the MPJPE in the camera frame with aligned roots, protocol 2 the MPJPE after Procrustes
alignment. Published tables differ by 10 mm through their choice of joints and averages, so the report has them all: the
mean over all frames and that over the actions' means, with the root (which is at zero by protocol 1) and without.
"""

from __future__ import annotations

import numpy as np

from tfpose import metrics
from tfpose.datasets import lifting
from tfpose.datasets.lifting import LiftingPairs
from tfpose.errors import DataError
from tfpose.geometry.centre import about_root
from tfpose.models.calls import batched
from tfpose.models.pose_lifter import Lifter
from tfpose.skeleton import Skeleton
from tfpose.trainers import residual_mlp  # noqa: F401  a model of this kind can be loaded
from tfpose.trainers.markdown import table

MODEL = Lifter
OPTIONS = ()
SETS = tuple(f"h36m_{detections}" for detections in lifting.DETECTIONS)


def load(name: str, data_dir, skeleton: Skeleton) -> LiftingPairs:
    """The test pairs; see `pairs`."""
    return pairs(name, "test", data_dir, skeleton)


def pairs(name: str, split: str, data_dir, skeleton: Skeleton) -> LiftingPairs:
    """The pairs of "h36m_gt" (projected joints) or "h36m_hourglass" (detected ones).

    Raises:
        DataError: for another data set, or files that are missing or unreadable.
    """
    if name not in SETS:
        raise DataError(f"data set '{name}' has no pairs of 2D and 3D poses; {' and '.join(SETS)} have")
    return lifting.human36m_pairs(split, name.partition("_")[2], data_dir, skeleton)


def measure(model: Lifter | dict[str, Lifter], data: LiftingPairs, seed: int = 0) -> dict:
    """Both protocols in millimetres; nothing is drawn, so every seed gives the same.

    Args:
        model: a lifter, or several by name.
        data: of `load`.
        seed: not used.

    Returns:
        `{"frames": N, "joints": J, "rows": {name: {"parameters": P, "protocol_1": {...}, "protocol_2": {...}}}}`; each
        protocol has "frames" and "actions" (the two means), "without_root" (the mean over frames), and "by_action".
    """
    models = model if isinstance(model, dict) else {"lifter": model}
    rows = {name: _row(lifter, data) for name, lifter in models.items()}
    return {"frames": len(data), "joints": len(data.skeleton), "rows": rows}


def summary(model: Lifter, data: LiftingPairs, every: int = 25) -> dict[str, float]:
    """A few numbers (mm) of every `every`-th frame, for the progress bar and TensorBoard."""
    predicted, truth = batched(model)(data.joints_2d[::every]), about_root(data.joints_3d[::every], data.skeleton)
    return {
        "protocol_1_mm": 1000 * metrics.mpjpe(predicted, truth),
        "protocol_2_mm": 1000 * metrics.pa_mpjpe(predicted, truth),
    }


def markdown(report: dict) -> str:
    """The tables of `evaluators.over_seeds`' report, in millimetres."""
    mean = report["mean"]
    rows = mean["rows"]
    actions = sorted(next(iter(rows.values()))["protocol_1"]["by_action"])
    header = ("mm", "parameters", "protocol 1, mean of actions", "of frames", "without root")
    means = []
    for name, row in rows.items():
        one, two = row["protocol_1"], row["protocol_2"]
        cells = [one["actions"], one["frames"], one["without_root"], two["actions"], two["frames"]]
        means.append((name, f"{row['parameters']:,.0f}", *(f"{cell:.1f}" for cell in cells)))
    parts = [
        f"{mean['frames']:,.0f} images of S9 and S11 by all four cameras, {mean['joints']:.0f} joints with the root. "
        f"{report['data']['lineage']}.",
        table((*header, "protocol 2, mean of actions", "of frames"), means),
    ]
    for protocol in ("protocol_1", "protocol_2"):
        by_action = [
            (name, *(f"{row[protocol]['by_action'][action]:.1f}" for action in actions)) for name, row in rows.items()
        ]
        parts.append(table((protocol.replace("_", " "), *actions), by_action))
    return "\n\n".join(parts)


def _row(model: Lifter, data: LiftingPairs) -> dict:
    predicted, truth = batched(model)(data.joints_2d), about_root(data.joints_3d, data.skeleton)
    aligned = metrics.procrustes(predicted, truth)
    return {
        "parameters": model.learned_parameters,
        "protocol_1": _means(predicted, truth, data),
        "protocol_2": _means(aligned, truth, data),
    }


def _means(predicted: np.ndarray, truth: np.ndarray, data: LiftingPairs) -> dict:
    errors = 1000 * np.linalg.norm(predicted - truth, axis=-1)
    by_action = {str(action): float(errors[data.action == action].mean()) for action in np.unique(data.action)}
    return {
        "frames": float(errors.mean()),
        "actions": float(np.mean(list(by_action.values()))),
        "without_root": float(np.delete(errors, data.skeleton.root, axis=1).mean()),
        "by_action": by_action,
    }
