"""Baselines without a model; every table of results shows them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tfpose import metrics
from tfpose.skeleton import Skeleton


def baselines(clean: np.ndarray, skeleton: Skeleton) -> dict[str, Callable]:
    """The three baselines, made from clean poses `[N, J, 3]` of the same rig as the test poses.

    Returns:
        name -> function from corrupted poses `[B, J, 3]` (metres) to recovered ones.
    """
    mean, lengths = mean_pose(clean), metrics.bone_lengths(clean, skeleton).mean(0)
    return {
        "doing nothing": lambda poses: poses,
        "mean pose": lambda poses: metrics.procrustes(np.broadcast_to(mean, poses.shape), poses),
        "mean bone lengths": lambda poses: with_bone_lengths(poses, lengths, skeleton),
    }


def mean_pose(poses: np.ndarray, rounds: int = 3) -> np.ndarray:
    """The mean `[J, 3]` of poses `[N, J, 3]` turned onto each other (generalised Procrustes analysis).

    A plain mean over all headings would be a vertical stick.
    """
    mean = poses[0]
    for _ in range(rounds):
        mean = metrics.procrustes(poses, np.broadcast_to(mean, poses.shape)).mean(0)
    return mean


def with_bone_lengths(poses: np.ndarray, lengths: np.ndarray, skeleton: Skeleton, rounds: int = 50) -> np.ndarray:
    """Moves the joints of poses `[B, J, 3]` a little, so that bones have nearly the lengths `[J - 1]`.

    Alternating projections: bone after bone is stretched or shortened about its middle, for several rounds. (Setting
    the lengths from the root outwards would pass the error of a moved joint on to all joints beyond it.)
    """
    recovered = np.array(poses)
    for _ in range(rounds):
        for (child, parent), length in zip(skeleton.bones, lengths):
            bone = recovered[:, child] - recovered[:, parent]
            actual = np.maximum(np.linalg.norm(bone, axis=-1, keepdims=True), 1e-9)
            half = bone * (0.5 * (length / actual - 1.0))
            recovered[:, child] += half
            recovered[:, parent] -= half
    return recovered
