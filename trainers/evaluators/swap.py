"""Whether codes separate pose and view: codes are exchanged between views, and probes predict the view from codes."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tfpose import metrics
from tfpose.datasets import splits
from tfpose.datasets.pose_set import PoseSet, evenly
from tfpose.geometry import frames, rotations
from tfpose.models.calls import batched
from tfpose.seeds import step_seed
from tfpose.skeleton import Skeleton
from tfpose.trainers.evaluators.denoise import CORRUPTED_JOINTS, Corrupted, corrupt_by_count
from tfpose.trainers.markdown import table, with_spread

OPTIONS = ("views", "most_poses")
TILT = np.radians(10.0)  # the standard deviation of an upright view
_PROBE_POSES = 4000


def load(name: str, data_dir, skeleton: Skeleton) -> PoseSet:
    """The test poses of a data set (see `tfpose.datasets.splits.poses`)."""
    return splits.poses(name, "test", data_dir, skeleton)


def of_clips(name: str, clips, skeleton: Skeleton) -> PoseSet:
    """The user's own clips."""
    return PoseSet.of_clips(name, clips, skeleton)


def measure(model, data: PoseSet, seed: int = 0, *, views: str = "upright", most_poses: int | None = None) -> dict:
    """The swap-MPJPE beside the reconstruction error, and probes that predict the view.

    Args:
        model: a `PoseAutoencoder`.
        data: of `load`.
        seed: of the corruption, the views and the probes.
        views: "upright" or "so3": how one view is turned against another.
        most_poses: at most so many poses for each k.

    Returns:
        `{"poses": N, "reconstruction": [mm for k = 0..5], "swap": [mm], "other_pose": {"transfer": mm, "giver": mm},
        "probe": {representation: {"ridge": degrees, "mlp": degrees}}}`: MPJPE in a view when both codes are that
        view's, and when the pose code is another's; the same for clean poses when the view code is another pose's in
        that view, beside the distance of that other pose; mean angle between predicted and true rotation.
    """
    tests = corrupt_by_count(data, seed, most_poses)
    swap = _swapper(model, views)
    own, swapped = map(list, zip(*(swap(test, step_seed(seed, 1000 + k)) for k, test in tests.items())))
    return {
        "poses": len(tests[0].truth),
        "reconstruction": own,
        "swap": swapped,
        "other_pose": _other_pose(model, tests[0].truth, data.skeleton, step_seed(seed, 1999), views),
        "probe": _probes(model, tests[0].truth, data.skeleton, seed, views),
    }


def summary(model, data: PoseSet) -> dict[str, float]:
    """The swap-MPJPE of clean poses and the reconstruction error beside it, in mm."""
    own, swapped = _swapper(model, "upright")(corrupt_by_count(data, 0, most_poses=500)[0], step_seed(0, 1000))
    return {"own_view_mm": own, "swap_mm": swapped}


def markdown(report: dict) -> str:
    """The tables of a report of `over_seeds`: millimetres, and degrees."""
    mean, std = report["mean"], report["std"]
    rows = []
    for key, name in (
        ("reconstruction", "reconstruction: both codes of the view"),
        ("swap", "swap: pose code of another"),
    ):
        cells = [with_spread(*pair) for pair in zip(mean[key], std[key])]
        rows.append((name, *cells, f"{np.mean(mean[key][1:]):.1f}"))
    ratio = np.mean(mean["swap"][1:]) / np.mean(mean["reconstruction"][1:])
    other, giver = (with_spread(mean["other_pose"][name], std["other_pose"][name]) for name in ("transfer", "giver"))
    probes = [
        (name, *(with_spread(row[kind], std["probe"][name][kind]) for kind in ("ridge", "mlp")))
        for name, row in mean["probe"].items()
    ]
    lines = [
        f"{mean['poses']:,.0f} poses for each k, MPJPE of the autoencoder",
        "",
        table(("mm", *(f"k = {k}" for k in CORRUPTED_JOINTS), "mean 1-5"), rows),
        "",
        f"Swap over reconstruction: {ratio:.3f}. The swap asks no more than that the view is in the view code.",
        "",
        f"That the pose is not in it too shows when another clean pose gives the view: {other} mm. To the pose that "
        f"gave the view itself it would be {giver} mm.",
        "",
        table(("a probe's mean error in degrees", "ridge", "mlp"), probes),
        "",
        "Of the pose code, worse is better: a probe should do no better than chance.",
    ]
    return "\n".join(lines)


def _swapper(model, views: str):
    """A function of a test and a seed: MPJPE (mm) in a turned view, with both codes of that view and with the pose code
    of the view before the turn."""
    reconstruct, transfer = batched(model.reconstruct), batched(model.transfer_view)

    def swap(test: Corrupted, seed) -> tuple[float, float]:
        centre = model.normalizer(test.observed)[1].centre.numpy()
        turn = _draw(len(test.truth), seed, views)
        # Turned about the centre that the model sees, so that both views share it.
        truth = rotations.rotate(test.truth - centre, turn).numpy() + centre
        observed = rotations.rotate(test.observed - centre, turn).numpy() + centre
        predictions = reconstruct(observed), transfer(test.observed, observed)
        return tuple(1000 * metrics.mpjpe(predicted, truth) for predicted in predictions)

    return swap


def _other_pose(model, poses: np.ndarray, skeleton: Skeleton, seed, views: str) -> dict[str, float]:
    """MPJPE (mm) of clean poses that take their view from another pose of the set, both facing forward before."""
    poses = frames.face_forward(poses, skeleton)
    poses = poses - model.normalizer(poses)[1].centre
    turn = _draw(len(poses), seed, views)
    truth = rotations.rotate(poses, turn).numpy()
    giver = rotations.rotate(np.roll(poses, len(poses) // 2, axis=0), turn).numpy()
    transferred = batched(model.transfer_view)(poses.numpy(), giver)
    return {"transfer": 1000 * metrics.mpjpe(transferred, truth), "giver": 1000 * metrics.mpjpe(giver, truth)}


def _draw(count: int, seed, views: str):
    return {"so3": rotations.uniform, "upright": lambda n, s: rotations.upright(n, s, TILT)}[views](count, seed)


def _probes(model, poses: np.ndarray, skeleton: Skeleton, seed: int, views: str) -> dict[str, dict[str, float]]:
    """How well a regression predicts the rotation of clean poses that faced forward before.

    It learns on the first half of the poses and is tested on the second, which in these sets is mostly of other people.
    An SVD makes a rotation of its nine outputs (Levinson et al., 2020).
    """
    poses = evenly(poses, _PROBE_POSES)
    turn = _draw(len(poses), step_seed(seed, 2000), views).numpy()
    turned = rotations.rotate(frames.face_forward(poses, skeleton), turn).numpy()
    representations = {
        "pose code": batched(lambda p: model.encode(p)["pose_code"])(turned),
        "view code": batched(lambda p: model.encode(p)["view_code"])(turned),
        "root-relative": turned,
    }
    half = len(poses) // 2
    result = {}
    for name, values in representations.items():
        values = values.reshape(len(values), -1)
        regressors = {
            "ridge": Ridge(),
            "mlp": MLPRegressor(hidden_layer_sizes=(256,), early_stopping=True, random_state=seed),
        }
        result[name] = {}
        for kind, regressor in regressors.items():
            probe = make_pipeline(StandardScaler(), regressor).fit(values[:half], turn[:half].reshape(half, 9))
            predicted = _nearest_rotations(probe.predict(values[half:]).reshape(-1, 3, 3))
            result[name][kind] = _mean_angle(predicted, turn[half:])
    # Guessing: a rotation drawn in the same way.
    guessed = _draw(len(poses) - half, step_seed(seed, 2001), views).numpy()
    return result | {"chance": dict.fromkeys(("ridge", "mlp"), _mean_angle(guessed, turn[half:]))}


def _nearest_rotations(matrices: np.ndarray) -> np.ndarray:
    u, _, vt = np.linalg.svd(matrices)
    u[..., 2] *= np.sign(np.linalg.det(u @ vt))[..., None]
    return u @ vt


def _mean_angle(rotation: np.ndarray, other: np.ndarray) -> float:
    cosine = (np.einsum("nij,nij->n", rotation, other) - 1) / 2  # the trace of one against the other's transpose
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))).mean())
