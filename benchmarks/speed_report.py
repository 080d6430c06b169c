"""Summary and tables of what `speed.py` measured."""

from __future__ import annotations

import statistics
from collections.abc import Iterable

from contenders import ALL, CALLS, CONTENDERS, LIMITS, PAPER, REFERENCE

from tfpose.trainers.markdown import table

_FORMS = [name for name in CONTENDERS if name not in (REFERENCE, "keras_way")]
LARGE = 1024  # poses, from where on the share of the product is reported


def summary(report: dict) -> list[dict]:
    """The ratios that summarise the benchmark; None where something was not measured.

    Returns:
        `[{"what", "measured", "bound"}]`; "bound" is what TensorFlow's kernels reach when they do nothing but the
        work's products, sigmoids and tanhs.
    """
    rows = {(row["kind"], row["batch"]): row for row in report["rows"] if row["preset"] == PAPER}

    def times(kind, batch, names) -> float | None:
        return _best(ratio(rows[kind, batch], name) for name in names) if (kind, batch) in rows else None

    def least(kinds, names) -> float | None:
        """The share of the best of `names`, in the large piece of work of `kinds` where it is smallest."""
        large = [row for (kind, batch), row in rows.items() if kind in kinds and batch >= LARGE]
        return _worst(_best(share(report, row, name) for name in names) for row in large)

    found = [
        ("training step, batch 64: times the per-node reference", times("train", 64, ["training"]), None),
        ("training step, batch 1024: times the per-node reference", times("train", 1024, ["training"]), None),
        ("epoch from disk: times the faster of the two other loops", _epoch_ratio(report), None),
        ("denoise, batch 1, LiteRT on 1 thread: times per node", times("denoise", 1, ["litert_1"]), None),
        ("denoise, batch 64, LiteRT on 2 threads: times per node", times("denoise", 64, ["litert_2"]), None),
        ("denoise, batch 16384, best form: times per node", times("denoise", 16384, _FORMS), None),
        *(
            (f"{what}, batch 1024 and above, best form: share of the large product", *shares)
            for what, shares in (
                ("inference", (least(CALLS, _FORMS), least(CALLS, ["functions"]))),
                ("training", (least(["train"], _FORMS), least(["train"], ["functions"]))),
            )
        ),
        ("start to first training step: times faster than per node", _start_ratio(report, REFERENCE), None),
        ("second start with a warm cache: times faster than the first", _start_ratio(report, "training"), None),
    ]
    return [dict(zip(("what", "measured", "bound"), row)) for row in found]


def ratio(row: dict, name: str) -> float | None:
    """How many times as fast as the per-node reference a contender is."""
    times = row["times"]
    return times[REFERENCE]["median"] / times[name]["median"] if {name, REFERENCE} <= set(times) else None


def share(report: dict, row: dict, name: str) -> float | None:
    """FLOP/s of a contender, as a share of those of the large matrix product."""
    times = row["times"]
    if not {name, "product"} <= set(times):
        return None
    limit = report["product_flops"] / times["product"]["median"]
    work = report["product_flops"] if name == "product" else row["flops_per_pose"] * row["batch"]
    return work / times[name]["median"] / limit


def markdown(report: dict) -> str:
    """The tables."""
    setting = report["setting"]
    parts = [
        f"{setting['processor']}, {setting['cores']} cores and as many threads for each (LiteRT: as it says), "
        f"TensorFlow {setting['tensorflow']}, TF_ENABLE_ONEDNN_OPTS=1 for all. All take turns: "
        f"rounds of calls and steps {setting['rounds']}, of starts {setting['starts']}; "
        f"{setting['minutes']:.0f} minutes, load average {setting['load_average']:.1f} at the end.",
        _summary(report["summary"]),
    ]
    if report["rows"]:
        parts += _rows(report)
    if report["starts"]:
        parts += ["**From the start of a process to its first result**", _starts(report["starts"])]
    if report["epochs"]:
        poses = report["epochs"][0]["runs"][0]["poses"]
        parts += [
            f"**An epoch from files on disk, evaluation included: {poses:,} poses of {report['epoch_data']}**",
            _epochs(report["epochs"]),
            "Seconds, medians; from the call of the reader on, in a process that runs. First: what the first of about "
            "20 parts took longer than the others, mostly tracing and compiling. The other loops take their poses one "
            "at a time from a generator, and corrupt and rotate them in `Dataset.map`.",
        ]
    return "\n\n".join(parts)


def _summary(found: list[dict]) -> str:
    rows = [(one["what"], _number(one["measured"]), _number(one["bound"])) for one in found]
    return table(("ratio", "measured", "bound"), rows)


def _rows(report: dict) -> list[str]:
    parts = []
    groups = dict.fromkeys((row["kind"], row["preset"]) for row in report["rows"])
    for kind, preset in groups:
        rows = [row for row in report["rows"] if (row["kind"], row["preset"]) == (kind, preset)]
        title = {"train": "Training step", "encode": "Encode", "denoise": "Denoise"}[kind]
        header = ["ms, median ± half the quartiles' distance"]
        header += [cell for row in rows for cell in (f"{row['batch']:,} poses", "times", "%")]
        body = []
        for name, contender in ALL.items():
            if any(name in row["times"] for row in rows):
                body.append((contender.title, *(cell for row in rows for cell in _cells(report, row, name))))
        worst = max(row["difference"] for row in rows)
        what = "they have learned after the first steps" if kind == "train" else "all answer"
        parts += [
            f"**{title}, {preset}**: {rows[0]['flops_per_pose'] / 1e6:.2f} MFLOP per pose",
            table(header, body),
            f"The largest difference between what {what}: {worst:.1g}.",
        ]
    parts.append(
        "Times: as fast as the per-node reference. %: FLOP/s, of those of the large product of float32 matrices, which "
        "takes its turns too. FLOPs are those of the work, counted from shapes (`benchmarks/flops.py`). Its products "
        "alone (and its sigmoids and tanhs) run in no order, on tensors that exist already: a bound for all that uses "
        "TensorFlow's kernels. Corruption and rotation are part of every "
        "training step, in its graph. `model.fit` "
        'has Keras\' jit_compile="auto", which on a CPU is no XLA. That the reference computes what tfpose does, '
        "values and gradients to 1e-5, is in `tests/benchmarks/`."
    )
    return parts


def _cells(report: dict, row: dict, name: str) -> tuple[str, str, str]:
    if name not in row["times"]:
        return "", "", ""
    found = row["times"][name]
    low, high = found["quartiles"]
    times, part = ratio(row, name), share(report, row, name)
    return (
        f"{_number(1e3 * found['median'])} ± {_number(1e3 * (high - low) / 2)}",
        "" if name in LIMITS else _number(times),
        "" if part is None else f"{100 * part:.0f}",
    )


def _starts(starts: list[dict]) -> str:
    rows = []
    for start in starts:
        first = next((s for s in starts if s["kind"] == start["kind"] and s["contender"] == REFERENCE), None)
        times = first and first["seconds"]["median"] / start["seconds"]["median"]
        low, high = start["seconds"]["quartiles"]
        what = "training step" if start["kind"] == "train" else start["kind"]
        rows.append(
            (
                f"{what}, {start['batch']:,} poses: {_title(start)}",
                f"{_number(start['seconds']['median'])} ± {_number((high - low) / 2)}",
                _number(times),
                f"{start['peak_memory'] / 1e6:,.0f}",
            )
        )
    return table(("", "seconds", "times", "peak memory, MB"), rows)


def _title(found: dict) -> str:
    return CONTENDERS[found["contender"]].title + (", again with its cache" if found["again"] else "")


def _epochs(epochs: list[dict]) -> str:
    parts = ("total", "read", "train", "first", "evaluate")
    rows = []
    for epoch in epochs:
        middle = {part: _median(epoch, part) for part in (*parts, "mpjpe_mm")}
        rows.append(
            (
                _title(epoch),
                *(f"{middle[part]:.1f}" for part in parts),
                f"{middle['total'] - middle['first']:.1f}",
                f"{middle['mpjpe_mm']:.1f}",
                f"{max(run['peak_memory'] for run in epoch['runs']) / 1e6:,.0f}",
            )
        )
    return table(("", *parts, "total without first", "MPJPE, mm", "peak memory, MB"), rows)


def _epoch_ratio(report: dict) -> float | None:
    totals = {epoch["contender"]: _median(epoch, "total") for epoch in report["epochs"] if not epoch["again"]}
    others = [total for name, total in totals.items() if name != "training"]
    return min(others) / totals["training"] if others and "training" in totals else None


def _start_ratio(report: dict, other: str) -> float | None:
    """How many times sooner tfpose trains than another contender, or with its cache than without."""
    found = {
        (start["contender"], start["again"]): start["seconds"]["median"]
        for start in report["starts"]
        if start["kind"] == "train"
    }
    ours = ("training", other == "training")
    return found[other, False] / found[ours] if {(other, False), ours} <= set(found) else None


def _median(epoch: dict, part: str) -> float:
    return statistics.median(run[part] for run in epoch["runs"])


def _best(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _worst(values: Iterable[float | None]) -> float | None:
    return min((value for value in values if value is not None), default=None)


def _number(value: float | None) -> str:
    """Three digits."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
