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
from tfpose.skeleton import Skeleton

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "tests" / "tfpose" / "formats"))
import wild

FRAMES, TIMES = 24, np.arange(24) / 30
PAPER = Skeleton.load("paper17")


def joints(skeleton: str) -> np.ndarray:
    return wild.walk(Skeleton.load(skeleton))[:FRAMES]


def landmarks(*, low=(), **changed) -> list:
    """Frames of MediaPipe's landmarks; joints `low` are hardly seen, and those of frame 3 may be `changed`."""
    frames = [
        [{"x": x, "y": -y, "z": -z, "visibility": 0.1 if at in low else 0.9} for at, (x, y, z) in enumerate(frame)]
        for frame in joints("blazepose33").tolist()
    ]
    for joint, value in changed.items():
        frames[3][int(joint.removeprefix("joint"))] = value
    return frames


def without_legs(skeleton: str, turned: np.ndarray) -> list:
    """Frames of joints whose legs are null, with other axes."""
    legs = [at for at, joint in enumerate(Skeleton.load(skeleton).joints) if joint[:4] in ("knee", "ankl")]
    frames = (joints(skeleton) @ turned).tolist()
    return [[None if at in legs else point for at, point in enumerate(frame)] for frame in frames]


def documents() -> dict:
    nothing = {"x": float("nan"), "y": float("nan"), "z": float("nan"), "visibility": 0.0}
    sure = [0.1 if at == 5 else 0.9 for at in range(17)]
    four = [[[*point, certain] for point, certain in zip(frame, sure)] for frame in joints("coco17").tolist()]
    four[3][7][3] = 1.01
    z_up = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])
    coco = list(Skeleton.load("coco17").joints)
    return {
        "without_legs": {"joints": coco, "frames": without_legs("coco17", z_up)},
        "hardly_seen": {"fps": 30, "frames": landmarks(low=(13, 14, 15))},
        "null": {"fps": 30, "frames": landmarks(joint13=None)},
        "nan": {"fps": 30, "frames": landmarks(joint13=nothing)},
        "rate_as_text": {"fps": "25", "frames": landmarks()},
        "rounded_times": {
            "frames": [{"timestamp": round(time, 2), "landmarks": pose} for time, pose in zip(TIMES, landmarks())]
        },
        "unnamed": {"fps": 30, "frames": joints("h36m17").tolist()},
        "flat": {"fps": 30, "joints": coco, "frames": joints("coco17").reshape(FRAMES, -1).tolist()},
        "too_sure_once": {"fps": 30, "joints": coco, "frames": four},
        "two_clips": {"clips": [{"fps": 25, "frames": landmarks()[:5]}, {"fps": 30, "frames": landmarks()}]},
    }


def make(folder: pathlib.Path):
    for name, document in documents().items():
        (folder / f"{name}.json").write_text(json.dumps(document))
    # As Pose2Sim writes it: y up, though the camera saw no legs.
    body25 = joints("body25")
    body25[:, [at for at, joint in enumerate(Skeleton.load("body25").joints) if joint[:4] in ("knee", "ankl")]] = np.nan
    tfpose.write(folder / "without_legs.trc", tfpose.Clip(body25, Skeleton.load("body25"), rate=30))
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
