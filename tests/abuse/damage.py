"""Bytes as bad disks, bad networks and stopped copies leave them."""

import collections
import pathlib
import shutil
from collections.abc import Callable

import numpy as np

from tfpose.errors import LONGEST, TfposeError


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """The content with bits flipped, cut off, with a piece overwritten, zeroed, doubled or lost, or longer."""
    data, kind = bytearray(content), rng.integers(8)
    at, length = int(rng.integers(len(data))), int(rng.integers(1, 4096))
    if kind <= 2:
        for where in rng.integers(len(data), size=rng.integers(1, 4)):
            data[where] ^= 1 << rng.integers(8)
    elif kind == 3:
        del data[at:]
    elif kind == 4:
        data[at : at + length] = rng.bytes(len(data[at : at + length]))
    elif kind == 5:
        data[at : at + length] = bytes(len(data[at : at + length]))
    elif kind == 6:
        data[at : at + length] = data[at : at + length] * int(rng.choice([0, 2]))
    else:
        data += rng.bytes(length)
    return bytes(data)


def attack(source: pathlib.Path, folder: pathlib.Path, answer: Callable, rounds: int, seed: int) -> collections.Counter:
    """Damages a file, or one of a directory, again and again, and asks what `answer(path)` says of it.

    Returns:
        How often it was refused, and how often the answer was what it is without damage. Any other answer, an error
        of another kind, one that is long or does not name the file fails.
    """
    rng, counts = np.random.default_rng(seed), collections.Counter()
    copy = folder / source.name
    (shutil.copytree if source.is_dir() else shutil.copy)(source, copy)
    files = sorted(file for file in copy.rglob("*") if file.is_file()) if copy.is_dir() else [copy]
    expected = answer(copy)
    for number in range(rounds):
        file = files[rng.integers(len(files))]
        content = file.read_bytes()
        file.write_bytes(damaged(content, rng))
        what = f"{file}, round {number} of seed {seed}"
        try:
            assert same(answer(copy), expected), f"{what}: another answer, and no word"
            counts["same"] += 1
        except TfposeError as error:
            assert str(copy) in str(error) and str(error).isprintable() and len(str(error)) <= LONGEST, what
            counts["refused"] += 1
        except AssertionError:
            raise
        except Exception as error:
            raise AssertionError(f"{what}: {type(error).__name__}") from error
        file.write_bytes(content)
    return counts


def same(one, other) -> bool:
    """Whether two answers are alike to the last bit."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    return one == other
