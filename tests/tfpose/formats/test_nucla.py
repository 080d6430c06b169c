import json

import numpy as np
import pytest
from made_up import write_nucla

from tfpose.datasets.splits import nucla_cross_view
from tfpose.errors import DataError
from tfpose.formats import nucla, read


def test_a_file_is_one_clip_with_its_names(tmp_path):
    path = write_nucla(tmp_path, "a11_s02_e03_v03", frames=5)
    (clip,) = nucla.read_file(path)
    assert (clip.action, clip.subject, clip.view, clip.rate) == ("a11", "s02", "v03", None)
    assert clip.skeleton.name == "kinect20"
    np.testing.assert_allclose(clip.positions, json.loads(path.read_text())["skeletons"], rtol=1e-6)


def test_a_joint_at_the_origin_was_not_seen(tmp_path):
    path = write_nucla(tmp_path)
    content = json.loads(path.read_text())
    content["skeletons"][1][7] = [0, 0, 0]
    path.write_text(json.dumps(content))
    (clip,) = nucla.read_file(path)
    assert np.argwhere(clip.missing).tolist() == [[1, 7]]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"label": 1}, "without 'skeletons'"),
        ([1, 2], "without 'skeletons'"),
        ({"skeletons": []}, r"got [0]"),
        ({"skeletons": [[[0, 0, 0]] * 19]}, "got [1, 19, 3]"),
        ({"skeletons": [[[0, 0, 0]] * 20, [[0, 0]] * 20]}, "inhomogeneous"),
        ({"skeletons": [[[0, 0, float("nan")]] * 20]}, "not finite"),
        ({"skeletons": "none"}, "expected numbers"),
    ],
)
def test_other_content_is_refused(tmp_path, content, says):
    path = tmp_path / "a01_s01_e01_v01.json"
    path.write_text(json.dumps(content))
    with pytest.raises(DataError) as caught:
        nucla.read_file(path)
    assert str(caught.value).startswith(f"{path}: ") and says in str(caught.value)


def test_real_nucla(data_dir):
    clips = list(read(data_dir / "nucla"))
    assert len(clips) == 1_484 and sum(map(len, clips)) == 58_534
    assert {clip.action for clip in clips} == set(nucla.ACTIONS)
    train, test = nucla_cross_view(clips)
    assert (len(train), len(test)) == (1_020, 464)
    assert {clip.view for clip in test} == {"v03"}
    # A thigh and an upper arm of human length, in metres.
    thigh = np.concatenate([np.linalg.norm(clip.positions[:, 12] - clip.positions[:, 13], axis=-1) for clip in clips])
    assert 0.40 < np.nanmedian(thigh) < 0.55
