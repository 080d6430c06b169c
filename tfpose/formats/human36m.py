"""Human3.6M in the files of VideoPose3D.

`data_3d_h36m.npz` holds `positions_3d`, a pickled dict: subject -> action -> `[T, 32, 3]` in metres, world frame, z up.
`data_2d_h36m_*.npz` holds `positions_2d`: subject -> action -> four cameras -> `[T, 16, 2]` in pixels.
`cameras.json`: subject -> four cameras of `R`, `T` (millimetres), `f`, `c`, `k`, `p`, `name`.
The files do not say their frame rate (50 Hz as published, 10 Hz when thinned to every fifth frame).
"""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import zipfile

import numpy as np

from tfpose.errors import DataError
from tfpose.files import blame, numbers
from tfpose.formats import axes, pickles
from tfpose.formats.clip import Clip
from tfpose.skeleton import Skeleton

TRAIN_SUBJECTS = ("S1", "S5", "S6", "S7", "S8")
TEST_SUBJECTS = ("S9", "S11")

# The ground truth of these is shifted against the images, a known defect; results are reported without them and say so.
SHIFTED = (("S9", "SittingDown 1"), ("S9", "Greeting"), ("S9", "Waiting 1"))

_Y_UP = axes.matrix("z")


def read_file(path: str | os.PathLike) -> list[Clip]:
    """All sequences of `data_3d_h36m.npz` as clips of skeleton `h36m32`, sorted by subject and action.

    Raises:
        DataError: when the file is not of this layout.
    """
    skeleton = Skeleton.load("h36m32")
    clips = []
    with blame(path, "a VideoPose3D file with positions_3d: subject -> action -> [T, 32, 3]"):
        for subject, action, positions in _sequences(path, "positions_3d"):
            where = f"{path}: {subject} {action}"
            positions = numbers(positions, np.float32)
            if positions.ndim != 3 or positions.shape[1:] != (32, 3):
                raise DataError(f"{where}: expected [T, 32, 3], got {list(positions.shape)}")
            if not np.isfinite(positions).all():
                raise DataError(f"{where}: has positions that are not finite")
            clips.append(Clip(positions @ _Y_UP.T, skeleton, subject=subject, action=action, source=where))
    return clips


def read_2d(path: str | os.PathLike) -> dict[tuple[str, str], list[np.ndarray]]:
    """The 2D detections: `(subject, action)` -> one `[T, J, 2]` array in pixels per camera (T = 0: no such camera).

    Raises:
        DataError: when the file is not of this layout.
    """
    with blame(path, "a VideoPose3D file with positions_2d: subject -> action -> cameras of [T, J, 2]"):
        views = {}
        for subject, action, cameras in _sequences(path, "positions_2d"):
            views[subject, action] = [numbers(points, np.float32) for points in cameras]
            for points in views[subject, action]:
                if points.ndim != 3 or points.shape[2] != 2 or not np.isfinite(points).all():
                    raise DataError(f"{path}: {subject} {action}: expected finite [T, J, 2], got {list(points.shape)}")
        return views


@dataclasses.dataclass(frozen=True, eq=False)
class Camera:
    """A calibrated camera in the y-up world of tfpose. The camera frame is x right, y down, z forward.

    Attributes:
        name: its serial number.
        rotation: `[3, 3]`, world to camera.
        position: `[3]`, where it stands in the world, metres.
        focal, center: `[2]`, pixels.
        radial, tangential: `[3]` and `[2]` coefficients of Brown's lens distortion.
    """

    name: str
    rotation: np.ndarray
    position: np.ndarray
    focal: np.ndarray
    center: np.ndarray
    radial: np.ndarray
    tangential: np.ndarray

    def to_camera(self, points: np.ndarray) -> np.ndarray:
        """World `[..., 3]` -> camera frame `[..., 3]`, metres."""
        return (points - self.position) @ self.rotation.T

    def project(self, points: np.ndarray) -> np.ndarray:
        """World `[..., 3]` in metres -> pixels `[..., 2]`, with lens distortion."""
        local = self.to_camera(points)
        # The distortion model holds near the axis only.
        return self.focal * self._distort(np.clip(local[..., :2] / local[..., 2:], -1, 1)) + self.center

    def undistort(self, pixels: np.ndarray) -> np.ndarray:
        """Pixels `[..., 2]` -> the rays through them, `x / z` and `y / z` of the camera frame `[..., 2]`."""
        seen = xy = (pixels - self.center) / self.focal
        for _ in range(8):  # a fixed point: lenses bend so little that each round gives a digit or more
            xy = xy + seen - self._distort(xy)
        return xy

    def _distort(self, xy: np.ndarray) -> np.ndarray:
        r2 = np.sum(xy**2, axis=-1, keepdims=True)
        swing = 2 * np.sum(xy * self.tangential[::-1], axis=-1, keepdims=True)
        scale = 1 + np.concatenate([r2, r2**2, r2**3], axis=-1) @ self.radial[:, None] + swing
        return xy * scale + r2 * self.tangential[::-1]


def read_cameras(path: str | os.PathLike) -> dict[str, list[Camera]]:
    """The cameras of each subject, turned into our y-up world.

    Raises:
        DataError: when the file is not of this layout.
    """
    with blame(path, "cameras.json: subject -> cameras with R, T, f, c, k, p, name"):
        described = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
        return {subject: [_camera(camera) for camera in cameras] for subject, cameras in described.items()}


def _camera(described: dict) -> Camera:
    def array(key: str, shape: tuple[int, ...]) -> np.ndarray:
        return numbers(described[key], np.float64).reshape(shape)

    return Camera(
        name=str(described["name"]),
        rotation=array("R", (3, 3)) @ _Y_UP.T,
        position=_Y_UP @ array("T", (3,)) / 1000.0,
        focal=array("f", (2,)),
        center=array("c", (2,)),
        radial=array("k", (3,)),
        tangential=array("p", (2,)),
    )


def _sequences(path: str | os.PathLike, key: str):
    """Yields `(subject, action, value)` of the pickled dict `key`, sorted."""
    subjects = _load_pickled(path, key)
    for subject in sorted(subjects, key=lambda s: (len(s), s)):
        for action in sorted(subjects[subject]):
            yield subject, action, subjects[subject][action]


def _load_pickled(path: str | os.PathLike, key: str):
    """The object in array `key` of an npz."""
    with zipfile.ZipFile(path) as archive, archive.open(f"{key}.npy") as file:
        version = np.lib.format.read_magic(file)
        read_header = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}[version[0]]
        shape, _, dtype = read_header(file)
        if shape != () or not dtype.hasobject:
            raise DataError(f"{path}: expected {key} to be one pickled dict, got an array {list(shape)} of {dtype}")
        return pickles.load(file).item()
