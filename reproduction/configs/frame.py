"""What each step from the paper's free view code to the default buys, a row each, with a fifth of the default's steps.

    tfpose pretrain --config reproduction/configs/frame.py:frame --data cmu --workdir runs/frame_frame

Rows: free (the paper's z x z view code), frame (the rotation of `tfpose.layers.BodyFrame`), independent (the two
branches see different corruption, noise too), sides (limbs under each other's name too, which is the default).
About 5 minutes each on 2 cores; results/frame.md has what they reach.
"""

from tfpose.trainers.configs import default

ROWS = ("free", "frame", "independent", "sides")


def get_config(row):
    config = default.get_config()
    config.steps = 8_000
    reached = ROWS.index(row)
    if reached < ROWS.index("frame"):
        config.model.view = "free"
        config.view.left_right_swap = 0.1
        config.loss.view = 0.0
    if reached < ROWS.index("independent"):
        config.corruption.independent = 0.0
        config.corruption.noise = 0.0
    if reached < ROWS.index("sides"):
        config.corruption.sides = 0.0
    return config
