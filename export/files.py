"""Artifacts appear whole or not at all, and never in the place of another."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pathlib
import tempfile
from collections.abc import Iterator

import tensorflow as tf

from tfpose.errors import DataError


@contextlib.contextmanager
def new_artifact(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """A path to write a file or directory to; it becomes `path` when the block ends without an error.

    Raises:
        DataError: when `path` exists (a server may be reading it) or cannot be written.
    """
    path = pathlib.Path(path)
    refuse_existing(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Beside its place, because only within a file system is a rename atomic.
        with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
            temporary = pathlib.Path(folder, path.name)
            yield temporary
            refuse_existing(path)
            temporary.replace(path)
    except (OSError, tf.errors.OpError) as error:
        raise DataError(f"{path}: cannot be written: {' '.join(str(error).split())}") from error


def refuse_existing(path: str | os.PathLike):
    """Raises DataError when there is something at `path`."""
    if os.path.lexists(path):
        raise DataError(f"{path}: exists already; delete it or export to another place")


def size(path: str | os.PathLike) -> int:
    """Bytes of a file, or of all files in a directory."""
    return sum(file.stat().st_size for file in contents(path))


def contents(path: str | os.PathLike) -> list[pathlib.Path]:
    """The file itself, or all files in a directory in a fixed order."""
    path = pathlib.Path(path)
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


def sha256(path: str | os.PathLike) -> str:
    """The checksum of a file, or of the names and contents of all files in a directory."""
    path = pathlib.Path(path)
    if path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    digest = hashlib.sha256()
    for file in contents(path):
        digest.update(file.relative_to(path).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()
