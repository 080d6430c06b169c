"""Text files in whatever encoding, line ending and compression they come."""

from __future__ import annotations

import gzip
import os
import pathlib

from tfpose.errors import DataError

_MOST = 1 << 30  # bytes: more text than this is no clip, and may be a compressed bomb


def read_text(path: str | os.PathLike) -> str:
    """The text of a file, its lines ended by a newline, without a byte order mark or NULs.

    UTF-8, UTF-16 with a byte order mark or of Latin letters, else Latin-1: names may suffer, numbers may not. A file
    that begins as gzip does is unpacked.

    Raises:
        DataError: when it is larger than a gigabyte.
        OSError: when it cannot be read.
    """
    path = pathlib.Path(path)
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    with (gzip.open if packed else open)(path, "rb") as file:
        raw = file.read(_MOST + 1)
    if len(raw) > _MOST:
        raise DataError(f"{path}: is larger than {_MOST >> 30} GB, which is no clip")
    text = _decoded(raw)
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")


def _decoded(raw: bytes) -> str:
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16", errors="replace")
    # Latin letters in UTF-16 are every second byte a zero.
    start = raw[:200]
    for offset, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if len(start) > 8 and not any(start[offset::2]) and all(start[1 - offset :: 2]):
            return raw.decode(encoding, errors="replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
