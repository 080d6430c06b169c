"""What all benchmarks share: processes that take turns, times, and reports.

Nothing here imports TensorFlow until a report is written: measured processes import this module too.
"""

from __future__ import annotations

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable

from tfpose.errors import TfposeError


class Worker:
    """A process of `worker.py` that does one task.

    Args:
        name: for error messages.
        environment: variables that are added to those of this process.

    Attributes:
        started: when the process was started, by `time.perf_counter`, which is the same for all processes on Linux.
        peak_memory: the most bytes that the process had in memory until its last answer.
    """

    def __init__(self, name: str, environment: dict[str, str] | None = None):
        self.name = name
        self.peak_memory = 0
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the process)
        # TF_XLA_FLAGS names the cache of this process: the worker takes its own from TFPOSE_CACHE.
        own = {variable: value for variable, value in os.environ.items() if variable != "TF_XLA_FLAGS"}
        self.started = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, str(pathlib.Path(__file__).with_name("worker.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=own | (environment or {}),
            text=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.communicate()
        self._log.close()

    def tell(self, do: str, **arguments):
        """Asks for something without waiting for the answer; see `worker.py`."""
        try:
            self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            self._died()

    def answer(self):
        """Waits for the answer.

        Raises:
            TfposeError: when the task failed.
        """
        line = self._process.stdout.readline()
        if not line:
            self._died()
        found = json.loads(line)
        self.peak_memory = found["peak_memory"]
        if "error" in found:
            raise TfposeError(f"benchmark contender '{self.name}' failed:\n{found['error']}")
        return found["answer"]

    def ask(self, do: str, **arguments):
        """`tell`, then `answer`."""
        self.tell(do, **arguments)
        return self.answer()

    def _died(self):
        self._log.seek(0)
        last = self._log.read().decode(errors="replace")[-2000:]
        raise TfposeError(f"benchmark contender '{self.name}' ended with {self._process.wait()}:\n{last}")


def in_turns(cases: Iterable, rounds: int, turn: Callable) -> dict[object, list]:
    """Case -> the lists that `turn(case)` returned in all rounds, as one list.

    The cases take turns (A B C A B C ...), so that a busy machine slows all of them alike.
    """
    found = {case: [] for case in cases}
    for _ in range(rounds):
        for case, measured in found.items():
            measured += turn(case)
    return found


def medians(cases: dict[object, Callable], rounds: int, seconds: float = 0.0) -> dict:
    """Case -> the median seconds of a call.

    Args:
        cases: functions without arguments. Each is called once before, because the first call sets things up.
        rounds: how often the cases take turns.
        seconds: how long a turn is; it has at least one call.
    """
    for call in cases.values():
        call()
    turns = in_turns(cases, rounds, lambda case: timed(cases[case], seconds))
    return {case: statistics.median(times) for case, times in turns.items()}


def timed(call: Callable, seconds: float) -> list[float]:
    """The seconds of each call, again and again for `seconds`; at least one call."""
    end, times = time.perf_counter() + seconds, []
    while not times or time.perf_counter() < end:
        before = time.perf_counter()
        call()
        times.append(time.perf_counter() - before)
    return times


def report(out: str | None, kind: str, found: dict, text: str, model: str | None = None):
    """Prints the tables, and writes them and the numbers to `out` (see `tfpose.trainers.results.write`) if given."""
    from tfpose.trainers import results

    print(text)
    if out:
        results.write(out, kind, found, text, model)


def program(main: Callable):
    """Runs `main` of a program with its flags. A `TfposeError` ends it with its message alone."""
    from absl import app, flags

    from tfpose.trainers import results

    def run(arguments):
        try:
            results.check(flags.FLAGS.out)
            main(arguments)
        except TfposeError as error:
            sys.exit(str(error))

    app.run(run)


def processor() -> str:
    """The name of the processor in /proc/cpuinfo."""
    lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
