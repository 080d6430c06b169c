"""The shipped configurations by name: one Python file each, whose header says what it is and how it is run.

A file may hold the rows of a table, as those in `reproduction/configs` do: `structures.py:recursive` is the row
"recursive" of `structures.py`.
"""

from __future__ import annotations

import pathlib

from tfpose.errors import TfposeError

_FOLDER = pathlib.Path(__file__).parent
NAMES = tuple(sorted(file.stem for file in _FOLDER.glob("*.py") if file.stem != "__init__"))


def path(name: str) -> str:
    """The file of a shipped configuration."""
    return str(_FOLDER / f"{name}.py")


def with_paths(arguments: list[str]) -> list[str]:
    """Command line arguments with `--config NAME` and `--config=NAME` turned into the file of that name.

    Raises:
        TfposeError: when that is neither a file nor one of `NAMES`.
    """
    resolved = []
    for argument in arguments:
        flag, equals, value = argument.partition("=")
        if equals and flag in ("--config", "-config"):
            argument = f"{flag}={_file(value)}"
        elif resolved and resolved[-1] in ("--config", "-config"):
            argument = _file(argument)
        resolved.append(argument)
    return resolved


def with_names(arguments: list[str]) -> list[str]:
    """The reverse of `with_paths`: what somebody on another machine can call."""
    for name in NAMES:
        arguments = [argument.replace(path(name), name) for argument in arguments]
    return arguments


def _file(name: str) -> str:
    base, colon, row = name.partition(":")
    if base not in NAMES and not pathlib.Path(base).is_file():
        raise TfposeError(f"--config={name}: there is no such file; it is a file or one of {', '.join(NAMES)}")
    return (path(base) if base in NAMES else base) + colon + row
