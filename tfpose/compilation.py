"""Sets the flags of XLA: a low optimisation level on CPUs, and a cache of compiled programs on disk."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import pathlib
import platform

_LEVEL = "--xla_backend_optimization_level"


def prepare_xla(folder: str | os.PathLike | None = None) -> pathlib.Path | None:
    """Makes XLA compile quickly in this process, and only what is not in a folder yet.

    To be called before TensorFlow compiles anything. The `tfpose` command calls it. Where there is no GPU and
    `XLA_FLAGS` does not say otherwise, LLVM's optimisation level is 1: that compiles the training step seconds sooner
    than the default of 3, and the step is as fast.

    What is kept is for one machine's kind of processor, one TensorFlow and the same `XLA_FLAGS`: others get a folder
    beside it. An entry takes about 5 MB and is written whole; the folder may be deleted at any time.

    Args:
        folder: of the cache. Default: what the environment variable `TFPOSE_CACHE` says (empty: no cache), else
            `tfpose` in the user's cache folder.

    Returns:
        The cache folder. None when there is no cache: none is wanted, the folder cannot be written, the user has no
        cache folder, or `TF_XLA_FLAGS` already names one.
    """
    compiler = os.environ.get("XLA_FLAGS", "")
    if _LEVEL not in compiler and not pathlib.Path("/dev/nvidia0").exists():
        os.environ["XLA_FLAGS"] = f"{compiler} {_LEVEL}=1".strip()
    folder = _default() if folder is None else folder
    flags = os.environ.get("TF_XLA_FLAGS", "")
    if folder is None or not str(folder) or "persistent_cache_directory" in flags:
        return None
    path = pathlib.Path(folder, _kind()).absolute()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    if not os.access(path, os.W_OK):
        return None
    os.environ["TF_XLA_FLAGS"] = f"{flags} --tf_xla_persistent_cache_directory={_quoted(str(path))}".strip()
    return path


def _default() -> str | pathlib.Path | None:
    """Where compiled code is kept when nobody says it; None where the user has no folder."""
    if "TFPOSE_CACHE" in os.environ:
        return os.environ["TFPOSE_CACHE"]
    try:
        caches = os.environ.get("XDG_CACHE_HOME") or pathlib.Path("~", ".cache").expanduser()
    except RuntimeError:
        return None
    return pathlib.Path(caches, "tfpose")


def _quoted(value: str) -> str:
    """A value of a flag of TensorFlow, in quotes where it has a space."""
    if not any(map(str.isspace, value)):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _kind() -> str:
    """What compiled code depends on beside the program, as a name."""
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        processor = sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))})
    except OSError:  # not Linux
        processor = [platform.processor(), platform.machine()]
    installed = {d.metadata["Name"]: d.version for d in importlib.metadata.distributions(name="tensorflow-cpu")}
    installed |= {d.metadata["Name"]: d.version for d in importlib.metadata.distributions(name="tensorflow")}
    parts = [*processor, str(sorted(installed.items())), os.environ.get("XLA_FLAGS", "")]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
