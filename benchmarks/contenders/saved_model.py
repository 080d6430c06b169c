"""A SavedModel in TensorFlow's C++ session, as TF Serving runs it; no Python code of TensorFlow."""

from __future__ import annotations

import json

from c_api import Session

from contenders.task import Calls, Work


def make(work: Work, option: str) -> Calls:
    session = Session(work.exported(option), work.threads)
    tensors = json.loads(work.exported(f"{option}.json").read_text())[work.kind]
    feeds, fetches = (
        {tensors["inputs"]["joints"]: work.poses()},
        [tensors["outputs"][name] for name in work.outputs],
    )
    return Calls(lambda: session.run(feeds, fetches))
