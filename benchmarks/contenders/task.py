"""What a contender is given to do, and how it does it turn by turn. Nothing here imports TensorFlow."""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import threading
import time
from collections.abc import Callable, Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class Work:
    """One piece of work, the same for all contenders.

    Attributes:
        kind: "train" (a step of it), "encode", "denoise", or "epoch".
        preset: the model, a preset's name. Training goes on from its weights, an epoch starts from random ones.
        batch: poses per call or step.
        folder: holds `poses.npy` `[N, J, 3]`, and for every preset a folder with what was exported of it.
        threads: how many threads a call may compute on.
        every: of a training, how many steps are timed together, as the programs that train report now and then.
        data: of an epoch, a data set of `tfpose.datasets.splits`, or a folder with clips in `train/` and `test/`.
    """

    kind: str
    preset: str
    batch: int
    folder: str
    threads: int
    every: int = 1
    data: str = ""

    def poses(self) -> np.ndarray:
        """`[batch, J, 3]` metres."""
        return np.load(pathlib.Path(self.folder, "poses.npy"), mmap_mode="r")[: self.batch].copy()

    @property
    def outputs(self) -> tuple[str, ...]:
        """The outputs of the signature that all contenders give, in this order."""
        return {"denoise": ("denoised",), "encode": ("pose_code", "view_code")}[self.kind]

    def exported(self, name: str) -> pathlib.Path:
        """What `tfpose export` wrote of the preset under that name."""
        return pathlib.Path(self.folder, self.preset, name)


class Calls:
    """Work that is one call after the other; `call` returns arrays whose first axis is the batch."""

    def __init__(self, call: Callable[[], Sequence[np.ndarray]]):
        self._call = call

    def first(self) -> list[float]:
        """The first call: its results for up to four poses, in a row."""
        parts = [np.asarray(part, np.float64)[:4] for part in self._call()]
        return np.concatenate([part.reshape(len(part), -1) for part in parts], 1).ravel().tolist()

    def run(self, seconds: float) -> list[float]:
        """The seconds of each of the calls of a turn, one at least."""
        end, times = time.perf_counter() + seconds, []
        while not times or time.perf_counter() < end:
            before = time.perf_counter()
            self._call()
            times.append(time.perf_counter() - before)
        return times

    def close(self):
        """Nothing runs between calls."""


class Steps:
    """A training, which goes on by itself: in a thread of its own, where it waits while others have their turn.

    Args:
        train: trains without end, and calls `reached()` after every `every` steps.
        every: see there.
        answer: what has been learned, as numbers.
    """

    def __init__(self, train: Callable[[Callable[[], None]], None], every: int, answer: Callable[[], list[float]]):
        self._train, self._every, self._answer = train, every, answer
        self._go, self._arrived = threading.Semaphore(0), threading.Semaphore(0)
        self._end, self._since, self._times = 0.0, None, []
        self._closed, self._error = False, None
        self._thread = threading.Thread(target=self._work, daemon=True)

    def first(self) -> list[float]:
        """The first `every` steps, with all that is built and compiled before them: what has been learned."""
        self._thread.start()
        self._wait()
        return self._answer()

    def run(self, seconds: float) -> list[float]:
        """The seconds of a step, again and again until the turn is over."""
        self._times, self._end = [], time.perf_counter() + seconds
        self._go.release()
        self._wait()
        return self._times

    def close(self):
        """Ends the training."""
        self._closed = True
        self._go.release()
        self._thread.join()

    def _wait(self):
        self._arrived.acquire()
        if self._error is not None:
            raise self._error

    def _work(self):
        with contextlib.suppress(_Closed):
            try:
                self._train(self._reached)
            except Exception as error:
                self._error = error
                self._arrived.release()

    def _reached(self):
        now = time.perf_counter()
        if self._since is not None:
            self._times.append((now - self._since) / self._every)
        if now >= self._end:
            self._arrived.release()
            self._go.acquire()
            if self._closed:
                raise _Closed
        self._since = time.perf_counter()


class _Closed(BaseException):
    """Unwinds a training; no program that trains catches it."""


def peak_memory() -> int:
    """The most bytes that this process has had in memory; Linux."""
    # Unlike getrusage's, this number does not count what the process was forked from.
    status = pathlib.Path("/proc/self/status").read_text()
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])
