"""The ONNX file in ONNX Runtime."""

from __future__ import annotations

import onnxruntime

from contenders.task import Calls, Work


def make(work: Work, option: str) -> Calls:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = work.threads
    session = onnxruntime.InferenceSession(work.exported("onnx") / f"{work.kind}.onnx", options)
    poses = work.poses()
    return Calls(lambda: session.run(work.outputs, {"joints": poses}))
