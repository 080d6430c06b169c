"""The text files of a package: how to start a server and call it."""

from __future__ import annotations

import json
import pathlib
import string

import tensorflow as tf

from tfpose import litert_file
from tfpose.export.card import shown_shape
from tfpose.export.saved_model import CARD, read_card
from tfpose.export.serving.lite import LITE
from tfpose.export.serving.model_config import MODELS_CONFIG, ROOT
from tfpose.export.serving.warmup import read_warmup
from tfpose.export.signatures import DEFAULT
from tfpose.files import write_text

_FILES = pathlib.Path(__file__).parent / "files"
_README = "README.md"

_IMAGE = "tensorflow/serving:2.21.0"  # not older than the TensorFlow that exports
_FLAGS = (
    f"--model_config_file={ROOT}/{MODELS_CONFIG}",
    "--model_config_file_poll_wait_seconds=10",
    "--allow_version_labels_for_unavailable_models=true",
    "--enable_batching=true",
    f"--batching_parameters_file={ROOT}/batching_parameters.txt",
    f"--monitoring_config_file={ROOT}/monitoring.config",
)

_COMPILED_FLAG = "--xla_cpu_compilation_enabled=true"
_LITE_FLAG = "--prefer_tflite_model=true"
_ANY_BATCH = """\
# No allowed_batch_sizes: on a CPU, filling batches up costs more than it saves. On a GPU give powers of 2 up to
# max_batch_size."""


def write_texts(package: pathlib.Path, exported: pathlib.Path, versions: dict[str, dict[int, pathlib.Path]]):
    """Writes README.md and an example request for a model, and what else is missing.

    Args:
        package: the folder.
        exported: the version that was just added, `package/model/version`.
        versions: of each model in the package, the SavedModels by number.

    Raises:
        DataError: when a file cannot be written.
    """
    name, card = exported.parent.name, read_card(exported)
    compiled, lite = card.get("compiled_batches", []), (exported / LITE).exists()
    flags = (*_FLAGS, *([_COMPILED_FLAG] if compiled else []), *([_LITE_FLAG] if lite else []))
    for template in sorted(_FILES.iterdir()):
        if template.name != _README and not (package / template.name).exists():
            write_text(package / template.name, _filled(template, flags, compiled, name=name))
    asked = {request.model_spec.signature_name for request in read_warmup(exported)} - {DEFAULT}
    signature = next(each for each in card["signatures"] if each in asked)  # what the model is for
    write_text(package / f"{name}.json", json.dumps(_request(exported, signature)) + "\n")
    newest = {model: max(paths.items())[1] for model, paths in versions.items() if paths} | {name: exported}
    models = "\n\n".join(_described(model, path) for model, path in newest.items() if (path / CARD).is_file())
    values = {"name": name, "signature": signature, "models": models, "tensorflow": tf.__version__}
    write_text(package / _README, _filled(_FILES / _README, flags, compiled, **values))


def _request(saved_model: pathlib.Path, signature: str) -> dict:
    """The body of a request over REST: three rows of the warm-up, of which the last may miss joints."""
    *_, largest = (each for each in read_warmup(saved_model) if each.model_spec.signature_name == signature)
    inputs = {name: tf.make_ndarray(tensor)[:3].tolist() for name, tensor in largest.inputs.items()}
    return {"signature_name": signature, "inputs": inputs}


def _filled(template: pathlib.Path, flags: tuple[str, ...], compiled: list[int], **values: str) -> str:
    """The text of a template, for a server with some flags, and signatures compiled for some batch sizes, or not."""
    return string.Template(template.read_text(encoding="utf-8")).substitute(
        values, image=_IMAGE, flags=" \\\n  ".join(flags), flag_list=", ".join(flags), allowed=_allowed(compiled)
    )


def _allowed(batches: list[int]) -> str:
    """The part of `batching_parameters.txt` about the sizes of batches."""
    sizes = [f"allowed_batch_sizes: {size}" for size in batches]
    return "\n".join(["# XLA compiles for these alone, in the warm-up.", *sizes]) if sizes else _ANY_BATCH


def _described(name: str, path: pathlib.Path) -> str:
    card = read_card(path)
    rows = ["| signature | inputs | outputs |", "|---|---|---|"]
    rows += [
        f"| `{signature}` | {_tensors(found['inputs'])} | {_tensors(found['outputs'])} |"
        for signature, found in card["signatures"].items()
    ]
    joints = [joint for joint, _ in card["skeleton"]["joints"]]
    return (
        f"**{name}**: a {card['model']} of skeleton `{card['skeleton']['name']}`; {card['unit']}, {card['axes']}. "
        f"The joints in order: {', '.join(joints)}.\n\n" + "\n".join(rows) + _described_lite(path / LITE)
    )


def _described_lite(path: pathlib.Path) -> str:
    """What a server of LiteRT has of the signatures."""
    if not path.exists():
        return ""
    names = ", ".join(f"`{name}`" for name in litert_file.read_card(path.read_bytes())["signatures"])
    return f"\n\nWith `{_LITE_FLAG}` (experimental in TF Serving) a server runs `{LITE}` instead, which has {names}."


def _tensors(tensors: dict) -> str:
    return ", ".join(
        f"`{name}` `{shown_shape(tensor['shape'])}`" + (f" {tensor['unit']}" if tensor["unit"] else "")
        for name, tensor in tensors.items()
    )
