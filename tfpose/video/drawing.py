"""A tracked skeleton over the frame that it was found in."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from tfpose.skeleton import Skeleton
from tfpose.video.landmarker import Pose

# Left, middle, right; as in the plots, left is blue.
_COLOURS = {"left": (74, 155, 255), "": (243, 247, 255), "right": (255, 79, 85)}


def drawn(frame: np.ndarray, pose: Pose, skeleton: Skeleton, visible: float) -> np.ndarray:
    """The frame with the bones and joints over it whose visibility is at least `visible`.

    Args:
        frame: `[height, width, 3]` uint8, RGB; stays as it is.
        pose: whose landmarks are those of `skeleton`.

    Returns:
        A new frame of the same shape.
    """
    image = Image.fromarray(frame)
    canvas, width = ImageDraw.Draw(image), max(2, round(max(frame.shape) / 200))
    places, seen = [tuple(place) for place in pose.picture.tolist()], pose.visibility >= visible
    for child, parent in skeleton.bones:
        if seen[child] and seen[parent]:
            canvas.line([places[parent], places[child]], fill=_colour(skeleton.joints[child]), width=width)
    for joint, place in enumerate(places):
        if seen[joint]:
            canvas.circle(place, width, fill=_colour(skeleton.joints[joint]))
    return np.asarray(image)


def _colour(joint: str) -> tuple[int, int, int]:
    side = joint.rpartition("_")[2]
    return _COLOURS.get(side, _COLOURS[""])
