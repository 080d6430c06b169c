"""Pairs of image and pose: frames, units, and which images count."""

import dataclasses
import json

import numpy as np
import pytest
from made_up import write_human36m

from tfpose.datasets import lifting
from tfpose.datasets.lifting import human36m_pairs, image_coordinates
from tfpose.errors import DataError
from tfpose.formats import human36m
from tfpose.skeleton import Skeleton

ACTIONS = {"S1": ["Walking 1"], "S9": ["Greeting", "Sitting 1"], "S11": ["Directions"]}


@pytest.fixture
def folder(tmp_path):
    """Three people, two frames an action, two cameras with a bent lens; S11's first camera saw nothing."""
    random = np.random.default_rng(0)
    h36m = tmp_path / "h36m"
    h36m.mkdir()
    poses = {s: {a: random.normal((0, 0, 1), 0.4, (2, 32, 3)) for a in actions} for s, actions in ACTIONS.items()}
    write_human36m(h36m, poses)
    points = {s: {a: [random.normal(500, 50, (2, 16, 2)) for _ in range(2)] for a in poses[s]} for s in poses}
    points["S11"]["Directions"][0] = np.zeros((0, 16, 2))
    write_human36m(h36m, points, key="positions_2d", name="data_2d_h36m_sh_pt_mpii")
    # Each looks along the world's +y or -y, from 5 m, 1.5 m above the ground.
    lens = {"f": [1145, 1144], "c": [512, 515], "k": [-0.2, 0.24, -0.002], "p": [-0.001, 0.002]}
    cameras = [
        {"name": "a", "R": [[1, 0, 0], [0, 0, -1], [0, 1, 0]], "T": [0, -5000, 1500], **lens},
        {"name": "b", "R": [[-1, 0, 0], [0, 0, -1], [0, -1, 0]], "T": [0, 5000, 1500], **lens},
    ]
    (h36m / "cameras.json").write_text(json.dumps({subject: cameras for subject in poses}))
    return tmp_path


def test_projected_joints_are_the_rays_through_the_pose(folder):
    pairs = human36m_pairs("train", "gt", folder)
    assert (len(pairs), pairs.name, list(pairs.action)) == (4, "h36m_gt/train", ["Walking"] * 4)
    depth = -pairs.joints_3d[..., 2:]
    assert (depth > 3).all()
    np.testing.assert_allclose(pairs.joints_2d, pairs.joints_3d[..., :2] * [1, -1] / depth, atol=1e-5)
    np.testing.assert_allclose(pairs.up, np.tile([0, 1, 0], (4, 1)), atol=1e-6)
    # The two cameras face each other: what one has on its left the other has on its right, at equal height.
    np.testing.assert_allclose(pairs.joints_3d[:2, :, 0], -pairs.joints_3d[2:, :, 0], atol=1e-5)
    np.testing.assert_allclose(pairs.joints_3d[:2, :, 1], pairs.joints_3d[2:, :, 1], atol=1e-5)


def test_the_protocol_leaves_out_the_shifted_and_the_unseen(folder):
    for detections in lifting.DETECTIONS:
        pairs = human36m_pairs("test", detections, folder)
        # S9 "Greeting" is shifted; S11 "Directions" has one camera.
        assert list(pairs.action) == ["Sitting"] * 4 + ["Directions"] * 2
        assert all(action in pairs.lineage for _, action in human36m.SHIFTED)
        assert "academic" in pairs.lineage


def test_detected_joints_are_the_detectors(folder):
    pairs = human36m_pairs("train", "hourglass", folder)
    seen = human36m.read_2d(folder / "h36m" / "data_2d_h36m_sh_pt_mpii.npz")["S1", "Walking 1"][0]
    (camera, _) = human36m.read_cameras(folder / "h36m" / "cameras.json")["S1"]
    paper17, mpii16 = Skeleton.load("paper17"), Skeleton.load("mpii16")
    wrist = camera.undistort(seen[:, mpii16.index("wrist_left")])
    np.testing.assert_allclose(pairs.joints_2d[:2, paper17.index("wrist_left")], wrist, atol=1e-5)
    middle = camera.undistort(0.5 * (seen[:, mpii16.index("spine_base")] + seen[:, mpii16.index("spine_shoulder")]))
    np.testing.assert_allclose(pairs.joints_2d[:2, paper17.index("spine_mid")], middle, atol=1e-5)
    np.testing.assert_array_equal(pairs.joints_3d, human36m_pairs("train", "gt", folder).joints_3d)


def test_what_does_not_fit_is_refused(folder):
    with pytest.raises(DataError, match="splits train and test, got 'all'"):
        human36m_pairs("all", "gt", folder)
    with pytest.raises(DataError, match="no detections 'cpn'; there are gt, hourglass"):
        human36m_pairs("train", "cpn", folder)
    write_human36m(folder / "h36m", {}, key="positions_2d", name="data_2d_h36m_sh_pt_mpii")
    with pytest.raises(DataError, match=r"S1 Walking 1: no 2D joints for each camera"):
        human36m_pairs("train", "gt", folder)
    views = {"S1": {"Walking 1": [np.ones((3, 16, 2))] * 2}}
    write_human36m(folder / "h36m", views, key="positions_2d", name="data_2d_h36m_sh_pt_mpii")
    with pytest.raises(DataError, match=r"S1 Walking 1 a: expected 2 frames as in 3D, got 3"):
        human36m_pairs("train", "gt", folder)


def test_pairs_are_checked_and_have_a_checksum(folder):
    pairs = human36m_pairs("train", "gt", folder)
    again = dataclasses.replace(pairs)
    assert again.checksum == pairs.checksum
    assert dataclasses.replace(pairs, joints_2d=pairs.joints_2d + 0.1).checksum != pairs.checksum
    with pytest.raises(DataError, match=r"h36m_gt/train: expected joints_2d \[4, 17, 2\], got \[4, 16, 2\]"):
        dataclasses.replace(pairs, joints_2d=pairs.joints_2d[:, 1:])
    with pytest.raises(DataError, match="has numbers in up that are not finite"):
        dataclasses.replace(pairs, up=pairs.up * np.nan)
    with pytest.raises(DataError, match=r"expected action \[4\], got \[3\]"):
        dataclasses.replace(pairs, action=pairs.action[1:])
    with pytest.raises(DataError, match="N > 0"):
        dataclasses.replace(pairs, **{name: values[:0] for name, values in pairs.arrays().items()})


def test_pixels_become_image_coordinates():
    pixels = np.array([[[500.0, 400.0], [1500.0, np.nan]]])
    np.testing.assert_allclose(image_coordinates(pixels, 1000, (500, 500)), [[[0, -0.1], [1, np.nan]]])
    np.testing.assert_allclose(image_coordinates(pixels[:, :1], (1000, 500), (500, 500)), [[[0, -0.2]]])


def test_undistorting_is_the_inverse_of_projecting(folder):
    (camera, _) = human36m.read_cameras(folder / "h36m" / "cameras.json")["S1"]
    local = np.random.default_rng(2).uniform([-1.5, -1.5, 4], [1.5, 1.5, 6], (50, 3))
    world = local @ camera.rotation + camera.position
    np.testing.assert_allclose(camera.undistort(camera.project(world)), local[:, :2] / local[:, 2:], atol=1e-6)
    assert np.abs(camera.project(world) - (camera.focal * local[:, :2] / local[:, 2:] + camera.center)).max() > 3


@pytest.mark.slow
def test_real_pairs(data_dir):
    pairs = human36m_pairs("test", "hourglass", data_dir)
    truth = human36m_pairs("test", "gt", data_dir)
    assert len(pairs) == len(truth) and len(np.unique(truth.action)) == 15
    np.testing.assert_array_equal(pairs.joints_3d, truth.joints_3d)
    # Cameras stand upright and look down a little.
    assert (pairs.up[:, 1] > 0.95).all() and (pairs.up[:, 2] > 0).all()
    wrist = pairs.skeleton.index("wrist_left")
    apart = np.linalg.norm(pairs.joints_2d[:, wrist] - truth.joints_2d[:, wrist], axis=-1)
    assert np.median(apart) * 1145 < 10  # pixels
