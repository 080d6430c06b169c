"""What the measured values of batching are made of."""

import time

import batching
import numpy as np
import pytest
from absl import flags

for _flag in list(flags.FLAGS.flags_by_module_dict()["batching"]):
    delattr(flags.FLAGS, _flag.name)  # other programs that tests import have flags of these names


def test_requests_per_second_are_those_of_the_time_that_they_took(monkeypatch):
    for name, value in {"_SECONDS": 0.01, "_ROUNDS": 2, "_CLIENTS": 4, "_WAITS": (0,)}.items():
        monkeypatch.setattr(batching, name, value)
    asked = []
    monkeypatch.setattr(batching, "batched", lambda run, *settings: asked.append(settings) or run)
    alone, together = batching.by_wait(lambda joints: time.sleep(0.1), np.zeros((4, 2, 3)), largest=8, threads=1)
    for row in (alone, together):
        assert 0 < row["requests_per_second"] <= 4 / 0.1
    assert [settings[1:] for settings in asked] == [(8, 1, 0)]


@pytest.mark.parametrize(("rates", "threads"), [({1: 95, 2: 100, 4: 90}, 1), ({1: 50, 2: 95, 4: 100}, 2)])
def test_the_fewest_threads_near_the_best(rates, threads):
    assert batching.fewest_threads(rates) == threads
