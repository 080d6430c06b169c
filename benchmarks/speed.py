"""How fast tfpose trains, encodes and denoises in every form that it ships in, beside the usual ways to write the same.

    .venv/bin/python benchmarks/speed.py --out results/speed.json

Every contender is a process of its own. They take turns (A B C A B C ...) for several rounds on the same cores, so that
a busy machine slows all of them alike. All do the same work with the same weights, and their results are compared
before anything is timed. The contenders are in `contenders/`.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import tempfile
import time

import c_api
import flops
import numpy as np
import speed_report
import tensorflow as tf
from absl import flags
from contenders import ALL, CALLS, LIMITS, PAPER
from contenders.limits import SIZE
from contenders.task import Work
from harness import Worker, in_turns, processor, program, report
from tqdm import tqdm

import tfpose
from tfpose.datasets import splits, synthetic
from tfpose.errors import TfposeError
from tfpose.export.exporting import export
from tfpose.export.saved_model import export_saved_model
from tfpose.formats import arrays

PARTS = ("train", "calls", "start", "epoch")
_OUT = flags.DEFINE_string("out", "results/speed.json", "JSON file for the result; a table is written beside it.")
_PARTS = flags.DEFINE_list("parts", list(PARTS), "What is measured.")
_CONTENDERS = flags.DEFINE_list("contenders", list(ALL), "Who takes part.")
_CORES = flags.DEFINE_integer("cores", 2, "Cores, and threads, for each contender.", lower_bound=1)
_QUICK = flags.DEFINE_bool("quick", False, "Two poses, one round, only the paper's model: to see that it works.")


@dataclasses.dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes:
        presets: whose weights are used.
        batches: poses per call.
        step_batches: poses per training step.
        rounds: how often the contenders take turns.
        seconds: the length of a turn of calls; a turn of training steps is four times as long.
        starts: how often each contender is started.
        epoch_batch: poses per step of an epoch.
        epoch_poses: poses of an epoch, where the data set is made up.
    """

    presets: tuple[str, ...] = (PAPER, "sebirenet_cmu")
    batches: tuple[int, ...] = (1, 64, 1024, 16384)
    step_batches: tuple[int, ...] = (64, 256, 1024)
    rounds: int = 3
    seconds: float = 0.2
    starts: int = 2
    epoch_batch: int = 64
    epoch_poses: int = 52_500


QUICK = Plan((PAPER,), (2,), (2,), rounds=1, seconds=0.05, starts=1, epoch_batch=2, epoch_poses=16 * synthetic.FRAMES)
_FORMATS = {"saved_model": "saved_model", "litert_1": "litert", "litert_2": "litert", "onnx": "onnx"}
_ANSWERS = 1e-4  # metres, or the codes' unit: how far the answers of contenders may differ
_LEARNED = 0.1  # how far the errors after the first steps may differ, as a share: XLA draws other random numbers


def worker(name: str, folder: pathlib.Path, cache: pathlib.Path | None = None) -> Worker:
    """A new process for a contender; its cache of compiled programs is empty unless one is given."""
    threads = str(_CORES.value)
    own = {
        "TF_NUM_INTRAOP_THREADS": threads,
        "TF_NUM_INTEROP_THREADS": threads,
        "TF_ENABLE_ONEDNN_OPTS": "1",  # TensorFlow's default
        "TFPOSE_CACHE": str(cache or tempfile.mkdtemp(dir=folder)),
    }
    return Worker(name, own)


def task(name: str, work: Work) -> dict:
    """What `Worker.ask("prepare", ...)` takes for a piece of work."""
    return {"module": "contenders", "arguments": {"contender": name, "work": vars(work)}}


def taking_part(kind: str) -> list[str]:
    """The contenders that can do that kind of work, without the limits."""
    return [name for name in _CONTENDERS.value if name not in LIMITS and kind in ALL[name].kinds]


def limits(work: Work) -> list[str]:
    """The limits that are measured beside a piece of work: the large product, and for large batches the work's own.

    The work's products are known for the paper's model only; for a small batch they only say how slow calls are.
    """
    large = work.preset == PAPER and work.batch >= speed_report.LARGE
    return [name for name in _CONTENDERS.value if name in LIMITS and (large or name == "product")]


def measured(works: list[Work], plan: Plan, bar: tqdm, folder: pathlib.Path) -> list[dict]:
    """A row for each piece of work: contender -> seconds of its calls. Each contender keeps its process."""
    rows = []
    names = dict.fromkeys(name for work in works for name in (*taking_part(work.kind), *limits(work)))
    workers = {name: worker(name, folder) for name in names}
    try:
        for work in works:
            row = _row(work)
            bar.set_postfix_str(" ".join(map(str, row.values())))
            present = [*taking_part(work.kind), *limits(work)]
            for name in present:
                workers[name].tell("prepare", **task(name, work))
            answers = {name: workers[name].answer() for name in present}
            row["difference"] = compare(row, {name: answers[name] for name in taking_part(work.kind)})

            def turn(name, kind=work.kind):
                long = kind == "train" and name not in LIMITS
                return workers[name].ask("run", arguments={"seconds": plan.seconds * (4 if long else 1)})

            turns = in_turns(present, plan.rounds, turn)
            row["times"] = {name: spread(times) for name, times in turns.items()}
            rows.append(row)
            bar.update()
    finally:
        for process in workers.values():
            process.__exit__()
    return rows


def _row(work: Work) -> dict:
    return {"kind": work.kind, "preset": work.preset, "batch": work.batch}


def compare(row: dict, answers: dict[str, list[float]]) -> float:
    """The largest difference of an answer from that of the first contender.

    Raises:
        TfposeError: when it is too large for the same work.
    """
    first, *_ = answers.values()
    largest = 0.0
    for name, answer in answers.items():
        difference = float(np.max(np.abs(np.subtract(answer, first))))
        allowed = _LEARNED * first[0] if row["kind"] == "train" else _ANSWERS
        if not difference <= allowed:
            raise TfposeError(f"{row}: '{name}' differs by {difference:.3g} from '{next(iter(answers))}'")
        largest = max(largest, difference)
    return largest


def spread(values: list[float]) -> dict:
    """Median, quartiles and number."""
    low, median, high = np.percentile(values, [25, 50, 75]).tolist()
    return {"median": median, "quartiles": [low, high], "count": len(values)}


def starts(work: Work, plan: Plan, bar: tqdm, folder: pathlib.Path) -> list[dict]:
    """The time from the start of a process to its first result, and its memory by then.

    tfpose's training is started again with the cache that the start before it has filled.
    """
    seconds, memory = {}, {}
    for _ in range(plan.starts):
        for name in taking_part(work.kind):
            for again, process in _processes(name, folder):
                bar.set_postfix_str(f"start {work.kind} {name}")
                process.ask("prepare", **task(name, work))
                seconds.setdefault((name, again), []).append(time.perf_counter() - process.started)
                memory.setdefault((name, again), []).append(process.peak_memory)
        bar.update()
    return [
        {
            **_row(work),
            "contender": name,
            "again": again,
            "seconds": spread(found),
            "peak_memory": max(memory[name, again]),
        }
        for (name, again), found in seconds.items()
    ]


def epochs(work: Work, bar: tqdm, folder: pathlib.Path) -> list[dict]:
    """An epoch of each contender that trains, in a process of its own.

    tfpose's training has a second epoch, with the cache that the first has filled.
    """
    found = []
    for name in taking_part("epoch"):
        for again, process in _processes(name, folder):
            bar.set_postfix_str(f"epoch {name}")
            epoch = process.ask("prepare", **task(name, work))
            run = epoch | {"peak_memory": process.peak_memory}
            found.append({"contender": name, "again": again, "runs": [run]})
        bar.update()
    return found


def _processes(name: str, folder: pathlib.Path):
    """`(again, process)`: a process with an empty cache, and for tfpose's training one with the cache of the first."""
    cache = pathlib.Path(tempfile.mkdtemp(dir=folder))
    for again in (False, True) if name == "training" else (False,):
        with worker(name, folder, cache) as process:
            yield again, process


def export_all(folder: pathlib.Path, presets: tuple[str, ...]):
    """Exports the files that contenders run, into a folder for each preset."""
    formats = list(dict.fromkeys(_FORMATS[name] for name in _CONTENDERS.value if name in _FORMATS))
    for preset in presets:
        model = tfpose.load_model(preset)
        paths = export(model, folder / preset, formats) if formats else {}
        if "compiled" in _CONTENDERS.value:
            paths["compiled"] = export_saved_model(model, folder / preset / "compiled", compiled=True)
        for name in {"saved_model", "compiled"} & paths.keys():
            (folder / preset / f"{name}.json").write_text(json.dumps(c_api.tensor_names(paths[name])))


def write_poses(folder: pathlib.Path, count: int):
    """Writes the poses that all contenders are called with."""
    clips = synthetic.clips(-(-count // synthetic.FRAMES), seed=0)
    skeleton = tfpose.Skeleton.load("paper17")
    np.save(folder / "poses.npy", np.concatenate([clip.to(skeleton).positions for clip in clips]).astype(np.float32))


def epoch_data(folder: pathlib.Path, count: int) -> str:
    """APE's protocol where its data is, else a folder of synthetic clips."""
    if not _QUICK.value and os.environ.get("TFPOSE_DATA"):
        return "h36m_ape"
    for seed, (split, share) in enumerate((("train", 1.0), ("test", 0.05)), 1):
        for number, clip in enumerate(synthetic.clips(-(-int(count * share) // synthetic.FRAMES), seed=seed)):
            arrays.write(folder / "clips" / split / f"{number:04}.npz", clip.positions, clip.skeleton)
    return str(folder / "clips")


def measure(plan: Plan, folder: pathlib.Path) -> dict:
    """All parts."""
    base = {"folder": str(folder), "threads": _CORES.value}
    write_poses(folder, max(*plan.batches, *plan.step_batches, plan.epoch_batch))
    export_all(folder, plan.presets)
    works = []
    if "train" in _PARTS.value:
        # About as many poses between two looks at the clock for every size.
        works += [
            Work("train", PAPER, size, every=min(16, size, max(1, 1024 // size)), **base) for size in plan.step_batches
        ]
    if "calls" in _PARTS.value:
        works += [Work(kind, PAPER, size, **base) for kind in CALLS for size in plan.batches]
        works += [Work("denoise", preset, size, **base) for preset in plan.presets[1:] for size in plan.batches]
    works = [work for work in works if taking_part(work.kind)]
    first = [Work("train", PAPER, plan.step_batches[0], **base), Work("denoise", PAPER, plan.batches[0], **base)]
    first = [work for work in first if "start" in _PARTS.value and taking_part(work.kind)]
    learning = taking_part("epoch") if "epoch" in _PARTS.value else []
    found = {"rows": [], "starts": [], "epochs": []}
    total = len(works) + plan.starts * len(first) + len(learning)
    with tqdm(total=total, unit="part", dynamic_ncols=True) as bar:
        # Trainings and calls are measured apart, so that less memory is in use.
        for kinds in (("train",), CALLS):
            part = [work for work in works if work.kind in kinds]
            found["rows"] += measured(part, plan, bar, folder) if part else []
        for work in first:
            found["starts"] += starts(work, plan, bar, folder)
        if learning:
            data = epoch_data(folder, plan.epoch_poses)
            found["epochs"] = epochs(Work("epoch", PAPER, plan.epoch_batch, data=data, **base), bar, folder)
            found["epoch_data"] = data if splits.known(data) else "synthetic clips"
    models = {preset: tfpose.load_model(preset) for preset in plan.presets}
    for row in found["rows"]:
        row["flops_per_pose"] = flops.per_pose(models[row["preset"]], row["kind"])
    return found | {"product_flops": 2 * SIZE**3}


def main(_):
    plan = QUICK if _QUICK.value else Plan()
    available = sorted(os.sched_getaffinity(0))
    if len(available) < _CORES.value:
        raise TfposeError(f"--cores={_CORES.value}, but there are {len(available)}")
    os.sched_setaffinity(0, available[: _CORES.value])  # the processes inherit it
    before = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(plan, pathlib.Path(folder))
    setting = {
        "cores": _CORES.value,
        "tensorflow": tf.__version__,
        "processor": processor(),
        "rounds": plan.rounds,
        "starts": plan.starts,
        "minutes": (time.perf_counter() - before) / 60,
        "load_average": os.getloadavg()[0],
    }
    found = {"setting": setting, **found}
    found["summary"] = speed_report.summary(found)
    report(_OUT.value, "speed", found, speed_report.markdown(found))


if __name__ == "__main__":
    program(main)
