"""Files that carry their own SHA-256, and folders that carry those of their files, checked when they are loaded.

A sealed file ends in `MARK` and 64 hexadecimal digits, the checksum of all before: `head -c -83 FILE | sha256sum` gives
it. To readers of ONNX that is an entry of the metadata; readers of LiteRT do not look behind their tables. A sealed
folder has a list that `sha256sum --check` reads. Neither proves who made a file; both show that it is
unchanged.
"""

from __future__ import annotations

import hashlib
import os
import pathlib

from tfpose.errors import DataError
from tfpose.files import blame

MARK = b"\x72\x51\x0a\x0dtfpose.sha256\x12\x40"
"""Field 14, `metadata_props`, of ONNX's `ModelProto`: the key and, of 64 bytes, the value."""
_DIGITS = 64


SEALED = "sealed"
"""The entry of a card that says that there is a checksum, so that one cannot get lost."""


def said_to_be(card: dict) -> bool:
    """Takes `SEALED` out of a card; whether it was there. What older versions of tfpose exported has no checksum."""
    return bool(card.pop(SEALED, False))


def sealed(content: bytes) -> bytes:
    """The content with its checksum."""
    return content + MARK + hashlib.sha256(content).hexdigest().encode()


def is_sealed(content: bytes) -> bool:
    """Whether it ends in a checksum, right or wrong."""
    return content[: len(content) - _DIGITS].endswith(MARK)


def check(path: str | os.PathLike, content: bytes):
    """Compares the content of a file with the checksum in it, where it has one.

    Raises:
        DataError: when they differ; the message starts with `path`.
    """
    if is_sealed(content):
        end = len(content) - _DIGITS
        if hashlib.sha256(content[: end - len(MARK)]).hexdigest().encode() != content[end:]:
            raise damaged(path)


def damaged(path: str | os.PathLike) -> DataError:
    """The error to raise for a file that is not what its checksum says."""
    return DataError(
        f"{path}: damaged: it is not the file that its checksum was made of. Copy or export it again; "
        "verify=False opens it all the same"
    )


def seal_folder(folder: pathlib.Path, name: pathlib.PurePath):
    """Writes the list `name` of the checksums of all files in a folder, in the form of `sha256sum`."""
    files = sorted(file.relative_to(folder) for file in folder.rglob("*") if file.is_file())
    lines = [f"{_checksum(folder / file)}  {file.as_posix()}\n" for file in files if file != name]
    (folder / name).write_text("".join(lines), encoding="utf-8")


def check_folder(folder: pathlib.Path, name: pathlib.PurePath):
    """Compares the files of a folder with the list `name`; others, added later, do not matter.

    Raises:
        DataError: when the list is damaged, or a file is not there or differs; the message starts with its path.
    """
    with blame(folder / name, "a list of checksums"):
        listed = dict(_entry(line) for line in (folder / name).read_text(encoding="utf-8").splitlines())
    for file, expected in listed.items():
        with blame(folder / file, f"a file that {name} beside it names"):
            found = _checksum(folder / file)
        if found != expected:
            raise damaged(folder / file)


def _entry(line: str) -> tuple[str, str]:
    checksum, file = line.split("  ", 1)
    return file, checksum


def _checksum(file: pathlib.Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
