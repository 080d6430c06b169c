"""Shards: what is written comes back, what is damaged is named, and the stream is a `PoseSet`'s in bounded memory."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from made_up import PAIR, numbered

from tfpose import cli
from tfpose.datasets import poses as poses_of
from tfpose.datasets import shards, synthetic
from tfpose.datasets.shards import PoseStream
from tfpose.errors import DataError, SkeletonError
from tfpose.formats import arrays, read, tfrecords
from tfpose.formats.clip import Clip
from tfpose.skeleton import Skeleton


def sharded(folder, counts=((50, 7), (41,), (13, 20, 1)), chunk=8, name="numbered") -> PoseStream:
    """Clips of so many poses in each shard, numbered through."""
    first = np.cumsum([0, *itertools.chain(*counts)])
    of_shard = np.cumsum([0, *map(len, counts)])

    def clips_of(shard):
        return [numbered(first[of_shard[shard] + at], count) for at, count in enumerate(counts[shard])]

    return shards.write(
        folder, clips_of, name=name, skeleton=PAIR, shards=len(counts), source="made up", lineage="ours", chunk=chunk
    )


def drawn(poses: PoseStream, batch: int, seed: int, steps: int, start: int = 0) -> np.ndarray:
    """The numbers of the poses that come: `[steps, batch]`."""
    stream = itertools.islice(poses.batches(batch, seed, start).as_numpy_iterator(), steps)
    return np.array([element["poses"][:, 0, 0] for element in stream]).astype(int)


@pytest.fixture
def small_groups(monkeypatch):
    """Groups of 32 poses, so that a small set has several, and two shards open at a time."""
    monkeypatch.setattr(shards, "_GROUP", 32)
    monkeypatch.setattr(shards, "_OPEN", 2)


# --- writing


def test_every_complete_pose_is_in_the_shards(tmp_path):
    clip = numbered(0, 20, subject="s", action="wave", rate=30.0, source="wave.bvh")
    clip.positions[[3, 11], 1] = np.nan
    lost = Clip(np.full((4, 2, 3), np.nan), PAIR)
    found = shards.write(
        tmp_path, lambda shard: [clip, lost], name="n", skeleton=PAIR, shards=1, source="", lineage="ours", chunk=8
    )
    assert (len(found), found.name, found.lineage, found.skeleton) == (18, "n", "ours", PAIR)
    (path,) = tmp_path.glob("*.tfrecord")
    assert path.name == "clips-00000-of-00001.tfrecord"
    clips = sorted(read(tmp_path), key=lambda clip: clip.source)
    assert [len(clip) for clip in clips] == [8, 8, 2]
    assert [clip.source for clip in clips] == [f"{path}: chunk {number} of wave.bvh" for number in range(3)]
    assert {(clip.subject, clip.action, clip.rate) for clip in clips} == {("s", "wave", 30.0)}
    numbers = np.concatenate([clip.positions[:, 0, 0] for clip in clips])
    np.testing.assert_array_equal(numbers, np.delete(np.arange(20), [3, 11]))


def test_neighbours_are_from_different_clips(tmp_path):
    sharded(tmp_path, counts=((64,) * 9,))
    firsts = np.array([clip.positions[0, 0, 0] for clip in read(tmp_path)])
    clips = firsts // 64
    assert len(clips) == 72 and (clips[1:] != clips[:-1]).all()


def test_the_same_clips_give_the_same_bytes(tmp_path):
    one, other = sharded(tmp_path / "one"), sharded(tmp_path / "other")
    assert one.checksum == other.checksum and one.shards == other.shards
    assert sharded(tmp_path / "more", counts=((50, 7), (41,), (13, 20, 2))).checksum != one.checksum
    for name in one.shards:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


def test_a_stopped_run_goes_on_and_keeps_whole_shards(tmp_path):
    whole = sharded(tmp_path / "whole")
    made = []

    def clips_of(shard, stop=None):
        made.append(shard)
        if shard == stop:
            raise KeyboardInterrupt
        return [clip for clip in read(tmp_path / "whole" / sorted(whole.shards)[shard])]

    options = {"name": "n", "skeleton": PAIR, "shards": 3, "source": "s", "chunk": 8}
    with pytest.raises(KeyboardInterrupt):
        shards.write(tmp_path / "parts", lambda shard: clips_of(shard, stop=1), **options)
    assert [path.name for path in sorted((tmp_path / "parts").iterdir())] == [sorted(whole.shards)[0], "index.json"]
    with pytest.raises(DataError, match=r"parts: has 1 of 3 shards; let tfpose shard finish it"):
        PoseStream.open(tmp_path / "parts")
    # What a kill while a shard is written leaves.
    (tmp_path / "parts" / ".clips-00001-of-00003.x.tfrecord").write_bytes(b"half")
    first = (tmp_path / "parts" / sorted(whole.shards)[0]).stat().st_mtime_ns
    assert len(shards.write(tmp_path / "parts", clips_of, **options)) == len(whole)
    assert made == [0, 1, 1, 2]
    assert (tmp_path / "parts" / sorted(whole.shards)[0]).stat().st_mtime_ns == first
    assert not list((tmp_path / "parts").glob(".*"))
    # A shard that was damaged in the meantime is made again.
    (tmp_path / "parts" / sorted(whole.shards)[2]).write_bytes(b"short")
    shards.write(tmp_path / "parts", clips_of, **options)
    assert made == [0, 1, 1, 2, 2]
    with pytest.raises(DataError, match="holds other shards than these"):
        shards.write(tmp_path / "parts", clips_of, **(options | {"source": "another"}))


def test_a_shard_without_a_pose_is_refused(tmp_path):
    with pytest.raises(
        DataError, match=r"00001-of-00002.tfrecord: there are not enough clips for 2 shards; make fewer"
    ):
        sharded(tmp_path, counts=((5,), ()))


# --- the stream


@pytest.mark.parametrize("batch", [8, 32, 100, 300])
def test_every_pose_comes_once_an_epoch(tmp_path, small_groups, batch):
    poses = sharded(tmp_path)
    epochs, count = 4, len(poses)
    assert count == 132
    numbers = drawn(poses, batch, seed=1, steps=-(-epochs * count // batch)).reshape(-1)[: epochs * count]
    for epoch in numbers.reshape(epochs, count):
        assert sorted(epoch) == list(range(count))


@pytest.mark.parametrize("start", [1, 3, 16, 17, 40, 66])
def test_a_stream_joined_at_a_step_is_the_tail_of_the_whole_one(tmp_path, small_groups, start):
    """Within the first group, at the end of an epoch (132 poses), and epochs later."""
    poses = sharded(tmp_path)
    whole = drawn(poses, 8, seed=7, steps=76)
    np.testing.assert_array_equal(drawn(poses, 8, seed=7, steps=10, start=start), whole[start : start + 10])


def test_epochs_and_seeds_have_their_own_orders(tmp_path, small_groups):
    poses = sharded(tmp_path)
    epochs = [*drawn(poses, 132, seed=1, steps=3), *drawn(poses, 132, seed=2, steps=3)]
    for one, other in itertools.combinations(epochs, 2):
        assert (one == other).sum() < 10  # one or two stay by chance
    np.testing.assert_array_equal(drawn(poses, 132, seed=2, steps=3), epochs[3:])


def test_groups_are_made_of_other_chunks_each_epoch(tmp_path, small_groups):
    poses = sharded(tmp_path, counts=((128,), (128,), (128,)))
    groups = [set(epoch[:32] // 8) for epoch in drawn(poses, 384, seed=3, steps=8)]
    assert all(len(group) == 4 for group in groups)
    assert len(set().union(*groups)) > 20  # of 48 chunks; always the same ones would be 4


def test_shapes_are_fixed_for_xla(tmp_path):
    spec = sharded(tmp_path).batches(4, seed=0).element_spec
    assert spec == {"poses": tf.TensorSpec([4, 2, 3], tf.float32)}


# --- damage


@pytest.mark.parametrize(
    ("damage", "says"),
    [(lambda path: path.unlink(), "got none"), (lambda path: path.write_bytes(path.read_bytes()[:-9]), r"got \d+")],
)
def test_a_missing_or_short_shard_is_named_at_the_start(tmp_path, damage, says):
    name = sorted(sharded(tmp_path).shards)[1]
    damage(tmp_path / name)
    with pytest.raises(DataError, match=rf"{name}: expected \d+ bytes, {says}; delete it and let tfpose shard"):
        PoseStream.open(tmp_path)


def test_a_shard_with_changed_bytes_is_named(tmp_path):
    poses = sharded(tmp_path)
    path = tmp_path / sorted(poses.shards)[2]
    content = bytearray(path.read_bytes())
    content[300] ^= 1
    path.write_bytes(content)
    with pytest.raises(tf.errors.DataLossError):
        drawn(PoseStream.open(tmp_path), 132, seed=1, steps=1)
    assert str(poses.damage()).startswith(f"{path}: ") and "let tfpose shard make it again" in str(poses.damage())


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"about": {}, "of": 1, "shards": {"a": {"poses": 1}}}'])
def test_a_damaged_index_is_named(tmp_path, text):
    sharded(tmp_path)
    (tmp_path / "index.json").write_text(text)
    with pytest.raises(DataError) as caught:
        PoseStream.open(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / 'index.json'}: ")


def test_another_skeleton_is_refused(tmp_path):
    sharded(tmp_path)
    with pytest.raises(SkeletonError, match="are of skeleton 'pair', not of 'paper17'; make them again with"):
        PoseStream.open(tmp_path, Skeleton.load("paper17"))


# --- the command


def test_synthetic_shards_of_any_number_of_poses(tmp_path, capsys):
    assert cli.main(["shard", "synthetic", "--poses=1000", "--shards=3", f"--out={tmp_path}"]) == 0
    assert f"1,000 poses of synthetic in 3 shards: {tmp_path}" in capsys.readouterr().out
    poses = PoseStream.open(tmp_path, Skeleton.load("paper17"))
    assert [facts["poses"] for facts in poses.shards.values()] == [334, 333, 333]
    first = tfrecords.read_file(tmp_path / sorted(poses.shards)[0])
    expected = list(synthetic.poses(334, seed=(1, 0)))
    found = sorted(first, key=lambda clip: int(clip.subject.split()[1]))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one.positions, other.positions)


def test_a_folder_of_files_becomes_shards_of_whole_files(tmp_path, capsys):
    skeleton = Skeleton.load("kinect20")
    positions = np.random.default_rng(3).normal(size=(5, 10, 20, 3)).astype(np.float32)
    for number, clip in enumerate(positions):
        arrays.write(tmp_path / "clips" / f"{number}.npy", clip, skeleton)
    call = ["shard", str(tmp_path / "clips"), f"--out={tmp_path / 'out'}", "--skeleton=kinect20"]
    assert cli.main([*call, "--shards=2"]) == 0
    poses = PoseStream.open(tmp_path / "out")
    assert [facts["poses"] for facts in poses.shards.values()] == [30, 20]
    found = np.concatenate([element["poses"] for element in poses.batches(50, 0).take(1).as_numpy_iterator()])
    expected = (skeleton.to(Skeleton.load("paper17")) @ positions).reshape(50, -1)
    found = found.reshape(50, -1)
    np.testing.assert_allclose(found[np.argsort(found[:, 0])], expected[np.argsort(expected[:, 0])], atol=1e-6)
    # More shards than files are as many as files; other shards do not go into the same folder.
    assert cli.main([*call[:2], f"--out={tmp_path / 'five'}", "--skeleton=kinect20"]) == 0
    assert len(PoseStream.open(tmp_path / "five").shards) == 5
    assert cli.main([*call, "--shards=3"]) == 1
    assert "holds other shards than these" in capsys.readouterr().err


def test_a_data_set_becomes_shards(tmp_path):
    assert cli.main(["shard", "synthetic", "--shards=4", f"--out={tmp_path}"]) == 0
    poses, expected = PoseStream.open(tmp_path), poses_of("synthetic", "train")
    assert (poses.name, len(poses), poses.lineage) == (expected.name, len(expected), expected.lineage)
    sums = sum(float(clip.positions.astype(np.float64).sum()) for clip in read(tmp_path))
    assert sums == pytest.approx(expected.positions.astype(np.float64).sum())


def test_wrong_calls(tmp_path, capsys):
    assert cli.main(["shard", "cmu", "--poses=5", f"--out={tmp_path}"]) == 2
    assert cli.main(["shard", str(tmp_path / "nowhere"), f"--out={tmp_path / 'out'}"]) == 1
    assert "nowhere: " in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
