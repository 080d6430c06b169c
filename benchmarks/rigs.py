"""Skeletons of any number of joints, to measure the cost of joints."""

from __future__ import annotations

from tfpose.skeleton import Skeleton


def rig(joints: int) -> Skeleton:
    """A skeleton of about `joints` joints in one tree: one that ships, or a body whose hands and feet have fingers."""
    shipped = {17: "paper17", 25: "ntu25", 33: "blazepose33"}
    if joints in shipped:
        return Skeleton.load(shipped[joints])
    body = Skeleton.load("paper17")
    names, parents, mirror = list(body.joints), list(body.parents), list(body.mirror)
    for finger in range((joints - len(body)) // 2):
        chain, place = divmod(finger, 4)  # fingers of four joints, in turn on hands and feet
        bearer = ("wrist", "ankle")[chain % 2]
        sides = [f"finger_{chain}_{place}_{side}" for side in ("left", "right")]
        for name, side in zip(sides, ("left", "right")):
            parent = f"{bearer}_{side}" if place == 0 else f"finger_{chain}_{place - 1}_{side}"
            parents.append(names.index(parent))
            names.append(name)
        mirror.append(tuple(sides))
    if len(names) < joints:
        parents.append(names.index("head"))
        names.append("head_top")
    return Skeleton(f"rig{joints}", tuple(names), tuple(parents), tuple(mirror), body.torso)
