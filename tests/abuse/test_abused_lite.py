"""`tfpose.lite` from many threads, in processes that were forked off, and for a long time."""

import concurrent.futures
import os
import signal

import numpy as np
import pytest
import tally

import tfpose.lite
from tfpose.errors import LONGEST, TfposeError

pytestmark = pytest.mark.slow  # what it exports and starts takes most of a minute


@pytest.fixture
def lite(artifacts):
    return tfpose.lite.Model(artifacts["litert"], threads=2)


def test_eight_threads(lite, poses, times):
    many = np.resize(poses, (400, 17, 3))
    expected = lite.encode(many)

    def work(seed: int) -> int:
        rng = np.random.default_rng(seed)
        for _ in range(40 * times):
            rows = rng.integers(len(many), size=rng.choice([0, 1, 3, 50, 300]))
            for name, value in lite.encode(many[rows]).items():
                np.testing.assert_allclose(value, expected[name][rows], atol=1e-5, rtol=0)
        return seed

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == list(range(8))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning")
def test_forked_processes(lite, poses):
    """Also where the fork comes while other threads compute, and hold the lock."""
    many = np.resize(poses, (400, 17, 3))
    expected = lite.denoise(many)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        busy = [pool.submit(lambda: [lite.denoise(many) for _ in range(10)]) for _ in range(2)]
        for _ in range(4):
            child = os.fork()
            if not child:
                signal.alarm(60)  # a child that hangs dies
                same = [np.allclose(lite.denoise(many), expected, atol=1e-5, rtol=0) for _ in range(2)]
                os._exit(0 if all(same) else 1)
            assert os.waitpid(child, 0)[1] == 0
        for one in busy:
            one.result()


def test_calls_without_growth(lite, poses, times):
    """Of memory, whatever the batches are."""
    rng = np.random.default_rng(0)

    def calls(count: int):
        for _ in range(count):
            lite.denoise(poses[: rng.integers(1, 40)])
            with pytest.raises(TfposeError):
                lite.denoise(poses[:1, :16])

    calls(200)
    before = resident()
    calls(1000 * times)
    assert resident() - before < 8e6


def resident() -> int:
    """Bytes of this process in memory."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


STRANGE = [np.nan, np.inf, -np.inf, 1e30, -3e38, 1e300, 1e7, 0.0, 1e-40]
WRONG = [
    np.zeros((2, 16, 3)),
    np.zeros((2, 17, 2)),
    np.zeros((17, 3)),
    np.zeros(()),
    np.zeros((0, 16, 3)),
    np.zeros((2, 17, 3), complex),
    np.full((2, 17, 3), "1"),
    np.full((2, 17, 3), None),
    [[1.0], [1.0, 2.0]],
    "joints",
    None,
    {},
]


def test_strange_requests(lite, poses, times):
    """Numbers of no pose are missing joints; what does not fit is one line, and the next call is as if it never was."""
    rng, expected = np.random.default_rng(0), lite.denoise(poses)
    for number in range(300 * times):
        if number % 3 == 0:
            wrong = WRONG[rng.integers(len(WRONG))]
            with pytest.raises(TfposeError) as caught:
                lite(str(rng.choice(["denoise", "encode", "smooth"])), joints=wrong)
            assert str(caught.value).isprintable() and len(str(caught.value)) <= LONGEST
            continue
        rows = rng.integers(len(poses), size=rng.integers(1, 9))
        given, missing = poses[rows].astype(rng.choice(["float32", "float64"])), poses[rows].copy()
        if number % 3 == 1:
            with np.errstate(over="ignore"):
                np.testing.assert_allclose(lite.denoise(given), expected[rows], atol=1e-5, rtol=0)
            continue
        where = (rng.integers(len(rows)), rng.integers(17), rng.integers(3))
        value = STRANGE[rng.integers(6)]
        with np.errstate(over="ignore"):
            given[where] = value
            missing[where] = np.nan
            found = lite.denoise(given)
        assert np.isfinite(found).all()
        np.testing.assert_array_equal(found, lite.denoise(missing), err_msg=f"{value}, request {number}")
    np.testing.assert_array_equal(lite.denoise(poses), expected)
    tally.count("requests", "to tfpose.lite", {"refused": 100 * times, "answered": 200 * times})


def test_a_huge_batch(lite, poses):
    rows = np.arange(50_000) % len(poses)
    np.testing.assert_allclose(lite.denoise(poses[rows]), lite.denoise(poses)[rows], atol=1e-5, rtol=0)
