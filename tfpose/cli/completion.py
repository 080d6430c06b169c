"""Prints what makes a shell complete the commands and flags of `tfpose`.

source <(tfpose completion bash)
source <(tfpose completion zsh)
tfpose completion fish | source
"""

from __future__ import annotations

import importlib

from absl import flags

from tfpose.cli import common

_BASH = """_tfpose() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" words="{commands}"
  if [ "$COMP_CWORD" -gt 1 ]; then
    case "${{COMP_WORDS[1]}}" in
{cases}
    esac
    case "$current" in -*) ;; *) words="" ;; esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o default -F _tfpose tfpose
"""
_SHELLS = ("bash", "zsh", "fish")


def define_flags(values: flags.FlagValues):
    """There are none."""


def run(values: flags.FlagValues, positional: list[str]):
    common.positional_count(positional, ("SHELL",))
    if positional[0] not in _SHELLS:
        raise flags.Error(f"no completion for {positional[0]}; there are {', '.join(_SHELLS)}")
    print(script(positional[0]), end="")


def script(shell: str) -> str:
    """The program for `shell`."""
    from tfpose.cli import COMMANDS

    known = {name: _flags(name) for name in COMMANDS}
    if shell == "fish":
        lines = ["complete -c tfpose -f -n __fish_use_subcommand -a '" + " ".join(known) + "'"]
        for name, options in known.items():
            lines += [f"complete -c tfpose -n '__fish_seen_subcommand_from {name}' -l {option}" for option in options]
        return "\n".join(lines) + "\n"
    cases = "\n".join(
        f'      {name}) words="{" ".join(f"--{option}" for option in options)}" ;;' for name, options in known.items()
    )
    bash = _BASH.format(commands=" ".join(known), cases=cases)
    return f"autoload -U +X bashcompinit && bashcompinit\n{bash}" if shell == "zsh" else bash


def _flags(name: str) -> list[str]:
    values = flags.FlagValues()
    importlib.import_module(f"tfpose.cli.{name.replace('-', '_')}").define_flags(values)
    return sorted(flag for flag in values if not flag.startswith(("?", "help")) and flag != "h")
