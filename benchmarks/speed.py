"""How fast tfpose trains, encodes and denoises in every form that it ships in, beside what one would otherwise write.

    .venv/bin/python benchmarks/speed.py --out results/speed.json

Every contender is a process of its own, and they take turns (A B C A B C ...) for several rounds, held to the same
cores, so that a busy machine slows all of them alike. All do the same work with the same weights, and their results are
compared before anything is timed. `contenders/` has them.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import c_api
import flops
import numpy as np
import speed_report
import tensorflow as tf
from absl import app, flags
from contenders import ALL, CALLS, LIMITS, PAPER
from contenders.limits import SIZE
from contenders.task import Work
from tqdm import tqdm

import tfpose
from tfpose.datasets import splits, synthetic
from tfpose.errors import TfposeError
from tfpose.export.exporting import export
from tfpose.export.saved_model import export_saved_model
from tfpose.formats import arrays
from tfpose.trainers import results

PARTS = ("train", "calls", "start", "epoch")
_OUT = flags.DEFINE_string("out", "results/speed.json", "Where to; a table goes beside it.")
_PARTS = flags.DEFINE_list("parts", list(PARTS), "Which parts of it.")
_CONTENDERS = flags.DEFINE_list("contenders", list(ALL), "Who takes part.")
_BATCHES = flags.DEFINE_list("batches", ["1", "64", "1024", "16384"], "Poses per call.")
_STEP_BATCHES = flags.DEFINE_list("step_batches", ["64", "256", "1024"], "Poses per training step.")
_ROUNDS = flags.DEFINE_integer("rounds", 3, "How often all take turns.", lower_bound=1)
_SECONDS = flags.DEFINE_float("seconds", 0.2, "How long a turn of calls is; one of steps is four times that.")
_STARTS = flags.DEFINE_integer("starts", 2, "How often all start.", lower_bound=1)
_EPOCHS = flags.DEFINE_integer("epochs", 1, "How often all have an epoch.", lower_bound=1)
_CORES = flags.DEFINE_integer("cores", 2, "Cores, and threads, for each.", lower_bound=1)
_ONEDNN = flags.DEFINE_bool("onednn", True, "TF_ENABLE_ONEDNN_OPTS for all: TensorFlow's default is on.")
_QUICK = flags.DEFINE_bool("quick", False, "Two poses, one round, the paper's model alone: to see that it works.")

DEFAULT = "sebirenet_cmu"
_EPOCH_BATCH, _EPOCH_POSES = 64, 52_500
_FORMATS = {"saved_model": "saved_model", "litert_1": "litert", "litert_2": "litert", "onnx": "onnx"}
_ANSWERS = 1e-4  # metres, or the codes' unit, between the answers of contenders
_LEARNED = 0.1  # share, between errors after the first steps: XLA draws other random numbers from the same seed


class Worker:
    """A process of `worker.py`. It is started at once; `started` is when."""

    def __init__(self, name: str, folder: pathlib.Path, cache: pathlib.Path | None = None):
        self.name = name
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the process)
        own = {
            "TF_NUM_INTRAOP_THREADS": str(_CORES.value),
            "TF_NUM_INTEROP_THREADS": str(_CORES.value),
            "TF_ENABLE_ONEDNN_OPTS": str(int(_ONEDNN.value)),
            "TFPOSE_CACHE": str(cache or tempfile.mkdtemp(dir=folder)),  # of compiled programs; empty unless given
        }
        self.started = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, str(pathlib.Path(__file__).with_name("worker.py")), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=os.environ | own,
            text=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.communicate()
        self._log.close()

    def tell(self, **message):
        """Asks for something without waiting for the answer."""
        try:
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            self._died()

    def answer(self) -> dict:
        """Waits for it.

        Raises:
            TfposeError: when the contender failed.
        """
        line = self._process.stdout.readline()
        if not line:
            self._died()
        found = json.loads(line)
        if "error" in found:
            raise TfposeError(f"benchmark contender '{self.name}' failed:\n{found['error']}")
        return found

    def ask(self, **message) -> dict:
        self.tell(**message)
        return self.answer()

    def _died(self):
        self._log.seek(0)
        last = self._log.read().decode(errors="replace")[-2000:]
        raise TfposeError(f"benchmark contender '{self.name}' ended with {self._process.wait()}:\n{last}")


def taking_part(kind: str) -> list[str]:
    """Those who can do that kind of work, without the limits."""
    return [name for name in _CONTENDERS.value if name not in LIMITS and kind in ALL[name].kinds]


def limits(work: Work) -> list[str]:
    """The limits that are measured beside a piece of work: the large product, and what a large batch cannot do without.

    What the work's products alone take is known of the paper's model; of a small batch it says how slow calls are.
    """
    large = work.preset == PAPER and work.batch >= speed_report.LARGE
    return [name for name in _CONTENDERS.value if name in LIMITS and (large or name == "product")]


def in_turns(works: list[Work], bar: tqdm, folder: pathlib.Path) -> list[dict]:
    """A row for each work: contender -> seconds of its calls; one long-lived process for each contender."""
    rows = []
    names = dict.fromkeys(name for work in works for name in (*taking_part(work.kind), *limits(work)))
    workers = {name: Worker(name, folder) for name in names}
    try:
        for work in works:
            row = {"kind": work.kind, "preset": work.preset, "batch": work.batch}
            bar.set_postfix_str(" ".join(map(str, row.values())))
            present = {name: workers[name] for name in (*taking_part(work.kind), *limits(work))}
            for worker in present.values():
                worker.tell(do="prepare", work=vars(work))
            answers = {name: worker.answer()["answer"] for name, worker in present.items()}
            row["difference"] = compare(row, {name: answers[name] for name in taking_part(work.kind)})
            times = {name: [] for name in present}
            for _ in range(_ROUNDS.value):
                for name, worker in present.items():
                    turn = _SECONDS.value * (4 if work.kind == "train" and name not in LIMITS else 1)
                    times[name] += worker.ask(do="run", seconds=turn)["seconds"]
            row["times"] = {name: spread(found) for name, found in times.items()}
            rows.append(row)
            bar.update()
    finally:
        for worker in workers.values():
            worker.__exit__()
    return rows


def compare(row: dict, answers: dict[str, list[float]]) -> float:
    """The largest difference of an answer from the first contender's.

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


def starts(work: Work, bar: tqdm, folder: pathlib.Path) -> list[dict]:
    """From the start of a process to its first result, and its memory by then; processes take turns.

    Where tfpose trains, the start after it finds in its cache what that one compiled.
    """
    seconds, memory = {}, {}
    for _ in range(_STARTS.value):
        for name in taking_part(work.kind):
            cache = pathlib.Path(tempfile.mkdtemp(dir=folder))
            for again in _once_or_again(name):
                bar.set_postfix_str(f"start {work.kind} {name}")
                with Worker(name, folder, cache) as worker:
                    reached = worker.ask(do="prepare", work=vars(work))
                    seconds.setdefault((name, again), []).append(time.perf_counter() - worker.started)
                    memory.setdefault((name, again), []).append(reached["peak_memory"])
        bar.update()
    row = {"kind": work.kind, "preset": work.preset, "batch": work.batch}
    return [
        {**row, "contender": name, "again": again, "seconds": spread(found), "peak_memory": max(memory[name, again])}
        for (name, again), found in seconds.items()
    ]


def epochs(work: Work, bar: tqdm, folder: pathlib.Path) -> list[dict]:
    """A whole epoch of each contender that trains, in a process of its own; processes take turns.

    Where tfpose trains, also when it finds in its cache what the epoch before compiled.
    """
    found = {}
    for _ in range(_EPOCHS.value):
        for name in taking_part("epoch"):
            cache = pathlib.Path(tempfile.mkdtemp(dir=folder))
            for again in _once_or_again(name):
                bar.set_postfix_str(f"epoch {name}")
                with Worker(name, folder, cache) as worker:
                    answer = worker.ask(do="epoch", work=vars(work))
                run = answer["epoch"] | {"peak_memory": answer["peak_memory"]}
                found.setdefault((name, again), []).append(run)
            bar.update()
    return [{"contender": name, "again": again, "runs": runs} for (name, again), runs in found.items()]


def _once_or_again(name: str) -> tuple[bool, ...]:
    """Whether a start finds in its cache what the one before compiled: for those that have one, first no, then yes."""
    return (False, True) if name == "training" else (False,)


def export_all(folder: pathlib.Path, presets: list[str]):
    """What the contenders run, in a folder for each preset."""
    formats = list(dict.fromkeys(_FORMATS[name] for name in _CONTENDERS.value if name in _FORMATS))
    for preset in presets:
        model = tfpose.load_model(preset)
        paths = export(model, folder / preset, formats) if formats else {}
        if "compiled" in _CONTENDERS.value:
            paths["compiled"] = export_saved_model(model, folder / preset / "compiled", compiled=True)
        for name in {"saved_model", "compiled"} & paths.keys():
            (folder / preset / f"{name}.json").write_text(json.dumps(c_api.tensor_names(paths[name])))


def write_poses(folder: pathlib.Path, count: int):
    """The poses that all are called with."""
    clips = synthetic.clips(-(-count // synthetic.FRAMES), seed=0)
    skeleton = tfpose.Skeleton.load("paper17")
    np.save(folder / "poses.npy", np.concatenate([clip.to(skeleton).positions for clip in clips]).astype(np.float32))


def epoch_data(folder: pathlib.Path, count: int) -> str:
    """APE's protocol where the data is, else clips made for it, in files."""
    if not _QUICK.value and os.environ.get("TFPOSE_DATA"):
        return "h36m_ape"
    for seed, (split, share) in enumerate((("train", 1.0), ("test", 0.05)), 1):
        for number, clip in enumerate(synthetic.clips(-(-int(count * share) // synthetic.FRAMES), seed=seed)):
            arrays.write(folder / "clips" / split / f"{number:04}.npz", clip.positions, clip.skeleton)
    return str(folder / "clips")


def measure(folder: pathlib.Path) -> dict:
    """All parts."""
    batches, step_batches = ([int(size) for size in sizes] for sizes in (_BATCHES.value, _STEP_BATCHES.value))
    presets = [PAPER] if _QUICK.value else [PAPER, DEFAULT]
    base = {"folder": str(folder), "threads": _CORES.value}
    write_poses(folder, max(batches + step_batches + [_EPOCH_BATCH]))
    export_all(folder, presets)
    works = []
    if "train" in _PARTS.value:
        # About as many poses between two looks at the clock.
        works += [
            Work("train", PAPER, size, every=min(16, size, max(1, 1024 // size)), **base) for size in step_batches
        ]
    if "calls" in _PARTS.value:
        works += [Work(kind, PAPER, size, **base) for kind in CALLS for size in batches]
        works += [Work("denoise", DEFAULT, size, **base) for size in batches if DEFAULT in presets]
    works = [work for work in works if taking_part(work.kind)]
    first = [Work("train", PAPER, step_batches[0], **base), Work("denoise", PAPER, batches[0], **base)]
    first = [work for work in first if "start" in _PARTS.value and taking_part(work.kind)]
    learning = taking_part("epoch") if "epoch" in _PARTS.value else []
    total = len(works) + _STARTS.value * len(first) + _EPOCHS.value * len(learning)
    report = {"rows": [], "starts": [], "epochs": []}
    with tqdm(total=total, unit="part", dynamic_ncols=True) as bar:
        # Those that train are not there while others are called, and the other way round: less memory.
        for kinds in (("train",), CALLS):
            part = [work for work in works if work.kind in kinds]
            report["rows"] += in_turns(part, bar, folder) if part else []
        for work in first:
            report["starts"] += starts(work, bar, folder)
        if learning:
            data = epoch_data(folder, 8 * step_batches[0] * synthetic.FRAMES if _QUICK.value else _EPOCH_POSES)
            size = step_batches[0] if _QUICK.value else _EPOCH_BATCH
            report["epochs"] = epochs(Work("epoch", PAPER, size, data=data, **base), bar, folder)
            report["epoch_data"] = data if splits.known(data) else "synthetic clips"
    models = {preset: tfpose.load_model(preset) for preset in presets}
    for row in report["rows"]:
        row["flops_per_pose"] = flops.per_pose(models[row["preset"]], row["kind"])
    return report | {"product_flops": 2 * SIZE**3}


def main(_):
    if _QUICK.value:
        for flag, value in ((_BATCHES, ["2"]), (_STEP_BATCHES, ["2"]), (_ROUNDS, 1), (_SECONDS, 0.05), (_STARTS, 1)):
            flags.FLAGS[flag.name].value = value
    available = sorted(os.sched_getaffinity(0))
    if len(available) < _CORES.value:
        raise TfposeError(f"--cores={_CORES.value}, but there are {len(available)}")
    os.sched_setaffinity(0, available[: _CORES.value])  # those that are started here inherit it
    before = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        report = measure(pathlib.Path(folder))
    setting = {
        "cores": _CORES.value,
        "oneDNN": _ONEDNN.value,
        "tensorflow": tf.__version__,
        "processor": processor(),
        "rounds": _ROUNDS.value,
        "starts": _STARTS.value,
        "epochs": _EPOCHS.value,
        "minutes": (time.perf_counter() - before) / 60,
        "load_average": os.getloadavg()[0],
    }
    report = {"setting": setting, **report}
    report["summary"] = speed_report.summary(report)
    text = speed_report.markdown(report)
    results.write(_OUT.value, "speed", report, text)
    print(text)


def processor() -> str:
    """What /proc/cpuinfo calls it."""
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


if __name__ == "__main__":
    app.run(main)
