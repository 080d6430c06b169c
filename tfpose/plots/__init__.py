"""Pictures of poses `[..., J, 3]` in metres, y up: the paper's Fig. 3 and 4, view transfers, clips, training curves.

Headless: everything is drawn on `matplotlib.figure.Figure` objects without pyplot, so no display is needed and no
global state of matplotlib is touched. Files appear whole or not at all; missing folders are made. The person's left
limbs are drawn full with filled joints, the right limbs paler with hollow joints.
"""

from tfpose.plots.clips import animate
from tfpose.plots.codes import code_maps
from tfpose.plots.curves import training_curves
from tfpose.plots.grids import before_and_after, denoising_grid, skeleton_model, view_transfer_grid
from tfpose.plots.poses import draw_pose, frame
from tfpose.plots.style import CORRUPTED, RECOVERED, TRUTH
from tfpose.plots.trajectories import trajectories

__all__ = [
    "CORRUPTED",
    "RECOVERED",
    "TRUTH",
    "animate",
    "before_and_after",
    "code_maps",
    "denoising_grid",
    "draw_pose",
    "frame",
    "skeleton_model",
    "training_curves",
    "trajectories",
    "view_transfer_grid",
]
