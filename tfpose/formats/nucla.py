"""Northwestern-UCLA as a folder of JSON files (`all_sqe/aXX_sYY_eZZ_vVV.json`).

Each file: `file_name`, `label` (1..10) and `skeletons` `[T][20][3]`: Kinect v1, metres, camera frame, y up.
Kinect v1 takes everybody to face it: of a person seen from behind, left and right are exchanged and the knees bend
backwards.
"""

from __future__ import annotations

import json
import os
import pathlib
import re

import numpy as np

from tfpose.errors import DataError
from tfpose.files import blame, numbers
from tfpose.formats.clip import Clip
from tfpose.skeleton import Skeleton

ACTIONS = {
    "a01": "pick up with one hand",
    "a02": "pick up with two hands",
    "a03": "drop trash",
    "a04": "walk around",
    "a05": "sit down",
    "a06": "stand up",
    "a08": "donning",
    "a09": "doffing",
    "a11": "throw",
    "a12": "carry",
}
TRAIN_VIEWS = frozenset(("v01", "v02"))  # cross-view: view 3 tests
NAME = re.compile(r"(?P<action>a\d\d)_(?P<subject>s\d\d)_(?P<take>e\d\d)_(?P<view>v\d\d)")


def read_file(path: str | os.PathLike) -> list[Clip]:
    """The one clip of a file, of skeleton `kinect20`; a joint that Kinect left at exactly (0, 0, 0) is missing.

    Raises:
        DataError: when the file is not of this layout.
    """
    path = pathlib.Path(path)
    with blame(path, "a Northwestern-UCLA file: JSON with 'skeletons' [T][20][3]"):
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict) or "skeletons" not in content:
            raise DataError(f"{path}: not a Northwestern-UCLA file: JSON without 'skeletons' [T][20][3]")
        positions = numbers(content["skeletons"], np.float32)
        if positions.ndim != 3 or positions.shape[1:] != (20, 3):
            raise DataError(f"{path}: expected 'skeletons' [T][20][3], got {list(positions.shape)}")
        if not np.isfinite(positions).all():
            raise DataError(f"{path}: 'skeletons' has numbers that are not finite")
        positions[(positions == 0).all(axis=-1)] = np.nan
        named = NAME.fullmatch(str(content.get("file_name", ""))) or NAME.fullmatch(path.stem)
        fields = named.groupdict() if named else {"subject": "", "action": "", "view": ""}
        return [
            Clip(
                positions,
                Skeleton.load("kinect20"),
                subject=fields["subject"],
                action=fields["action"],
                view=fields["view"],
                source=str(path),
            )
        ]
