"""What XLA has compiled is kept on disk, so that the next start does not wait for it."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import pathlib
import platform


def keep_compiled(folder: str | os.PathLike | None = None) -> pathlib.Path | None:
    """Makes TensorFlow keep in a folder what XLA compiles in this process, and take from there what it finds.

    To be called before TensorFlow compiles anything. The `tfpose` command calls it. What is kept is for one machine's
    kind of processor, one TensorFlow and the same `XLA_FLAGS`: others get a folder beside it. An entry takes about 5 MB
    and is written whole; the folder may be deleted at any time.

    Args:
        folder: by default the environment variable `TFPOSE_CACHE`, where it is empty none, and where there is no such
            variable `tfpose` in the user's folder for caches.

    Returns:
        Where it is kept; None when nothing is: no folder is wanted, it cannot be written, or `TF_XLA_FLAGS` names one.
    """
    default = os.environ.get("XDG_CACHE_HOME") or pathlib.Path("~", ".cache").expanduser()
    folder = os.environ.get("TFPOSE_CACHE", pathlib.Path(default, "tfpose")) if folder is None else folder
    flags = os.environ.get("TF_XLA_FLAGS", "")
    if not str(folder) or "persistent_cache_directory" in flags:
        return None
    path = pathlib.Path(folder, _kind()).absolute()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    if not os.access(path, os.W_OK):
        return None
    os.environ["TF_XLA_FLAGS"] = f"{flags} --tf_xla_persistent_cache_directory={path}".strip()
    return path


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
