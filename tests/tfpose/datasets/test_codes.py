"""Codes in files: what is written is read, and what is unfinished or damaged is not."""

import json

import numpy as np
import pytest

from tfpose.datasets import ClipCodes, codes, read_codes
from tfpose.errors import DataError

ABOUT = {"pose_code": [3, 4], "view_code": [4, 4]}


@pytest.fixture(params=["tfrecord", "parquet"])
def suffix(request) -> str:
    if request.param == "parquet":
        pytest.importorskip("pyarrow")
    return request.param


def made_up(number: int, frames: int, rate: float | None = 30.0) -> ClipCodes:
    rng = np.random.default_rng(number)
    pose_code, view_code = (rng.normal(size=(frames, *ABOUT[code])).astype(np.float32) for code in ABOUT)
    return ClipCodes("walk ü.npz", number, 200, "s01", "a02", "", rate, pose_code, view_code)


def write(folder, suffix, clips, shards=1) -> list[str]:
    names = [f"codes-{shard}.{suffix}" for shard in range(shards)]
    for shard, name in enumerate(names):
        file = codes.open_shard(str(folder / name), ABOUT)
        for clip in clips[shard::shards]:
            file.write(clip)
        file.close()
    counts = {name: len(clips[shard::shards]) for shard, name in enumerate(names)}
    (folder / "summary.json").write_text(json.dumps({"shards": counts, **ABOUT}))
    return names


def test_what_is_written_is_read(tmp_path, suffix):
    clips = [made_up(number, 1 + number % 7, rate=None if number % 2 else 29.97) for number in range(150)]
    write(tmp_path, suffix, clips, shards=2)
    read = list(read_codes(tmp_path))
    assert [clip.number for clip in read] == [*range(0, 150, 2), *range(1, 150, 2)]
    for clip in read:
        written = clips[clip.number]
        assert (clip.source, clip.clips, clip.subject, clip.action, clip.view) == ("walk ü.npz", 200, "s01", "a02", "")
        assert clip.rate == (None if written.rate is None else pytest.approx(written.rate))
        for code in ABOUT:
            assert getattr(clip, code).dtype == np.float32
            np.testing.assert_array_equal(getattr(clip, code), getattr(written, code))


def test_an_empty_shard(tmp_path, suffix):
    write(tmp_path, suffix, [])
    assert list(read_codes(tmp_path)) == []


def test_parquet_says_what_it_holds_to_others(tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    clip = made_up(0, 5)
    (name,) = write(tmp_path, "parquet", [clip])
    table = pq.read_table(tmp_path / name)
    assert json.loads(table.schema.metadata[b"tfpose"]) == ABOUT
    assert table.column("frames").to_pylist() == [5]
    np.testing.assert_array_equal(table.column("view_code").to_pylist()[0], clip.view_code.reshape(5, 16))


@pytest.mark.parametrize("damage", ["gone", "cut", "garbage"])
def test_a_damaged_shard_is_one_error_that_starts_with_its_path(tmp_path, suffix, damage):
    names = write(tmp_path, suffix, [made_up(number, 3) for number in range(4)], shards=2)
    path = tmp_path / names[1]
    content = path.read_bytes()
    path.unlink()
    if damage != "gone":
        path.write_bytes(content[:-9] if damage == "cut" else b"garbage" * 40)
    with pytest.raises(DataError) as caught:
        list(read_codes(tmp_path))
    assert str(caught.value).startswith(f"{path}: ")


def test_a_shard_that_lacks_a_record_is_refused(tmp_path, suffix):
    (name,) = write(tmp_path, suffix, [made_up(0, 3), made_up(1, 3)])
    summary = json.loads((tmp_path / "summary.json").read_text())
    (tmp_path / "summary.json").write_text(json.dumps({**summary, "shards": {name: 3}}))
    with pytest.raises(DataError, match=f"{name}: expected 3 clips, got 2"):
        list(read_codes(tmp_path))


def test_a_folder_without_a_summary_is_unfinished(tmp_path, suffix):
    write(tmp_path, suffix, [made_up(0, 3)])
    (tmp_path / "summary.json").unlink()
    with pytest.raises(DataError, match=r"summary\.json: no such file; expected the summary of a finished"):
        list(read_codes(tmp_path))
