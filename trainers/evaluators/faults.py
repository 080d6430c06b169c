"""Faults of sensors one by one: hips and shoulders that are missing, moved or exchanged, and limbs of exchanged sides.

For each fault: MPJPE of what comes in and of what the model makes of it, and how far the fault turns the frame of the
body (`tfpose.layers.BodyFrame`): the angle between the view codes of the clean pose and of the faulty one.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfpose import metrics
from tfpose.datasets.pose_set import PoseSet, evenly
from tfpose.geometry import rotations
from tfpose.models.calls import batched
from tfpose.noise import joints as joint_noise
from tfpose.seeds import step_seed
from tfpose.skeleton import Skeleton
from tfpose.trainers.evaluators import swap
from tfpose.trainers.markdown import table, with_spread

OPTIONS = ("most_poses",)
_MOST = 2000
load, of_clips = swap.load, swap.of_clips


def measure(model, data: PoseSet, seed: int = 0, *, most_poses: int | None = None) -> dict:
    """Measures `model` under each fault.

    Args:
        model: a `PoseAutoencoder`.
        data: of `load`.
        seed: of the views and of random faults.
        most_poses: evenly thins the poses to at most so many; 2,000 by default.

    Returns:
        `{"poses": N, "faults": {fault: {"in": mm, "out": mm, "angle_median": degrees, "angle_95": degrees}}}`: "in" is
        over the joints that are there; the angles are there for models whose view code is a rotation.
    """
    truth = evenly(data.positions, most_poses or _MOST)
    turn = rotations.upright(len(truth), step_seed(seed, 0), swap.TILT)
    truth = rotations.rotate(truth - truth.mean(1, keepdims=True), turn).numpy()
    denoise, view = batched(model.denoise), batched(lambda poses: model.encode(poses)["view_code"])
    faults = {}
    for number, (name, make) in enumerate(_faults(data.skeleton).items()):
        observed = np.asarray(make(truth, step_seed(seed, 1 + number)))
        there = np.isfinite(observed).all(-1)
        faults[name] = {
            "in": 1000 * metrics.mpjpe(observed, truth, there),
            "out": 1000 * metrics.mpjpe(denoise(observed), truth),
        }
        if model.encoder.view == "frame":
            # |A - B| is 2 sqrt(2) sin(angle / 2); the arccosine of a trace cannot tell small angles in float32.
            apart = np.linalg.norm(view(truth) - view(observed), axis=(1, 2))
            angle = np.degrees(2 * np.arcsin(np.minimum(apart / 8**0.5, 1)))
            faults[name] |= {"angle_median": float(np.median(angle)), "angle_95": float(np.percentile(angle, 95))}
    return {"poses": len(truth), "faults": faults}


def summary(model, data: PoseSet) -> dict[str, float]:
    """The remaining error (mm) when all sides are exchanged."""
    faults = measure(model, data, most_poses=500)["faults"]
    return {"all_exchanged_mm": faults["all sides exchanged"]["out"]}


def markdown(report: dict) -> str:
    """The table of a report of `over_seeds`."""
    mean, std = report["mean"], report["std"]
    header = {
        "in": "in, mm",
        "out": "out, mm",
        "angle_median": "frame turned, median",
        "angle_95": "95th percentile",
    }
    columns = [key for key in header if key in next(iter(mean["faults"].values()))]
    rows = [
        (name, *(with_spread(row[key], std["faults"][name][key]) for key in columns))
        for name, row in mean["faults"].items()
    ]
    return f"{mean['poses']:,.0f} poses; angles in degrees\n\n{table(('', *(header[key] for key in columns)), rows)}"


def _faults(skeleton: Skeleton) -> dict:
    """Fault -> `fault(poses, seed)`, poses with that fault."""

    def missing(*joints):
        return lambda poses, seed: joint_noise.remove(poses, np.isin(skeleton.joints, joints)[None])

    def moved(*joints):
        chosen = np.isin(skeleton.joints, joints)[None]
        return lambda poses, seed: joint_noise.displace(poses, tf.repeat(chosen, len(poses), axis=0), seed)

    def exchanged(joints):
        chosen = np.zeros((1, len(skeleton)), bool)
        chosen[:, list(joints)] = True
        return lambda poses, seed: joint_noise.swap_sides(poses, tf.repeat(chosen, len(poses), axis=0), skeleton)

    faults = {"none": lambda poses, seed: poses}
    pairs = skeleton.torso_pairs or skeleton.mirror[:1]
    for left, right in pairs:
        faults[f"{left} missing"] = missing(left)
        faults[f"{left}, {right} missing"] = missing(left, right)
        faults[f"{left} moved"] = moved(left)
        faults[f"{left}, {right} exchanged"] = exchanged([skeleton.index(left), skeleton.index(right)])
    for limb in skeleton.limbs:
        names = [skeleton.joints[joint] for joint in limb]
        shown = next((kind for kind, at in _KINDS.items() if at in names), "sides of " + ", ".join(names[:2]))
        faults[f"{shown} exchanged"] = exchanged(limb)
    return faults | {"all sides exchanged": exchanged([joint for limb in skeleton.limbs for joint in limb])}


_KINDS = {"legs": "knee_left", "arms": "elbow_left"}
