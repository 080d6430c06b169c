"""Apache Beam pipelines over files of clips, on one machine or on many: what all of them share.

What a pipeline cannot use goes to `DEAD_LETTERS`, a line for each file or clip: `source`, `number` of the clip and how
many `clips` the file holds (null for a whole file), `kind` and `reason`. A folder becomes the output in one step at the
end.
"""

from __future__ import annotations

import collections
import contextlib
import json
import os
import pathlib
import shutil
import signal
import threading
import uuid
from collections.abc import Iterator, Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.runner import PipelineState

from tfpose.errors import DataError, TfposeError
from tfpose.export.files import refuse_existing
from tfpose.files import locked

DEAD_LETTERS = "dead_letters.jsonl"
DEAD = "dead"
"""The tag of dead letters among the outputs of a step."""
LOCAL_RUNNER = "DirectRunner"
_LOCAL_OPTIONS = (
    # DirectRunner would download and start a Go program (Prism), and run in this process only where that fails.
    # Pipelines that may have unsafe triggers, of which there are none here, run in this process at once.
    "--allow_unsafe_triggers",
    "--default_sdk_harness_log_level=ERROR",  # of worker processes, which note every step
)


def make_pipeline(runner: str, beam_options: Sequence[str]) -> beam.Pipeline:
    """An empty pipeline. Options that Beam does not know are refused for the local runner; others pass theirs on."""
    local = runner == LOCAL_RUNNER
    options = PipelineOptions([f"--runner={runner}", *(_LOCAL_OPTIONS if local else ()), *beam_options])
    unknown = options.get_all_options(retain_unknown_options=True).keys() - options.get_all_options().keys()
    if local and unknown:
        raise TfposeError(f"Beam has no option {', '.join(f'--{name}' for name in sorted(unknown))}")
    try:
        return beam.Pipeline(options=options)
    except (AttributeError, ImportError, ValueError) as error:
        raise TfposeError(f"Beam cannot use the runner '{runner}': {error}") from error


def dead_letter(kind: str, reason, source: str, number: int | None = None, clips: int | None = None):
    letter = {"source": source, "number": number, "clips": clips, "kind": kind, "reason": str(reason)}
    return beam.pvalue.TaggedOutput(DEAD, letter)


@contextlib.contextmanager
def new_output(out: str | os.PathLike) -> Iterator[pathlib.Path]:
    """A folder that becomes `out` when the block ends without an error; nothing is left of it else.

    It lies in a folder beside `out`, locked by this process. A process that is killed leaves that folder, unlocked.
    Every try has a new name, so that what workers of a killed process still write is no part of the next output.
    """
    out = pathlib.Path(out).absolute()
    refuse_existing(out)
    workshop = out.with_name(f".{out.name}.unfinished")
    try:
        with locked(workshop):
            try:
                _clear(workshop)
                folder = workshop / uuid.uuid4().hex
                folder.mkdir()
                yield folder
                refuse_existing(out)
                folder.replace(out)
            finally:
                shutil.rmtree(workshop, ignore_errors=True)
    except OSError as error:
        raise DataError(f"{out}: cannot be written: {error}") from error


def _clear(folder: pathlib.Path):
    """Removes what a killed process left in the folder, which stays, because it is locked."""
    for found in folder.iterdir():
        if found.is_dir():
            shutil.rmtree(found)
        else:
            found.unlink()


def run(pipeline: beam.Pipeline):
    """Runs it to its end.

    Raises:
        TfposeError: when it fails.
    """
    with _ended_by_dead_workers():
        try:
            result = pipeline.run()
            try:
                state = result.wait_until_finish()
            except KeyboardInterrupt:
                result.cancel()  # else a cluster would go on
                raise
        except TfposeError:
            raise
        except Exception as error:
            what = str(error).strip().splitlines() or [type(error).__name__]
            raise TfposeError(f"the pipeline failed, and nothing was written: {what[-1].strip()}") from error
    if state != PipelineState.DONE:
        raise TfposeError(f"the pipeline ended as {state}, and nothing was written")


@contextlib.contextmanager
def _ended_by_dead_workers() -> Iterator[None]:
    """Ends the block when a worker process of the local runner dies, because Beam would wait for it indefinitely."""
    before, deaths = threading.excepthook, []

    def note(args):
        if args.thread is None or args.thread.name != "run_worker":
            return before(args)
        deaths.append(args.exc_value)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    threading.excepthook = note
    try:
        yield
    except KeyboardInterrupt:
        if not deaths:
            raise
        raise TfposeError(
            f"a worker process died ({deaths[0]}; killed, or out of memory?), and nothing was written; start again"
        ) from deaths[0]
    finally:
        threading.excepthook = before


def write_lines(records: beam.PCollection, folder: pathlib.Path, name: str):
    """Adds the step that writes records into the file `name`, a line of JSON each."""
    (
        records
        | f"Lines of {name}" >> beam.Map(json.dumps)
        | f"Write {name}" >> beam.io.WriteToText(str(folder / name), shard_name_template="")
    )


def read_lines(folder: pathlib.Path, name: str) -> list[dict]:
    """What `write_lines` wrote."""
    return [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]


def by_kind(letters: list[dict]) -> dict[str, int]:
    """How many dead letters there are of each kind."""
    return dict(sorted(collections.Counter(letter["kind"] for letter in letters).items()))
