"""A piece of work for a contender, and the tasks that do it turn by turn. Nothing here imports TensorFlow."""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import threading
import time
from collections.abc import Callable, Sequence

import numpy as np
from harness import timed


@dataclasses.dataclass(frozen=True)
class Work:
    """A piece of work, the same for all contenders.

    Attributes:
        kind: "train" (a training step), "encode", "denoise", or "epoch".
        preset: the name of the model's preset. Training goes on from its weights; an epoch starts from random ones.
        batch: poses per call or step.
        folder: holds `poses.npy` `[N, J, 3]`, and for every preset a folder with its exported files.
        threads: how many threads a call may use.
        every: for training, how many steps are timed together, as training programs report every few steps.
        data: for an epoch, a data set of `tfpose.datasets.splits`, or a folder with clips in `train/` and `test/`.
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
        """The file or folder `name` that `tfpose export` wrote for the preset."""
        return pathlib.Path(self.folder, self.preset, name)


class Once:
    """Work that is done once: `do` returns what it measured."""

    def __init__(self, do: Callable[[], dict]):
        self.first = do

    def close(self):
        """Nothing is left to end."""


class Calls:
    """Work that is one call after the other; `call` returns arrays whose first axis is the batch."""

    def __init__(self, call: Callable[[], Sequence[np.ndarray]]):
        self._call = call

    def first(self) -> list[float]:
        """Calls for the first time, and returns the results for up to four poses in a row."""
        parts = [np.asarray(part, np.float64)[:4] for part in self._call()]
        return np.concatenate([part.reshape(len(part), -1) for part in parts], 1).ravel().tolist()

    def run(self, seconds: float) -> list[float]:
        """The seconds of each call of a turn; it has at least one."""
        return timed(self._call, seconds)

    def close(self):
        """Nothing runs between calls."""


class Steps:
    """A training in a thread of its own, which waits there while other contenders have their turn.

    Args:
        train: `train(reached)` trains without end and calls `reached()` after every `every` steps.
        every: see `train`.
        answer: returns numbers that tell what has been learned.
    """

    def __init__(self, train: Callable[[Callable[[], None]], None], every: int, answer: Callable[[], list[float]]):
        self._train, self._every, self._answer = train, every, answer
        self._go, self._arrived = threading.Semaphore(0), threading.Semaphore(0)
        self._end, self._since, self._times = 0.0, None, []
        self._closed, self._error = False, None
        self._thread = threading.Thread(target=self._work, daemon=True)

    def first(self) -> list[float]:
        """Does the first `every` steps, after all building and compiling, and returns the `answer`."""
        self._thread.start()
        self._wait()
        return self._answer()

    def run(self, seconds: float) -> list[float]:
        """The seconds of a step, measured again and again until the turn is over."""
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
