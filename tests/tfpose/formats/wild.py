"""A walk as the files that other programs write: each written here by hand or by that program's own library."""

from __future__ import annotations

import json
import pathlib
import pickle

import numpy as np

from tfpose.formats.axes import from_y_up
from tfpose.formats.samples import sample
from tfpose.skeleton import Skeleton

RATE = 30.0


def walk(skeleton: Skeleton) -> np.ndarray:
    """The sample as joints `[T, J, 3]` of any skeleton, metres, y up; joints that CMU lacks are beside their parent."""
    source = sample("walk")
    rng = np.random.default_rng(len(skeleton))
    known = {joint: source.positions[:, at] for at, joint in enumerate(source.skeleton.joints)}
    for joint, rule in source.skeleton.derived.items():
        known[joint] = sum(w * known[part] for part, w in rule.items())
    head = known["head"]
    for at, joint in enumerate(("nose", "eye_left", "eye_right", "ear_left", "ear_right")):
        known[joint] = head + np.array([0.05 * (at % 2) - 0.05 * (at == 2), 0.03, 0.08], np.float32)
    joints = [None] * len(skeleton)
    for joint in (j for level in skeleton.levels_by_depth for j in level):
        name = skeleton.joints[joint]
        if name in known:
            joints[joint] = known[name]
        else:
            joints[joint] = joints[skeleton.parents[joint]] + rng.normal(0, 0.04, 3)
    return np.stack(joints, axis=1).astype(np.float64)


def broken(skeleton: Skeleton) -> tuple[np.ndarray, np.ndarray]:
    """The walk, and the same with the left knee half a metre off in frames 30 to 37."""
    truth = walk(skeleton)
    seen = truth.copy()
    seen[30:38, skeleton.index("knee_left")] += [0.3, 0.1, 0.35]
    return truth, seen


def natives(skeleton: Skeleton) -> list[str]:
    return [skeleton.native.get(joint, joint) for joint in skeleton.joints]


def _landmarks(values, visible=0.9):
    return [{"x": float(x), "y": float(y), "z": float(z), "visibility": visible} for x, y, z in values]


def _save(path: pathlib.Path, text: str) -> pathlib.Path:
    path.write_text(text, encoding="utf-8")
    return path


# Each gets a folder and the joints in metres, y up, and returns the file (or folder).


def bvh(folder, joints):
    """Written by hand: the sample's hierarchy; the knee is broken by a thigh that flips for two frames."""
    from tfpose.formats import bvh

    motion = sample("walk").origin.layout
    values = motion.values.copy()
    column = 0
    for joint in motion.joints:
        if joint.name == "LeftUpLeg":
            values[30:32, column : column + 3] += [60.0, 0.0, 120.0]
        column += len(joint.channels)
    return _save(folder / "walk.bvh", bvh.text_of(motion, values))


def c3d(folder, joints):
    """By ezc3d: millimetres, z up."""
    import ezc3d

    content = ezc3d.c3d()
    content["parameters"]["POINT"]["RATE"]["value"] = [RATE]
    content["parameters"]["POINT"]["LABELS"]["value"] = natives(Skeleton.load("smpl22"))
    content["parameters"]["POINT"]["UNITS"]["value"] = ["mm"]
    points = np.ones((4, joints.shape[1], len(joints)))
    points[:3] = from_y_up(joints, "z").transpose(2, 1, 0) * 1000
    content["data"]["points"] = points
    content.write(str(folder / "walk.c3d"))
    return folder / "walk.c3d"


def trc(folder, joints):
    """As OpenSim and Pose2Sim write it: metres, y up."""
    names = natives(Skeleton.load("body25"))
    lines = [
        "PathFileType\t4\t(X/Y/Z)\twalk.trc",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames",
        f"30\t30\t{len(joints)}\t{len(names)}\tm\t30\t1\t{len(joints)}",
        "Frame#\tTime\t" + "\t\t\t".join(names) + "\t\t",
        "\t\t" + "\t".join(f"X{n}\tY{n}\tZ{n}" for n in range(1, len(names) + 1)),
        "",
    ]
    for at, frame in enumerate(joints):
        lines.append("\t".join([str(at + 1), f"{at / 30:.4f}", *(f"{value:.6f}" for value in frame.ravel())]))
    return _save(folder / "walk.trc", "\n".join(lines) + "\n")


def mediapipe_json(folder, joints):
    """World landmarks: y down, about the hips."""
    frames = [{"pose_world_landmarks": [_landmarks(frame)]} for frame in from_y_up(joints, "-y")]
    return _save(folder / "walk.json", json.dumps({"fps": RATE, "frames": frames}))


def mediapipe_csv(folder, joints):
    names = natives(Skeleton.load("blazepose33"))
    header = ["frame", *(f"{name}_{axis}" for name in names for axis in ("x", "y", "z", "visibility"))]
    rows = [",".join(header)]
    for at, frame in enumerate(from_y_up(joints, "-y")):
        rows.append(",".join([str(at), *(f"{v:.6f}" for point in frame for v in (*point, 0.9))]))
    return _save(folder / "walk.csv", "\n".join(rows) + "\n")


def mediapipe_long(folder, joints):
    rows = ["frame;landmark;x;y;z;visibility"]
    for at, frame in enumerate(from_y_up(joints, "-y")):
        for number, point in enumerate(frame):
            rows.append(";".join([str(at), str(number), *(f"{v:.6f}".replace(".", ",") for v in (*point, 0.9))]))
    return _save(folder / "walk.csv", "\n".join(rows) + "\n")


def mediapipe_npy(folder, joints):
    values = np.concatenate([from_y_up(joints, "-y"), np.full((*joints.shape[:2], 1), 0.9)], axis=-1)
    np.save(folder / "walk.npy", values.astype(np.float32))
    return folder / "walk.npy"


def openpose(folder, joints):
    for at, frame in enumerate(from_y_up(joints, "-y")):
        points = [float(v) for point in frame for v in (*point, 0.8)]
        text = json.dumps({"version": 1.3, "people": [{"person_id": [-1], "pose_keypoints_3d": points}]})
        _save(folder / f"walk_{at:012d}_keypoints.json", text)
    return folder


def mmpose(folder, joints):
    frames = [
        {"frame_id": at, "instances": [{"keypoints": frame.tolist(), "keypoint_scores": [0.9] * len(frame)}]}
        for at, frame in enumerate(from_y_up(joints, "z"), 1)
    ]
    return _save(folder / "walk.json", json.dumps({"meta_info": {"dataset_name": "h36m"}, "instance_info": frames}))


def azure(folder, joints):
    names = natives(Skeleton.load("azure32"))
    frames = [
        {
            "frame_id": at,
            "timestamp_usec": at * 33333,
            "num_bodies": 1,
            "bodies": [{"body_id": 1, "joint_positions": (frame * 1000).tolist()}],
        }
        for at, frame in enumerate(from_y_up(joints, "-y"))
    ]
    return _save(folder / "walk.json", json.dumps({"joint_names": names, "frames": frames}))


def videopose3d(folder, joints):
    np.save(folder / "walk.npy", from_y_up(joints, "-y").astype(np.float32))
    return folder / "walk.npy"


def humanml3d(folder, joints):
    np.save(folder / "walk.npy", joints.astype(np.float32))
    return folder / "walk.npy"


def amass(folder, joints):
    values = from_y_up(joints, "z").astype(np.float32)
    np.savez(folder / "walk.npz", joints=values, mocap_framerate=RATE, gender="neutral", betas=np.zeros(10))
    return folder / "walk.npz"


def deeplabcut(folder, joints):
    """By pandas, as DeepLabCut writes 3D: scorer, bodyparts and coords."""
    import pandas

    names = natives(Skeleton.load("smpl22"))
    columns = pandas.MultiIndex.from_product(
        [["DLC_3D"], names, ["x", "y", "z"]], names=["scorer", "bodyparts", "coords"]
    )
    pandas.DataFrame(joints.reshape(len(joints), -1), columns=columns).to_csv(folder / "walk.csv")
    return folder / "walk.csv"


def anipose(folder, joints):
    """By pandas, as Anipose writes it: millimetres, with errors and scores."""
    import pandas

    table = {}
    for at, name in enumerate(natives(Skeleton.load("smpl22"))):
        for axis in range(3):
            table[f"{name}_{'xyz'[axis]}"] = joints[:, at, axis] * 1000
        table[f"{name}_error"], table[f"{name}_ncams"], table[f"{name}_score"] = 1.5, 3.0, 0.95
    table["fnum"] = np.arange(len(joints))
    pandas.DataFrame(table).to_csv(folder / "walk.csv", index=False)
    return folder / "walk.csv"


def pyskl(folder, joints):
    keypoint = joints[None].astype(np.float32)
    content = {"split": {"train": ["walk"]}, "annotations": [{"frame_dir": "walk", "label": 1, "keypoint": keypoint}]}
    (folder / "walk.pkl").write_bytes(pickle.dumps(content, protocol=4))
    return folder / "walk.pkl"


def movement(folder, joints):
    """By xarray, as `movement` writes it."""
    import xarray

    names = natives(Skeleton.load("smpl22"))
    content = xarray.Dataset(
        {
            "position": (("time", "space", "keypoints", "individuals"), joints.transpose(0, 2, 1)[..., None]),
            "confidence": (("time", "keypoints", "individuals"), np.full((*joints.shape[:2], 1), 0.9)),
        },
        coords={
            "time": np.arange(len(joints)) / RATE,
            "space": ["x", "y", "z"],
            "keypoints": names,
            "individuals": ["somebody"],
        },
        attrs={"fps": RATE, "time_unit": "seconds"},
    )
    content.to_netcdf(folder / "walk.nc", engine="h5netcdf")
    return folder / "walk.nc"


def csv(folder, joints):
    names = natives(Skeleton.load("cmu31"))
    rows = [",".join(f"{name}.{axis}" for name in names for axis in "XYZ")]
    rows += [",".join(f"{v:.3f}" for v in frame.ravel()) for frame in joints * 100]
    return _save(folder / "walk.csv", "\n".join(rows) + "\n")


# What docs/data_and_formats.md calls the files -> how they are written, and the skeleton of their joints.
FILES = {
    "BVH": (bvh, "cmu31"),
    "C3D": (c3d, "smpl22"),
    "TRC": (trc, "body25"),
    "MediaPipe, JSON": (mediapipe_json, "blazepose33"),
    "MediaPipe, CSV, wide": (mediapipe_csv, "blazepose33"),
    "MediaPipe, CSV, a row a landmark": (mediapipe_long, "blazepose33"),
    "MediaPipe, npy": (mediapipe_npy, "blazepose33"),
    "OpenPose": (openpose, "body25"),
    "mmpose": (mmpose, "h36m17"),
    "Azure Kinect": (azure, "azure32"),
    "VideoPose3D": (videopose3d, "h36m17"),
    "HumanML3D": (humanml3d, "smpl22"),
    "SMPL": (humanml3d, "smpl24"),
    "AMASS": (amass, "smpl22"),
    "DeepLabCut": (deeplabcut, "smpl22"),
    "Anipose": (anipose, "smpl22"),
    "pyskl": (pyskl, "ntu25"),
    "movement": (movement, "smpl22"),
    "CSV of any rig": (csv, "cmu31"),
}
