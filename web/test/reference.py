"""What tfpose computes of what the live page has: JSON in, JSON out.

    reference.py STREAM.tflite < {"landmarks": 33 of [x, y, z, visibility] or null, "frames": T of [J * 3], "rate": 30}

`landmarks` become the model's joints, and `frames` (null = missing) go through a stream.
"""

import json
import sys

import numpy as np

import tfpose.lite
from tfpose.formats import Clip
from tfpose.formats.recording import USUAL
from tfpose.skeleton import Skeleton


def joints_of(landmarks, skeleton: Skeleton) -> np.ndarray:
    landmarks = np.array(landmarks)
    positions = np.where(landmarks[:, 3:] >= USUAL.visibility, landmarks[:, :3] * (1, -1, -1), np.nan)
    return Clip(positions[None], Skeleton.load("blazepose33")).to(skeleton).positions[0]


def flat(values: np.ndarray) -> list:
    return [None if np.isnan(value) else float(value) for value in values.ravel()]


model = tfpose.lite.Model(sys.argv[1], threads=1)
given = json.load(sys.stdin)
stream = model.stream(given["rate"])
answer = {"frames": [], "joints": given["landmarks"] and flat(joints_of(given["landmarks"], model.skeleton))}
for frame in given["frames"]:
    result = stream.step(np.array(frame, np.float32).reshape(-1, 3))
    answer["frames"].append({name: flat(values.astype(np.float32)) for name, values in result.items()})
json.dump(answer, sys.stdout)
