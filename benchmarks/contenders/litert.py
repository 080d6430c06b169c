"""The LiteRT file, as `tfpose.lite` runs it."""

from __future__ import annotations

import tfpose.lite
from contenders.task import Calls, Work


def make(work: Work, option: str) -> Calls:
    """`option` is the number of threads."""
    model, poses = tfpose.lite.Model(work.exported("model.tflite"), threads=int(option)), work.poses()

    def call():
        outputs = model(work.kind, joints=poses)
        return [outputs[name] for name in work.outputs]

    return Calls(call)
