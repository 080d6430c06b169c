"""Describes model files and artifacts."""

from __future__ import annotations

import collections
import os
import pathlib

from tfpose import presets
from tfpose.export.artifacts import open_artifact
from tfpose.export.card import make_card, shown_shape
from tfpose.export.files import sha256, size
from tfpose.models import load_model

_FOREIGN = "not made by tfpose: it says nothing about its joints and units"


def describe(path: str | os.PathLike) -> dict:
    """Describes a preset (by name or folder), a .keras file or the directory of its training, a SavedModel directory
    (such as a version of TF Serving), a .tflite file, or an .onnx file or a folder of them.

    Returns:
        `path`, `kind`, `bytes`, `sha256` (of a directory: over its files' names and contents), `signatures` as the
        file itself has them, and all that is in the card (see `tfpose.export.card`); ready for JSON.

    Raises:
        DataError: when it is none of these or damaged; the message starts with its path.
        TfposeError: when what opens the file is not installed.
    """
    path = presets.folder(path) if str(path) in presets.NAMES else pathlib.Path(path)
    if (path / "model.keras").exists():
        path = path / "model.keras"
    if (path / presets.WEIGHTS).is_file():
        kind, found = "preset", make_card(load_model(path)) | {"precision": presets.PRECISION}
    elif path.suffix == ".keras":
        kind, found = "Keras", make_card(load_model(path))
    else:
        artifact = open_artifact(path)
        kind = artifact.kind
        found = artifact.card | {
            "signatures": {name: signature.describe() for name, signature in artifact.signatures.items()}
        }
    return {"path": str(path), "kind": kind, "bytes": size(path), "sha256": sha256(path), **found}


def text(description: dict) -> str:
    """What `describe` returned, as text to read."""
    lines = [f"{description['path']}: {description['kind']}, {description['bytes'] / 1000:.1f} kB"]
    lines.append(f"sha256      {description['sha256']}")
    lines += _about(description) if "tfpose" in description else [_FOREIGN]
    for name, signature in description["signatures"].items():
        lines.append(f"signature   {name}")
        for part, tensors in (("in ", signature["inputs"]), ("out", signature["outputs"])):
            for tensor, spec in tensors.items():
                unit = f" {spec['unit']}" if spec["unit"] else ""
                lines.append(f"  {part}       {tensor} {shown_shape(spec['shape'])} {spec['dtype']}{unit}")
    return "\n".join(lines)


def _about(card: dict) -> list[str]:
    card = collections.defaultdict(lambda: "unknown", card)  # cards of older versions have fewer entries
    skeleton = card["skeleton"]
    options = ", ".join(f"{name}={value}" for name, value in card["options"].items())
    joints = [joint for joint, _ in skeleton["joints"]]
    lines = [
        f"model       {card['model']}({options})",
        f"            {card['parameters']:,} parameters, {card['precision']}, tfpose {card['tfpose']}",
        f"weights     sha256 {card['weights_sha256']}",
        f"trained on  {card['lineage']}",
        f"licence     {card['licence']}",
        f"skeleton    {skeleton['name']}, {len(joints)} joints: {', '.join(joints)}",
        f"convention  {card['unit']}, {card['axes']}; {card['missing']}; normalisation {card['normalisation']}",
    ]
    if "name" in card:
        lines.insert(0, f"name        {card['name']}")
    if "actions" in card:
        lines.append(f"actions     {len(card['actions'])}: {', '.join(card['actions'])}")
    return lines
