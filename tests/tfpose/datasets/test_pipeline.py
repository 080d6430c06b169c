"""The stream of batches: what it gives, and that it can be joined at any step."""

import itertools

import numpy as np
import pytest

from tfpose.datasets.pose_set import PoseSet
from tfpose.skeleton import Skeleton

PAIR = Skeleton("pair", ("a", "b"), (-1, 0))


def numbered(count: int, labelled: bool = False) -> PoseSet:
    """Poses that hold their own number in every coordinate; the labels are the number in binary."""
    positions = np.tile(np.arange(count, dtype=np.float32)[:, None, None], (1, 2, 3))
    if not labelled:
        return PoseSet("numbered", positions, PAIR)
    moved = np.arange(count)[:, None] & np.array([1, 2]) > 0
    return PoseSet("numbered", positions, PAIR, moved=moved, k=moved.sum(1))


def drawn(poses: PoseSet, batch: int, seed: int, steps: int, start: int = 0) -> np.ndarray:
    """The numbers of the poses that come: `[steps, batch]`."""
    stream = itertools.islice(poses.batches(batch, seed, start).as_numpy_iterator(), steps)
    return np.array([element["poses"][:, 0, 0] for element in stream]).astype(int)


@pytest.mark.parametrize(("count", "batch"), [(12, 4), (13, 4), (64, 7), (5, 8), (3, 8), (2, 4)])
def test_every_pose_comes_once_an_epoch(count, batch):
    epochs = 4
    steps = -(-epochs * count // batch)
    numbers = drawn(numbered(count), batch, seed=1, steps=steps).reshape(-1)[: epochs * count]
    for epoch in numbers.reshape(epochs, count):
        assert sorted(epoch) == list(range(count))


def test_a_single_pose_fills_the_batch():
    assert (drawn(numbered(1), 3, seed=1, steps=2) == 0).all()


def test_every_epoch_has_another_order():
    epochs = drawn(numbered(50), 10, seed=1, steps=20).reshape(4, 50)
    for one, other in itertools.combinations(epochs, 2):
        assert (one == other).sum() < 10  # one or two stay by chance
    assert all((epoch != np.arange(50)).sum() > 40 for epoch in epochs)


def test_every_place_is_reached_by_every_pose():
    """The shuffling mixes over the whole epoch, not only within a window."""
    places = np.argsort(drawn(numbered(20), 20, seed=3, steps=400), axis=1)  # [epoch, pose]
    counts = np.array([np.bincount(places[:, pose], minlength=20) for pose in range(20)])
    # 400 epochs, 20 expected in each cell; chi-square with 19 degrees of freedom per pose, far tail.
    assert ((counts - 20) ** 2 / 20).sum(1).max() < 60
    assert counts.min() > 0


@pytest.mark.parametrize(("count", "batch", "start"), [(50, 8, 3), (50, 8, 6), (50, 8, 25), (5, 8, 4), (12, 4, 3)])
def test_a_stream_joined_at_a_step_is_the_tail_of_the_whole_one(count, batch, start):
    whole = drawn(numbered(count), batch, seed=7, steps=start + 10)
    np.testing.assert_array_equal(drawn(numbered(count), batch, seed=7, steps=10, start=start), whole[start:])


def test_the_seed_is_the_order():
    first, again, other = (drawn(numbered(40), 8, seed=seed, steps=10) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert (first != other).mean() > 0.8


def test_labels_go_along_with_their_pose():
    poses = numbered(37, labelled=True)
    for element in itertools.islice(poses.batches(8, seed=2).as_numpy_iterator(), 12):
        numbers = element["poses"][:, 0, 0].astype(int)
        np.testing.assert_array_equal(element["moved"], poses.moved[numbers])


def test_shapes_are_fixed_for_xla():
    spec = numbered(10, labelled=True).batches(4, seed=0).element_spec
    assert spec["poses"].shape == (4, 2, 3) and spec["poses"].dtype == "float32"
    assert spec["moved"].shape == (4, 2) and spec["moved"].dtype == "bool"
    assert set(numbered(10).batches(4, seed=0).element_spec) == {"poses"}
