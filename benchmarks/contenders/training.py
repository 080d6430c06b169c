"""tfpose's own training."""

from __future__ import annotations

import pathlib
import tempfile

import tfpose
from contenders import setting
from contenders.task import Steps, Work
from tfpose.trainers.pretrain import make_loop, pretrain


def make(work: Work, option: str) -> Steps:
    model, config = tfpose.load_model(work.preset), setting.configuration(work)
    config.steps = 10**9

    def train(reached):
        with tempfile.TemporaryDirectory() as folder:
            make_loop(
                config,
                model,
                batches=lambda start: setting.same_batch(work),
                workdir=pathlib.Path(folder),
                checkpoint_every=10**9,
                evaluate=lambda step: reached() or {},
                evaluate_every=work.every,
                progress=False,
            ).run()

    return Steps(train, work.every, lambda: setting.learned(model, work))


def epoch(work: Work) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        return setting.epoch(
            work,
            lambda config, poses, evaluate: pretrain(config, poses, folder, evaluate=evaluate, progress=False),
        )
