"""Short clips that come with tfpose, for first tries.

They are of CMU's motion capture: "The data used in this project was obtained from mocap.cs.cmu.edu. The database was
created with funding from NSF EIA-0196217."
"""

from __future__ import annotations

import pathlib

from tfpose.errors import DataError
from tfpose.formats import bvh
from tfpose.formats.clip import Clip

_FOLDER = pathlib.Path(__file__).parents[1] / "samples"


def names() -> tuple[str, ...]:
    """The clips that there are."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.bvh")))


def sample(name: str) -> Clip:
    """One of the clips that come with tfpose: "walk", "run" or "dance", of one to three seconds.

    They are of skeleton `cmu31`, at 30 Hz. `clip.source` is the path of its BVH file.

    Raises:
        DataError: when there is no clip of that name.
    """
    if name not in names():
        raise DataError(f"there is no sample '{name}'; there are {', '.join(names())}")
    return bvh.read_file(_FOLDER / f"{name}.bvh")[0]
