"""One entrance for all formats, and what it does with damaged files."""

import shutil
import subprocess
import sys

import numpy as np
import pytest
from made_up import write_array, write_bvh, write_human36m, write_ntu, write_nucla, write_tfrecord

from tfpose.errors import DataError, SkeletonError
from tfpose.formats import read
from tfpose.skeleton import Skeleton

PAPER = Skeleton.load("paper17")
WRITERS = {
    "nucla": write_nucla,
    "ntu": write_ntu,
    "bvh": write_bvh,
    "human36m": write_human36m,
    "npz": write_array,
    "npy": lambda folder: write_array(folder, ".npy"),
    "csv": lambda folder: write_array(folder, ".csv"),
    "tfrecord": write_tfrecord,
}
RIG = Skeleton("rig", ("hip", "ankle"), (-1, 0))


@pytest.mark.parametrize("name", ["nucla", "ntu", "human36m", "npz", "npy", "csv", "tfrecord"])
def test_the_format_of_a_file_is_guessed(tmp_path, name):
    path = WRITERS[name](tmp_path)
    clips = list(read(path, skeleton=PAPER))
    assert clips and all(clip.skeleton == PAPER and clip.source.startswith(str(path)) for clip in clips)


def test_a_folder_gives_the_clips_of_all_formats_in_order(tmp_path):
    (tmp_path / "z").mkdir()
    write_nucla(tmp_path, "a02_s01_e00_v01")
    write_nucla(tmp_path / "z", "a01_s01_e00_v01")
    write_nucla(tmp_path, "a01_s01_e00_v01")
    write_ntu(tmp_path, bodies=(("7",),))
    write_human36m(tmp_path)
    # Not clips, by their names:
    write_human36m(tmp_path, {"S1": {"Walking": [np.zeros((1, 16, 2))]}}, key="positions_2d", name="data_2d")
    for name in ("cameras.json", "readme.txt", ".a01_s01_e00_v01.json"):
        (tmp_path / name).write_text("{}")
    clips = list(read(tmp_path))
    assert [clip.action for clip in clips] == ["A013", "a01", "a02", "Walking 1", "a01"]
    assert [clip.action for clip in read(tmp_path, format="nucla")] == ["a01", "a02", "a01"]


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("damage", ["empty", "garbage", "half", "most", "start"])
def test_every_damaged_file_is_one_error_that_starts_with_its_path(tmp_path, name, damage):
    path = WRITERS[name](tmp_path)
    content = path.read_bytes()
    if name == "csv":
        content = content.rstrip(b"\n")  # half a csv of whole lines would be a csv
        content = content[: content.rindex(b",")]
    cut = {"half": len(content) // 2, "most": len(content) - 2 if name != "csv" else len(content), "start": 7}
    noise = np.random.default_rng(3).integers(0, 256, 4096, np.uint8).tobytes()
    path.write_bytes({"empty": b"", "garbage": noise}.get(damage, content[: cut.get(damage)]))
    skeleton = RIG if name == "bvh" else PAPER
    with pytest.raises(DataError) as caught:
        list(read(path, skeleton=skeleton))
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", WRITERS)
def test_flipped_bytes_give_clips_or_one_error_and_nothing_else(tmp_path, name):
    rng = np.random.default_rng(4)
    path = WRITERS[name](tmp_path)
    content = np.frombuffer(path.read_bytes(), np.uint8)
    refused = 0
    for _ in range(60):
        damaged = content.copy()
        at = rng.integers(len(content), size=rng.integers(1, 12))
        damaged[at] = rng.integers(0, 256, len(at))
        path.write_bytes(damaged[: rng.integers(1, len(damaged) + 1)].tobytes())
        try:
            list(read(path, skeleton=RIG if name == "bvh" else PAPER))
        except DataError as error:
            assert str(error).startswith(f"{path}: ")
            refused += 1
    assert refused > 30


def test_on_bad_gets_each_error_and_reading_goes_on(tmp_path):
    for take in range(4):
        write_nucla(tmp_path, f"a01_s01_e0{take}_v01")
    (tmp_path / "a01_s01_e01_v01.json").write_text("{")
    (tmp_path / "a01_s01_e02_v01.json").write_text("")
    bad = []
    assert len(list(read(tmp_path, on_bad=bad.append))) == 2
    assert ["e01" in str(bad[0]), "e02" in str(bad[1]), len(bad)] == [True, True, 2]
    with pytest.raises(DataError, match="e01"):
        list(read(tmp_path))


def test_on_bad_gets_files_of_unknown_rigs_too(tmp_path):
    write_nucla(tmp_path, "a01_s01_e00_v01")
    write_array(tmp_path, ".npy")  # 17 joints of several skeletons
    bad = []
    assert len(list(read(tmp_path, on_bad=bad.append))) == 1
    assert [type(error) for error in bad] == [SkeletonError] and "poses.npy: its 17 joints" in str(bad[0])
    # A known rig that lacks joints of the skeleton that is asked for.
    (tmp_path / "poses.npy").unlink()
    bad.clear()
    assert not list(read(tmp_path, skeleton=Skeleton.load("ntu25"), on_bad=bad.append))
    assert str(bad[0]).startswith(f"{tmp_path / 'a01_s01_e00_v01.json'}: ")


def test_missing_paths_and_folders_without_clips(tmp_path):
    with pytest.raises(DataError, match=r"^.*nowhere: no such file or folder; expected .* TFPOSE_DATA"):
        list(read(tmp_path / "nowhere"))
    with pytest.raises(DataError, match=r"no clips in this folder; expected files such as .*\.bvh"):
        list(read(tmp_path))
    with pytest.raises(DataError, match=r"no ntu clips in this folder; expected files such as \.skeleton"):
        list(read(tmp_path, format="ntu"))
    (tmp_path / "a.xyz").write_text("1 2 3")
    with pytest.raises(DataError, match=r"a\.xyz: cannot tell its format from '\.xyz'"):
        list(read(tmp_path / "a.xyz"))
    with pytest.raises(DataError, match="there is no format 'fbx'; there are auto, nucla, ntu, bvh"):
        list(read(tmp_path, format="fbx"))


def test_a_named_format_wins_over_the_name(tmp_path):
    path = shutil.move(write_nucla(tmp_path), tmp_path / "take.dat")
    assert len(list(read(path, format="nucla"))) == 1


def test_arrays_need_a_skeleton(tmp_path):
    with pytest.raises(
        SkeletonError, match=r"poses\.npy: its 17 joints may be those of .*paper17; give the skeleton: .* kinect20"
    ):
        list(read(write_array(tmp_path, ".npy")))


def test_reading_needs_no_tensorflow():
    code = "import sys, tfpose.formats, tfpose.datasets; print({'tensorflow', 'keras'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
