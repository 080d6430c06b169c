"""MediaPipe's pose landmarker (BlazePose GHUM full) on LiteRT alone.

A detector finds people in the whole picture. Where the landmarker then looks is a turned square about the body, a
`Region`; from one frame to the next it comes from the landmarks. All parameters are those of MediaPipe's graphs
(`mediapipe/modules/pose_detection`, `pose_landmark`), except that nothing is smoothed over time.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import pathlib

import numpy as np
from scipy.special import expit

from tfpose.errors import TfposeError
from tfpose.litert_file import open_interpreter

PACKAGE = "mediapipe==0.10.21"
"""The last release whose wheel holds both files."""
LANDMARKS = 33
_DETECTOR = "modules/pose_detection/pose_detection.tflite"
_LANDMARKER = "modules/pose_landmark/pose_landmark_full.tflite"
_DETECTOR_SIZE, _LANDMARKER_SIZE = 224, 256  # pixels
_GRIDS = ((28, 2), (14, 2), (7, 6))  # cells from side to side, anchors in each
_SURE = 0.5  # the least score of a detection, of a presence, and of a heatmap
_OVERLAP = 0.3  # of the boxes of one person
_AROUND = 1.25  # how much larger a region is than the body
_WINDOW = 3  # cells of the heatmap on each side of a landmark


@dataclasses.dataclass(frozen=True)
class Region:
    """A square of a picture: `centre` `[2]` and `size` in pixels, `angle` in radians, clockwise as it is seen."""

    centre: np.ndarray
    size: float
    angle: float = 0.0

    @property
    def axes(self) -> np.ndarray:
        """`[2, 2]`, its unit vectors in the picture as columns."""
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        return np.array([[cos, -sin], [sin, cos]])

    def to_picture(self, points: np.ndarray) -> np.ndarray:
        """Points `[..., 2]` of the square, 0 to 1, in pixels of the picture."""
        return self.centre + self.size * (points - 0.5) @ self.axes.T

    @classmethod
    def about(cls, hips: np.ndarray, rim: np.ndarray) -> Region:
        """The square about a body, from the middle of its hips to a point of a circle about it, above the head."""
        across, down = rim - hips
        return cls(hips, 2 * _AROUND * float(np.hypot(across, down)), float(np.pi / 2 - np.arctan2(-down, across)))


@dataclasses.dataclass(frozen=True)
class Pose:
    """The landmarks of one person in one frame, in the order of skeleton `blazepose33`.

    Attributes:
        world: `[33, 3]` metres from the middle of the hips; x right, y down, z away from the camera.
        picture: `[33, 2]` pixels.
        visibility: `[33]`, 0 to 1.
        region: where to look in the next frame.
    """

    world: np.ndarray
    picture: np.ndarray
    visibility: np.ndarray
    region: Region


class Landmarker:
    """Finds people and their landmarks in pictures `[height, width, 3]` uint8, RGB.

    Raises:
        TfposeError: when LiteRT or the files of `PACKAGE` are not installed.
        DataError: when a file is damaged.
    """

    def __init__(self):
        folder = _package_folder()
        self._detector = _Network(folder / _DETECTOR)
        self._landmarker = _Network(folder / _LANDMARKER)
        self._anchors = _anchors()

    def detect(self, picture: np.ndarray) -> list[Region]:
        """A region for each person, the surest first."""
        height, width = picture.shape[:2]
        whole = Region(np.array([width, height]) / 2, max(height, width))
        values, logits = self._detector(2 * _crop(picture, whole, _DETECTOR_SIZE, black=True) - 1)
        scores = expit(logits[:, 0])
        sure = scores >= _SURE
        # A box (middle, size) and four points, of which the first two tell the region of the whole body.
        points = values[sure].reshape(-1, 6, 2) / _DETECTOR_SIZE
        points[:, [0, 2, 3]] += self._anchors[sure, None]
        return [Region.about(*whole.to_picture(found[2:4])) for found in _merged(points, scores[sure])]

    def pose(self, picture: np.ndarray, region: Region) -> Pose | None:
        """The landmarks of the person in `region`; None when there is nobody."""
        values, presence, _, heatmaps, world = self._landmarker(_crop(picture, region, _LANDMARKER_SIZE))
        if presence[0] < _SURE:
            return None
        values, world = values.reshape(-1, 5), world.reshape(-1, 3)[:LANDMARKS].astype(np.float64)
        places = _refined(values[:, :2] / _LANDMARKER_SIZE, expit(heatmaps))
        world[:, :2] = world[:, :2] @ region.axes.T
        picture_points = region.to_picture(places)
        return Pose(
            world=world,
            picture=picture_points[:LANDMARKS],
            visibility=expit(values[:LANDMARKS, 3]),
            region=Region.about(*picture_points[LANDMARKS : LANDMARKS + 2]),
        )


class _Network:
    """A file with one input `[1, size, size, 3]`; takes `[size, size, 3]`, and gives its outputs without the batch."""

    def __init__(self, path: pathlib.Path):
        self._interpreter = open_interpreter(path)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._outputs = [output["index"] for output in self._interpreter.get_output_details()]

    def __call__(self, picture: np.ndarray) -> list[np.ndarray]:
        self._interpreter.set_tensor(self._input, picture[None].astype(np.float32))
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index)[0] for index in self._outputs]


def _package_folder() -> pathlib.Path:
    """The folder of the installed package, which is not imported."""
    found = importlib.util.find_spec("mediapipe")
    for folder in (found and found.submodule_search_locations) or ():
        if (pathlib.Path(folder) / _LANDMARKER).is_file() and (pathlib.Path(folder) / _DETECTOR).is_file():
            return pathlib.Path(folder)
    raise TfposeError(f"the files of MediaPipe's pose landmarker are missing. Run: pip install --no-deps {PACKAGE}")


def _anchors() -> np.ndarray:
    """`[2254, 2]`: the middle of the cell that each output of the detector belongs to, x and y from 0 to 1."""
    grids = []
    for cells, anchors in _GRIDS:
        middles = (np.arange(cells) + 0.5) / cells
        y, x = np.meshgrid(middles, middles, indexing="ij")
        grids.append(np.repeat(np.stack([x.ravel(), y.ravel()], axis=-1), anchors, axis=0))
    return np.concatenate(grids)


def _merged(found: np.ndarray, scores: np.ndarray) -> list[np.ndarray]:
    """Of detections `[N, 6, 2]` one for each person, the surest first: their means, weighted by the scores `[N]`."""
    people, left = [], np.argsort(-scores)
    while len(left):
        same = _overlaps(found[left[0], :2], found[left, :2]) > _OVERLAP
        same[0] = True
        people.append(np.average(found[left[same]], axis=0, weights=scores[left[same]]))
        left = left[~same]
    return people


def _overlaps(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """The intersection of a box `[2, 2]` (middle, size) with others `[N, 2, 2]`, over the union: `[N]`."""
    low = np.maximum(box[0] - box[1] / 2, boxes[:, 0] - boxes[:, 1] / 2)
    high = np.minimum(box[0] + box[1] / 2, boxes[:, 0] + boxes[:, 1] / 2)
    shared = np.prod(np.maximum(high - low, 0), axis=-1)
    return shared / np.maximum(np.prod(box[1]) + np.prod(boxes[:, 1], axis=-1) - shared, 1e-12)


def _crop(picture: np.ndarray, region: Region, size: int, black: bool = False) -> np.ndarray:
    """A region as `[size, size, 3]`, 0 to 1, bilinear; outside of the picture its border goes on, or all is black."""
    height, width = picture.shape[:2]
    x, y = _grid(region, size)
    left, top = (np.clip(np.floor(v).astype(np.int64), 0, end - 1) for v, end in ((x, width), (y, height)))
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    across, down = np.clip(x - left, 0, 1)[..., None], np.clip(y - top, 0, 1)[..., None]
    upper = picture[top, left] * (1 - across) + picture[top, right] * across
    lower = picture[bottom, left] * (1 - across) + picture[bottom, right] * across
    cut = (upper * (1 - down) + lower * down) / 255
    if black:
        cut[(x <= -1) | (y <= -1) | (x >= width) | (y >= height)] = 0
    return cut


def _grid(region: Region, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Where the pixels of a region's crop lie in the picture: x and y, `[size, size]`."""
    steps = np.arange(size, dtype=np.float32) / size
    places = np.stack(np.meshgrid(steps, steps), axis=-1)
    return tuple(np.moveaxis(region.to_picture(places).astype(np.float32), -1, 0))


def _refined(places: np.ndarray, heatmaps: np.ndarray) -> np.ndarray:
    """Landmarks `[N, 2]`, 0 to 1, moved to the mean of the heatmap `[H, W, N]` about them, where one is sure."""
    height, width = heatmaps.shape[:2]
    refined = places.copy()
    for number, (x, y) in enumerate(places):
        column, row = int(x * width), int(y * height)
        if not (0 <= column < width and 0 <= row < height):
            continue
        rows = slice(max(row - _WINDOW, 0), row + _WINDOW + 1)
        columns = slice(max(column - _WINDOW, 0), column + _WINDOW + 1)
        heat = heatmaps[rows, columns, number]
        if heat.max() < _SURE:
            continue
        y_cells, x_cells = np.mgrid[:height, :width][:, rows, columns]
        refined[number] = (np.array([(heat * x_cells).sum() / width, (heat * y_cells).sum() / height])) / heat.sum()
    return refined
