"""Retrieval of the same moment in the recording of another camera, which a view-invariant code must make possible.

Several cameras record a person at the same time. For each moment of one camera, the moments of another are ranked by
distance; Hit@k is the share of moments whose counterpart is among the k nearest. A representation that holds the view
fails, and so does one that has lost the pose.
"""

from __future__ import annotations

import collections
import dataclasses
import itertools

import numpy as np

from tfpose import metrics
from tfpose.datasets import checked, splits
from tfpose.datasets.pose_set import places
from tfpose.errors import DataError
from tfpose.formats import axes, human36m, ntu
from tfpose.geometry import frames
from tfpose.geometry.centre import about_root
from tfpose.models.calls import batched
from tfpose.noise import joints as joint_noise
from tfpose.seeds import step_seed
from tfpose.skeleton import Skeleton
from tfpose.trainers.markdown import table, with_spread

OPTIONS = ()
KS = (1, 5, 10)
APART = 10  # frames between two moments: neighbours in time look alike, and the next frame would count as a miss
_MOST_MOMENTS = 500


@dataclasses.dataclass(frozen=True, eq=False)
class Recordings:
    """Performances seen by several cameras at once.

    Attributes:
        name, lineage: as in `PoseSet`.
        skeleton: of the poses.
        performances: `[V, T, J, 3]` each, metres, in each camera's own frame, y up; NaN = missing.
        noises: standard deviations (metres) of the noise that is added, one measurement each.
        checksum: as in `PoseSet`, of joint names and performances.
    """

    name: str
    skeleton: Skeleton
    performances: tuple[np.ndarray, ...]
    noises: tuple[float, ...]
    lineage: str
    checksum: str = dataclasses.field(init=False)

    def __post_init__(self):
        arrays = [np.asarray(performance, np.float32) for performance in self.performances]
        checked.complete(self, checksum=checked.checksum(self.skeleton.joints, *arrays))


def load(name: str, data_dir, skeleton: Skeleton) -> Recordings:
    """Simultaneous recordings: "ntu" (three Kinects), or "h36m" (motion capture of S9 and S11, seen by four cameras).

    Raises:
        DataError: for another data set, or files that are missing or unreadable.
    """
    if name not in _SETS:
        raise DataError(f"data set '{name}' has no simultaneous views; {' and '.join(_SETS)} have")
    return _SETS[name](data_dir, skeleton)


def measure(model, data: Recordings, seed: int = 0) -> dict:
    """Hit@k of the model's codes beside coordinates turned by hand, mean over all ordered pairs of cameras.

    Args:
        model: a `PoseAutoencoder`.
        data: of `load`.
        seed: of the frame that each performance's moments start from, and of the noise.

    Returns:
        `{"cameras": V, "moments": N, "hits": {noise: {representation: [per cent for k = 1, 5, 10]}}}`.
    """
    recorded = _moments(data, seed)
    views, count = recorded.shape[:2]
    hits = {}
    for number, noise in enumerate(data.noises):
        noisy = [
            joint_noise.add_noise(view, step_seed(seed, views * number + camera), noise).numpy()
            for camera, view in enumerate(recorded)
        ]
        hits[_noise_name(noise)] = _hits(model, noisy, data.skeleton)
    return {"cameras": views, "moments": count, "hits": hits}


def summary(model, data: Recordings) -> dict[str, float]:
    """Hit@1 of the pose code as recorded, in per cent."""
    codes = [batched(lambda poses: model.encode(poses)["pose_code"])(view) for view in _moments(data, 0)]
    return {"retrieval_hit_at_1": _hit_at(codes, 1)}


def markdown(report: dict) -> str:
    """The tables of a report of `over_seeds`: one for each noise."""
    mean, std = report["mean"], report["std"]
    parts = [
        f"{mean['moments']:,.0f} moments at least {APART} frames apart, {mean['cameras']:.0f} cameras; per cent, mean "
        "over all ordered pairs of cameras"
    ]
    for noise, rows in mean["hits"].items():
        lines = [
            (name, *(with_spread(hit, spread) for hit, spread in zip(hits, std["hits"][noise][name])))
            for name, hits in rows.items()
        ]
        parts.append(table((noise, *(f"Hit@{k}" for k in KS)), lines))
    return "\n\n".join(parts)


def _hits(model, views: list[np.ndarray], skeleton: Skeleton) -> dict[str, list[float]]:
    """Representation -> Hit@k in per cent, for k in `KS`."""
    representations = {
        "pose code": batched(lambda poses: model.encode(poses)["pose_code"]),
        "view code": batched(lambda poses: model.encode(poses)["view_code"]),
        "root-relative": lambda poses: about_root(poses, skeleton),
        "hips along x": lambda poses: frames.face_forward(poses, skeleton).numpy(),
        "in the trunk's frame": lambda poses: about_root(poses, skeleton) @ frames.torso_frame(poses, skeleton).numpy(),
    }
    result = {}
    for name, represent in representations.items():
        codes = [represent(view) for view in views]
        result[name] = [_hit_at(codes, k) for k in KS]
    # Without a code: each pair of poses under its best rotation. The cost grows with the square of the moments.
    distances = [metrics.rigid_distances(one, other) for one, other in itertools.combinations(views, 2)]
    distances += [distance.T for distance in distances]
    result["best rotation for each pair"] = [
        100 * float(np.mean([metrics.hit_at_k_by_distance(distance, k) for distance in distances])) for k in KS
    ]
    return result


def _hit_at(codes: list[np.ndarray], k: int) -> float:
    pairs = itertools.permutations(codes, 2)
    return 100 * float(np.mean([metrics.hit_at_k(query, gallery, k) for query, gallery in pairs]))


def _moments(data: Recordings, seed: int) -> np.ndarray:
    """`[V, N, J, 3]`: every `APART`-th frame of each performance, where all cameras see all joints."""
    if not data.performances:
        raise DataError(f"{data.name}: has no performance that all cameras recorded")
    random = np.random.default_rng(seed)
    chosen = [performance[:, random.integers(APART) :: APART] for performance in data.performances]
    moments = np.concatenate(chosen, axis=1)
    moments = moments[:, np.isfinite(moments).all(axis=(0, 2, 3))]
    if moments.shape[1] < max(KS):
        raise DataError(f"{data.name}: {moments.shape[1]} moments are too few to rank {max(KS)}")
    return moments[:, places(moments.shape[1], _MOST_MOMENTS)]


def _noise_name(noise: float) -> str:
    return f"noise of {1000 * noise:.0f} mm" if noise else "as recorded"


# --- the sets


def _ntu(data_dir, skeleton: Skeleton) -> Recordings:
    """Samples that differ in the camera alone. The cameras started together: frame i is frame i, to within one."""
    missing = splits.ntu_missing(data_dir)
    cameras = collections.defaultdict(list)
    for path in splits.files("ntu", data_dir):
        clips = ntu.read_file(path, missing_samples=missing)
        if clips:  # the first body is the one seen most
            cameras[ntu.parse_name(path.name)._replace(camera=0)].append(clips[0].to(skeleton).positions)
    performances = []
    for views in cameras.values():
        if len(views) == 3:
            frames = min(map(len, views))
            performances.append(np.stack([view[:frames] for view in views]))
    return Recordings(
        "ntu/simultaneous", skeleton, tuple(performances), (0.0,), "NTU RGB+D, research licence of its owner"
    )


def _h36m(data_dir, skeleton: Skeleton) -> Recordings:
    """The poses of S9 and S11 as each of the four cameras sees them; they differ by their view and added noise only."""
    cameras = human36m.read_cameras(splits.folder("h36m", data_dir) / "cameras.json")
    performances = []
    for clip in splits.h36m_clips("test", data_dir):
        world = clip.to(skeleton).positions
        seen = [axes.to_y_up(camera.to_camera(world), "-y") for camera in cameras[clip.subject]]
        performances.append(np.stack(seen).astype(np.float32))
    return Recordings("h36m/cameras", skeleton, tuple(performances), (0.0, 0.03), splits.H36M_LINEAGE)


_SETS = {"ntu": _ntu, "h36m": _h36m}
