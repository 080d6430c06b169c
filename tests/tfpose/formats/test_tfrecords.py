"""TFRecord files: what is written comes back, and what is damaged is named."""

import json

import numpy as np
import pytest
import tensorflow as tf
from made_up import PAIR, numbered

from tfpose.errors import DataError
from tfpose.formats import tfrecords
from tfpose.formats.clip import Clip


@pytest.mark.parametrize("rate", [None, 30.0])
def test_a_clip_comes_back_bit_for_bit(rate):
    clip = Clip(np.random.default_rng(1).normal(size=(5, 2, 3)), PAIR, "Süd", "wave", "v01", rate, "a.bvh")
    clip.positions[2, 1] = np.nan
    found = tfrecords.decode(tfrecords.encode(clip, chunk=3), "x.tfrecord")
    np.testing.assert_array_equal(found.positions, clip.positions)
    assert found.skeleton == PAIR
    assert (found.subject, found.action, found.view, found.rate) == ("Süd", "wave", "v01", rate)
    assert found.source == "x.tfrecord: chunk 3 of a.bvh"


def test_a_record_is_what_the_format_says():
    """Read by TensorFlow alone, as another program would."""
    clip = numbered(4, 3, subject="s", rate=25.0)
    features = {
        "positions": tf.io.FixedLenFeature([], tf.string),
        "frames": tf.io.FixedLenFeature([], tf.int64),
        "skeleton": tf.io.FixedLenFeature([], tf.string),
        "subject": tf.io.FixedLenFeature([], tf.string),
        "rate": tf.io.VarLenFeature(tf.float32),
        "chunk": tf.io.FixedLenFeature([], tf.int64),
    }
    found = tf.io.parse_single_example(tfrecords.encode(clip, chunk=2), features)
    assert (found["frames"], found["chunk"], found["subject"]) == (3, 2, b"s")
    np.testing.assert_array_equal(
        tf.reshape(tf.io.decode_raw(found["positions"], "float32"), [3, 2, 3]), clip.positions
    )
    assert json.loads(found["skeleton"].numpy()) == PAIR.to_dict()
    np.testing.assert_array_equal(found["rate"].values, [25.0])


def changed(**features) -> bytes:
    example = tf.train.Example.FromString(tfrecords.encode(numbered(0, 3)))
    for name, value in features.items():
        example.features.feature[name].CopyFrom(value)
    return example.SerializeToString()


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"no example",
        tfrecords.encode(numbered(0, 3))[:-7],
        changed(positions=tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"1234" * 17]))),
        changed(positions=tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"123"]))),
        changed(positions=tf.train.Feature()),
        changed(frames=tf.train.Feature(int64_list=tf.train.Int64List(value=[-3]))),
        changed(skeleton=tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"{}"]))),
    ],
)
def test_what_is_no_clip_is_one_error(record):
    with pytest.raises(DataError) as caught:
        tfrecords.decode(record, "x.tfrecord")
    assert str(caught.value).startswith("x.tfrecord: ") and "\n" not in str(caught.value)


def test_a_file_without_records_holds_no_clips(tmp_path):
    (tmp_path / "x.tfrecord").touch()
    with pytest.raises(DataError, match=r"x\.tfrecord: holds no clips"):
        tfrecords.read_file(tmp_path / "x.tfrecord")
