"""Draws a made-up person in each skeleton that ships, for the page of skeletons.

.venv/bin/python docs/make_pictures.py
"""

import pathlib

import numpy as np
from matplotlib.figure import Figure

from tfpose import plots
from tfpose.datasets import synthetic
from tfpose.plots.style import RECOVERED, save
from tfpose.skeleton import Skeleton

FACE = {"nose", "eye", "ear", "mouth", "head"}
FOLDER = pathlib.Path(__file__).parent / "pictures"


def pose_in(skeleton: Skeleton) -> np.ndarray:
    """One pose `[J, 3]`. Joints that the made-up person lacks are between their neighbours, those of the face at the
    head."""
    person = next(iter(synthetic.clips(1, seed=3)))
    places = dict(zip(person.skeleton.joints, person.positions[0]))
    places |= {joint: places["head"] for joint in skeleton.joints if joint.split("_")[0] in FACE}
    known = np.array([joint in places for joint in skeleton.joints])
    pose = np.stack([places.get(joint, places["spine_mid"]) for joint in skeleton.joints])
    neighbours = np.zeros((len(skeleton), len(skeleton)))
    for child, parent in skeleton.bones:
        neighbours[child, parent] = neighbours[parent, child] = 1
    for _ in range(200):
        pose = np.where(known[:, None], pose, neighbours @ pose / neighbours.sum(1, keepdims=True))
    return pose


def main():
    for name in Skeleton.names():
        skeleton = Skeleton.load(name)
        pose = pose_in(skeleton)
        figure = Figure((2.2, 3.2), dpi=110, facecolor="white")
        axes = figure.add_axes((0, 0, 1, 1), projection="3d")
        plots.draw_pose(axes, pose, skeleton, RECOVERED)
        plots.frame(axes, pose, skeleton)
        save(figure, FOLDER / f"{name}.png")


if __name__ == "__main__":
    main()
