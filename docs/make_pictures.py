"""Draws a made-up person in each skeleton that ships, for the page of skeletons.

.venv/bin/python docs/make_pictures.py
"""

import pathlib

import numpy as np
from matplotlib.figure import Figure

from tfpose import plots
from tfpose.datasets import synthetic
from tfpose.errors import SkeletonError
from tfpose.plots.style import RECOVERED, save
from tfpose.skeleton import Skeleton

FOLDER = pathlib.Path(__file__).parent / "pictures"


def pose_in(skeleton: Skeleton) -> np.ndarray:
    """One pose `[J, 3]`; joints that the made-up person lacks are where their parents are."""
    person = next(iter(synthetic.clips(1, seed=3)))
    try:
        return person.to(skeleton).positions[0]
    except SkeletonError:
        known = dict(zip(person.skeleton.joints, person.positions[0]))
        points = {}
        for joint in sorted(range(len(skeleton)), key=lambda at: len(skeleton.ancestry(at))):
            parent = skeleton.parents[joint]
            points[joint] = known.get(skeleton.joints[joint], points.get(parent, known["spine_base"]))
        return np.stack([points[joint] for joint in range(len(skeleton))])


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
