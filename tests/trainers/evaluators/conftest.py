"""What the tests of evaluators share."""

import numpy as np
import pytest

from tfpose.datasets import synthetic
from tfpose.datasets.pose_set import PoseSet, complete_poses


@pytest.fixture(scope="session")
def poses(skeleton) -> PoseSet:
    """300 poses of five people who are not at the origin."""
    positions = complete_poses(synthetic.clips(5, seed=11), skeleton)
    return PoseSet("made up", positions + np.float32([0.5, 0.0, -2.0]), skeleton)
