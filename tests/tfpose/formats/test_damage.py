"""Files of every format with bytes changed: clips or one line, quickly, and no body that nobody sees collapse.

A bounded run is a part of the tests; `python tests/tfpose/formats/test_damage.py 20000` is a longer one.
"""

import pathlib
import sys
import tempfile
import time
import warnings

import numpy as np
import pytest
import wild

from tfpose.errors import TfposeError
from tfpose.formats import read
from tfpose.skeleton import Skeleton

PAPER = Skeleton.load("paper17")
SLOWEST = 20  # seconds of the processor


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """The content after one of: some other bytes, cut off, a piece doubled, a piece lost, a number made absurd."""
    data = bytearray(content)
    kind = rng.integers(5)
    if kind == 0:
        for at in rng.integers(len(data), size=rng.integers(1, 20)):
            data[at] = rng.integers(256)
    elif kind == 1:
        del data[rng.integers(len(data)) :]
    elif kind in (2, 3):
        start, length = rng.integers(len(data)), int(rng.integers(1, 400))
        piece = data[start : start + length]
        data[start : start + (length if kind == 3 else 0)] = b"" if kind == 3 else piece
    else:
        digits = [at for at in rng.integers(len(data), size=200) if chr(data[at]).isdigit()]
        absurd = [b"1e30", b"-1e9", b"nan", b"inf", b"", b"99999999999999999999", b"1e999"]
        for at in digits[: rng.integers(1, 4)]:
            data[at : at + 1] = absurd[rng.integers(len(absurd))]
    return bytes(data)


def attack(folder: pathlib.Path, rounds: int, seed: int) -> dict[str, int]:
    """Reads each kind of file `rounds` times, each time damaged in another way."""
    rng = np.random.default_rng(seed)
    counts = {"read": 0, "refused": 0}
    for name, (write, skeleton) in wild.FILES.items():
        own = folder / name.replace(" ", "_")
        own.mkdir()
        source = write(own, wild.walk(Skeleton.load(skeleton))[:20])
        file = sorted(source.glob("*.json"))[3] if source.is_dir() else source
        content = file.read_bytes()
        for number in range(rounds):
            file.write_bytes(damaged(content, rng))
            started = time.process_time()
            what = f"{name}, damage {number} of seed {seed}"
            with warnings.catch_warnings(record=True) as noted:
                warnings.simplefilter("always")
                try:
                    clips = list(read(source))
                except TfposeError as error:
                    counts["refused"] += 1
                    said = str(error)
                    assert str(source) in said, f"{what}: {said}"
                    assert "\n" not in said and len(said) < 2000, f"{what}: {said}"
                    continue
                finally:
                    assert time.process_time() - started < SLOWEST, what
            counts["read"] += 1
            for clip in clips:
                assert np.isfinite(clip.positions[~clip.missing]).all(), what
                collapsed = _height(clip) and not 0.3 < _height(clip) < 4
                assert not collapsed or noted, f"{what}: {_height(clip)} m, and no word"
        file.write_bytes(content)
    return counts


def _height(clip) -> float:
    """The median extent of the bodies of a clip, metres; 0 where no frame is whole."""
    whole = clip.positions[~clip.missing.any(1)]
    return float(np.median(np.ptp(whole, axis=1).max(-1))) if len(whole) else 0.0


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_damaged_files_are_read_or_refused_in_one_line(tmp_path, seed):
    counts = attack(tmp_path, 10, seed)
    assert counts["read"] + counts["refused"] == 10 * len(wild.FILES)
    assert counts["refused"] > 10 and counts["read"] > 10


if __name__ == "__main__":
    files = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    with tempfile.TemporaryDirectory() as name:
        print(attack(pathlib.Path(name), -(-files // len(wild.FILES)), seed=int(time.time())))
