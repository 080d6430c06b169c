"""One contender in a process of its own: JSON lines in, JSON lines out. `speed.py` starts it.

    {"do": "prepare", "work": {...}}   ->  {"answer": [...]}    sets up, calls for the first time
    {"do": "run", "seconds": 0.3}      ->  {"seconds": [...]}   of each call of a turn
    {"do": "epoch", "work": {...}}     ->  {"epoch": {...}}     what `epoch` of the contender's module measured

Each answer has "peak_memory", in bytes, too; or it is {"error": ...}.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback

from contenders import ALL
from contenders.task import Work, peak_memory

from tfpose.compilation import prepare_xla


def main(name: str):
    # What others print goes to the log, so that answers stay alone.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    prepare_xla()  # as the command does; of all contenders, only what XLA compiles is there to be kept
    contender, task = ALL[name], None
    for line in sys.stdin:
        message = json.loads(line)
        try:
            if message["do"] == "run":
                answer = {"seconds": task.run(message["seconds"])}
            else:
                module = importlib.import_module(f"contenders.{contender.module}")
                work = Work(**message["work"])
                if message["do"] == "epoch":
                    answer = {"epoch": module.epoch(work)}
                else:
                    if task is not None:
                        task.close()
                    task = module.make(work, contender.option)
                    answer = {"answer": task.first()}
        except Exception:
            answer = {"error": traceback.format_exc()}
        answers.write(json.dumps(answer | {"peak_memory": peak_memory()}) + "\n")
        answers.flush()
    os._exit(0)  # not waiting for threads that wait for their turn


if __name__ == "__main__":
    main(*sys.argv[1:])
