"""One task in a process of its own: JSON lines in, JSON lines out. `harness.Worker` starts it.

    {"do": "prepare", "module": ..., "arguments": {...}}   ->  {"answer": ...}   of `first()` of the new task
    {"do": "run", "arguments": {...}}                      ->  {"answer": ...}   of its `run(**arguments)`

The task is what `make(**arguments)` of the module returns. Each answer has "peak_memory" in bytes too, and a task that
fails is answered by {"error": ...}.
"""

from __future__ import annotations

import importlib
import json
import os
import pathlib
import sys
import traceback

from tfpose.compilation import prepare_xla


def main():
    # What libraries print goes to the log, so that standard output has nothing but answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    prepare_xla()  # as the command does; of all contenders, only what XLA compiles can be kept
    task = None
    for line in sys.stdin:
        message = json.loads(line)
        try:
            if message["do"] == "prepare":
                if task is not None:
                    task.close()
                task = importlib.import_module(message["module"]).make(**message["arguments"])
                answer = {"answer": task.first()}
            else:
                answer = {"answer": task.run(**message["arguments"])}
        except Exception:
            answer = {"error": traceback.format_exc()}
        answers.write(json.dumps(answer | {"peak_memory": peak_memory()}) + "\n")
        answers.flush()
    os._exit(0)  # without waiting for threads that wait for their turn


def peak_memory() -> int:
    """The most bytes that this process has had in memory; Linux."""
    # Unlike getrusage's, this number does not count what the process was forked from.
    status = pathlib.Path("/proc/self/status").read_text(encoding="utf-8")
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])


if __name__ == "__main__":
    main()
