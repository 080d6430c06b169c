"""How well corrupted poses are recovered, by the number of corrupted joints, beside baselines without a model."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfpose import metrics, plots
from tfpose.datasets import splits
from tfpose.datasets.lifting import LiftingPairs
from tfpose.datasets.motion_set import MotionSet
from tfpose.datasets.pose_set import PoseSet, evenly
from tfpose.models.calls import batched
from tfpose.noise import joints as joint_noise
from tfpose.seeds import step_seed
from tfpose.skeleton import Skeleton
from tfpose.trainers.evaluators.baselines import baselines
from tfpose.trainers.markdown import table

OPTIONS = ("most_poses",)
CORRUPTED_JOINTS = (0, 1, 2, 3, 4, 5)


@dataclasses.dataclass(frozen=True)
class Corrupted:
    """The test poses of one k: clean, corrupted (both `[N, J, 3]` metres) and which joints were moved (`[N, J]`)."""

    truth: np.ndarray
    observed: np.ndarray
    moved: np.ndarray


def corrupt_by_count(poses: PoseSet, seed: int = 0, most_poses: int | None = None) -> dict[int, Corrupted]:
    """The paper's corruption (Sec. 4.1) of a test set, for k = 0..5 moved joints.

    The protocol says which joints move, if the set has one; else they are random. Displacements are random. k = 0 shows
    what a model does to a clean pose.

    Args:
        poses: the test set.
        seed: of everything drawn.
        most_poses: evenly thins the poses of each k to at most so many.
    """
    most = most_poses or len(poses)
    result = {}
    for k in CORRUPTED_JOINTS:
        if poses.moved is None:
            truth = evenly(poses.positions, most)
            choice = joint_noise.choose_joints(tf.fill([len(truth)], k), len(poses.skeleton), step_seed(seed, 2 * k))
            moved = choice.numpy()
        else:
            chosen = poses.k == max(k, 1)
            truth, moved = evenly(poses.positions[chosen], most), evenly(poses.moved[chosen], most)
            moved = moved & (k > 0)
        observed = joint_noise.displace(truth, moved, step_seed(seed, 2 * k + 1)).numpy()
        result[k] = Corrupted(truth, observed, moved)
    return result


@dataclasses.dataclass(frozen=True)
class Data:
    """The test data, and clean data of the same rig, on which baselines and filters are set."""

    test: PoseSet | MotionSet | LiftingPairs
    reference: PoseSet | MotionSet | Sequence[np.ndarray]

    @property
    def name(self) -> str:
        return self.test.name

    @property
    def checksum(self) -> str:
        return self.test.checksum

    @property
    def lineage(self) -> str:
        return self.test.lineage


def load(name: str, data_dir, skeleton: Skeleton) -> Data:
    """The test and training poses of a data set (see `tfpose.datasets.splits.poses`)."""
    return Data(*(splits.poses(name, split, data_dir, skeleton) for split in ("test", "train")))


def of_clips(name: str, clips, skeleton: Skeleton) -> Data:
    """The user's own clips: they have no splits, so they serve as both."""
    poses = PoseSet.of_clips(name, clips, skeleton)
    return Data(poses, poses)


def measure(model, data: Data, seed: int = 0, *, most_poses: int | None = None) -> dict:
    """Measures `model` and the baselines on the same corrupted poses.

    Args:
        model: a `PoseAutoencoder`.
        data: of `load`.
        seed: of the corruption.
        most_poses: at most so many poses for each k.

    Returns:
        `{"rows": {method: {"mpjpe": [mm for k = 0..5], "mpjpe_mean": mm, "pa_mpjpe": mm, "bone_length": mm,
        "symmetry": mm}}, "poses": N}`. All but "mpjpe" are means over k = 1..5.
    """
    poses = data.test
    tests = corrupt_by_count(poses, seed, most_poses)
    methods = baselines(evenly(data.reference.positions, 5000), data.reference.skeleton)
    methods["autoencoder"] = batched(model.reconstruct)
    if model.refinements:
        methods["autoencoder + trust"] = batched(model.denoise)
    rows = {name: _row(method, tests, poses.skeleton) for name, method in methods.items()}
    return {"rows": rows, "poses": len(tests[0].truth)}


def summary(model, data: Data, seed: int = 0, most_poses: int = 1000) -> dict[str, float]:
    """The MPJPE (mm) of clean poses, and the mean over k = 1..5."""
    tests = corrupt_by_count(data.test, seed, most_poses)
    denoise = batched(model.denoise)
    errors = [1000 * metrics.mpjpe(denoise(test.observed), test.truth) for test in tests.values()]
    return {"clean_mm": errors[0], "corrupted_mm": float(np.mean(errors[1:]))}


def corrupt_clip(clip: np.ndarray, seed: int = 0, moved: int = 3, hold: int = 8) -> np.ndarray:
    """A clip `[T, J, 3]` (metres) from a bad tracker: `moved` joints are off for `hold` frames, then others are."""
    episodes = -(-len(clip) // hold)
    choice = joint_noise.choose_joints(tf.fill([episodes], moved), clip.shape[1], step_seed(seed, 0))
    still = tf.zeros([episodes, *clip.shape[1:]])
    offsets = joint_noise.displace(still, choice, step_seed(seed, 1), shortest=0.2, longest=0.5)
    return clip + np.repeat(offsets.numpy(), hold, axis=0)[: len(clip)]


def draw(path, model, data: Data, seed: int = 0):
    """The paper's Fig. 3(b): a pose for each k = 1..5, truth, corrupted and recovered, as a picture."""
    tests = corrupt_by_count(data.test, seed, most_poses=50)
    # Different people and actions: one pose from each fifth of the test set.
    chosen = [(tests[k], 5 + 10 * (k - 1)) for k in CORRUPTED_JOINTS[1:]]
    truth, observed, moved = (
        np.stack([getattr(test, part)[min(i, len(test.truth) - 1)] for test, i in chosen])
        for part in ("truth", "observed", "moved")
    )
    recovered = batched(model.denoise)(observed)
    plots.denoising_grid(path, truth, observed, recovered, data.test.skeleton, moved=moved)


def markdown(report: dict) -> str:
    """The tables of a report of `over_seeds`, in millimetres."""
    report = report["mean"]
    header = ["mm", *(f"k = {k}" for k in CORRUPTED_JOINTS), "mean 1-5", "PA-MPJPE", "bone length", "symmetry"]
    rows = []
    for name, row in report["rows"].items():
        cells = [*row["mpjpe"], row["mpjpe_mean"], row["pa_mpjpe"], row["bone_length"], row["symmetry"]]
        rows.append((name, *(f"{cell:.1f}" for cell in cells)))
    return f"{report['poses']:,.0f} poses for each k\n\n{table(header, rows)}"


def _row(method, tests: dict[int, Corrupted], skeleton) -> dict:
    by_k = {"mpjpe": [], "pa_mpjpe": [], "bone_length": [], "symmetry": []}
    for test in tests.values():
        recovered = method(test.observed)
        by_k["mpjpe"].append(metrics.mpjpe(recovered, test.truth))
        by_k["pa_mpjpe"].append(metrics.pa_mpjpe(recovered, test.truth))
        by_k["bone_length"].append(metrics.bone_length_error(recovered, test.truth, skeleton))
        by_k["symmetry"].append(metrics.symmetry_error(recovered, skeleton))
    row = {"mpjpe": [1000 * error for error in by_k["mpjpe"]], "mpjpe_mean": 1000 * float(np.mean(by_k["mpjpe"][1:]))}
    return row | {name: 1000 * float(np.mean(by_k[name][1:])) for name in ("pa_mpjpe", "bone_length", "symmetry")}
