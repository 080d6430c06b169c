"""Example inputs of signatures: to compare artifacts, to warm up a server, to calibrate quantisation."""

from __future__ import annotations

import numpy as np

from tfpose.datasets import synthetic
from tfpose.datasets.pose_set import evenly
from tfpose.errors import DataError, SkeletonError
from tfpose.formats.clip import Clip
from tfpose.noise import joints as joint_noise
from tfpose.seeds import split_seed, step_seed
from tfpose.skeleton import Skeleton

_CAMERA_DISTANCE = 4.0  # metres
_FRAMES = 9  # of clips, where a model takes any length


def example_inputs(card: dict, poses: np.ndarray) -> dict[str, np.ndarray]:
    """Values for every input of every signature of a model, by the input's name, as many as there are poses.

    In turn, poses are unchanged, have one to five joints moved far, or miss from one to all joints. All are unchanged
    for a model of clips that may miss no joint. Half of the states are zeros, which start a clip.

    Args:
        card: the model's (see `tfpose.export.card`).
        poses: `[N, J, 3]` metres, complete.

    Raises:
        DataError: for poses of another shape, or incomplete ones.
    """
    poses = np.asarray(poses, np.float32)
    joints = len(card["skeleton"]["joints"])
    if poses.ndim != 3 or poses.shape[1:] != (joints, 3) or not len(poses) or not np.isfinite(poses).all():
        raise DataError(f"poses: expected [N, {joints}, 3], metres, N > 0, none missing; got {list(poses.shape)}")
    shapes = {
        name: spec["shape"][1:]
        for signature in card["signatures"].values()
        for name, spec in signature["inputs"].items()
    }
    given = poses if "clips" in shapes and "state" in shapes else _mixed(poses)
    make = {
        "joints": lambda shape: given,
        "view_from": lambda shape: np.roll(given, 1, axis=0),
        "joints_2d": lambda shape: _seen(given),
        "clips": lambda shape: _clips(given, shape[0]),
        "confidence": lambda shape: _confidence(len(poses), *shape),
        "confidences": lambda shape: _confidence(len(poses), shape[0] or _FRAMES, *shape[1:]),
        "rate": lambda shape: np.linspace(10, 120, len(poses), dtype=np.float32),
        "state": lambda shape: _states(len(poses), *shape),
    }
    named = {name: make[name](shape) for name, shape in shapes.items() if name in make}
    return named | {name: _clip_state(name, shape, poses) for name, shape in shapes.items() if name not in make}


def synthetic_poses(skeleton: Skeleton, count: int = 64) -> np.ndarray:
    """Complete poses `[count, J, 3]` metres of made-up people, for use without a data set."""
    clips = synthetic.clips(max(4, -(-count // synthetic.FRAMES)), seed=0)
    return evenly(np.concatenate([_posed(clip, skeleton) for clip in clips]), count)


def _mixed(poses):
    count, joints, _ = poses.shape
    seed = split_seed(step_seed(0, 0), 6)
    moved = joint_noise.choose_joints(joint_noise.random_counts(count, 1, min(5, joints), seed[0]), joints, seed[1])
    missing = joint_noise.choose_joints(joint_noise.random_counts(count, 1, joints, seed[2]), joints, seed[3])
    variants = [poses, joint_noise.displace(poses, moved, seed[4]), joint_noise.remove(poses, missing)]
    return np.choose(np.arange(count)[:, None, None] % len(variants), variants)


def _seen(poses):
    """Poses `[N, J, 3]` projected by a camera in front of them: `[N, J, 2]` normalised image coordinates."""
    centred = poses - np.nanmean(poses, axis=(0, 1))
    return centred[..., :2] * np.float32([1, -1]) / (_CAMERA_DISTANCE - centred[..., 2:])


def _clips(poses, frames):
    """Clips of fixed length are neighbouring poses. Clips of any length are people who stand nearly still."""
    if frames:
        return poses[(np.arange(len(poses))[:, None] + np.arange(frames)) % len(poses)]
    noise = np.random.default_rng(2).normal(0, 0.01, (len(poses), _FRAMES, *poses.shape[1:]))
    return (poses[:, None] + noise).astype(np.float32)


def _clip_state(name, shape, poses):
    """A part of the state of a model of clips, by its name; plausible, because the model divides by weights in it."""
    states = _states(len(poses), *shape)
    if name.startswith(("reader", "mixer")):  # rectified
        states = 0.3 * np.abs(states)
    elif name.endswith("_window"):  # of each joint its weight, and its position times that
        weights = np.abs(states.reshape(len(poses), shape[0], -1, 4)[..., :1]).clip(0, 1)
        states = np.concatenate([weights, weights * poses[:, None]], axis=-1).reshape(states.shape)
    elif name.endswith("_sums"):  # lengths times weights, and weights
        weights = np.abs(states[..., 1:])
        states = np.concatenate([0.3 * weights, weights], axis=-1)
    elif name == "last_estimate":
        states = np.where(states.any(axis=(1, 2), keepdims=True), poses, 0.0)
    elif name == "begun":
        states = (states != 0).astype(np.float32)
    return states.astype(np.float32)


def _confidence(*shape):
    return np.random.default_rng(1).uniform(size=shape).astype(np.float32)


def _states(count, *shape):
    states = np.random.default_rng(0).normal(size=(count, *shape)).astype(np.float32)
    states[0::2] = 0.0
    return states


def _posed(clip: Clip, skeleton: Skeleton) -> np.ndarray:
    """The clip in `skeleton`, `[T, J, 3]`; joints that cannot be converted are placed 10 cm below their parents."""
    try:
        return clip.to(skeleton).positions
    except SkeletonError:
        pass
    known = dict(zip(clip.skeleton.joints, np.moveaxis(clip.positions, 1, 0)))
    placed = {-1: clip.positions[:, clip.skeleton.root]}
    for level in skeleton.levels_by_depth:
        for joint in level:
            parent = placed[skeleton.parents[joint]]
            placed[joint] = known.get(skeleton.joints[joint], parent - np.float32([0.0, 0.1, 0.0]))
    return np.stack([placed[joint] for joint in range(len(skeleton))], axis=1)
