"""Tables from result files: the numbers of the files, in their places."""

import json

import pytest

from reproduction import paper, tables
from tfpose.errors import DataError

COSTS = {name: {"parameters": 1000, "flops": 2_500_000, "poses_per_second": 3000.4} for name in paper.STRUCTURES}


def denoised(first: float, sha256: str = "abc") -> dict:
    """A result of the denoise evaluator whose errors are first, first + 1, ..."""
    rows = {
        "doing nothing": {"mpjpe": [0.0, 29.0, 58.0, 88.0, 117.0, 147.0], "mpjpe_mean": 87.8},
        "autoencoder": {"mpjpe": [first + k for k in range(6)], "mpjpe_mean": first + 3},
    }
    return {"model": {"sha256": sha256}, "mean": {"rows": rows}}


def write(path, result):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result))


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.fixture
def results(tmp_path):
    return tmp_path / "results"


@pytest.fixture
def readme(tmp_path):
    path = tmp_path / "README.md"
    path.write_text(f"# before\n{tables._BEGIN}\nold\n{tables._END}\nafter\n")
    return path


def test_the_readme_gets_its_tables_between_the_marks(results, readme, monkeypatch):
    monkeypatch.setattr(tables.presets, "NAMES", ())
    write(results / "denoising" / "b.json", denoised(2.0))
    write(results / "other.json", {"kind": "speed"})
    tables.write_all(str(results), str(readme))
    text = readme.read_text()
    head, table, tail = text.partition(tables.denoising(tables.load(results, "denoising/*.json"), readme.parent))
    assert head.startswith("# before\n<!-- results") and tail == f"\n{tables._END}\nafter\n"
    _, _, line = table.split("\n")
    assert cells(line) == [
        "[b](results/denoising/b.md)",
        *("2.0", "3.0", "4.0", "5.0", "6.0", "7.0"),
        *("**5.0**", "87.8"),
    ]
    tables.write_all(str(results), str(readme))  # a second time changes nothing
    assert readme.read_text() == text


def test_a_preset_s_card_gets_the_results_of_its_weights_alone(results, readme, tmp_path, monkeypatch):
    folder = tmp_path / "presets" / "mine"
    folder.mkdir(parents=True)
    (folder / "README.md").write_text(f"{tables._BEGIN}\n{tables._END}\n")
    card = type("Preset", (), {"card": {"sha256": "mine", "model": "PoseAutoencoder"}})
    monkeypatch.setattr(tables.presets, "NAMES", ("mine",))
    monkeypatch.setattr(tables.presets, "folder", lambda name: folder)
    monkeypatch.setattr(tables.presets, "read", lambda name: card)
    write(results / "denoising" / "a.json", denoised(1.0, "mine"))
    write(results / "denoising" / "b.json", denoised(2.0, "theirs"))
    tables.write_all(str(results), str(readme))
    text = (folder / "README.md").read_text()
    assert "[a](../../results/denoising/a.md)" in text and "[b]" not in text


def test_structures_are_means_over_trainings_with_their_costs(results):
    write(results / "structures" / "cost.json", {"rows": COSTS})
    for name, first in (("recursive", 40.0), ("full", 20.0)):
        for seed in (0, 1):
            write(results / "structures" / f"{name}_{seed}.json", denoised(first + seed))
    tables.write_all(str(results))
    lines = (results / "structures.md").read_text().split("\n")
    recursive, full = lines[5:7]
    assert cells(recursive)[:8] == ["recursive", "40.5", "41.5", "42.5", "43.5", "44.5", "45.5", "43.5 ± 0.5"]
    assert cells(recursive)[8:] == ["65.8", "1,000", "2.50", "3,000"]
    assert cells(full)[0] == "full" and cells(full)[7] == "23.5 ± 0.5"
    assert "trainings of each: 2." in lines[0]
    assert "Order here, best first: full < recursive." in lines and "In the paper: full < recursive." in lines


def test_the_ablation_stands_beside_the_paper(results):
    for name, features, accuracy, deviation in (("relative", "relative", 80.0, None), ("raw", "code", 85.04, 0.96)):
        write(
            results / "ablation" / f"{name}.json",
            {"mean": {"accuracy": {features: accuracy}}, "std": {"accuracy": {features: deviation}}},
        )
    tables.write_all(str(results))
    lines = (results / "ablation.md").read_text().split("\n")
    assert [cells(line) for line in lines[5:7]] == [["relative", "80.0", "51.5"], ["raw", "85.0 ± 1.0", "58.7"]]


def test_recognition_has_a_column_for_each_kind_of_features(tmp_path):
    found = {
        tmp_path / "transfer.json": {
            "mean": {"accuracy": {"raw": 40.0, "code": 90.0}},
            "std": {"accuracy": {"raw": 1.0, "code": 0.5}},
        },
        tmp_path / "in_domain.json": {"mean": {"accuracy": {"code": 93.0}}, "std": {"accuracy": {"code": None}}},
    }
    header, _, *lines = tables.recognition(found, tmp_path).split("\n")
    assert cells(header) == ["", "raw", "code"]
    assert [cells(line) for line in lines] == [
        ["[transfer](transfer.md)", "40.0 ± 1.0", "90.0 ± 0.5"],
        ["[in_domain](in_domain.md)", "", "93.0"],
    ]


def test_swapping_gives_the_ratio(tmp_path):
    result = {"mean": {"reconstruction": [9.0, 10, 10, 10, 10, 10], "swap": [9.0, 10, 11, 12, 13, 14]}}
    line = tables.swapping({tmp_path / "a.json": result}, tmp_path).split("\n")[-1]
    assert cells(line) == ["[a](a.md)", "12.0", "10.0", "1.200"]


def test_a_readme_without_marks_is_refused(results, readme):
    readme.write_text("# no marks\n")
    with pytest.raises(DataError, match=r"README\.md: has no '<!-- results"):
        tables.fill(readme, "text")
    assert readme.read_text() == "# no marks\n"


def test_a_mistyped_folder_and_one_without_results_leave_the_page(results, readme):
    before = readme.read_text()
    with pytest.raises(DataError, match=r"results: no such folder"):
        tables.write_all(str(results), str(readme))
    results.mkdir()
    tables.write_all(str(results), str(readme))
    assert readme.read_text() == before


def test_the_readme_shows_the_ratios_of_the_benchmark(tmp_path):
    result = {
        "summary": [
            {"what": "start", "measured": 2.3456, "bound": None},
            {"what": "elsewhere", "measured": None, "bound": None},
        ]
    }
    lines = tables.speed({tmp_path / "speed.json": result}, tmp_path).split("\n")
    assert lines[2:] == ["| [speed](speed.md): start | 2.35 |"]


def test_networks_stand_beside_each_other_by_kind_of_noise(results):
    for name, error in (("sebirenet", 9.0), ("convolutions", 8.0)):
        row = {"clip model, causal": {"mpjpe": error, "acceleration": 2.0}, "clip model": {"mpjpe": 1.0}}
        write(results / "networks" / f"{name}.json", {"mean": {"rows": {"jitter of 5 mm": row}}})
    tables.write_all(str(results))
    *_, header, _, line = (results / "networks.md").read_text().strip().split("\n")
    assert cells(header) == ["noise", "convolutions", "sebirenet"]
    assert cells(line) == ["jitter of 5 mm", "8.0 / 2.0", "9.0 / 2.0"]


def test_accuracy_on_cleaned_clips_has_a_row_for_each_method(results, readme):
    row = {"code": {"linear": 84.5, "nearest clip": 75.0}}
    write(results / "cleaned_actions" / "ours.json", {"mean": {"rows": {"as recorded": row}}})
    found = tables.cleaned_actions(tables.load(results, "cleaned_actions/*.json"), readme.parent)
    header, _, line = found.split("\n")
    assert cells(header) == ["", "pose code, linear", "pose code, nearest clip"]
    assert cells(line) == ["[ours](results/cleaned_actions/ours.md): as recorded", "84.5", "75.0"]


def test_a_round_trip_without_the_test_subject_has_one_row(tmp_path):
    numbers = {"model": {"seen": 1.0, "model": 2.0, "file": 3.0}, "rig": {"seen": 4.0, "file": 5.0}}
    lines = tables.round_trip({tmp_path / "a.json": {"mean": {"all": numbers}}}, tmp_path).split("\n")
    assert [cells(line) for line in lines[2:]] == [["[a](a.md): all subjects", "1.0", "2.0", "3.0", "4.0 -> 5.0"]]
