import json

import numpy as np
import pytest
from made_up import write_labels

from tfpose.datasets import ape
from tfpose.errors import DataError


def test_labels_become_masks(tmp_path):
    one = ape.read_file(write_labels(tmp_path / "one.json", [[4, 3], [16, 0]]))
    assert one.shape == (4, 17) and one.dtype == bool
    np.testing.assert_array_equal(np.argwhere(one), [[0, 4], [1, 3], [2, 16], [3, 0]])
    two = ape.read_file(write_labels(tmp_path / "two.json", [[[5, 0], [8, 6]]]))
    np.testing.assert_array_equal(np.argwhere(two), [[0, 0], [0, 5], [1, 6], [1, 8]])


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        ([[17]], "expected joint numbers 0..16, got 17..17"),
        ([[-1]], "got -1..-1"),
        ([[[3, 3]]], "pose 0 names a joint twice"),
        ([[1.5]], "float64"),
        ([[1], [1, 2]], "inhomogeneous"),
        ([], "[0]"),
        ({"a": 1}, "object"),
        ([["a"]], "<U1"),
    ],
)
def test_other_content_is_refused(tmp_path, labels, says):
    path = write_labels(tmp_path / "labels.json", labels)
    with pytest.raises(DataError) as caught:
        ape.read_file(path)
    assert str(caught.value).startswith(f"{path}: ") and says in str(caught.value)


def test_real_labels(data_dir):
    for split, poses in (("train", 10_500), ("test", 2_800)):
        for k in range(1, 6):
            path = ape.label_path(data_dir / "ape", k, split)
            moved = ape.read_file(path)
            assert moved.shape == (poses, 17) and (moved.sum(axis=1) == k).all()
            assert moved[0].nonzero()[0].tolist() == sorted(np.ravel(json.loads(path.read_text())[0][0]))
