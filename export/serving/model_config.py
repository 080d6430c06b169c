"""`models.config`: which models a server has, and which of their versions clients call stable and canary."""

from __future__ import annotations

import pathlib

from google.protobuf import text_format

from tfpose.errors import DataError
from tfpose.export.serving.protos import model_server_config_pb2
from tfpose.files import blame, write_text

MODELS_CONFIG = "models.config"
ROOT = "/models"
"""Where a server sees the package."""

STABLE, CANARY = "stable", "canary"

_ABOUT = f"""\
# Made by 'tfpose export --format serving'; what you change here stays, but for the label '{CANARY}' and comments.
# Every version on disk is loaded. '{CANARY}' is the last export; '{STABLE}' stays where it is until you move it here.
"""


def read(path: pathlib.Path) -> model_server_config_pb2.ModelServerConfig:
    """The models of a file; none where there is no file.

    Raises:
        DataError: when it is no such file; the message starts with `path`.
    """
    config = model_server_config_pb2.ModelServerConfig()
    if path.exists():
        with blame(path, "a ModelServerConfig of TF Serving"):
            text_format.Parse(path.read_text(encoding="utf-8"), config)
        if config.WhichOneof("config") == "custom_model_config":
            raise DataError(f"{path}: has a custom_model_config; expected a model_config_list")
    return config


def announce(path: pathlib.Path, name: str, version: int):
    """Makes `version` the canary of model `name`, and stable if none is; other models and labels stay.

    The policy is to load all versions: the server loads the new directory by itself, and moves the label when that is
    done. It moves labels before it loads the versions of a list, and only to loaded versions. So where you have put a
    list, no label moves: add the version to the list, and move the label when the server has loaded it.

    Raises:
        DataError: when the file is damaged or cannot be written.
    """
    server = read(path)
    found = [model for model in server.model_config_list.config if model.name == name]
    if found:
        (model,) = found
        if model.model_version_policy.HasField("specific"):
            return
    else:
        model = server.model_config_list.config.add(name=name, base_path=f"{ROOT}/{name}", model_platform="tensorflow")
        model.model_version_policy.all.SetInParent()
    model.version_labels[CANARY] = version
    if STABLE not in model.version_labels:
        model.version_labels[STABLE] = version
    write_text(path, _ABOUT + text_format.MessageToString(server))
