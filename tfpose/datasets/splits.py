"""The data sets by name, as poses and as labelled clips, and the protocols that split their clips.

A data folder holds `cmu/`, `nucla/`, `ntu/`, `h36m/`, `ape/` in the layout that their owners distribute; the
environment variable `TFPOSE_DATA` names it where no `data_dir` is given.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import pathlib
from collections.abc import Callable, Collection, Iterable

import numpy as np

from tfpose.datasets import ape, synthetic
from tfpose.datasets.clip_set import ClipSet
from tfpose.datasets.motion_set import MotionSet
from tfpose.datasets.pose_set import PoseSet, complete_poses, evenly
from tfpose.errors import DataError
from tfpose.formats import asfamc, bvh, human36m, ntu, nucla
from tfpose.formats.clip import Clip
from tfpose.skeleton import Skeleton

CMU_TEST_SUBJECTS = ("09",)
_CMU_8 = ("01", "02", "03", "05", "06", "07", "08", "09")
CMU_ACKNOWLEDGEMENT = (
    "The data used in this project was obtained from mocap.cs.cmu.edu. "
    "The database was created with funding from NSF EIA-0196217."
)
# The seven of Human3.6M's actions that replace APE's seven.
APE_ACTIONS = ("Directions", "Eating", "Greeting", "Phoning", "Posing", "Smoking", "Walking")
_H36M_TEST_POSES = 5000
_NUCLA_TEST_STEP = 5
_SYNTHETIC = {"train": (500, 1), "test": (50, 2)}  # clips of 60 poses, seed
NUCLA_LINEAGE = "Northwestern-UCLA (copy: CC BY-NC 4.0)"
# Protocol -> the views that train, the views that test.
_NUCLA_CLIPS = {
    "nucla": (("v01", "v02"), ("v03",)),
    "nucla_v1_v2": (("v01",), ("v02",)),
    "nucla_v2_v1": (("v02",), ("v01",)),
}
SYNTHETIC_LINEAGE = "made by tfpose.datasets.synthetic"
H36M_LINEAGE = "Human3.6M without the shifted sequences of S9; academic use only"

_CONTENT = {
    "cmu": "subjects/*/*.bvh",
    "nucla": "all_sqe/*.json",
    "ntu": "nturgb+d_skeletons/*.skeleton",
    "h36m": "data_3d_h36m.npz",
    "ape": "random_remove/remove*/*/APE_drop_*_label.json",
}


def poses(
    name: str, split: str, data_dir: str | os.PathLike | None = None, skeleton: Skeleton | None = None
) -> PoseSet:
    """The poses of a data set; those with a missing joint are left out.

    Args:
        name: "synthetic", "cmu", "cmu_8" (its subjects 01 to 09 alone), "nucla" (cross-view), "ntu" (cross-view),
            "ntu_subject" (cross-subject), "h36m", or "h36m_ape" (APE's protocol on Human3.6M: every pose once per
            k = 1..5 with the real drop labels); or several together, as "cmu+nucla".
        split: "train", "test", and for all but "h36m_ape" "all".
        data_dir: the data folder; by default the environment variable TFPOSE_DATA. "synthetic" needs none.
        skeleton: the joints wanted; by default the paper's 17.

    Raises:
        DataError: for an unknown name or split, a missing folder, or an unreadable file.
        SkeletonError: when the set's skeleton cannot become `skeleton`.
    """
    skeleton = skeleton or Skeleton.load("paper17")
    if "+" in name:
        return _together([poses(part, split, data_dir, skeleton) for part in name.split("+")])
    if not known(name):
        raise DataError(f"no data set '{name}'; there are {', '.join(_SETS)}")
    make = _SETS[name]
    there = ("train", "test") if make is _h36m_ape else ("train", "test", "all")
    if split not in there:
        raise DataError(f"data set '{name}' has no split '{split}'; it has {', '.join(there)}")
    return make(split, data_dir, skeleton)


def motion(
    name: str, split: str, data_dir: str | os.PathLike | None = None, skeleton: Skeleton | None = None, rate=30.0
) -> MotionSet:
    """The clips of a motion capture set, all brought to one `rate`.

    Args:
        name: one of `MOTION_NAMES`: "synthetic", "cmu", "cmu_8" or "h36m" (of 10 Hz here: what is between is a spline).
        split: "train" or "test".
        data_dir: the data folder; by default the environment variable TFPOSE_DATA. "synthetic" needs none.
        skeleton: the joints wanted; by default the paper's 17.
        rate: frames per second.

    Raises:
        DataError: for an unknown name or split, a missing folder, or an unreadable file.
    """
    skeleton = skeleton or Skeleton.load("paper17")
    if name not in MOTION_NAMES:
        raise DataError(f"no motion capture set '{name}'; there are {', '.join(MOTION_NAMES)}")
    if split not in ("train", "test"):
        raise DataError(f"motion capture set '{name}' has no split '{split}'; it has train, test")
    if name == "synthetic":
        clips, lineage = list(synthetic.clips(*_SYNTHETIC[split])), SYNTHETIC_LINEAGE
    elif name == "h36m":
        clips = [dataclasses.replace(clip, rate=_H36M_RATE) for clip in h36m_clips(split, data_dir)]
        lineage = f"{H36M_LINEAGE}; recorded frames of {_H36M_RATE:g} Hz, those between are splines"
    else:
        clips = _cmu_clips(split, data_dir, _CMU_8 if name == "cmu_8" else None)
        lineage = f"CMU Mocap. {CMU_ACKNOWLEDGEMENT}"
    return MotionSet.of_clips(f"{name}/{split}", clips, skeleton, rate, lineage)


MOTION_NAMES = ("synthetic", "cmu", "cmu_8", "h36m")
_H36M_RATE = 10.0  # of the copy that is thinned to every fifth frame


def known(name: str) -> bool:
    """Whether `poses` takes that name."""
    return all(part in _SETS for part in name.split("+"))


def clips(
    name: str,
    split: str,
    data_dir: str | os.PathLike | None = None,
    skeleton: Skeleton | None = None,
    frames: int = 40,
) -> ClipSet:
    """The clips of `labelled_clips` as joints of one skeleton, all of one length.

    Args:
        name, split, data_dir: as of `labelled_clips`.
        skeleton: the joints wanted; by default the paper's 17.
        frames: how many each clip is resampled to.

    Raises:
        DataError: as `labelled_clips`.
        SkeletonError: when the set's skeleton cannot become `skeleton`.
    """
    found, actions, lineage = labelled_clips(name, split, data_dir)
    return ClipSet.of_clips(f"{name}/{split}", found, actions, skeleton or Skeleton.load("paper17"), frames, lineage)


def labelled_clips(
    name: str, split: str, data_dir: str | os.PathLike | None = None
) -> tuple[Iterable[Clip], dict[str, str], str]:
    """The clips of an action recognition protocol as recorded; of several people in a clip, the one who moves most.

    Args:
        name: one of `CLIP_NAMES`: "nucla" (trains on views 1 and 2, tests on view 3), "nucla_v1_v2" and "nucla_v2_v1"
            (train on one of the training views and test on the other: to choose settings without looking at view 3),
            "ntu" (cross-view) and "ntu_subject" (cross-subject).
        split: "train" or "test".
        data_dir: the data folder; by default the environment variable TFPOSE_DATA.

    Returns:
        `(clips, actions, lineage)`; the actions are what the codes of `Clip.action` mean.

    Raises:
        DataError: for an unknown name or split, a missing folder, or (while the clips are read) an unreadable file.
    """
    if name not in _CLIP_SETS:
        raise DataError(f"no set of labelled clips '{name}'; there are {', '.join(_CLIP_SETS)}")
    if split not in ("train", "test"):
        raise DataError(f"set of labelled clips '{name}' has no split '{split}'; it has train, test")
    return _CLIP_SETS[name](name, split, data_dir)


def _together(sets: list[PoseSet]) -> PoseSet:
    """Several sets as one, without what a protocol says of some of them."""
    return PoseSet(
        "+".join(part.name for part in sets),
        np.concatenate([part.positions for part in sets]),
        sets[0].skeleton,
        lineage="; ".join(part.lineage for part in sets),
    )


def nucla_cross_view(clips: Iterable[Clip]) -> tuple[list[Clip], list[Clip]]:
    """Northwestern-UCLA's cross-view protocol: `(train, test)`, views 1 and 2 against view 3."""
    return _split(clips, lambda clip: clip.view in nucla.TRAIN_VIEWS)


def ntu_cross_view(clips: Iterable[Clip]) -> tuple[list[Clip], list[Clip]]:
    """NTU RGB+D's cross-view protocol: `(train, test)`, cameras 2 and 3 against camera 1."""
    return _split(clips, lambda clip: int(clip.view[1:]) in ntu.TRAIN_CAMERAS)


def ntu_cross_subject(clips: Iterable[Clip]) -> tuple[list[Clip], list[Clip]]:
    """NTU RGB+D's cross-subject protocol: `(train, test)` by the official list of performers."""
    return _split(clips, lambda clip: int(clip.subject[1:]) in ntu.TRAIN_PERFORMERS)


def _split(clips: Iterable[Clip], is_train: Callable[[Clip], bool]) -> tuple[list[Clip], list[Clip]]:
    train, test = [], []
    for clip in clips:
        (train if is_train(clip) else test).append(clip)
    return train, test


# --- the sets


def _synthetic(split: str, data_dir, skeleton: Skeleton) -> PoseSet:
    parts = {"train": ["train"], "test": ["test"], "all": ["train", "test"]}[split]
    clips = (clip for part in parts for clip in synthetic.clips(*_SYNTHETIC[part]))
    return PoseSet(f"synthetic/{split}", complete_poses(clips, skeleton), skeleton, lineage=SYNTHETIC_LINEAGE)


def _cmu(split: str, data_dir, skeleton: Skeleton, subjects: Collection[str] | None = None) -> PoseSet:
    positions = complete_poses(_cmu_clips(split, data_dir, subjects), skeleton)
    name = "cmu" if subjects is None else f"cmu_{len(subjects)}"
    return PoseSet(f"{name}/{split}", positions, skeleton, lineage=f"CMU Mocap. {CMU_ACKNOWLEDGEMENT}")


def _cmu_clips(split: str, data_dir, subjects: Collection[str] | None = None) -> Iterable[Clip]:
    """All trials as BVH, and those that are there in CMU's own format alone."""
    paths = files("cmu", data_dir)
    as_bvh = {path.stem for path in paths}
    paths += [path for path in sorted(folder("cmu", data_dir).glob("asfamc/*/*.amc")) if path.stem not in as_bvh]
    if split != "all":
        paths = [path for path in paths if (path.parent.name in CMU_TEST_SUBJECTS) == (split == "test")]
    if subjects is not None:
        paths = [path for path in paths if path.parent.name in subjects]
    readers = {".bvh": functools.partial(bvh.read_file, drop_first=True), ".amc": asfamc.read_file}
    return (clip for path in paths for clip in readers[path.suffix](path))


def _cmu_8(split: str, data_dir, skeleton: Skeleton) -> PoseSet:
    return _cmu(split, data_dir, skeleton, subjects=_CMU_8)


def _nucla(split: str, data_dir, skeleton: Skeleton) -> PoseSet:
    clips = [clip for path in files("nucla", data_dir) for clip in nucla.read_file(path)]
    if split != "all":
        clips = nucla_cross_view(clips)[split == "test"]
    positions = complete_poses(clips, skeleton, every=_NUCLA_TEST_STEP if split == "test" else 1)
    return PoseSet(f"nucla/{split}", positions, skeleton, lineage=NUCLA_LINEAGE)


def _ntu(split: str, data_dir, skeleton: Skeleton, protocol=ntu_cross_view) -> PoseSet:
    paths, missing = files("ntu", data_dir), ntu_missing(data_dir)
    clips = [clip for path in paths for clip in ntu.read_file(path, missing_samples=missing)]
    if split != "all":
        clips = protocol(clips)[split == "test"]
    how = protocol.__name__.removeprefix("ntu_").replace("_", "-")
    lineage = f"NTU RGB+D ({how}), research licence of its owner"
    return PoseSet(f"ntu/{how}/{split}", complete_poses(clips, skeleton), skeleton, lineage=lineage)


def ntu_missing(data_dir) -> Collection[str]:
    """The samples on NTU's list of those without usable skeletons, where the list lies with the data."""
    listed = folder("ntu", data_dir) / "NTU_RGBD_samples_with_missing_skeletons.txt"
    return ntu.read_missing(listed) if listed.exists() else ()


def _ntu_subject(split: str, data_dir, skeleton: Skeleton) -> PoseSet:
    return _ntu(split, data_dir, skeleton, protocol=ntu_cross_subject)


def _h36m(split: str, data_dir, skeleton: Skeleton) -> PoseSet:
    positions = complete_poses(h36m_clips(split, data_dir), skeleton)
    if split == "test":
        positions = evenly(positions, _H36M_TEST_POSES)
    return PoseSet(f"h36m/{split}", positions, skeleton, lineage=H36M_LINEAGE)


def _h36m_ape(split: str, data_dir, skeleton: Skeleton) -> PoseSet:
    """5 subjects x 7 actions x 300 poses to train, 2 x 7 x 200 to test, each once per k with APE's real labels."""
    subjects, frames = (human36m.TRAIN_SUBJECTS, 300) if split == "train" else (human36m.TEST_SUBJECTS, 200)
    clips = h36m_clips(split, data_dir)
    groups = []
    for subject in subjects:
        for action in APE_ACTIONS:
            takes = [clip for clip in clips if clip.subject == subject and clip.action.split()[0] == action]
            group = complete_poses(takes, skeleton)
            if len(group) < frames:
                where = folder("h36m", data_dir)
                raise DataError(f"{where}: {subject} {action} has {len(group)} poses, the protocol needs {frames}")
            groups.append(evenly(group, frames))
    clean = np.concatenate(groups)

    ks = range(1, ape.MOST_MOVED + 1)
    labels = Skeleton.load("paper17")  # whose joints the labels number
    moved = []
    for k in ks:
        path = ape.label_path(folder("ape", data_dir), k, split)
        of_k = ape.read_file(path)
        if len(of_k) != len(clean):
            raise DataError(f"{path}: expected labels of {len(clean)} poses, got {len(of_k)}")
        moved.append(of_k)
    # The labels are numbers in the paper's order; another skeleton's joints are found by name.
    moved = np.concatenate(moved) @ (skeleton.to(labels) == 1)
    return PoseSet(
        f"h36m_ape/{split}",
        np.tile(clean, (len(ks), 1, 1)),
        skeleton,
        moved=moved,
        k=np.repeat(ks, len(clean)),
        lineage=f"APE protocol with its real drop labels on {H36M_LINEAGE}",
    )


def h36m_clips(split: str, data_dir) -> list[Clip]:
    (path,) = files("h36m", data_dir)
    wanted = {
        "train": human36m.TRAIN_SUBJECTS,
        "test": human36m.TEST_SUBJECTS,
        "all": human36m.TRAIN_SUBJECTS + human36m.TEST_SUBJECTS,
    }[split]
    return [
        clip
        for clip in human36m.read_file(path)
        if clip.subject in wanted and (clip.subject, clip.action) not in human36m.SHIFTED
    ]


_SETS = {
    "synthetic": _synthetic,
    "cmu": _cmu,
    "cmu_8": _cmu_8,
    "nucla": _nucla,
    "ntu": _ntu,
    "ntu_subject": _ntu_subject,
    "h36m": _h36m,
    "h36m_ape": _h36m_ape,
}
NAMES = tuple(_SETS)


# --- labelled clips


def _nucla_clips(name: str, split: str, data_dir):
    views = _NUCLA_CLIPS[name][split == "test"]
    clips = (clip for path in files("nucla", data_dir) for clip in nucla.read_file(path) if clip.view in views)
    return clips, nucla.ACTIONS, NUCLA_LINEAGE


def _ntu_clips(name: str, split: str, data_dir):
    missing = ntu_missing(data_dir)

    def is_train(sample: ntu.Sample) -> bool:
        return sample.camera in ntu.TRAIN_CAMERAS if name == "ntu" else sample.performer in ntu.TRAIN_PERFORMERS

    def clips():
        for path in files("ntu", data_dir):
            # By its name, before it is read: the full set has 56,880 files.
            if is_train(ntu.parse_name(path.name)) == (split == "train"):
                bodies = ntu.read_file(path, missing_samples=missing)
                if bodies:
                    yield max(bodies, key=_movement)

    lineage = f"NTU RGB+D ({'cross-view' if name == 'ntu' else 'cross-subject'}), research licence of its owner"
    return clips(), ntu.ACTIONS, lineage


def _movement(clip: Clip) -> float:
    """The length of the paths of all joints, in metres; it is larger for a body that is seen longer."""
    return float(np.nansum(np.linalg.norm(np.diff(clip.positions, axis=0), axis=-1)))


_CLIP_SETS = {**dict.fromkeys(_NUCLA_CLIPS, _nucla_clips), "ntu": _ntu_clips, "ntu_subject": _ntu_clips}
CLIP_NAMES = tuple(_CLIP_SETS)


# --- folders and frames


def folder(name: str, data_dir: str | os.PathLike | None = None) -> pathlib.Path:
    """Where a set lies: `data_dir/name`, by default below the folder that the environment variable TFPOSE_DATA names.

    Raises:
        DataError: when it is not there; the message says what was expected.
    """
    base = data_dir if data_dir is not None else os.environ.get("TFPOSE_DATA")
    expected = f"the {name} data as {name}/{_CONTENT[name]}"
    if not base:
        raise DataError(f"data set '{name}' needs a data folder with {expected}: name it, or set TFPOSE_DATA to it")
    path = pathlib.Path(base) / name
    if not path.is_dir():
        raise DataError(
            f"{path}: no such folder; expected {expected}, in the folder that data_dir or TFPOSE_DATA names"
        )
    return path


def files(name: str, data_dir: str | os.PathLike | None = None) -> list[pathlib.Path]:
    """The files of a set, sorted.

    Raises:
        DataError: when there are none.
    """
    path = folder(name, data_dir)
    found = sorted(path.glob(_CONTENT[name]))
    if not found:
        raise DataError(f"{path}: holds no {_CONTENT[name]}; data_dir or TFPOSE_DATA should name the folder above it")
    return found
