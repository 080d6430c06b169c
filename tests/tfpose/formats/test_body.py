"""What is found by looking at the poses of a file: unit, axes, sides, missing joints, the skeleton."""

import numpy as np
import pytest

from tfpose.errors import DataError, SkeletonError
from tfpose.formats import UPS, body, read
from tfpose.formats.axes import from_y_up
from tfpose.formats.samples import sample
from tfpose.skeleton import Skeleton

PAPER = Skeleton.load("paper17")
H36M = Skeleton.load("h36m17")


@pytest.fixture
def walk():
    return sample("walk").to(PAPER).positions.astype(np.float64)


def saved(folder, positions):
    np.save(folder / "walk.npy", positions)
    return folder / "walk.npy"


def noted(path, **options):
    notes = []
    clips = list(read(path, skeleton=PAPER, on_note=notes.append, **options))
    return clips[0], notes


@pytest.mark.parametrize(
    ("unit", "name"), [(0.001, "millimetres"), (0.01, "centimetres"), (0.0254, "inches"), (0.3048, "feet")]
)
@pytest.mark.parametrize("size", [0.8, 1.15])  # a child, a tall man
def test_the_unit_is_found_by_the_bones_and_said(tmp_path, walk, unit, name, size):
    clip, (note,) = noted(saved(tmp_path, size * walk / unit))
    np.testing.assert_allclose(clip.positions, size * walk, atol=1e-4)
    assert f"walk.npy: taken to be in {name}" in note


def test_a_unit_that_is_given_is_taken_or_refused(tmp_path, walk):
    path = saved(tmp_path, walk * 1000)
    clip, notes = noted(path, unit=0.001)
    assert not notes and clip.origin.unit == 0.001
    with pytest.raises(DataError, match=r"at 1 m per unit its bones would be \d+ times .*millimetres"):
        noted(path, unit=1.0)


def test_bones_of_no_unit_make_a_person_of_usual_size(tmp_path, walk):
    clip, (note,) = noted(saved(tmp_path, walk * 0.004))
    assert 0.8 < np.ptp(clip.positions[0, :, 1]) < 2 and "fit no unit of length" in note


@pytest.mark.parametrize("up", UPS)
def test_the_upward_axis_is_found_and_said(tmp_path, walk, up):
    clip, notes = noted(saved(tmp_path, from_y_up(walk, up)))
    np.testing.assert_allclose(clip.positions, walk, atol=1e-6)
    assert [f"taken to have {up} up" in note for note in notes] == ([] if up == "y" else [True])


def test_somebody_who_bends_down_now_and_then_stays_as_the_file_has_them(tmp_path, walk):
    lying = walk.copy()
    lying[20:40] = from_y_up(lying[20:40], "z")
    clip, notes = noted(saved(tmp_path, lying))
    assert not notes and clip.origin.up == "y"


def test_mirrored_axes_are_said_and_mended_by_a_flag(tmp_path, walk):
    path = saved(tmp_path, walk * [-1, 1, 1])
    _, (note,) = noted(path)
    assert "the knees bend backwards" in note and "mirrored" in note
    clip, notes = noted(path, mirrored=True)
    assert not notes
    np.testing.assert_allclose(clip.positions, walk, atol=1e-6)
    np.testing.assert_allclose(clip.origin.native(clip.positions), walk * [-1, 1, 1], atol=1e-6)


def test_zeros_are_missing_unless_the_file_is_centred_there(tmp_path, walk):
    values = walk.copy()
    values[3, 4:7] = 0
    clip, (note,) = noted(saved(tmp_path, values))
    assert clip.missing.sum() == 3 and clip.missing[3, 4:7].all() and "3 joints are exactly zero" in note
    centred = walk - walk[:, PAPER.index("spine_base")][:, None]
    clip, notes = noted(saved(tmp_path, centred))
    assert not clip.missing.any() and not notes
    centred[5] = 0  # a frame with nobody in it
    clip, notes = noted(saved(tmp_path, centred))
    assert clip.missing.sum() == 17 and clip.missing[5].all()


@pytest.mark.parametrize("name", ["paper17", "h36m17", "smpl22", "smpl24", "ntu25", "kinect20", "cmu31"])
def test_the_skeleton_of_an_array_is_found_by_its_bones(name):
    import wild

    skeleton = Skeleton.load(name)
    assert body.by_count("x.npy", wild.walk(skeleton)) == skeleton


def test_an_array_that_may_be_several_skeletons_is_not_guessed():
    noise = np.random.default_rng(0).normal(size=(50, 17, 3))
    with pytest.raises(SkeletonError, match=r"x\.npy: its 17 joints may be those of coco17, h36m17, paper17; give"):
        body.by_count("x.npy", noise)
    with pytest.raises(SkeletonError, match="no skeleton that comes with tfpose has 19 joints"):
        body.by_count("x.npy", noise[:, :1].repeat(19, axis=1))


def test_what_is_far_away_is_refused(tmp_path, walk):
    walk[2, 3] = 2e6
    with pytest.raises(DataError, match=r"joint 'head' is over 1e\+06 m away in frame 2; .* check the unit"):
        noted(saved(tmp_path, walk))
