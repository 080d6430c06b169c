import numpy as np
import pytest

from tfpose.errors import DataError
from tfpose.formats import tables
from tfpose.formats.recording import Options
from tfpose.skeleton import Skeleton


def test_csv_headers_may_use_native_names_any_order_and_other_columns(tmp_path):
    skeleton = Skeleton("two", ("a", "b"), (-1, 0), native={"b": "Bee"})
    path = tmp_path / "two.csv"
    path.write_text("time,Bee_z,Bee_y,Bee_x,a_x,a_y,a_z\n0.1,6,5,4,1,2,3\n\n0.2,,,,7,8,nan\n", encoding="utf-8-sig")
    (clip,) = tables.read_file(path, Options(skeleton))
    np.testing.assert_array_equal(clip.positions, [[[1, 2, 3], [4, 5, 6]], [[np.nan] * 3] * 2])


def test_csv_without_a_header_is_in_the_skeletons_order(tmp_path):
    path = tmp_path / "two.csv"
    path.write_text("1,2,3,4,5,6\n")
    (clip,) = tables.read_file(path, Options(Skeleton("two", ("a", "b"), (-1, 0))))
    np.testing.assert_array_equal(clip.positions, [[[1, 2, 3], [4, 5, 6]]])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1,2,3,4,5\n", "expected x y z of each joint in a row, got 5 columns and no header of names"),
        ("1,2,3,4,5,6\n1,2,3,4\n", "line 2 has 4 cells, others have 6"),
        ("1,2,3,4,5,6\n1,2,3,4,5,x\n", "line 2: 'x' is not a number"),
        ("1,2,3,4,5,6\n1,2,3,4,5,inf\n", "joint 'b' is infinite in frame 1"),
        ("p,q,r,s,t,u\n1,2,3,4,5,6\n", "names no joints; expected columns such as hip_x, hip_y, hip_z"),
        ("a_x,a_y,a_z\n1,2,3\n", "lacks b for skeleton 'two'; it has a"),
        ("a_x,a_y,a_z,b_x,b_y,b_z\n", "has a header and no rows of numbers"),
        ("", "is empty"),
    ],
)
def test_damaged_csv(tmp_path, text, says):
    path = tmp_path / "two.csv"
    path.write_text(text)
    with pytest.raises(DataError) as caught:
        tables.read_file(path, Options(Skeleton("two", ("a", "b"), (-1, 0))))
    assert str(caught.value).startswith(f"{path}: ") and says in str(caught.value)
