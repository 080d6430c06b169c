"""The documentation holds: its Python runs, its commands and flags exist, its links lead somewhere."""

import importlib
import inspect
import pathlib
import re

import numpy as np
import pytest
from absl import flags

from docs import linked_files
from tfpose import cli
from tfpose.cli import demo
from tfpose.datasets import synthetic
from tfpose.formats import arrays
from tfpose.skeleton import Skeleton

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
PAGES = [
    *sorted((REPOSITORY / "docs").glob("*.md")),
    *(REPOSITORY / f"{n}.md" for n in ("README", "BUILD", "CONTRIBUTING")),
]
RUN = [page for page in PAGES if page.stem not in ("CONTRIBUTING", "BUILD")]


def blocks(page: pathlib.Path, language: str) -> list[str]:
    """The code of a page, without what is marked as not run."""
    found = re.findall(
        rf"(<!-- not run: .+? -->\n)?```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL
    )
    return [code for excused, code in found if not excused]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> pathlib.Path:
    """What the pages read: a noisy clip, and exported files."""
    from tfpose import PoseAutoencoder, export

    folder = tmp_path_factory.mktemp("docs")
    skeleton = Skeleton.load("paper17")
    clip = next(iter(synthetic.clips(1, seed=0, frames=demo._CLIP_POSES))).to(skeleton)
    arrays.write(folder / "demo" / "noisy.npz", clip.positions, skeleton)
    export.export(PoseAutoencoder.from_preset("sebirenet_cmu"), folder / "exported", ["saved_model", "litert", "onnx"])
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in RUN if blocks(page, "python")], ids=lambda page: page.stem)
def test_python_runs(page, folder, monkeypatch):
    monkeypatch.chdir(folder)
    names = {"joints": np.random.default_rng(0).normal(0, 0.3, (3, 17, 3)).astype(np.float32)}
    for code in blocks(page, "python"):
        exec(compile(code, str(page), "exec"), names)


@pytest.mark.slow
def test_the_readme_says_what_its_lines_print(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    readme = REPOSITORY / "README.md"
    (code,), (printed,) = blocks(readme, "python"), blocks(readme, "text")
    capsys.readouterr()
    exec(compile(code, str(readme), "exec"), {})
    assert capsys.readouterr().out == printed


def commands(page: pathlib.Path) -> list[list[str]]:
    """The words of each call of tfpose in the shell blocks of a page."""
    lines = "\n".join(blocks(page, "bash")).replace("\\\n", " ").splitlines()
    calls = (part for line in lines for part in re.split(r"&&|;|\s#\s", line))
    return [call.split() for call in calls if re.match(r"\s*(\S*/)?tfpose ", call)]


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=lambda page: page.stem)
def test_commands_and_flags_exist(page):
    for _, name, *words in commands(page):
        assert name in cli.COMMANDS or name.startswith("--"), f"{page.name}: tfpose {name}"
        if name not in cli.COMMANDS:
            continue
        known = flags.FlagValues()
        importlib.import_module(f"tfpose.cli.{name.replace('-', '_')}").define_flags(known)
        for word in words:
            if word == "--":
                break
            if word.startswith("--"):
                flag = re.match(r"--([\w.]+)", word).group(1)
                flag = "config" if flag.startswith("config.") else flag
                assert flag in known or flag.removeprefix("no") in known, f"{page.name}: tfpose {name} --{flag}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        path = target.partition("#")[0]
        if path and "://" not in path:
            assert (page.parent / path).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize("page", [page.name for page in PAGES if page.parent.name == "docs"])
def test_links_lead_somewhere_in_the_site(page):
    text = linked_files.rewritten((REPOSITORY / "docs" / page).read_text(encoding="utf-8"), f"docs/{page}")
    brought = {linked_files.in_site(path) for path in linked_files.linked(f"docs/{page}")}
    for target in re.findall(r"\]\(([^)]+)\)", text):
        path = target.partition("#")[0]
        assert not path or "://" in path or path in brought, target


def test_links_between_files_that_are_brought_into_the_site():
    links = "[a](docs/lift.md#x) [b](export/) [c](https://x.y) ![d](web/src/icon.svg)"
    assert linked_files.rewritten(links, "BUILD.md") == "[a](../lift.md#x) b [c](https://x.y) ![d](web/src/icon.svg)"


def test_the_reference_has_every_public_name_with_a_docstring():
    described = re.findall(r"^::: (\S+)$", (REPOSITORY / "docs" / "api.md").read_text(), re.MULTILINE)
    assert {"tfpose", "tfpose.models", "tfpose.layers", "tfpose.formats", "tfpose.datasets", "tfpose.plots"} <= set(
        described
    )
    for module in map(importlib.import_module, described):
        assert module.__doc__, module.__name__
        public = getattr(module, "__all__", None) or [
            name
            for name, value in vars(module).items()
            if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
        ]
        for name in public:
            value = getattr(module, name)
            if inspect.isclass(value) or inspect.isfunction(value):
                assert inspect.getdoc(value), f"{module.__name__}.{name}"
