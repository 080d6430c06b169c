"""The contenders of `speed.py`.

A module here has `make(work, option)`, which returns a `task.Calls` or `task.Steps`, and for the kind "epoch"
`epoch(work)`, which does it and returns what it measured. A worker process imports only the module of its contender.
"""

from __future__ import annotations

import dataclasses
import importlib

from contenders.task import Calls, Once, Steps, Work

CALLS = ("encode", "denoise")
PAPER = "sebirenet_cmu_paper"  # the preset of all work, unless said otherwise


@dataclasses.dataclass(frozen=True)
class Contender:
    """A contender.

    Attributes:
        title: its name in tables.
        module: its module in this package.
        option: an argument of the module's `make`.
        kinds: the kinds of work that it can do.
    """

    title: str
    module: str
    option: str = ""
    kinds: tuple[str, ...] = CALLS


REFERENCE = "per_node"
CONTENDERS = {
    REFERENCE: Contender("per node, plain `tf.function`", "per_node", kinds=(*CALLS, "train", "epoch")),
    "keras_way": Contender(
        "per node, `model.fit` and `predict_on_batch`", "keras_way", kinds=(*CALLS, "train", "epoch")
    ),
    "training": Contender("tfpose training", "training", kinds=("train", "epoch")),
    "called": Contender("tfpose, Python call", "library", "python"),
    "xla": Contender("tfpose model, XLA", "library", "xla"),
    "saved_model": Contender("SavedModel, C API", "saved_model", "saved_model"),
    "compiled": Contender("SavedModel with XLA (`--compiled`), C API", "saved_model", "compiled"),
    "litert_1": Contender("LiteRT, 1 thread", "litert", "1"),
    "litert_2": Contender("LiteRT, 2 threads", "litert", "2"),
    "onnx": Contender("ONNX Runtime", "onnx"),
}
LIMITS = {  # what bounds every contender
    "product": Contender("the limit: a large matrix product", "limits", "product", kinds=(*CALLS, "train")),
    "products": Contender("its products alone, in TensorFlow", "limits", "products", kinds=(*CALLS, "train")),
    "functions": Contender(
        "its products, sigmoids and tanhs alone, in TensorFlow", "limits", "functions", kinds=(*CALLS, "train")
    ),
}
ALL = CONTENDERS | LIMITS


def make(contender: str, work: dict) -> Calls | Steps | Once:
    """The task of a worker process: a piece of work for a contender."""
    chosen, work = ALL[contender], Work(**work)
    module = importlib.import_module(f"contenders.{chosen.module}")
    return Once(lambda: module.epoch(work)) if work.kind == "epoch" else module.make(work, chosen.option)
