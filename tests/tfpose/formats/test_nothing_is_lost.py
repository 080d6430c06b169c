"""What one format cannot say, or another read: nothing is lost or invented without a word."""

import dataclasses
import gzip
import json

import numpy as np
import pytest

from tfpose.errors import DataError
from tfpose.formats import read, write
from tfpose.formats.clip import Clip
from tfpose.formats.samples import sample
from tfpose.formats.times import places_of, rate_of
from tfpose.skeleton import Skeleton

PAPER = Skeleton.load("paper17")
WALK = sample("walk").to(PAPER).positions[:20]
BLAZE = Skeleton.load("blazepose33")


def walk(**changes):
    return dataclasses.replace(Clip(WALK, PAPER, rate=30.0), **changes)


def without(joints, frames=slice(None)):
    positions = WALK.copy()
    positions[frames, joints] = np.nan
    return positions


def again(path, **options):
    """What is read, and what is said of it."""
    notes = []
    clips = list(read(path, on_note=notes.append, **options))
    return clips, notes


def written(path, clips, **options):
    notes = []
    write(path, clips, on_note=notes.append)
    return (*again(path, **options), notes)


@pytest.mark.parametrize("suffix", [".trc", ".nc", ".c3d", ".npz"])
def test_a_body_without_legs_stays_upright(tmp_path, suffix):
    seen = sample("walk").to(PAPER)
    matrix = np.zeros((33, 17))
    for row, joint in enumerate(BLAZE.joints):
        matrix[row, PAPER.index(joint if joint in PAPER.joints else "head")] = 1.0
    positions = (matrix @ seen.positions[:10]).astype(np.float32)
    below = [at for at, joint in enumerate(BLAZE.joints) if joint.startswith(("knee", "ankle", "foot", "heel", "toe"))]
    positions[:, below] = np.nan
    (clip,), _, _ = written(tmp_path / f"upper{suffix}", Clip(positions, BLAZE, rate=30.0))
    np.testing.assert_allclose(clip.positions, positions, atol=1e-4)


def test_a_joint_that_is_never_seen_is_where_its_parent_is(tmp_path):
    wrist, elbow = PAPER.index("wrist_left"), PAPER.index("elbow_left")
    (clip,), _, notes = written(tmp_path / "walk.bvh", walk(positions=without(wrist)))
    np.testing.assert_allclose(clip.positions[:, wrist], WALK[:, elbow], atol=1e-4)
    assert "BVH has no gaps; 20 missing joints" in notes[0]
    with pytest.raises(DataError, match="nobody is seen"):
        write(tmp_path / "nobody.bvh", walk(positions=np.full_like(WALK, np.nan)))


def test_a_rate_that_is_not_known_is_said(tmp_path):
    for suffix in (".bvh", ".trc", ".c3d", ".nc"):
        (clip,), _, notes = written(tmp_path / f"walk{suffix}", walk(rate=None))
        assert clip.rate == pytest.approx(30) and "written as 30 frames per second" in notes[0]
    (clip,), _, notes = written(tmp_path / "walk.csv", walk(rate=59.94))
    assert clip.rate == pytest.approx(59.94, rel=1e-4) and not notes
    np.testing.assert_allclose(clip.to(PAPER).positions, WALK, atol=1e-6)
    (clip,), _, notes = written(tmp_path / "other.csv", walk(rate=None))
    assert clip.rate is None and not notes


@pytest.mark.parametrize(("rate", "digits"), [(240, 3), (59.94, 3), (23.976, 3), (120, 2), (30, 6)])
def test_rates_of_rounded_times(rate, digits):
    times = np.round(np.arange(300) / rate, digits)
    assert rate_of(times, "time") == pytest.approx(rate, rel=3e-3)
    times[7] = np.nan
    assert rate_of(times, "time") == pytest.approx(rate, rel=3e-3)


def test_places_of_frames():
    np.testing.assert_array_equal(places_of([3, 4, 7]), [0, 1, 2])  # no usual step
    np.testing.assert_array_equal(places_of([3, 4, 5, 8]), [0, 1, 2, 5])
    np.testing.assert_array_equal(places_of([0, 5, 10, 20]), [0, 1, 2, 4])
    np.testing.assert_array_equal(places_of(np.round(np.r_[0:50, 60:100] / 59.94, 3)), np.r_[0:50, 60:100])
    for none in ([0], [0, 1, 1], [0, 1, 2, 1e9], [0, np.nan, 2], [5, 4, 3]):
        np.testing.assert_array_equal(places_of(none), np.arange(len(none)))


@pytest.mark.parametrize("long", [False, True])
def test_frames_without_a_row_are_gaps_and_stay_without(tmp_path, long):
    path, rows = tmp_path / "walk.csv", []
    for frame in (*range(8), *range(12, 20)):
        if long:
            rows += [f"{frame},{name},{','.join(map(str, xyz))}" for name, xyz in zip(PAPER.joints, WALK[frame])]
        else:
            rows.append(f"{frame},{','.join(map(str, WALK[frame].ravel()))}")
    header = "frame,joint,x,y,z" if long else ",".join(["frame", *(f"{n}_{a}" for n in PAPER.joints for a in "xyz")])
    path.write_text("\n".join([header, *rows, ""]))
    (clip,), notes = again(path, skeleton="paper17")
    assert len(clip) == 20 and any("4 frames are left out between its rows" in note for note in notes)
    np.testing.assert_array_equal(clip.missing.all(1), np.isin(np.arange(20), range(8, 12)))
    notes = []
    write(tmp_path / "clean.csv", dataclasses.replace(clip, positions=WALK), on_note=notes.append)
    assert "has no place for 68 joints" in notes[0]
    assert len((tmp_path / "clean.csv").read_text().splitlines()) == len(rows) + 1


def test_a_column_of_names_numbers_no_frames(tmp_path):
    header = ",".join(["image_id", *(f"{n}_{a}" for n in PAPER.joints for a in "xyz")])
    rows = [f"walk_{at}.jpg,{','.join(map(str, frame.ravel()))}" for at, frame in enumerate(WALK)]
    (tmp_path / "walk.csv").write_text("\n".join([header, *rows]))
    (clip,), _ = again(tmp_path / "walk.csv")
    np.testing.assert_allclose(clip.to(PAPER).positions, WALK, atol=1e-6)


@pytest.mark.parametrize("kind", ["npy", "npz", "csv", "json", "dicts"])
def test_what_is_filled_is_seen_when_it_is_read_again(tmp_path, kind):
    wrist, confidence = PAPER.index("wrist_left"), np.ones((20, 17))
    confidence[5:9, wrist] = 0.1
    path = tmp_path / f"walk.{kind if kind != 'dicts' else 'json'}"
    if kind == "npy":
        np.save(path, np.concatenate([WALK, confidence[..., None]], -1))
    elif kind == "npz":
        np.savez(path, positions=WALK, joints=np.array(PAPER.joints), confidence=confidence)
    elif kind == "csv":
        header = [f"{name}_{part}" for name in PAPER.joints for part in ("x", "y", "z", "likelihood")]
        values = np.concatenate([WALK, confidence[..., None]], -1).reshape(20, -1)
        path.write_text("\n".join([",".join(header), *(",".join(map(str, row)) for row in values)]))
    else:
        people = [
            [dict(zip("xyz", map(float, p)), visibility=float(c)) for p, c in zip(*one)]
            for one in zip(WALK, confidence)
        ]
        scores = [{"keypoints": frame.tolist(), "keypoint_scores": c.tolist()} for frame, c in zip(WALK, confidence)]
        path.write_text(json.dumps({"frames": people if kind == "dicts" else [{"instances": [one]} for one in scores]}))
    (clip,), _ = again(path, skeleton="paper17")
    assert clip.missing.sum() == 4
    write(path, dataclasses.replace(clip, positions=WALK))
    (clip,), _ = again(path, skeleton="paper17")
    assert not clip.missing.any() and (clip.confidence[5:9, wrist] == 0.5).all()
    np.testing.assert_allclose(clip.positions, WALK, atol=1e-6)


def test_npy_becomes_npz_with_all_that_was_said_of_it(tmp_path):
    np.save(tmp_path / "walk.npy", WALK[..., [0, 2, 1]] * [1000, -1000, 1000])
    (clip,), _ = again(tmp_path / "walk.npy", skeleton="paper17", unit=0.001, up="z", rate=50.0)
    (clip,), notes, _ = written(tmp_path / "walk.npz", clip)
    np.testing.assert_allclose(clip.positions, WALK, atol=1e-5)
    assert clip.rate == 50 and clip.skeleton == PAPER and clip.origin.up == "z" and not notes


@pytest.mark.parametrize("suffix", [".npz", ".json", ".csv", ".trc"])
def test_left_handed_files_become_right_handed(tmp_path, suffix):
    np.savez(tmp_path / "unity.npz", positions=WALK * [-1, 1, 1], joints=np.array(PAPER.joints))
    (clip,), _ = again(tmp_path / "unity.npz", mirrored=True)
    source = dataclasses.replace(clip, origin=dataclasses.replace(clip.origin, layout=None))  # as of another format
    (found,), notes, _ = written(tmp_path / f"walk{suffix}", source)
    np.testing.assert_allclose(found.to(PAPER).positions, WALK, atol=1e-5)
    assert not any("left-handed" in note for note in notes)


def test_flat_positions_are_found_beside_arrays_of_three_columns(tmp_path):
    np.savez(tmp_path / "flat.npz", positions=WALK[:17].reshape(17, -1), translation=WALK[:17, 0])
    (clip,), _ = again(tmp_path / "flat.npz", skeleton="paper17")
    np.testing.assert_allclose(clip.positions, WALK[:17], atol=1e-6)


@pytest.mark.parametrize("skeleton", ["paper17", None])
@pytest.mark.parametrize("first", ["frame", "time", None])
@pytest.mark.parametrize("name", ["paper17", "blazepose33"])
def test_rows_of_numbers_alone(tmp_path, skeleton, first, name):
    joints = np.zeros((20, 33, 3)) + WALK[:, :1] if name == "blazepose33" else WALK
    joints = joints + 1e-3 * np.arange(joints.shape[1])[:, None]
    rows = joints.reshape(20, -1)
    if first:
        rows = np.column_stack([np.arange(20) / (30 if first == "time" else 1), rows])
    np.savetxt(tmp_path / "walk.csv", rows, delimiter=",")
    from tfpose.formats.delimited import Table
    from tfpose.formats.tables import _no_header

    table = Table(tmp_path / "walk.csv", (tmp_path / "walk.csv").read_text())
    _, columns, certain = _no_header(table, len(Skeleton.load(name)) if skeleton else None)
    assert (len(columns), columns[0][0], certain) == (joints.shape[1], int(first is not None), None)


def test_our_json_by_the_name_of_another_format(tmp_path):
    (clip,), _, _ = written(tmp_path / "a01_s01_e00_v01.json", walk(subject="Ann"))
    np.testing.assert_allclose(clip.positions, WALK, atol=1e-5)
    assert clip.subject == "Ann"


def test_quotes_in_cells_stay(tmp_path):
    header = ["note", *(f"{name}_{axis}" for name in PAPER.joints for axis in "xyz")]
    said = '"he said ""stop"", then left"'
    path = tmp_path / "walk.csv"
    path.write_text("\n".join([",".join(header), *(f"{said},{','.join(map(str, f.ravel()))}" for f in WALK), ""]))
    before = path.read_text()
    (clip,), _ = again(path)
    write(path, clip)
    assert path.read_text() == before


def test_packed_files_of_a_folder_are_read(tmp_path):
    write(tmp_path / "walk.bvh", walk())
    (tmp_path / "more.bvh.gz").write_bytes(gzip.compress((tmp_path / "walk.bvh").read_bytes()))
    (tmp_path / "notes.gz").write_bytes(gzip.compress(b"nothing"))
    assert len(again(tmp_path)[0]) == 2


def test_no_clips_are_refused(tmp_path):
    for suffix in (".csv", ".json", ".nc", ".npz", ".bvh"):
        with pytest.raises(DataError, match="there are no clips to write"):
            write(tmp_path / f"none{suffix}", [])
