"""BVH files whose joints are broken in episodes, cleaned, written and read again: is a file as good as the poses?"""

from __future__ import annotations

import dataclasses
import pathlib
import tempfile
from collections.abc import Sequence

import numpy as np

from tfpose import metrics
from tfpose.datasets import checked, splits
from tfpose.errors import DataError
from tfpose.formats import bvh
from tfpose.formats.clip import Clip
from tfpose.models.clip_denoiser import ClipDenoiser
from tfpose.skeleton import Skeleton
from tfpose.trainers.markdown import table

MODEL = ClipDenoiser
OPTIONS = ()
_BROKEN, _EPISODE, _EVERY = 3, 8, 24  # joints, frames, and frames from one episode to the next
_DISTANCES = (0.2, 0.8)  # metres
_ROWS = {
    "seen": "as broken",
    "model": "what the model makes of it",
    "clip": "the clip in the file's joints",
    "file": "the file that is written, read again",
}


@dataclasses.dataclass(frozen=True, eq=False)
class Data:
    """Clips as their BVH files have them, and the model's skeleton."""

    name: str
    clips: Sequence[Clip]
    skeleton: Skeleton
    lineage: str

    @property
    def checksum(self) -> str:
        return checked.checksum((), *(clip.positions for clip in self.clips))


def load(name: str, data_dir, skeleton) -> Data:
    """All BVH files of "cmu"."""
    if name != "cmu":
        raise DataError(f"round_trip measures BVH files; '{name}' has none, cmu has")
    clips = [clip for path in splits.files("cmu", data_dir) for clip in bvh.read_file(path)]
    return Data("cmu/bvh", clips, skeleton, f"CMU Mocap, all BVH files. {splits.CMU_ACKNOWLEDGEMENT}")


def measure(model: ClipDenoiser, data: Data, seed: int = 0) -> dict:
    """Breaks three joints at a time, 20 to 80 cm off for 8 frames of every 24, and cleans the clips.

    Returns:
        `{"all" and "test": {"model" and "rig": {row: mm}}, "files": N, "frames": N}`: the mean distance from the truth,
        of the model's joints and of all joints of the rig; "test" is the subject that no preset has learnt from.
    """
    rng = np.random.default_rng(seed)
    errors, weights, test = [], [], []
    for clip in data.clips:
        broken = _broken(clip, data.skeleton, rng)
        seen = broken.to(data.skeleton)
        cleaned = model.denoise_clip(seen.positions, clip.rate)["denoised"]
        corrected = broken.corrected(cleaned, data.skeleton)
        read = _written_and_read(corrected)
        truth = clip.to(data.skeleton).positions
        of_model = {
            "seen": seen.positions,
            "model": cleaned,
            "clip": corrected.to(data.skeleton).positions,
            "file": read.to(data.skeleton).positions,
        }
        of_rig = {"seen": broken.positions, "clip": corrected.positions, "file": read.positions}
        errors.append(
            [1000 * metrics.mpjpe(poses, truth) for poses in of_model.values()]
            + [1000 * metrics.mpjpe(poses, clip.positions) for poses in of_rig.values()]
        )
        weights.append(len(clip))
        test.append(clip.subject in splits.CMU_TEST_SUBJECTS)
    errors, weights, test = np.array(errors), np.array(weights), np.array(test)
    report = {"files": len(weights), "frames": int(weights.sum())}
    for name, chosen in (("all", np.ones_like(test)), ("test", test)):
        if chosen.any():
            means = np.average(errors[chosen], axis=0, weights=weights[chosen]).tolist()
            report[name] = {"model": dict(zip(of_model, means)), "rig": dict(zip(of_rig, means[len(of_model) :]))}
    return report


def markdown(report: dict) -> str:
    """The table of a report of `over_seeds`."""
    mean = report["mean"]
    sets = [name for name in ("all", "test") if name in mean]
    parts = [mean[name][part] for name in sets for part in ("model", "rig")]
    rows = [(said, *(f"{part[row]:.1f}" if row in part else "" for part in parts)) for row, said in _ROWS.items()]
    columns = {"all": "all subjects", "test": "subject 09, which the preset never saw"}
    return f"{mean['files']:.0f} files, {mean['frames']:,.0f} frames; mean distance from the truth in mm.\n\n" + table(
        ["", *(f"{columns[name]}: {part}" for name in sets for part in ("17 joints", "all 31"))], rows
    )


def _broken(clip: Clip, skeleton: Skeleton, rng: np.random.Generator) -> Clip:
    matrix = clip.skeleton.to(skeleton)
    own = [int(np.argmax(row)) for row in matrix]  # the joint of the file that each of the model's comes from
    positions = clip.positions.copy()
    for start in range(_EPISODE, len(clip) - _EPISODE, _EVERY):
        for joint in rng.choice(own, _BROKEN, replace=False):
            direction = rng.normal(size=3)
            step = direction / np.linalg.norm(direction) * rng.uniform(*_DISTANCES)
            positions[start : start + _EPISODE, joint] += step.astype(np.float32)
    return dataclasses.replace(clip, positions=positions)


def _written_and_read(clip: Clip) -> Clip:
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "clip.bvh")
        bvh.write(path, clip)
        return bvh.read_file(path, drop_first=bool(clip.origin.layout.rest_frames))[0]
