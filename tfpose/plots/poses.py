"""One pose on 3D axes, and the camera that looks at it."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox, TransformedBbox
from mpl_toolkits.mplot3d import Axes3D
from mpl_toolkits.mplot3d.art3d import Line3D, Poly3DCollection
from numpy.typing import ArrayLike

from tfpose.errors import TfposeError
from tfpose.plots.style import GROUND, RING, paler
from tfpose.skeleton import Skeleton

_ELEVATION = 9.0  # degrees above the horizon: enough for the ground to be seen as a plane
THREE_QUARTER = 32.0  # degrees between the person's front and the camera
_ZOOM = 1.68  # makes the cube of an orthographic Axes3D exactly as high as its axes


def draw_pose(
    axes: Axes3D,
    pose: ArrayLike,
    skeleton: Skeleton,
    color: str,
    *,
    width: float = 2.0,
    style: str | tuple = "-",
    joints: float = 3.5,
    zorder: float = 3,
) -> list[Line3D]:
    """Draws one pose `[J, 3]` (metres, y up) upright on 3D axes and returns what was drawn.

    Left limbs have the full colour and filled joints, right limbs a paler one and hollow joints. Joints that are NaN
    and their bones are left out; of a pose without any joint nothing is drawn. Call `frame` for equal scales and a
    camera that looks at the person.

    Args:
        axes: from `figure.add_subplot(projection="3d")`.
        pose: `[J, 3]`.
        skeleton: of the pose.
        color: of the pose.
        width: of the bones, in points.
        style: of the bones, as matplotlib's line styles.
        joints: size of the joints in points, 0 for none.
        zorder: poses with a higher one cover those with a lower.

    Raises:
        TfposeError: when the pose does not fit the skeleton.
    """
    pose = shaped("pose", pose, skeleton, 2)
    if not np.isfinite(pose).all(-1).any():
        return []
    points = upright(pose)
    side = sides_of(skeleton)
    drawn = []
    for which in (-1, 0, 1):  # right, middle, left: the left limbs on top
        shade = paler(color) if which < 0 else color
        bones = [(child, parent) for child, parent in skeleton.bones if side[child] == which]
        if bones:
            gap = np.full(3, np.nan)
            path = np.concatenate([(points[child], points[parent], gap) for child, parent in bones])
            drawn += axes.plot(
                *path.T, color=shade, linewidth=width, linestyle=style, solid_capstyle="round", zorder=zorder
            )
        if joints:
            drawn += axes.plot(
                *points[side == which].T,
                linestyle="none",
                marker="o",
                markersize=joints,
                markerfacecolor="white" if which < 0 else shade,
                markeredgecolor=shade,
                markeredgewidth=min(0.9, joints / 3),
                zorder=zorder + 0.5,
            )
    return drawn


def frame(axes: Axes3D, poses: ArrayLike, skeleton: Skeleton, azimuth: float | None = None):
    """Looks at poses `[..., J, 3]` upright, at equal scale on all axes, with the ground under them and nothing else.

    Args:
        axes: from `figure.add_subplot(projection="3d")`.
        poses: all that is going to be drawn on these axes.
        skeleton: of the poses.
        azimuth: of the camera in degrees, 0 at +x and -90 at +z; by default three-quarter before the person.
    """
    poses = checked("poses", poses, skeleton)
    azimuth = azimuth_of(poses, skeleton) if azimuth is None else azimuth
    centre, (across, up) = extent_of(poses, azimuth)
    _look(axes, centre, max(across, up), azimuth)
    draw_ground(axes, poses)


def upright(points: np.ndarray) -> np.ndarray:
    """From y up to matplotlib's z up: a rotation, so left stays left."""
    return np.stack([points[..., 0], -points[..., 2], points[..., 1]], -1)


def azimuth_of(poses: np.ndarray, skeleton: Skeleton) -> float:
    """Where a camera stands to see the person three-quarter from the front: degrees about the vertical."""
    if not skeleton.mirror:
        return -90.0 + THREE_QUARTER
    left, right = np.transpose([(skeleton.index(a), skeleton.index(b)) for a, b in skeleton.mirror])
    across = (poses[..., left, :] - poses[..., right, :]).reshape(-1, 3)
    across = across[np.isfinite(across).all(-1)]
    to_left = across.mean(0) if len(across) else np.zeros(3)
    front_x, front_z = -to_left[2], to_left[0]  # to_left x up
    if not np.hypot(front_x, front_z) > 1e-6:
        return -90.0 + THREE_QUARTER
    return float(np.degrees(np.arctan2(-front_z, front_x))) + THREE_QUARTER


def extent_of(poses: ArrayLike, azimuth: float) -> tuple[np.ndarray, np.ndarray]:
    """The centre `[3]` of the picture of all poses and its size (across, up) in metres, with some air around."""
    points = upright(np.reshape(poses, (-1, 3)))
    a, e = np.radians([azimuth, _ELEVATION])
    screen = np.array(
        [[-np.sin(a), np.cos(a), 0], [-np.sin(e) * np.cos(a), -np.sin(e) * np.sin(a), np.cos(e)]]
    )  # rows: to the right, up
    seen = points @ screen.T
    low, high = np.nanmin(seen, axis=0), np.nanmax(seen, axis=0)
    return (low + high) / 2 @ screen, high - low + [0.16, 0.24]


def _look(axes: Axes3D, centre: np.ndarray, metres: float, azimuth: float):
    """Points the camera at `centre` (matplotlib's z up) so that the axes are `metres` high."""
    axes.set_axis_off()
    axes.patch.set_visible(False)
    axes.set_proj_type("ortho")
    axes.view_init(_ELEVATION, azimuth)
    axes.computed_zorder = False
    for set_limits, middle in zip((axes.set_xlim, axes.set_ylim, axes.set_zlim), centre):
        set_limits(middle - metres / 2, middle + metres / 2)
    axes.set_box_aspect((1, 1, 1), zoom=_ZOOM)


def add_panel(figure: Figure, box: tuple, centre: np.ndarray, metres: float, azimuth: float) -> Axes3D:
    """Axes over a box (left, bottom, width, height in inches) that is `metres` high.

    An Axes3D is always square; this one stands out over the shorter sides of its box, where nothing is drawn.
    """
    left, bottom, width, height = box
    side = max(width, height)
    inches = np.array([left + (width - side) / 2, bottom + (height - side) / 2, side, side])
    axes = figure.add_axes(inches / np.tile(figure.get_size_inches(), 2), projection="3d")
    _look(axes, centre, metres * side / height, azimuth)
    return axes


def keep_inside(axes: Axes3D, box: tuple):
    """Cuts all that is drawn on the axes at the sides of its box, which its square may stand out over."""
    bounds = TransformedBbox(Bbox.from_bounds(*box), axes.figure.dpi_scale_trans)
    for artist in axes.get_children():
        artist.set_clip_box(bounds)


def draw_ground(axes: Axes3D, poses: np.ndarray, squares: bool = False):
    """A disc under one pose, or half-metre squares under the whole way of a clip."""
    points = upright(poses).reshape(-1, 3)
    if not np.isfinite(points).any():
        return
    floor = np.nanpercentile(points[:, 2], 1) - 0.02
    low, high = np.nanmin(points[:, :2], axis=0), np.nanmax(points[:, :2], axis=0)
    if not squares:
        turn = np.linspace(0, 2 * np.pi, 60)
        middle, radius = (low + high) / 2, 0.42
        rim = np.stack([middle[0] + radius * np.cos(turn), middle[1] + radius * np.sin(turn), np.full(60, floor)], -1)
        axes.add_collection3d(Poly3DCollection([rim], facecolor=GROUND, edgecolor="none", zorder=0))
        return
    low, high = np.floor(low * 2 - 0.3) / 2, np.ceil(high * 2 + 0.3) / 2
    xs, ys = np.arange(low[0], high[0] + 0.1, 0.5), np.arange(low[1], high[1] + 0.1, 0.5)
    for x in xs:
        axes.plot([x, x], [low[1], high[1]], [floor, floor], color="#dde2e5", linewidth=0.8, zorder=0)
    for y in ys:
        axes.plot([low[0], high[0]], [y, y], [floor, floor], color="#dde2e5", linewidth=0.8, zorder=0)


def draw_ring(axes: Axes3D, joints: np.ndarray):
    if len(joints):
        axes.plot(*upright(joints).T, **RING, zorder=6)


def sides_of(skeleton: Skeleton) -> np.ndarray:
    """For each joint 1 when it is a left one, -1 right, 0 middle."""
    side = np.zeros(len(skeleton), int)
    for left, right in skeleton.mirror:
        side[skeleton.index(left)], side[skeleton.index(right)] = 1, -1
    return side


def shaped(name: str, poses: ArrayLike, skeleton: Skeleton, ndim: int | None = None, *leading: int) -> np.ndarray:
    """Poses as float64, or an error that names them and says what shape was expected."""
    poses = np.asarray(poses, np.float64)
    joints = len(skeleton)
    fits = poses.ndim >= 2 and poses.shape[-2:] == (joints, 3) and poses.size > 0
    if not fits or ndim not in (None, poses.ndim) or poses.shape[: len(leading)] != leading:
        letters = {None: ["..."], 2: [], 3: ["N"], 4: ["R", "C"]}[ndim]
        letters[: len(leading)] = [str(n) for n in leading]
        expected = ", ".join([*letters, str(joints), "3"])
        raise TfposeError(f"{name} must be [{expected}] for skeleton '{skeleton.name}', got {list(poses.shape)}")
    return poses


def checked(name: str, poses: ArrayLike, skeleton: Skeleton, ndim: int | None = None, *leading: int) -> np.ndarray:
    """What `shaped` gives, or an error where no coordinate is finite."""
    poses = shaped(name, poses, skeleton, ndim, *leading)
    if not np.isfinite(poses).any():
        raise TfposeError(f"{name} holds no finite coordinate, there is nothing to draw")
    return poses
