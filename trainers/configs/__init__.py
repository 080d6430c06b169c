"""The shipped configurations by name: one Python file each, whose header says what it is and how it is run."""

from __future__ import annotations

import pathlib

_FOLDER = pathlib.Path(__file__).parent
NAMES = tuple(sorted(file.stem for file in _FOLDER.glob("*.py") if file.stem != "__init__"))


def path(name: str) -> str:
    """The file of a shipped configuration."""
    return str(_FOLDER / f"{name}.py")


def with_paths(arguments: list[str]) -> list[str]:
    """Command line arguments with `--config NAME` and `--config=NAME` turned into the file of that name."""
    resolved = []
    for argument in arguments:
        flag, equals, value = argument.partition("=")
        if equals and flag in ("--config", "-config") and value in NAMES:
            argument = f"{flag}={path(value)}"
        elif resolved and resolved[-1] in ("--config", "-config") and argument in NAMES:
            argument = path(argument)
        resolved.append(argument)
    return resolved
