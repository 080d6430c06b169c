"""The tables of the paper, of the results page and of the presets' cards, made from the files under `results/`.

    python -m reproduction tables results docs/results.md

writes `structures.md` (Table 1 of the paper), `ablation.md` (Table 3) and others into the folder. Where a page is
given, it fills in what belongs between its marks, and between those of the cards of presets.
"""

from __future__ import annotations

import json
import os
import pathlib

import numpy as np
from absl import flags

from reproduction import paper
from tfpose import presets
from tfpose.errors import DataError
from tfpose.files import write_text
from tfpose.models.action_classifier import MOTION
from tfpose.trainers.evaluators import recognise_cleaned
from tfpose.trainers.evaluators.filters import CAUSAL
from tfpose.trainers.markdown import table, with_spread

_BEGIN, _END = "<!-- results: made by 'make readme' -->", "<!-- end of results -->"
_FRAME_ROWS = {
    "free": "free view code",
    "frame": "rotation",
    "independent": "+ independent corruption",
    "sides": "+ exchanged sides",
    "eight_people": "the last on 7 people",
    "one_refinement": "the last with 1 refinement",
    "units_64": "the last with 64 units",
}


def define_flags(values: flags.FlagValues):
    """There are none."""


def run(values: flags.FlagValues, positional: list[str]):
    if len(positional) not in (1, 2):
        raise flags.Error(f"expected RESULTS [PAGE.md], got {' '.join(positional) or 'nothing'}")
    write_all(*positional)


def write_all(folder: str, readme: str | None = None):
    """Writes every table that `folder` has the numbers for.

    Raises:
        DataError: when there is no such folder, or a page or card has no marks.
    """
    base = pathlib.Path(folder)
    if not base.is_dir():
        raise DataError(f"{base}: no such folder; expected the one that results are in")
    for make in (structures, ablation, frame, networks, motion):
        if any(base.glob(f"{make.__name__}/*.json")):
            write_text(base / f"{make.__name__}.md", make(base) + "\n")
    if readme is None:
        return
    readme = pathlib.Path(readme)
    if found := overview(base, readme.parent):
        fill(readme, found)
    for name in presets.NAMES:
        card = presets.folder(name) / "README.md"
        described = presets.read(name).card
        make, pattern = (
            (clips, "clips/*.json") if described["model"] == "ClipDenoiser" else (denoising, "denoising/*.json")
        )
        measured = load(base, pattern)
        own = {p: r for p, r in measured.items() if r["model"]["sha256"] == described["sha256"]}
        if own:
            fill(card, make(own, card.parent))


def load(folder: pathlib.Path, pattern: str) -> dict[pathlib.Path, dict]:
    """The results whose paths below `folder` fit, sorted."""
    return {path: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob(pattern))}


def denoising(results: dict[pathlib.Path, dict], base: pathlib.Path) -> str:
    """MPJPE by number of moved joints: a row for each result of the denoise evaluator, linked from `base`."""
    rows = []
    for path, result in results.items():
        methods = result["mean"]["rows"]
        ours = list(methods.values())[-1]
        cells = [f"{error:.1f}" for error in ours["mpjpe"]]
        cells += [f"**{ours['mpjpe_mean']:.1f}**", f"{methods['doing nothing']['mpjpe_mean']:.1f}"]
        rows.append((_link(path, base), *cells))
    return table(("mm", "k = 0", "1", "2", "3", "4", "5", "mean 1-5", "doing nothing"), rows)


_MORE = (
    "structures",
    "ablation",
    "frame",
    "networks",
    "look_ahead",
    "motion",
    "complexity",
    "export",
    "batching",
    "clips_speed",
    "stages",
    "growth",
    "speed_gpu",
)


def overview(base: pathlib.Path, root: pathlib.Path) -> str:
    """The results page: what was measured, a table for each question; links are from `root`."""
    parts = []
    for title, make, pattern in (
        ("Denoising: MPJPE by number of moved joints", denoising, "denoising/*.json"),
        ("Clips: MPJPE / acceleration error by kind of noise", clips, "clips/*.json"),
        ("Recordings of sensors, cleaned as clips", recordings, "recordings/*.json"),
        ("Estimates of a lifter from hourglass detections, cleaned as clips", estimates, "estimates/*.json"),
        ("Actions in recordings as cleaned: accuracy in per cent", cleaned_actions, "cleaned_actions/*.json"),
        ("BVH files, broken, cleaned, written and read again", round_trip, "formats/*.json"),
        ("View transfer: pose code of one view, view code of another", swapping, "swap/*.json"),
        ("Retrieval: the pose of the same moment in another camera, Hit@1 in per cent", retrieval, "retrieval/*.json"),
        ("Sensor faults one by one: MPJPE in and out", faults, "faults/*.json"),
        ("Action recognition across views: accuracy in per cent, one-layer LSTM", recognition, "recognition/*.json"),
        ("Lifting 2D poses to 3D on Human3.6M: MPJPE", lifting, "lifting/*.json"),
        ("Speed on 2 cores, in one run with everything that it is compared with", speed, "speed.json"),
    ):
        results = load(base, pattern)
        if results:
            parts += [f"**{title}**", make(results, root)]
    more = [name for name in _MORE if (base / f"{name}.md").is_file()]
    links = ", ".join(_link(base / f"{name}.json", root) for name in more)
    return "\n\n".join([*parts, f"More: {links}."] if more else parts)


def clips(results: dict[pathlib.Path, dict], base: pathlib.Path) -> str:
    """What goes in and what comes out of clips, beside the filter that is best for each kind of noise."""
    rows = []
    at_other_rates = [path for path, result in results.items() if result["options"]["frame_rate"]]
    for path, result in results.items():
        if path in at_other_rates:
            continue
        for kind, methods in result["mean"]["rows"].items():

            def cell(name, methods=methods):
                numbers = methods.get(name)
                return f"{numbers['mpjpe']:.1f} / {numbers['acceleration']:.1f}" if numbers else "-"

            simple = {name for name in methods if "model" not in name and name != "doing nothing"}
            best, best_causal = (
                min(names, key=lambda name: methods[name]["mpjpe"]) for names in (simple, simple & set(CAUSAL))
            )
            cells = [f"{best} {cell(best)}", f"{best_causal} {cell(best_causal)}"]
            ours = [cell(name) for name in ("pose model, frame by frame", "clip model, causal", "clip model")]
            rows.append((f"{_link(path, base)}: {kind}", cell("doing nothing"), *cells, *ours))
    header = ("mm / mm per frame²", "in", "best filter", "best causal filter", "pose model", "causal", "offline")
    links = ", ".join(_link(path, base) for path in at_other_rates)
    return table(header, rows) + (f"\n\nAt other frame rates: {links}." if links else "")


def recordings(results: dict[pathlib.Path, dict], base: pathlib.Path) -> str:
    """Jitter, spread of bone lengths and how far joints moved, of what sensors recorded."""
    header = ("mm", "jitter per frame²", "bone spread", "left-right difference", "moved")
    return _by_method(results, base, header, ("jitter", "bone_spread", "symmetry", "moved"))


def estimates(results: dict[pathlib.Path, dict], base: pathlib.Path) -> str:
    """MPJPE, PA-MPJPE and acceleration error of a lifter's estimates, as they are and cleaned."""
    header = ("mm", "MPJPE", "PA-MPJPE", "acceleration error per frame²")
    return _by_method(results, base, header, ("mpjpe", "pa_mpjpe", "acceleration"))


def cleaned_actions(results: dict[pathlib.Path, dict], base: pathlib.Path) -> str:
    """Accuracy of two classifiers without a network on clips as they are and as cleaned."""
    header, rows = (), []
    for path, result in results.items():
        for name, row in result["mean"]["rows"].items():
            cells = recognise_cleaned.accuracies(row)
            header = ("", *cells)
            rows.append((f"{_link(path, base)}: {name}", *cells.values()))
    return table(header, rows)


def _by_method(results: dict[pathlib.Path, dict], base: pathlib.Path, header, measures) -> str:
    """A row of measures for each method of each result."""
    rows = [
        (f"{_link(path, base)}: {name}", *(f"{numbers[measure]:.1f}" for measure in measures))
        for path, result in results.items()
        for name, numbers in result["mean"]["rows"].items()
    ]
    return table(header, rows)


def round_trip(results: dict[pathlib.Path, dict], base: pathlib.Path) -> str:
    """Mean distance from the truth of files that were cleaned."""
    rows = []
    for path, result in results.items():
        for name in sorted({"all", "test"} & result["mean"].keys()):
            numbers = result["mean"][name]
            cells = [f"{numbers['model'][row]:.1f}" for row in ("seen", "model", "file")]
            whole = f"{numbers['rig']['seen']:.1f} -> {numbers['rig']['file']:.1f}"
            rows.append((f"{_link(path, base)}: {name} subjects", *cells, whole))
    return table(("mm", "17 joints as broken", "by the model", "in the file", "all joints of the rig"), rows)


def swapping(results: dict[pathlib.Path, dict], base: pathlib.Path) -> str:
    """The swap-MPJPE beside the reconstruction error, means over k = 1..5."""
    rows = []
    for path, result in results.items():
        own, other = (float(np.mean(result["mean"][key][1:])) for key in ("reconstruction", "swap"))
        rows.append((_link(path, base), f"{other:.1f}", f"{own:.1f}", f"{other / own:.3f}"))
    return table(("mm", "swapped", "own view code", "ratio"), rows)


def retrieval(results: dict[pathlib.Path, dict], base: pathlib.Path) -> str:
    """Hit@1 of codes and of poses turned by hand."""
    rows, header = [], None
    for path, result in results.items():
        for noise, hits in result["mean"]["hits"].items():
            header = ("", *hits)
            rows.append((f"{_link(path, base)}, {noise}", *(f"{hit[0]:.1f}" for hit in hits.values())))
    return table(header, rows)


def faults(results: dict[pathlib.Path, dict], base: pathlib.Path) -> str:
    """What goes in and what comes out with limbs under each other's name."""
    names = next(iter(results.values()))["mean"]["faults"]
    shown = [name for name in names if name.split()[0] in ("legs", "arms", "all")]
    rows = []
    for path, result in results.items():
        found = result["mean"]["faults"]
        rows.append((_link(path, base), *(f"{found[name]['in']:.1f} -> {found[name]['out']:.1f}" for name in shown)))
    return table(("mm", *shown), rows)


def recognition(results: dict[pathlib.Path, dict], base: pathlib.Path) -> str:
    """A row for each setting, a column for what the classifier sees."""
    names = list(dict.fromkeys(name for result in results.values() for name in result["mean"]["accuracy"]))
    rows = []
    for path, result in results.items():
        for key, remark in (("accuracy", ""), ("averaged", ", averaged over copies")):
            mean, std = result["mean"].get(key), result["std"].get(key)
            if mean:
                cells = [with_spread(mean[name], std[name]) if name in mean else "" for name in names]
                rows.append((_link(path, base) + remark, *cells))
    return table(("", *names), rows)


def lifting(results: dict[pathlib.Path, dict], base: pathlib.Path) -> str:
    """Both protocols, mean of the actions' means."""
    rows = []
    for path, result in results.items():
        for name, row in result["mean"]["rows"].items():
            cells = [f"{row['parameters']:,.0f}", *(f"{row[f'protocol_{number}']['actions']:.1f}" for number in (1, 2))]
            rows.append((f"{_link(path, base)}: {name}", *cells))
    return table(("mm", "parameters", "protocol 1", "protocol 2"), rows)


def speed(results: dict[pathlib.Path, dict], base: pathlib.Path) -> str:
    """The ratios that sum the benchmark up."""
    ((path, result),) = results.items()
    rows = [
        (f"{_link(path, base)}: {one['what']}", f"{one['measured']:.3g}")
        for one in result["summary"]
        if one["measured"] is not None
    ]
    return table(("", "ratio"), rows)


def structures(base: pathlib.Path) -> str:
    """The paper's Table 1: how the network is wired against what it recovers, with what it costs."""
    cost = json.loads((base / "structures" / "cost.json").read_text(encoding="utf-8"))["rows"]
    header = ("mm", "k = 0", "1", "2", "3", "4", "5", "mean 1-5", "the paper", "parameters", "MFLOPs", "poses/s")
    rows, means = [], {}
    for name, of_paper in paper.STRUCTURES.items():
        runs = [run["mean"]["rows"]["autoencoder"] for run in load(base, f"structures/{name}_*.json").values()]
        if not runs:
            continue
        means[name] = np.mean([run["mpjpe_mean"] for run in runs])
        cells = [f"{error:.1f}" for error in np.mean([run["mpjpe"] for run in runs], axis=0)]
        spread = np.std([run["mpjpe_mean"] for run in runs]) if len(runs) > 1 else None
        cells += [with_spread(means[name], spread), f"{of_paper:.1f}"]
        cells += [f"{cost[name]['parameters']:,}", f"{cost[name]['flops'] / 1e6:.2f}"]
        rows.append((name, *cells, f"{cost[name]['poses_per_second']:,.0f}"))
    seeds = len(load(base, "structures/full_*.json"))
    order = " < ".join(sorted(means, key=means.get))
    paper_order = " < ".join(sorted(means, key=paper.STRUCTURES.get))
    return "\n".join(
        [
            f"Denoising by structure on APE's protocol, configs `structures.py:*`; trainings of each: {seeds}.",
            "FLOPs per pose; poses/s are from one run of `python -m reproduction structures`.",
            "",
            table(header, rows),
            "",
            f"Order here, best first: {order}.",
            "",
            f"In the paper: {paper_order}.",
        ]
    )


def ablation(base: pathlib.Path) -> str:
    """The paper's Table 3: the parts of the pretraining, by the recognition that their codes allow on N-UCLA."""
    rows = []
    for name, of_paper in {"relative": paper.RELATIVE, **paper.ABLATION}.items():
        path = base / "ablation" / f"{name}.json"
        if not path.is_file():
            continue
        result = json.loads(path.read_text(encoding="utf-8"))
        ((features, accuracy),) = result["mean"]["accuracy"].items()
        deviation = result["std"]["accuracy"][features]
        rows.append((name, with_spread(accuracy, deviation), f"{of_paper:.1f}"))
    return "\n".join(
        [
            "Accuracy on N-UCLA's third view (per cent) of the one-layer LSTM on frozen codes pretrained on CMU alone;",
            "`reproduction/configs/ablation.py`; full: `paper`. The paper's column: its own data, no augmentation.",
            "",
            table(("pretraining", "accuracy", "the paper"), rows),
        ]
    )


def frame(base: pathlib.Path) -> str:
    """What each step from the free view code to the default buys, on Human3.6M."""
    header = (
        "",
        "probe",
        "Hit@1 as recorded",
        "Hit@1 noise of 30 mm",
        "autoencoder k = 0",
        "mean 1-5",
        "denoise k = 0",
        "mean 1-5",
        "swap ratio",
        "another's view code",
        "all sides exchanged",
    )
    rows = []
    for name, text in _FRAME_ROWS.items():
        results = {path.stem.rpartition("_")[2]: r for path, r in load(base, f"frame/{name}_*.json").items()}
        if set(results) != {"denoise", "retrieval", "faults", "swap"}:
            continue
        mean = {kind: result["mean"] for kind, result in results.items()}
        hits, methods, swap = mean["retrieval"]["hits"], mean["denoise"]["rows"], mean["swap"]
        cells = [swap["probe"]["pose code"]["ridge"], *(row["pose code"][0] for row in hits.values())]
        for method in ("autoencoder", "autoencoder + trust"):
            cells += [methods[method]["mpjpe"][0], methods[method]["mpjpe_mean"]]
        cells = [f"{cell:.1f}" for cell in cells]
        cells.append(f"{np.mean(swap['swap'][1:]) / np.mean(swap['reconstruction'][1:]):.3f}")
        cells += [
            f"{swap['other_pose']['transfer']:.1f}",
            f"{mean['faults']['faults']['all sides exchanged']['out']:.1f}",
        ]
        rows.append((text, *cells))
    return "\n".join(
        [
            "Human3.6M S9 and S11, trained on CMU alone; mm, degrees (probe of the pose code: worse is better) and per",
            "cent. `reproduction/configs/frame.py` and the default, 8,000 steps; one training each, means over seeds",
            "of the evaluation.",
            "",
            table(header, rows),
        ]
    )


def networks(base: pathlib.Path) -> str:
    """The causal clip model with each of two networks, on Human3.6M with each kind of noise."""
    results = {path.stem: result for path, result in load(base, "networks/*.json").items()}
    kinds = next(iter(results.values()))["mean"]["rows"]

    def cell(name, kind):
        numbers = results[name]["mean"]["rows"][kind]["clip model, causal"]
        return f"{numbers['mpjpe']:.1f} / {numbers['acceleration']:.1f}"

    return "\n".join(
        [
            "The causal clip model on Human3.6M S9 and S11: MPJPE in mm / acceleration error in mm per frame squared.",
            "`reproduction/configs/clips_networks.py`, one training of 1,500 steps on CMU for each network, of the",
            "same size. The preset has convolutions and was trained for 6,000 steps.",
            "",
            table(("noise", *results), [(kind, *(cell(name, kind) for name in results)) for kind in kinds]),
        ]
    )


def motion(base: pathlib.Path) -> str:
    """What the classifier gains from the motion that the pose code does not hold, on N-UCLA's first two views."""
    folds = {"v1_v2": "view 1 to 2", "v2_v1": "view 2 to 1"}
    header, rows = ["beside the pose code"], []
    for text in folds.values():
        header += [text, f"{text}, averaged"]
    for name in ("none", *MOTION, "all"):
        results = [load(base, f"motion/{fold}_{name}.json") for fold in folds]
        cells = []
        for (result,) in (found.values() for found in results if found):
            for key in ("accuracy", "averaged"):
                cells.append(with_spread(result["mean"][key]["code"], result["std"][key]["code"]))
        if len(cells) == len(header) - 1:
            rows.append((name, *cells))
    return "\n".join(
        [
            "Accuracy on N-UCLA (per cent) of the one-layer LSTM on pose codes of `sebirenet_cmu`: alone, with one",
            "kind of motion, and with all; 3 seeds. `averaged`: over the clip and copies of it. View 3 is left out.",
            "",
            table(header, rows),
        ]
    )


def fill(path: pathlib.Path, text: str):
    """Puts `text` between the marks of a Markdown file.

    Raises:
        DataError: when it has no marks.
    """
    whole = path.read_text(encoding="utf-8")
    head, begin, rest = whole.partition(_BEGIN)
    _, end, tail = rest.partition(_END)
    if not (begin and end):
        raise DataError(f"{path}: has no '{_BEGIN}' ... '{_END}' to put the table between")
    write_text(path, f"{head}{_BEGIN}\n{text}\n{_END}{tail}")


def _link(path: pathlib.Path, base: pathlib.Path) -> str:
    return f"[{path.stem}]({pathlib.Path(os.path.relpath(path.with_suffix('.md'), base)).as_posix()})"
