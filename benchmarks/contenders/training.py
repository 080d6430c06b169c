"""tfpose's own training."""

from __future__ import annotations

import pathlib
import tempfile

import tfpose
from contenders import setting
from contenders.task import Steps, Work
from tfpose.trainers.loop import Loop
from tfpose.trainers.pretrain import make_optimizer, pretrain, siamese_loss


def make(work: Work, option: str) -> Steps:
    model, config = tfpose.load_model(work.preset), setting.configuration(work)

    def train(reached):
        with tempfile.TemporaryDirectory() as folder:
            Loop(
                model=model,
                optimizer=make_optimizer(config),
                loss=lambda batch, seed: siamese_loss(model, batch, seed, config),
                batches=lambda start: setting.same_batch(work),
                steps=10**9,
                seed=config.seed,
                workdir=pathlib.Path(folder),
                poses_per_step=config.batch,
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
