"""Files for the tests of the live page, and what tfpose makes of them in Python.

    files.py make FOLDER                 a walk in each format, broken in the frames BROKEN; as it was in FOLDER/whole
    files.py check STREAM.tflite IN OUT  JSON that says what the page made of the file IN in FOLDER

Both the page and Python read and write all of these, and clean them with the same model.
"""

import dataclasses
import json
import pathlib
import sys
import warnings

import numpy as np

import tfpose
import tfpose.lite
from tfpose.formats import Clip, bvh_text, kinematics
from tfpose.skeleton import Skeleton

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "tests" / "tfpose" / "formats"))
import wild

BROKEN = slice(30, 38)
RATE = 30
MIXAMO = {
    "spine_base": "mixamorig:Hips",
    "spine_mid": "mixamorig:Spine",
    "spine_shoulder": "mixamorig:Spine2",
    "neck": "mixamorig:Neck",
    "head": "mixamorig:Head",
    **{
        f"{joint}_{side.lower()}": f"mixamorig:{side}{name}"
        for side in ("Left", "Right")
        for joint, name in {
            "shoulder": "Arm",
            "elbow": "ForeArm",
            "wrist": "Hand",
            "hip": "UpLeg",
            "knee": "Leg",
            "ankle": "Foot",
        }.items()
    },
}


def make(folder: pathlib.Path):
    whole = folder / "whole"
    whole.mkdir()
    for name, motion in {
        "walk.bvh": tfpose.sample("walk").origin.layout,
        "mixamo.bvh": mixamo(whole / "plain.bvh"),
    }.items():
        (whole / name).write_text(bvh_text.text_of(motion, motion.values))
        (folder / name).write_text(bvh_text.text_of(motion, bent(motion)))
    for write, skeleton in ((wild.trc, "body25"), (wild.mediapipe_json, "blazepose33")):
        for place, joints in zip((whole, folder), wild.broken(Skeleton.load(skeleton))):
            write(place, joints)
    # Our own JSON, with a joint that is missing for a while.
    cmu = Skeleton.load("cmu31")
    for place, joints in zip((whole, folder), wild.broken(cmu)):
        clip = Clip(joints, cmu, rate=RATE)
        if place is folder:
            clip.positions[50:55, cmu.index("wrist_right")] = np.nan
        tfpose.write(place / "plain.json", clip)


def mixamo(path: pathlib.Path) -> kinematics.Motion:
    """The walk of a rig whose joints but the hips have rotations alone, of which some move several bones."""
    clip = tfpose.sample("walk").to(Skeleton.load("paper17"))
    tfpose.write(path, clip)
    plain, _ = bvh_text.parse(path, path.read_text())
    joints = tuple(
        dataclasses.replace(joint, name=MIXAMO[joint.name], channels=joint.channels[3 if at else 0 :])
        for at, joint in enumerate(plain.joints)
    )
    rest = np.zeros((len(clip), sum(len(joint.channels) for joint in joints)))
    motion = dataclasses.replace(plain, joints=joints, values=rest)
    columns = [clip.skeleton.index(joint.name) for joint in plain.joints]
    targets = clip.positions[:, columns] * 100.0
    return dataclasses.replace(motion, values=kinematics.solve(motion, range(len(joints)), targets))


def bent(motion: kinematics.Motion) -> np.ndarray:
    """Channels with the left shin bent sideways."""
    knee = next(at for at, joint in enumerate(motion.joints) if joint.name.endswith("LeftLeg"))
    values = motion.values.copy()
    values[BROKEN, sum(len(joint.channels) for joint in motion.joints[:knee])] += 90
    return values


def check(model: tfpose.lite.Model, given: pathlib.Path, out: pathlib.Path) -> dict:
    """What is in `out`, the clean file of `given`, beside the truth and what tfpose makes of the file as a stream."""
    before, after, truth = (read(path) for path in (given, out, given.parent / "whole" / given.name))
    seen = before.to(model.skeleton)
    stream, clean = model.stream(before.rate), []
    for frame, joints in enumerate(seen.positions):
        clean.append(stream.step(joints, None if seen.confidence is None else seen.confidence[frame])["denoised"])
    ours = out.with_name(f"python{out.suffix}")
    tfpose.write(ours, before.corrected(np.stack(clean), model.skeleton))
    moved = np.abs(after.positions - before.positions).max(-1) > 1e-5
    return {
        "joints": after.names == before.names,
        "rate": [before.rate, after.rate],
        "error": [error(clip, truth) for clip in (before, after)],
        "missing": [int(clip.missing.sum()) for clip in (before, after)],
        "moved": float(moved.mean()),
        "untouched": float(np.abs(after.origin.values - before.origin.values)[~moved & ~before.missing].max()),
        "beside_python": float(np.nanmax(np.abs(after.positions - read(ours).positions))),
        "truth": truth.to(model.skeleton).positions.reshape(len(truth), -1).astype(float).tolist(),
    }


def read(path: pathlib.Path) -> Clip:
    return next(iter(tfpose.read(path)))


def error(clip: Clip, truth: Clip) -> float:
    """The mean error of the joints that are there in the broken frames, in metres."""
    return float(np.nanmean(np.linalg.norm(clip.positions - truth.positions, axis=-1)[BROKEN]))


warnings.simplefilter("ignore")
if sys.argv[1] == "make":
    make(pathlib.Path(sys.argv[2]))
else:
    print(json.dumps(check(tfpose.lite.Model(sys.argv[2], threads=1), *map(pathlib.Path, sys.argv[3:]))))
