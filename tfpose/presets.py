"""Weights by name: what ships with tfpose, and the files that anybody's own weights can be shared as.

A preset is a folder with `config.json` (the model's arguments, and the card: data, licence, checksum, ...), the weights
as `weights.npz` in half precision (2 bytes a weight; poses change by hundredths of a millimetre), and `README.md`, the
card to read. Both files are compared with their checksums when they are read, in milliseconds; presets of before tfpose
checked it have none of `config.json`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import os
import pathlib

import numpy as np

from tfpose.errors import DataError
from tfpose.files import atomic_write, blame, write_text

_FOLDER = pathlib.Path(__file__).parent / "presets"
NAMES = tuple(sorted(path.parent.name for path in _FOLDER.glob("*/config.json")))
WEIGHTS, CONFIG = "weights.npz", "config.json"
PRECISION = "float16"
"""What `WEIGHTS` holds; in memory they are float32."""


@dataclasses.dataclass(frozen=True, eq=False)
class Preset:
    """A model as data.

    Attributes:
        config: what the model's `from_config` takes.
        weights: path of each weight inside the model -> its values.
        card: what is to be known of it; "sha256" is that of `weights.npz`.
    """

    config: dict
    weights: dict[str, np.ndarray]
    card: dict

    @property
    def origin(self) -> dict:
        """What a model of these weights says of their origin."""
        return {key: self.card[key] for key in ("name", "lineage", "licence")}


def summaries(model: str | None = None) -> dict[str, str]:
    """What ships, by name: what the weights learned from, and under which licence they are.

    Args:
        model: the name of a class, such as "PoseAutoencoder": of its presets alone.
    """
    cards = {name: json.loads((_FOLDER / name / CONFIG).read_text(encoding="utf-8"))["card"] for name in NAMES}
    return {
        name: f"{card['trained']['data']['name']}; {card['licence']}"
        for name, card in cards.items()
        if model in (None, card["model"])
    }


class Summaries:
    """The `summaries` of a class of models as its attribute, read when it is asked for and not by every import."""

    def __get__(self, instance, owner):
        return summaries(owner.__name__)


def is_preset(name_or_folder: str | os.PathLike) -> bool:
    """Whether it is one of `NAMES`, or a folder with the weights of a preset, sound or not."""
    return str(name_or_folder) in NAMES or pathlib.Path(name_or_folder, WEIGHTS).is_file()


def folder(name_or_folder: str | os.PathLike) -> pathlib.Path:
    """Where a preset lies: one of `NAMES`, or a folder.

    Raises:
        DataError: when it is neither.
    """
    path = _FOLDER / name_or_folder if str(name_or_folder) in NAMES else pathlib.Path(name_or_folder)
    if not (path / CONFIG).is_file() or not (path / WEIGHTS).is_file():
        raise DataError(
            f"no preset '{name_or_folder}': it is neither one of {', '.join(NAMES)} nor a folder with {CONFIG} and "
            f"{WEIGHTS}"
        )
    return path


def read(name_or_folder: str | os.PathLike, verify: bool = True) -> Preset:
    """Reads a preset.

    Args:
        name_or_folder: one of `NAMES`, or a folder.
        verify: whether to compare its files with their checksums.

    Raises:
        DataError: when there is none of that name, it is damaged, or its weights are not those of its card.
    """
    path = folder(name_or_folder)
    with blame(path / CONFIG, "the config.json of a preset"):
        described = json.loads((path / CONFIG).read_text(encoding="utf-8"))
        preset = Preset(described["model"], {}, described["card"])
        expected = preset.card["sha256"]
        if verify and described.get("sha256") not in (None, _checksum_of(described)):
            raise DataError(f"{path / CONFIG}: damaged, or changed; verify=False takes it as it is")
    with blame(path / WEIGHTS, "the weights of a preset"):
        content = (path / WEIGHTS).read_bytes()
        if verify and hashlib.sha256(content).hexdigest() != expected:
            raise DataError(f"{path / WEIGHTS}: damaged, or not the weights that {CONFIG} beside it describes")
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            preset.weights.update({name: archive[name].astype(np.float32) for name in archive.files})
    return preset


def write(path: pathlib.Path, preset: Preset) -> dict:
    """Writes `config.json` and `weights.npz` into the folder `path`, and returns the card with the checksum.

    Raises:
        DataError: when a weight does not fit half precision.
    """
    for name, values in preset.weights.items():
        if not np.abs(values).max(initial=0) < np.finfo(PRECISION).max:
            raise DataError(f"{path}: weight {name} does not fit half precision; was the training finite?")
    with atomic_write(path / WEIGHTS) as unfinished:
        np.savez_compressed(unfinished, **{name: values.astype(PRECISION) for name, values in preset.weights.items()})
    card = {**preset.card, "sha256": hashlib.sha256((path / WEIGHTS).read_bytes()).hexdigest()}
    described = {"model": preset.config, "card": card}
    write_text(path / CONFIG, json.dumps({**described, "sha256": _checksum_of(described)}, indent=1) + "\n")
    return card


def _checksum_of(described: dict) -> str:
    """The SHA-256 of what `CONFIG` says, however it is laid out."""
    said = json.dumps({part: described[part] for part in ("model", "card")}, sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()
