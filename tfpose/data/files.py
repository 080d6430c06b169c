"""What every reader needs: one error that names the file, and files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import pathlib
import tempfile
from collections.abc import Iterator

from tfpose.errors import DataError, TfposeError


@contextlib.contextmanager
def blame(path: str | os.PathLike, expected: str) -> Iterator[None]:
    """Turns whatever goes wrong inside into one `DataError` that starts with `path` and says what was `expected`.

    Errors that already speak to people (`TfposeError`) pass, so the most exact message wins. The list of caught
    classes is what parsers throw at damaged input; anything else is a defect of ours and keeps its traceback.
    """
    try:
        yield
    except TfposeError:
        raise
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; expected {expected}") from None
    except (ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, OSError, TypeError) as error:
        raise DataError(f"{path}: not {expected}: {_say(error)}") from error
    except (ValueError, RecursionError, MemoryError) as error:  # UnicodeDecodeError, JSONDecodeError are ValueErrors
        raise DataError(f"{path}: not {expected}: {_say(error)}") from error


def _say(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__


@contextlib.contextmanager
def written_whole(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """A temporary path beside `path` that takes its place when the block ends without an error."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix stays last, because numpy's writers add theirs to a name that lacks it.
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = pathlib.Path(name)
    try:
        yield temporary
        # mkstemp makes the file private; the result gets what an ordinary new file would have.
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
