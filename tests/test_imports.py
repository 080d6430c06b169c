"""Imports go one way, and without circles."""

import ast
import pathlib

import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
FOLDERS = {"tfpose": "tfpose", "trainers": "tfpose.trainers", "export": "tfpose.export"}
# A package -> the parts of tfpose that it may import. These stand below everything.
BELOW = {"errors", "files", "sealing", "seeds", "skeleton", "streaming", "compilation", "ffmpeg"}
ALLOWED = {
    "errors": set(),
    "seeds": set(),
    "compilation": set(),
    "ffmpeg": set(),
    "files": {"errors"},
    "sealing": {"errors", "files"},
    "skeleton": {"errors"},
    "streaming": {"errors"},
    "geometry": BELOW,
    "losses": BELOW | {"geometry"},
    "metrics": BELOW | {"geometry"},
    "noise": BELOW | {"geometry"},
    "layers": BELOW | {"geometry"},
    "presets": BELOW,
    "models": BELOW | {"geometry", "losses", "layers", "presets"},
    "formats": BELOW,
    "cleaning": BELOW | {"formats"},
    "reports": BELOW | {"metrics", "plots"},
    "datasets": BELOW | {"formats", "noise", "geometry"},
    "plots": BELOW | {"metrics"},
    "litert_file": BELOW,
    "lite": BELOW | {"litert_file"},
    "serving_client": BELOW,
    "video": BELOW | {"formats", "litert_file"},
}


def modules() -> dict[str, pathlib.Path]:
    found = {}
    for folder, package in FOLDERS.items():
        for path in (REPOSITORY / folder).rglob("*.py"):
            if folder == "tfpose" and {"trainers", "export"} & set(path.relative_to(REPOSITORY / folder).parts):
                continue
            parts = path.relative_to(REPOSITORY / folder).with_suffix("").parts
            name = ".".join([package, *parts])
            found[name.removesuffix(".__init__")] = path
    return found


MODULES = modules()


def imported(path: pathlib.Path, lazily: bool) -> set[str]:
    """The modules of tfpose that a file imports, with `lazily` those that a function imports too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = ast.walk(tree) if lazily else tree.body
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            submodules = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (submodules & set(MODULES)) or {node.module}
    return {name for name in found if name.split(".")[0] == "tfpose"}


@pytest.mark.parametrize("part", ALLOWED)
def test_a_part_imports_only_what_is_below_it(part):
    for name, path in MODULES.items():
        if name.split(".")[1:2] != [part]:
            continue
        for other in imported(path, lazily=True):
            target = other.split(".")[1:2]
            assert not target or target[0] == part or target[0] in ALLOWED[part], f"{name} imports {other}"


def test_nothing_imports_the_command_line():
    for name, path in MODULES.items():
        if not name.startswith("tfpose.cli"):
            assert not any(other.startswith("tfpose.cli") for other in imported(path, lazily=True)), name


def test_there_are_no_circles():
    graph = {name: imported(path, lazily=False) & set(MODULES) for name, path in MODULES.items()}
    packages = {name for name, path in MODULES.items() if path.name == "__init__.py"}
    graph = {name: others - packages for name, others in graph.items() if name not in packages}
    done, on_way = set(), []

    def visit(name):
        assert name not in on_way, f"circle: {' -> '.join([*on_way, name])}"
        if name in done:
            return
        on_way.append(name)
        for other in sorted(graph[name]):
            visit(other)
        on_way.pop()
        done.add(name)

    for name in sorted(graph):
        visit(name)
