"""Proves that artifacts compute what the Keras model computes."""

from __future__ import annotations

import dataclasses
import math
import os
import pathlib
from collections.abc import Iterable, Sequence

import keras
import numpy as np
import tensorflow as tf

from tfpose.errors import DataError, VerificationError
from tfpose.export.artifacts import Artifact, Signature, open_artifact
from tfpose.export.card import make_card, only_batch_is_free
from tfpose.export.examples import example_inputs
from tfpose.export.files import size
from tfpose.export.quantisation import PRECISIONS
from tfpose.export.signatures import DEFAULT, signatures
from tfpose.models.calls import as_written


@dataclasses.dataclass(frozen=True)
class Difference:
    """How far a signature's outputs are from the Keras model's, over all poses.

    Attributes:
        artifact, signature, batch: what was compared.
        largest: the largest absolute difference; metres for positions, codes have no unit.
        relative: the root mean square of the differences, as a share of the output's standard deviation, of the worst
            output. Whole numbers are left out: labels follow from probabilities, and flip where two are alike.
        allowed: the largest `relative` that passes, of a file of lower precision; None where `largest` counts.
    """

    artifact: str
    signature: str
    batch: int
    largest: float
    relative: float
    allowed: float | None = None

    def within(self, tolerance: float) -> bool:
        """Whether it passes; NaN does not."""
        return self.largest <= tolerance if self.allowed is None else self.relative <= self.allowed


@dataclasses.dataclass(frozen=True)
class Report:
    """What `verify` found.

    Attributes:
        poses: how many poses each signature was given.
        tolerance: the largest difference that passes in float32.
        sizes: bytes of each artifact.
        differences: one for each artifact, signature and batch size.
        problems: what else is wrong, as sentences.
    """

    poses: int
    tolerance: float
    sizes: dict[str, int]
    differences: list[Difference]
    problems: list[str]

    @property
    def ok(self) -> bool:
        return not self.failures()

    def failures(self) -> list[str]:
        """All that is wrong, as sentences."""
        return self.problems + [
            f"{row.artifact}: '{row.signature}' at batch {row.batch} differs by {_measure(row)}, more than "
            + (f"{self.tolerance:.0e}" if row.allowed is None else f"{row.allowed:.0%}")
            for row in self.differences
            if not row.within(self.tolerance)
        ]

    def to_dict(self) -> dict:
        """The report, ready for JSON; a difference that is not finite is None."""
        rows = [dataclasses.asdict(row) for row in self.differences]
        for row in rows:
            for measure in ("largest", "relative"):
                row[measure] = row[measure] if math.isfinite(row[measure]) else None
        return {
            "ok": self.ok,
            "poses": self.poses,
            "tolerance": self.tolerance,
            "sizes": self.sizes,
            "differences": rows,
            "problems": self.problems,
        }

    def __str__(self) -> str:
        """The report as a table."""
        batches = sorted({row.batch for row in self.differences})
        largest = {(row.artifact, row.signature, row.batch): _measure(row) for row in self.differences}
        table = [["artifact", "kB", "signature", *(f"batch {batch}" for batch in batches)]]
        for artifact, signature in dict.fromkeys((row.artifact, row.signature) for row in self.differences):
            cells = (largest.get((artifact, signature, batch), "") for batch in batches)
            table.append([artifact, f"{self.sizes[artifact] / 1000:.1f}", signature, *cells])
        widths = [max(map(len, column)) for column in zip(*table)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in table]
        lines.append(f"largest absolute difference to the Keras model over {self.poses} poses")
        passed = f"verified: every difference is at most {self.tolerance:.0e}"
        if any(row.allowed is not None for row in self.differences):
            lines.append("per cent: root mean square of the differences, of the output's standard deviation")
            passed += ", or what the precision allows"
        lines += self.failures() or [passed]
        return "\n".join(lines)


def verify(
    model: keras.Model,
    poses: np.ndarray,
    artifacts: Iterable[str | os.PathLike],
    batches: Sequence[int] = (1, 7, 64),
    tolerance: float = 1e-5,
) -> Report:
    """Compares every signature of every artifact with the Keras model.

    They are given `example_inputs`: clean, corrupted and incomplete poses. The operations of a LiteRT file must be
    built-in ones. What an artifact's card says decides what is expected: the only batch size that it takes, and a lower
    precision, for which `tfpose.export.quantisation.PRECISIONS` has what passes.

    Args:
        model: what was exported.
        poses: `[N, J, 3]` metres, complete; a few dozen do.
        artifacts: SavedModel directories, .tflite files, folders of .onnx files.
        batches: batch sizes; all poses go through each.
        tolerance: largest absolute difference allowed in float32, in metres for positions.

    Raises:
        DataError: for an unreadable artifact, none at all, or poses of another shape.
    """
    paths = [pathlib.Path(path) for path in artifacts]
    if not paths:
        raise DataError("no artifacts to verify")
    opened = {path: open_artifact(path) for path in paths}
    cards = {None: make_card(model)}  # by batch size; making one runs the model
    given = example_inputs(cards[None], poses)
    functions = signatures(model)
    with as_written():
        found = {one: one.python_function(*_chosen(given, one)) for one in set(functions.values())}
    expected = {
        name: {output: value.numpy() for output, value in found[one].items()} for name, one in functions.items()
    }
    differences, problems = [], []
    for path, artifact in opened.items():
        only = artifact.card.get("batch")
        if only not in cards:
            cards[only] = make_card(model, only)
        precision = PRECISIONS.get(artifact.card.get("precision"))
        differences += [
            Difference(
                str(path),
                name,
                batch,
                *_compared(artifact.signatures[name], given, expected[name], batch),
                allowed=precision and precision.error,
            )
            for name in _fitting(path, artifact, cards[only]["signatures"], problems)
            for batch in ([only] if only else batches)
        ]
    return Report(len(poses), tolerance, {str(path): size(path) for path in opened}, differences, problems)


def require(report: Report):
    """Raises VerificationError, with all that is wrong, unless the report is ok."""
    if not report.ok:
        raise VerificationError("\n".join(report.failures()))


def _chosen(given, function) -> list[tf.Tensor]:
    return [tf.constant(given[spec.name]) for spec in function.input_signature]


def _fitting(path, artifact: Artifact, described: dict, problems: list[str]) -> list[str]:
    """The signatures that can be compared. Problems with the others are added to `problems`."""
    if artifact.foreign_operations:
        problems.append(f"{path}: has operations that are not built in: {', '.join(artifact.foreign_operations)}")
        return []
    fitting, said = [], artifact.card.get("signatures", described)
    for name, wanted in described.items():
        if name == DEFAULT and artifact.kind == "ONNX":
            continue  # a folder of ONNX files has no second name for a file
        if artifact.kind != "SavedModel" and not (only_batch_is_free(wanted) and name in said):
            continue
        if name not in artifact.signatures:
            problems.append(f"{path}: has no signature '{name}'")
        elif artifact.signatures[name].describe() != wanted:
            problems.append(
                f"{path}: the inputs or outputs of '{name}' are not the model's: "
                f"expected {wanted}, got {artifact.signatures[name].describe()}"
            )
        else:
            fitting.append(name)
    return fitting


def _compared(signature: Signature, given: dict, expected: dict, batch: int) -> tuple[float, float]:
    """The largest absolute difference, and the largest relative one, over all outputs.

    States may be large numbers without a unit: their difference is a share of the largest where that is above 1. Trust
    is a sigmoid of large logits, and may differ by ten times as much; what follows from it by a threshold is left out.
    """
    expected = {name: value for name, value in expected.items() if name != "filled"}
    count = len(next(iter(given.values())))
    runs = []
    for start in range(0, count, batch):
        rows = np.arange(start, start + batch) % count  # the last batch is filled up from the front
        outputs = signature.run(**{name: given[name][rows] for name in signature.inputs})
        runs.append({name: outputs[name] - value[rows] for name, value in expected.items()})
    differences = {name: np.concatenate([run[name] for run in runs]) for name in expected}
    relative = [
        np.sqrt(np.mean(np.square(differences[name], dtype=np.float64))) / max(value.std(), 1e-6)
        for name, value in expected.items()
        if value.dtype.kind == "f"
    ]
    # Unlike max(), these keep NaN.
    sizes = {
        name: 1.0 if signature.outputs[name]["unit"] else max(10.0 if name == "trust" else 1.0, np.abs(value).max())
        for name, value in expected.items()
    }
    return float(np.max([np.abs(one).max() / sizes[name] for name, one in differences.items()])), float(
        np.max(relative)
    )


def _measure(row: Difference) -> str:
    """The number of a difference that decides."""
    return f"{row.largest:.1e}" if row.allowed is None else f"{row.relative:.1%}"
