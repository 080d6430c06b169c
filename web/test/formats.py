"""Odd files for the test of the page's readers, and what tfpose makes of them in Python.

    formats.py make FOLDER      writes the files, and prints how Python reads each, as JSON
    formats.py missing FOLDER   prints how many joints Python misses in each file of FOLDER/out

`formats.test.js` calls both.
"""

import json
import pathlib
import sys

import numpy as np

import tfpose
from tfpose.formats import bvh_text
from tfpose.formats.axes import from_y_up
from tfpose.skeleton import Skeleton

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "tests" / "tfpose" / "formats"))
import wild

FRAMES, ELBOW = 24, 13
PAPER = Skeleton.load("paper17")


def joints(skeleton: str) -> np.ndarray:
    return wild.walk(Skeleton.load(skeleton))[:FRAMES]


def without_legs(skeleton: str) -> np.ndarray:
    legs = [at for at, joint in enumerate(Skeleton.load(skeleton).joints) if joint.startswith(("knee", "ankle"))]
    values = joints(skeleton)
    values[:, legs] = np.nan
    return values


def documents(landmarks: list) -> dict:
    """Documents by name; `landmarks` are frames of MediaPipe's."""

    def with_elbow(value, frames):
        """Another left elbow in some frames."""
        return [
            [*pose[:ELBOW], value, *pose[ELBOW + 1 :]] if at in frames else pose for at, pose in enumerate(landmarks)
        ]

    nothing = {"x": float("nan"), "y": float("nan"), "z": float("nan"), "visibility": 0.0}
    hidden = {**landmarks[0][ELBOW], "visibility": 0.1}
    coco = list(Skeleton.load("coco17").joints)
    legless = from_y_up(without_legs("coco17"), "z").tolist()
    sure = [0.1 if at == 5 else 0.9 for at in range(17)]
    four = [[[*point, certain] for point, certain in zip(frame, sure)] for frame in joints("coco17").tolist()]
    four[3][7][3] = 1.01
    rounded = [{"timestamp": round(at / 30, 2), "landmarks": pose} for at, pose in enumerate(landmarks)]
    return {
        "without_legs": {
            "joints": coco,
            "frames": [[None if np.isnan(point[0]) else point for point in frame] for frame in legless],
        },
        "hardly_seen": {"fps": 30, "frames": with_elbow(hidden, range(FRAMES))},
        "null": {"fps": 30, "frames": with_elbow(None, [3])},
        "nan": {"fps": 30, "frames": with_elbow(nothing, [3])},
        "rate_as_text": {"fps": "25", "frames": landmarks},
        "rounded_times": {"frames": rounded},
        "unnamed": {"fps": 30, "frames": joints("h36m17").tolist()},
        "flat": {"fps": 30, "joints": coco, "frames": joints("coco17").reshape(FRAMES, -1).tolist()},
        "too_sure_once": {"fps": 30, "joints": coco, "frames": four},
        "two_clips": {"clips": [{"fps": 25, "frames": landmarks[:5]}, {"fps": 30, "frames": landmarks}]},
    }


def make(folder: pathlib.Path):
    plain = json.loads(wild.mediapipe_json(folder, joints("blazepose33")).read_text())
    landmarks = [frame["pose_world_landmarks"][0] for frame in plain["frames"]]
    for name, document in documents(landmarks).items():
        (folder / f"{name}.json").write_text(json.dumps(document))
    # As Pose2Sim writes it: y up, though the camera saw no legs.
    body25 = Skeleton.load("body25")
    tfpose.write(folder / "without_legs.trc", tfpose.Clip(without_legs("body25"), body25, rate=30))
    motion = tfpose.sample("walk").origin.layout
    head, _, rest = bvh_text.text_of(motion, motion.values).partition("Frames:")
    frames, time, *rows = rest.splitlines()
    (folder / "another_order.bvh").write_text("\n".join([head + time, f"Frames: {frames}", *rows, "written by hand"]))


def read(path: pathlib.Path) -> dict:
    clip = max(tfpose.read(path, on_note=lambda note: None), key=len)
    seen = clip.to(PAPER)
    return {
        "rate": clip.rate or 30,
        "unit": clip.origin.unit,
        "up": clip.origin.up,
        "observed": [None if np.isnan(value) else float(value) for value in seen.positions.reshape(-1)],
    }


folder = pathlib.Path(sys.argv[2])
if sys.argv[1] == "make":
    make(folder)
    print(json.dumps({path.name: read(path) for path in sorted(folder.glob("*.*"))}))
else:
    print(json.dumps({path.name: read(path)["observed"].count(None) for path in sorted((folder / "out").glob("*.*"))}))
