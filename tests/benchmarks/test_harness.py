"""What the benchmarks share: turns, and processes that do a task."""

import os
import pathlib
import subprocess
import sys

import harness
import pytest

from tfpose.errors import TfposeError


def test_all_take_turns():
    called = []
    cases = {name: lambda name=name: called.append(name) for name in "ab"}
    found = harness.medians(cases, rounds=2)
    assert "".join(called) == "ab" + "abab"
    assert found.keys() == {"a", "b"} and min(found.values()) > 0


def test_a_process_answers_and_says_what_went_wrong(tmp_path):
    (tmp_path / "adding.py").write_text(
        "class Adding:\n"
        "    def __init__(self, to): self.to = to\n"
        "    def first(self): return print('a word of a library') or self.to\n"
        "    def run(self, more): return self.to + more\n"
        "    def close(self): pass\n"
        "make = Adding\n"
    )
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    with harness.Worker("adding", {"PYTHONPATH": path}) as worker:
        assert worker.ask("prepare", module="adding", arguments={"to": 1}) == 1
        assert worker.ask("run", arguments={"more": 2}) == 3
        assert worker.peak_memory > 1e7
        with pytest.raises(TfposeError, match=r"(?s)contender 'adding' failed:.*TypeError"):
            worker.ask("run", arguments={"more": "x"})


@pytest.mark.parametrize(("out", "said"), [("a.json", "no data\n"), ("a.md", "a.md: the name of the JSON file")])
def test_a_program_ends_with_the_message_of_its_error(out, said):
    script = """
import harness
from absl import flags
from tfpose.errors import TfposeError

flags.DEFINE_string("out", None, "")

def main(_):
    raise TfposeError("no data")

harness.program(main)
"""
    command = [sys.executable, "-c", script, f"--out={out}"]
    done = subprocess.run(command, cwd=pathlib.Path(harness.__file__).parent, capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.startswith(said) and done.stderr.count("\n") == 1
