"""The size, the speed and the accuracy of a model's LiteRT files on real poses.

    .venv/bin/python benchmarks/litert_files.py --out results/export.json

Beside the files that `tfpose export` writes are files that it could write instead: those of TensorFlow's converter, and
int8 for more of the network. The latency of one pose is measured by LiteRT's own program; the files take turns.
"""

from __future__ import annotations

import functools
import gzip
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

import numpy as np
import tensorflow as tf
from absl import flags
from ai_edge_litert.interpreter import Interpreter
from harness import in_turns, program, report

from tfpose import metrics
from tfpose.datasets import splits
from tfpose.export.card import make_card
from tfpose.export.examples import example_inputs
from tfpose.export.exporting import LITERT, export
from tfpose.export.litert import unpack
from tfpose.export.quantisation import Precision, apply_rules, quantise
from tfpose.litert_file import METADATA
from tfpose.models import load_model
from tfpose.trainers import markdown
from tfpose.trainers.evaluators import denoise

_MODEL = flags.DEFINE_string("model", "sebirenet_cmu", "A preset, or a trained model.")
_OUT = flags.DEFINE_string("out", None, "JSON file for the result.")

_DATA, _POSES = "h36m", 500  # whose test poses are corrupted and denoised; for each number of moved joints
_CALIBRATION, _CALIBRATION_POSES = "cmu", 512  # on whose training poses full int8 is calibrated
_ROUNDS = 3
_THREADS = (1, 2)
_STATIC = tuple((".*", operation, "static") for operation in ("FULLY_CONNECTED", "BATCH_MATMUL"))
_NETWORK = "(^|;)(encoder|decoder|trust|correction)"
_ARITHMETIC = tuple((_NETWORK, operation, "static") for operation in ("ADD", "SUB", "MUL", "LOGISTIC", "TANH"))
_ALTERNATIVES = {
    "int8 weights alone": tuple((".*", operation, "weights") for operation in ("FULLY_CONNECTED", "BATCH_MATMUL")),
    "static int8, what enters the trees too": _STATIC,
    "static int8, sums and activation functions too": _STATIC + _ARITHMETIC,
}


def files(model, folder: pathlib.Path) -> dict[str, pathlib.Path]:
    """Name -> LiteRT file: the files that ship, then the alternatives."""
    poses = splits.poses(_CALIBRATION, "train", None, model.skeleton).thinned(_CALIBRATION_POSES)
    made = export(model, folder, ["saved_model", *LITERT], calibration=poses.positions)
    saved_model = made.pop("saved_model")
    for name, types in (("float16 by the converter", [tf.float16]), ("dynamic range by the converter", [])):
        converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model), signature_keys=["denoise", "encode"])
        converter.optimizations, converter.target_spec.supported_types = [tf.lite.Optimize.DEFAULT], types
        made[name] = folder / f"{name}.tflite"
        made[name].write_bytes(converter.convert())
    inputs = example_inputs(make_card(model), poses.positions)
    for name, rules in _ALTERNATIVES.items():
        precision = Precision(name, functools.partial(apply_rules, rules=rules), error=np.inf)
        made[name] = quantise(made["litert"], folder / f"{name}.tflite", precision, inputs)
    return made


def outputs(path: pathlib.Path, tests: dict) -> dict[str, list[np.ndarray]]:
    """Output -> its values for the corrupted poses, an array for each number of moved joints."""
    interpreter = Interpreter(str(path), num_threads=1)
    run = {name: interpreter.get_signature_runner(name) for name in ("denoise", "encode")}
    one_by_one = run["denoise"].get_input_details()["joints"]["shape_signature"][0] == 1
    made = {"denoised": [], "pose_code": [], "view_code": []}
    for test in tests.values():
        batches = np.split(test.observed, len(test.observed)) if one_by_one else [test.observed]
        for name, outputs in (("denoise", ("denoised",)), ("encode", ("pose_code", "view_code"))):
            parts = [run[name](joints=batch) for batch in batches]
            for output in outputs:
                made[output].append(np.concatenate([part[output] for part in parts]))
    return made


def accuracy(made: dict, exact: dict, tests: dict) -> dict:
    """Errors against the outputs of the float32 file and against the truth, by number of moved joints."""
    truths = [test.truth for test in tests.values()]
    pairs = list(zip(made["denoised"], exact["denoised"]))
    return {
        "difference_mm": [1000 * float(metrics.mpjpe(ours, theirs)) for ours, theirs in pairs],
        "mpjpe_mm": [1000 * float(metrics.mpjpe(ours, truth)) for ours, truth in zip(made["denoised"], truths)],
        **{
            f"{code}_error": float(
                np.sqrt(np.mean(np.square(np.subtract(made[code], exact[code]))) / np.mean(np.square(exact[code])))
            )
            for code in ("pose_code", "view_code")
        },
    }


def size(path: pathlib.Path) -> dict:
    """Bytes of the file, of its constants (without the card), and of the compressed file."""
    content = path.read_bytes()
    model = unpack(content)
    card = [entry.buffer for entry in model.metadata if entry.name == METADATA.encode()]
    constants = [
        len(buffer.data) for i, buffer in enumerate(model.buffers) if buffer.data is not None and i not in card
    ]
    return {"bytes": len(content), "constants": sum(constants), "compressed": len(gzip.compress(content))}


def latency(path: pathlib.Path, threads: int) -> float:
    """Median milliseconds of denoising one pose."""
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder, "result.json")
        settings = {"model": path, "signature": "denoise", "num_threads": threads, "result_json": report}
        settings |= {"warmup_runs": 20, "num_runs": 200}
        arguments = [str(part) for name, value in settings.items() for part in (f"--{name}", value)]
        subprocess.run(
            [sys.executable, "-m", "ai_edge_litert.tools.benchmark_litert_model", *arguments],
            check=True,
            capture_output=True,
            timeout=120,
        )
        return json.loads(report.read_text())["latency"]["median_ms"]


def table(rows: dict, parameters: int) -> str:
    """The rows as a table, and their explanation."""
    header = ("", "kB", "constants", "gzip", "1 thread, ms", "2 threads, ms", "from float32, mm: k = 0", "k = 1-5")
    header += ("MPJPE change, mm: k = 0", "k = 1-5", "pose code, %", "view code, %")
    exact = rows["litert"]["mpjpe_mm"]
    cells = []
    for name, row in rows.items():
        kilobytes = [f"{row[part] / 1000:,.0f}" for part in ("bytes", "constants", "compressed")]
        times = [f"{time:.2f}" for time in row["latency_ms"].values()]
        change = np.subtract(row["mpjpe_mm"], exact)
        millimetres = [row["difference_mm"][0], np.mean(row["difference_mm"][1:]), change[0], np.mean(change[1:])]
        codes = [f"{100 * row[f'{code}_error']:.2f}" for code in ("pose_code", "view_code")]
        shown = name if name in LITERT else f"not shipped: {name}"
        cells.append((shown, *kilobytes, *times, *(f"{value:.2f}" for value in millimetres), *codes))
    weights, graphs = rows["litert"]["constants"] / 4, rows["litert_int8"]["bytes"] - rows["litert_int8"]["constants"]
    return f"""{markdown.table(header, cells)}

One pose per call; k joints are moved far. From float32: the mean distance of denoised joints from those of `litert`.
MPJPE change: how much worse the distance from the truth is. Codes: the root mean square of the difference, of that of
the code.

Of {parameters:,} parameters, the signatures use {weights:,.0f}; none is in a file twice. At a byte each they are
{weights / 1000:.0f} kB, and the {graphs / 1000:.0f} kB beside the constants of `litert_int8` are the operations and
tensors of the unrolled trees: with 8 bits this model cannot be smaller than both."""


def main(_):
    model = load_model(_MODEL.value)
    data = splits.poses(_DATA, "test", None, model.skeleton)
    tests = denoise.corrupt_by_count(data, seed=0, most_poses=_POSES)
    with tempfile.TemporaryDirectory() as folder:
        paths = files(model, pathlib.Path(folder, "exported"))
        exact = outputs(paths["litert"], tests)
        rows = {name: size(path) | accuracy(outputs(path, tests), exact, tests) for name, path in paths.items()}
        times = in_turns(paths, _ROUNDS, lambda name: [[latency(paths[name], count) for count in _THREADS]])
    for name, row in rows.items():
        row["latency_ms"] = {str(n): statistics.median(turn[i] for turn in times[name]) for i, n in enumerate(_THREADS)}
    text = table(rows, model.count_params())
    found = {
        "data": {"name": data.name, "checksum": data.checksum, "poses": len(tests[0].truth)},
        "calibration": f"{_CALIBRATION}/train",
        "parameters": model.count_params(),
        "rows": rows,
    }
    report(_OUT.value, "export", found, text, _MODEL.value)


if __name__ == "__main__":
    program(main)
