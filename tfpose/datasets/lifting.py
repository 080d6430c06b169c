"""Pairs of an image's 2D joints and the 3D pose in that camera, to learn lifting from and to measure it with."""

from __future__ import annotations

import dataclasses
import os

import numpy as np

from tfpose.datasets import checked, splits
from tfpose.errors import DataError
from tfpose.formats import axes, human36m
from tfpose.formats.clip import Clip
from tfpose.skeleton import Skeleton

DETECTIONS = ("gt", "hourglass")
_SHIFTED = ", ".join(action for _, action in human36m.SHIFTED)
_HOURGLASS = "data_2d_h36m_sh_pt_mpii.npz"
_ABOUT = {
    "gt": "2D joints are the 3D ones projected",
    "hourglass": "2D joints from a stacked hourglass trained on MPII: 16 joints, the spine's middle made from two",
}


@dataclasses.dataclass(frozen=True, eq=False)
class LiftingPairs:
    """Single poses, as an image shows them and as they stand before the camera.

    Args:
        name: set and split, such as "h36m_gt/test".
        skeleton: what the J joints are, in both.
        joints_2d: `[N, J, 2]` normalised image coordinates (see `image_coordinates`): x right, y down.
        joints_3d: `[N, J, 3]` metres in the camera frame turned y up: x right, y up, z towards the viewer, the camera
            at the origin.
        up: `[N, 3]`, the world's vertical in that frame.
        action: `[N]`, what is done, without the number of the trial.
        lineage: what data this is.
        lengths: how many pairs each recording has, one after the other; by default all are of one.

    Attributes:
        checksum: the first 16 hex digits of the SHA-256 of joint names, both poses, verticals and actions.

    Raises:
        DataError: for wrong shapes, no pairs, or numbers that are not finite.
    """

    name: str
    skeleton: Skeleton
    joints_2d: np.ndarray
    joints_3d: np.ndarray
    up: np.ndarray
    action: np.ndarray
    lineage: str = ""
    lengths: tuple[int, ...] = ()
    checksum: str = dataclasses.field(init=False)

    def __post_init__(self):
        joints = len(self.skeleton)
        count = len(checked.array(self.name, "joints_3d", self.joints_3d, ("N", joints, 3)))
        for name, shape in (("joints_2d", (joints, 2)), ("joints_3d", (joints, 3)), ("up", (3,))):
            checked.complete(self, **{name: checked.array(self.name, name, getattr(self, name), (count, *shape))})
        action = np.asarray(self.action)
        if action.shape != (count,):
            raise DataError(f"{self.name}: expected action [{count}], got {list(action.shape)}")
        lengths = tuple(self.lengths) or (count,)
        if sum(lengths) != count:
            raise DataError(f"{self.name}: lengths of {sum(lengths)} pairs, got {count}")
        checksum = checked.checksum(self.skeleton.joints, *self.arrays().values(), ",".join(action))
        checked.complete(self, action=action, lengths=lengths, checksum=checksum)

    def __len__(self) -> int:
        return len(self.joints_3d)

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays that a training step needs for each pair."""
        return {name: getattr(self, name) for name in ("joints_2d", "joints_3d", "up")}


def image_coordinates(pixels: np.ndarray, focal, center) -> np.ndarray:
    """Pixels `[..., 2]` as normalised image coordinates, the input of `PoseLifter`: x right, y down, from the image's
    centre, in focal lengths.

    Args:
        pixels: NaN = missing.
        focal: in pixels, a number or one for each axis. Unknown, 1.2 times the longer side of the image is usual.
        center: `[2]` pixels, the principal point; the middle of the image where it is unknown.
    """
    return (np.asarray(pixels) - np.asarray(center)) / np.asarray(focal)


def human36m_pairs(
    split: str,
    detections: str = "gt",
    data_dir: str | os.PathLike | None = None,
    skeleton: Skeleton | None = None,
) -> LiftingPairs:
    """Human3.6M's pairs of all four cameras, by its protocols 1 and 2: trained on S1, 5, 6, 7, 8, tested on S9, 11.

    The shifted sequences of S9 are left out, and so is a camera without detections (S11 "Directions" has three), also
    with `detections="gt"`: both kinds have the same frames.

    Args:
        split: "train" or "test".
        detections: "gt" projects the 3D joints, "hourglass" takes the detector's.
        data_dir: the data folder; by default the environment variable TFPOSE_DATA.
        skeleton: the joints wanted; by default the paper's 17.

    Raises:
        DataError: for an unknown split or kind, a missing folder, an unreadable file, or sequences without 2D joints.
    """
    if split not in ("train", "test"):
        raise DataError(f"Human3.6M's lifting protocol has the splits train and test, got '{split}'")
    if detections not in DETECTIONS:
        raise DataError(f"no detections '{detections}'; there are {', '.join(DETECTIONS)}")
    skeleton = skeleton or Skeleton.load("paper17")
    folder = splits.folder("h36m", data_dir)
    cameras = human36m.read_cameras(folder / "cameras.json")
    seen = human36m.read_2d(folder / _HOURGLASS)
    parts = {"joints_2d": [], "joints_3d": [], "up": [], "action": []}
    for clip in splits.h36m_clips(split, data_dir):
        views = seen.get((clip.subject, clip.action))
        if views is None or clip.subject not in cameras or len(views) != len(cameras[clip.subject]):
            raise DataError(f"{folder / _HOURGLASS}: {clip.subject} {clip.action}: no 2D joints for each camera")
        for camera, view in zip(cameras[clip.subject], views):
            if not len(view):
                continue
            if len(view) != len(clip):
                raise DataError(
                    f"{folder / _HOURGLASS}: {clip.subject} {clip.action} {camera.name}: expected {len(clip)} frames "
                    f"as in 3D, got {len(view)}"
                )
            for name, value in _pairs(clip, camera, view if detections == "hourglass" else None, skeleton).items():
                parts[name].append(value)
    return LiftingPairs(
        f"h36m_{detections}/{split}",
        skeleton,
        **{name: np.concatenate(values) for name, values in parts.items()},
        lengths=tuple(map(len, parts["action"])),
        lineage=f"{splits.H36M_LINEAGE} ({_SHIFTED}); {_ABOUT[detections]}",
    )


def _pairs(clip: Clip, camera: human36m.Camera, view: np.ndarray | None, skeleton: Skeleton) -> dict:
    """The pairs of one camera; `view` `[T, 16, 2]` pixels, or None to project."""
    positions = clip.to(skeleton).positions
    pixels = camera.project(positions) if view is None else Skeleton.load("mpii16").to(skeleton) @ view
    return {
        "joints_2d": camera.undistort(pixels),
        "joints_3d": axes.to_y_up(camera.to_camera(positions), "-y"),
        "up": np.broadcast_to(axes.to_y_up(camera.rotation @ (0.0, 1.0, 0.0), "-y"), (len(clip), 3)),
        "action": np.full(len(clip), clip.action.split(" ")[0]),
    }
