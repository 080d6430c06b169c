"""Files read with one error that names them, and written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import pathlib
import uuid
from collections.abc import Iterator

import numpy as np

from tfpose.errors import DataError, TfposeError, printable

try:
    import fcntl
except ImportError:  # on Windows
    fcntl = None


@contextlib.contextmanager
def blame(path: str | os.PathLike, expected: str) -> Iterator[None]:
    """Turns whatever goes wrong inside into one `DataError` that starts with `path` and says what was `expected`.

    A `TfposeError` keeps its kind and its message, which is more exact; where it does not name `path`, it is put in
    front. All other errors are caught: what the parsers of zip, pickle, numpy and Python raise for damaged bytes has no
    common base (`zlib.error`, `TokenError`, `struct.error`, `RecursionError`, ...). The cause
    stays attached.
    """
    try:
        yield
    except TfposeError as error:
        if printable(str(path)) in str(error):
            raise
        raise type(error)(f"{path}: {error}") from error
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; expected {expected}") from None
    except Exception as error:
        raise DataError(f"{path}: not {expected}: {_say(error)}") from error


def _say(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__


def numbers(values, dtype: np.typing.DTypeLike) -> np.ndarray:
    """Nested lists of numbers, such as JSON's, as an array.

    Raises:
        ValueError: when they are ragged, or hold a text or null.
    """
    array = np.asarray(values)
    if array.dtype.kind not in "iuf" and array.size:
        raise ValueError(f"expected numbers, got an array of {array.dtype}")
    with np.errstate(over="ignore"):
        return array.astype(dtype)


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """A temporary path beside `path` that takes its place when the block ends without an error.

    Raises:
        DataError: when it cannot be written; the message starts with the path.
    """
    path = pathlib.Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # The suffix stays last, because numpy's writers add theirs to a name that lacks it.
        temporary = path.with_name(f".{path.stem}.{uuid.uuid4().hex[:8]}{path.suffix}")
        temporary.touch(exist_ok=False)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({_say(error)})") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(folder: str | os.PathLike) -> Iterator[None]:
    """Makes a folder where it is missing, and keeps other processes from writing there while the block runs.

    The lock ends with the process, however it ends, and leaves nothing in the folder. No lock is taken on Windows
    and on file systems without locks, such as some network file systems.

    Raises:
        DataError: when another process has the lock, or the folder cannot be made; the message starts with the folder.
    """
    folder = pathlib.Path(folder)
    if fcntl is None:
        _make(folder)
        yield
        return
    handle = _opened_and_locked(folder)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # it removes a folder that got nothing, and no other
            folder.rmdir()
        os.close(handle)


def _make(folder: pathlib.Path):
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder}: cannot be written ({_say(error)})") from error


def _opened_and_locked(folder: pathlib.Path) -> int:
    """The handle of a folder. Another process may remove the folder before it is locked; then it is made again."""
    while True:
        _make(folder)
        with contextlib.ExitStack() as opened, contextlib.suppress(FileNotFoundError):
            handle = os.open(folder, os.O_RDONLY)
            opened.callback(os.close, handle)
            _lock(folder, handle)
            if os.path.samestat(os.fstat(handle), os.stat(folder)):
                opened.pop_all()
                return handle


def _lock(folder: pathlib.Path, handle: int):
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise DataError(f"{folder}: another process is writing there; wait for its end, or choose another") from None
    except OSError:
        return


def write_text(path: str | os.PathLike, text: str):
    """Writes a text file whole or not at all.

    Raises:
        DataError: when it cannot be written; the message starts with the path.
    """
    with atomic_write(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")
