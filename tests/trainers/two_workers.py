"""Trains in FOLDER, as one worker alone or, with TF_CONFIG, as one of several; see test_workers.py."""

import pathlib
import sys

from tfpose.trainers.loop import strategy_scope

scope = strategy_scope()  # first of all: importing test_loop makes Keras variables

from test_loop import line_loop  # noqa: E402
from test_streaming import SETTINGS  # noqa: E402

from tfpose import cli  # noqa: E402

CONFIGS = {
    "default": ["--config.model.refinements=1", "--config.model.correction_units=8"],
    "paper": [],
}


def main(folder: pathlib.Path, shards: pathlib.Path):
    with scope:
        for steps in (6, 12):  # the second goes on from the chief's checkpoint
            line_loop(folder / "line", steps).run()
    settings = [f"--config.{name}={value}" for name, value in SETTINGS.items()]
    for name, more in CONFIGS.items():
        command = ["pretrain", f"--config={name}", f"--data={shards}", f"--workdir={folder / name}", *settings, *more]
        status = cli.main(
            [*command, f"--model_skeleton={shards.parent / 'stick.json'}", "--config.batch=48", "--evaluators="]
        )
        if status:
            sys.exit(status)


if __name__ == "__main__":
    main(*map(pathlib.Path, sys.argv[1:]))
