"""The `tfpose` command: one module for each subcommand.

A module has `define_flags(values)` and `run(values, positional) -> exit status`; its docstring is the help.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys

from absl import flags

import tfpose
from tfpose.compilation import prepare_xla
from tfpose.errors import TfposeError
from tfpose.trainers import configs

COMMANDS = {
    "demo": "measure, draw, export and verify the weights that ship, in a minute or two",
    "pretrain": "learn a model from poses, without labels",
    "pretrain-clips": "learn a model of clips on a pose model",
    "shard": "write poses into shards, to learn from more than memory holds",
    "classify": "learn to recognise actions, from the codes of a frozen encoder",
    "lift": "learn to lift 2D joints to 3D, and measure it beside residual MLPs",
    "evaluate": "measure a model and write the result",
    "denoise": "clean the skeletons of files",
    "convert": "write clips in another format",
    "track": "track a person in a video, and clean what it finds",
    "export": "make a SavedModel and a LiteRT file, proven equal to the model",
    "preset": "make weights to share: half precision, with a model card",
    "presets": "list the weights that ship",
    "inspect": "say what a model or a clip file holds",
    "encode-dataset": "write the codes of all clips of a data set, on one machine or many",
    "clean-dataset": "clean all files of a data set, on one machine or many",
    "completion": "print what makes a shell complete commands and flags",
}


def main(argv: list[str] | None = None) -> int:
    """Runs `tfpose COMMAND ...`; the exit status is 0, 1 for bad input, 2 for a wrong call, 130 when stopped."""
    argv = list(sys.argv[1:] if argv is None else argv)
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(_usage())
        return 0
    if argv[0] == "--version":
        print(tfpose.__version__)
        return 0
    name, *rest = argv
    if name not in COMMANDS:
        print(f"tfpose: no command '{name}'\n\n{_usage()}", file=sys.stderr)
        return 2
    return run(["tfpose", name], f"tfpose.cli.{name.replace('-', '_')}", rest)


def run(call: list[str], module: str, arguments: list[str]) -> int:
    """Runs the subcommand in `module`, which is called by the words of `call`; the exit status is that of `main`."""
    # TensorFlow's start-up notes would bury what the command has to say.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    prepare_xla()
    values, said, before = flags.FlagValues(), " ".join(call), sys.argv
    try:
        command = importlib.import_module(module)
        # ml_collections looks for overrides such as --config.steps=100 in sys.argv, already when its flag is defined.
        arguments = configs.with_paths(arguments)
        sys.argv = [*call, *arguments]
        with _settings_named():
            command.define_flags(values)
        if any(argument in ("-h", "--help", "-help") for argument in arguments):
            print(f"{command.__doc__.strip()}\n\nFlags:\n{values.get_help(prefix='  ', include_special_flags=False)}")
            return 0
        with _settings_named():
            positional = values([said, *arguments])[1:]
        return command.run(values, positional) or 0
    except flags.Error as error:
        print(f"{said}: {error}\nSee: {said} --help", file=sys.stderr)
        return 2
    except ImportError as error:
        print(f"{said}: {_how_to_install(error)}", file=sys.stderr)
        return 1
    except (TfposeError, OSError) as error:
        print(f"{said}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\n{said}: stopped", file=sys.stderr)
        return 130
    finally:
        sys.argv = before


@contextlib.contextmanager
def _settings_named():
    """Turns what ml_collections raises for a setting that a config does not have into a wrong call."""
    try:
        yield
    except (AttributeError, KeyError, TypeError) as error:
        what = error.args[0].args[0] if isinstance(error.args[0], KeyError) else error.args[0]
        raise flags.Error(f"--config has no such setting: {' '.join(what.split())}") from error


def _how_to_install(error: ImportError) -> str:
    """One line on what is missing, and how to add it.

    Raises:
        ImportError: the error itself, when it is not about a package that tfpose does without.
    """
    package = (error.name or "").split(".")[0]
    extra = {"tensorflow": "cpu", "keras": "cpu", "ai_edge_litert": "litert"}.get(package)
    if extra:
        return f"{package} is not installed. Run: pip install 'tfpose[{extra}]'"
    if "pip install" in str(error):  # the module itself says it
        return str(error)
    raise error


def _usage() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}} {what}" for name, what in COMMANDS.items()]
    return "\n".join(["Usage: tfpose COMMAND [flags]", "", *lines, "", "tfpose COMMAND --help has an example of each."])
