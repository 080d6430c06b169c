import numpy as np
import pytest
from made_up import write_ntu

from tfpose.datasets.splits import ntu_cross_subject, ntu_cross_view
from tfpose.errors import DataError
from tfpose.formats import ntu, read


def test_each_body_is_a_clip_over_all_frames(tmp_path):
    seven, nine = ntu.read_file(write_ntu(tmp_path))
    assert (nine.subject, nine.view, nine.action, nine.rate) == ("P003", "C002", "A013", 30.0)
    assert seven.positions.shape == nine.positions.shape == (4, 25, 3)
    np.testing.assert_array_equal(seven.missing.all(axis=1), [False, False, True, True])
    np.testing.assert_array_equal(nine.missing.all(axis=1), [True, False, False, True])
    np.testing.assert_array_equal(nine.positions[2, 5], [5, 2, 9])  # joint, frame, body


def test_the_body_that_is_seen_most_comes_first(tmp_path):
    clips = ntu.read_file(write_ntu(tmp_path, bodies=(("1",), ("1", "2"), ("2",), ("2",))))
    assert [np.nanmax(clip.positions[..., 2]) for clip in clips] == [2, 1]


@pytest.mark.parametrize(("state", "kept"), [(2, True), (1, True), (0, False)])
def test_tracking_states(tmp_path, state, kept):
    (clip,) = ntu.read_file(write_ntu(tmp_path, bodies=(("7",),), state=state))
    assert clip.missing.all() == (not kept)


def test_samples_without_anybody_and_samples_on_the_missing_list_give_no_clips(tmp_path):
    assert ntu.read_file(write_ntu(tmp_path, bodies=((), ()))) == []
    path = write_ntu(tmp_path)
    listed = tmp_path / "NTU_RGBD_samples_with_missing_skeletons.txt"
    listed.write_text("302 samples ...\r\n\r\nS001C002P003R002A013\r\n")
    assert ntu.read_missing(listed) == {"S001C002P003R002A013"}
    assert ntu.read_file(path, missing_samples=ntu.read_missing(listed)) == []
    assert list(read(tmp_path)) == []
    listed.write_text("nothing")
    with pytest.raises(DataError, match="names no NTU sample"):
        ntu.read_missing(listed)


def test_names():
    assert ntu.parse_name("x/S001C002P003R002A013.skeleton") == (1, 2, 3, 2, 13)
    for name in ("S001C002P003R002.skeleton", "a01_s01_e00_v01", "S001C002P003R002A0134"):
        with pytest.raises(DataError, match="SsssCcccPpppRrrrAaaa"):
            ntu.parse_name(name)


def test_protocols(tmp_path):
    paths = [write_ntu(tmp_path, f"S001C00{camera}P00{who}R001A001") for camera in (1, 2, 3) for who in (1, 3)]
    clips = [ntu.read_file(path)[0] for path in paths]
    train, test = ntu_cross_view(clips)
    assert sorted({clip.view for clip in train}) == ["C002", "C003"] and {clip.view for clip in test} == {"C001"}
    train, test = ntu_cross_subject(clips)
    assert {clip.subject for clip in train} == {"P001"} and {clip.subject for clip in test} == {"P003"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: text.replace("4", "1000000000", 1), "number of frames"),
        (lambda text: text.replace("4", "900000", 1), "cut off"),
        (lambda text: text.replace("\n25\n", "\n24\n", 1), "frame 0: expected 25 joints"),
        (lambda text: text.replace("\n3 0 7 ", "\n3 nan 7 ", 1), "frame 0: has positions that are not finite"),
        (lambda text: text.replace("\n3 0 7 ", "\n3 x 7 ", 1), "'x'"),
        (lambda text: text + "\n1 2 3", "goes on after its 4 frames"),
        (lambda text: "-1\n" + text, "number of frames, got '-1'"),
    ],
)
def test_damage_is_one_error_that_says_where(tmp_path, change, says):
    path = write_ntu(tmp_path)
    path.write_text(change(path.read_text()))
    with pytest.raises(DataError) as caught:
        ntu.read_file(path)
    assert str(caught.value).startswith(f"{path}: ") and says in str(caught.value)


def test_real_ntu(data_dir):
    paths = sorted((data_dir / "ntu" / "nturgb+d_skeletons").glob("*.skeleton"))
    missing = ntu.read_missing(data_dir / "ntu" / "NTU_RGBD_samples_with_missing_skeletons.txt")
    assert len(paths) == 156 and len(missing) == 302
    assert not {path.stem for path in paths} & missing, "the four of A023 on the list are of setups 6 and 8"
    bodies = [len(ntu.read_file(path)) for path in paths]
    assert bodies.count(1) == 149 and bodies.count(2) == 7
