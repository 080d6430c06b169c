import io
import json
import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from made_up import write_human36m

from tfpose.errors import DataError
from tfpose.formats import human36m, read


def test_sequences_are_turned_to_y_up(tmp_path):
    (clip,) = read(write_human36m(tmp_path), rate=50)
    assert (clip.subject, clip.action, clip.rate, clip.skeleton.name) == ("S1", "Walking 1", 50, "h36m32")
    # Frame 0, joint 1 was (3, 4, 5), with z up: now y up, and still right-handed.
    np.testing.assert_array_equal(clip.positions[0, 1], [3, 5, -4])


def test_subjects_come_in_order_of_number(tmp_path):
    pose = np.zeros((1, 32, 3))
    path = write_human36m(tmp_path, {"S11": {"B": pose, "A": pose}, "S9": {"A": pose}})
    assert [(clip.subject, clip.action) for clip in human36m.read_file(path)] == [
        ("S9", "A"),
        ("S11", "A"),
        ("S11", "B"),
    ]


@pytest.mark.parametrize(
    ("sequences", "says"),
    [
        ({"S1": {"Walking": np.zeros((2, 17, 3))}}, "S1 Walking: expected [T, 32, 3], got [2, 17, 3]"),
        ({"S1": {"Walking": np.zeros((0, 32, 3))}}, "at least one frame"),
        ({"S1": {"Walking": np.full((2, 32, 3), np.nan)}}, "S1 Walking: has positions that are not finite"),
        ({"S1": [1, 2]}, "S1 1: expected [T, 32, 3], got []"),
        ([1, 2], "positions_3d"),
    ],
)
def test_other_content_is_refused(tmp_path, sequences, says):
    path = write_human36m(tmp_path, sequences)
    with pytest.raises(DataError) as caught:
        human36m.read_file(path)
    assert str(caught.value).startswith(f"{path}: ") and says in str(caught.value)


def test_an_npz_of_something_else_is_refused(tmp_path):
    path = tmp_path / "data.npz"
    np.savez(path, positions_3d=np.zeros((2, 32, 3)))
    with pytest.raises(DataError, match=r"^.*data\.npz: expected positions_3d to be one pickled dict"):
        human36m.read_file(path)


def test_a_pickle_cannot_run_code(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "broken in"),)

    path = write_human36m(tmp_path, {"S1": {"Walking": Evil()}})
    with pytest.raises(DataError, match=r"holds (posix|nt)\.mkdir"):
        human36m.read_file(path)
    assert not (tmp_path / "broken in").exists()


_DTYPE = b"cnumpy\ndtype\n(X\x01\x00\x00\x00OtR"  # numpy.dtype("O")
_RAW = b"C\x08AAAAAAAA"  # eight bytes that would be taken for an address
_RECONSTRUCT = b"cnumpy._core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tC\x01btR"
HOSTILE = {
    "a module that runs": b"cnumpy.f2py.__main__\ndtype\n.",
    "an array of addresses": b"\x80\x03cnumpy\nndarray\n()" + _DTYPE + _RAW + b"tR.",
    "the same as its state": b"\x80\x03" + _RECONSTRUCT + b"(K\x01(K\x01t" + _DTYPE + b"\x89" + _RAW + b"tb.",
    "a scalar of an address": b"\x80\x03cnumpy._core.multiarray\nscalar\n(" + _DTYPE + _RAW + b"tR.",
    "the same as a buffer": b"\x80\x03cnumpy._core.numeric\n_frombuffer\n("
    + _RAW
    + _DTYPE
    + b"(K\x01tX\x01\x00\x00\x00CtR.",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pickles_are_refused_in_a_living_process(tmp_path, name):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|O", "fortran_order": False, "shape": ()})
    with zipfile.ZipFile(tmp_path / "data.npz", "w") as archive:
        archive.writestr("positions_3d.npy", header.getvalue() + HOSTILE[name])
    program = (
        "import sys; from tfpose.errors import DataError; from tfpose.formats import human36m\n"
        "try: human36m.read_file(sys.argv[1])\n"
        "except DataError as error: assert str(error).startswith(sys.argv[1]) and 'refused' in str(error), error\n"
        "else: sys.exit('taken')\n"
        "assert 'numpy.f2py.__main__' not in sys.modules"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "data.npz")]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_2d_points(tmp_path):
    cameras = [np.zeros((0, 16, 2)), np.ones((3, 16, 2))]
    path = write_human36m(tmp_path, {"S11": {"Directions": cameras}}, key="positions_2d", name="2d")
    views = human36m.read_2d(path)["S11", "Directions"]
    assert [view.shape for view in views] == [(0, 16, 2), (3, 16, 2)]
    write_human36m(tmp_path, {"S11": {"Directions": [np.ones((3, 16, 3))]}}, key="positions_2d", name="2d")
    with pytest.raises(DataError, match=r"S11 Directions: expected finite \[T, J, 2\], got \[3, 16, 3\]"):
        human36m.read_2d(path)


def test_cameras(tmp_path):
    path = tmp_path / "cameras.json"
    # It stands 2 m up at z = 2000 mm and looks along the world's +y (ours: -z); its image's down is the world's -z.
    camera = {
        "name": "a",
        "R": [[1, 0, 0], [0, 0, -1], [0, 1, 0]],
        "T": [0, 0, 2000],
        "f": [1000, 1100],
        "c": [500, 510],
    }
    path.write_text(json.dumps({"S1": [camera | {"k": [0, 0, 0], "p": [0, 0]}]}))
    (seen,) = human36m.read_cameras(path)["S1"]
    np.testing.assert_allclose(seen.position, [0, 2, 0])
    np.testing.assert_allclose(seen.to_camera(np.array([1.0, 2.5, -4.0])), [1, -0.5, 4], atol=1e-9)
    np.testing.assert_allclose(seen.project(np.array([1.0, 2.5, -4.0])), [750, 372.5])
    path.write_text(json.dumps({"S1": [camera]}))
    with pytest.raises(DataError, match=r"cameras\.json: not cameras.*'k'"):
        human36m.read_cameras(path)


def test_real_human36m(data_dir):
    folder = data_dir / "h36m"
    clips = list(read(folder))  # the 2D file and the cameras beside it are passed over
    assert len(clips) == 205 and sum(map(len, clips)) == 99_662
    assert {clip.subject for clip in clips} == {*human36m.TRAIN_SUBJECTS, *human36m.TEST_SUBJECTS}
    named = {(clip.subject, clip.action): clip for clip in clips}
    assert set(human36m.SHIFTED) <= set(named)

    # Axes, units, cameras and lens distortion agree with the images: projected wrists lie where the detector saw them.
    points = human36m.read_2d(folder / "data_2d_h36m_sh_pt_mpii.npz")
    cameras = human36m.read_cameras(folder / "cameras.json")
    clip = named["S1", "Walking 1"]
    wrists = clip.positions[:, [clip.skeleton.index("wrist_right"), clip.skeleton.index("wrist_left")]]
    for camera, seen in zip(cameras["S1"], points["S1", "Walking 1"]):
        assert np.median(np.linalg.norm(camera.project(wrists) - seen[:, [10, 15]], axis=-1)) < 8
