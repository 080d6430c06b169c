"""The files of a data set cleaned, as an Apache Beam pipeline: on one machine or on many.

Files are spread over the workers. Each reads one file at a time, cleans its clips, and writes them in the form that
they came in, by the name that the file has below the input folder. What cannot be cleaned goes to `dead_letters.jsonl`
with the reason. Kinds:

==============  ========================================================================================
`unreadable`    the file is damaged, or of another format
`skeleton`      the model's joints cannot be made of the file's, or nothing says what its joints are
`empty`         nobody is seen in the file
`unwritable`    the file's format cannot hold the cleaned clips
==============  ========================================================================================

Beam may run a part of the work again when a worker fails. Files appear whole, and a second run writes the same file
again. The folder becomes the output in one step at the end, when every file of the input is accounted for.
"""

from __future__ import annotations

import collections
import json
import os
import pathlib
import shlex
import sys
from collections.abc import Iterator, Sequence

import apache_beam as beam

import tfpose
from tfpose import cleaning, reports
from tfpose.errors import DataError, SkeletonError, TfposeError
from tfpose.export.pipelines import (
    DEAD,
    DEAD_LETTERS,
    LOCAL_RUNNER,
    by_kind,
    dead_letter,
    make_pipeline,
    new_output,
    read_lines,
    run,
    write_lines,
)
from tfpose.files import write_text
from tfpose.formats import read, reading

SUMMARY = "summary.json"
_DONE = "done.jsonl"


def clean_dataset(
    path: str | os.PathLike,
    model: str | os.PathLike,
    out: str | os.PathLike,
    *,
    reading_options: dict | None = None,
    options: dict | None = None,
    runner: str = LOCAL_RUNNER,
    beam_options: Sequence[str] = (),
) -> dict:
    """Writes the directory `out`: the cleaned files below `files`, `dead_letters.jsonl` and `summary.json`.

    Args:
        path: a file or folder of clips, where all workers see it.
        model: a preset by name, or a model file that all workers see, of clips or of poses.
        out: appears in one step when all is done. A run that follows a killed one removes its files and starts over.
        reading_options: what `tfpose.read` takes.
        options: what `tfpose.cleaning.clean` takes besides the clip.
        runner: the name of a Beam runner.
        beam_options: further options of the pipeline, as on a command line.

    Returns:
        The summary: how many files, clips and poses, what was done to the joints, and the dead letters by kind.

    Raises:
        DataError: when `out` exists, another process is writing it, two files would be written by the same name, or
            nothing can be cleaned; nothing is left behind.
        TfposeError: when the pipeline failed, or its output does not balance with the input.
    """
    reading_options, path = reading_options or {}, pathlib.Path(path)
    files = [str(file) for file in reading.files(path, reading_options.get("format", "auto"))]
    _refuse_clashes(files, path)
    with new_output(out) as folder:
        pipeline = make_pipeline(runner, beam_options)
        cleaner = _Clean(str(model), str(path), str(folder / "files"), reading_options, options or {})
        done = (
            pipeline
            | "Files" >> beam.Create(files)
            | "Spread" >> beam.Reshuffle()
            | "Clean" >> beam.ParDo(cleaner).with_outputs(DEAD, main="done")
        )
        write_lines(done.done, folder, _DONE)
        write_lines(done[DEAD], folder, DEAD_LETTERS)
        run(pipeline)
        summary = {
            "tfpose": tfpose.__version__,
            "command": shlex.join(sys.argv),
            "input": str(path),
            "model": str(model),
            **_balance(folder, files),
        }
        write_text(folder / SUMMARY, json.dumps(summary, indent=1) + "\n")
        (folder / _DONE).unlink()
    return summary


def _refuse_clashes(files: list[str], source: pathlib.Path):
    """Refuses files that would be written by the same name, before hours of work.

    Raises:
        DataError: when there are such.
    """
    taken = {}
    for file in files:
        name = cleaning.written_as(file, source)
        if name in taken:
            raise DataError(f"{taken[name]} and {file} would both be written as {name}; rename one of them")
        taken[name] = file


class _Clean(beam.DoFn):
    """Cleans a file: one record of what was done to it, or a dead letter. Each copy of it loads the model once."""

    def __init__(self, model: str, source: str, out: str, reading_options: dict, options: dict):
        self._name, self._source, self._out = model, source, out
        self._reading, self._options = reading_options, options
        self._model = None

    def setup(self):
        from tfpose.models import load_model

        self._model = load_model(self._name)

    def process(self, file: str) -> Iterator:
        try:
            clips = list(read(file, **self._reading, on_note=_silent))
            done = [cleaning.clean(self._model, clip, **self._options, on_note=_silent) for clip in clips]
        except (DataError, SkeletonError) as error:
            yield dead_letter("skeleton" if isinstance(error, SkeletonError) else "unreadable", error, file)
            return
        if not done:
            yield dead_letter("empty", f"{file}: nobody is seen in it", file)
            return
        targets = cleaning.targets(clips, pathlib.Path(self._source), pathlib.Path(self._out), within=True)
        try:
            for target, numbers in targets.items():
                cleaning.write_all(
                    target, [done[at] for at in numbers], self._options.get("skeleton_out", "source"), _silent
                )
        except (DataError, SkeletonError) as error:
            if isinstance(error.__cause__, OSError):  # such as a full disk, which the next file would find full too
                raise
            for target in targets:
                target.unlink(missing_ok=True)
            yield dead_letter("unwritable", error, file)
            return
        counts = reports.total([reports.summary(one.observed, one.result, self._model.skeleton) for one in done])
        del counts["bones"]
        written = [str(target.relative_to(self._out)) for target in targets]
        yield {"source": file, "clips": len(clips), "written": written, **counts}


def _silent(note: str):
    """Workers have nobody to tell what was found out about a file."""


def _balance(folder: pathlib.Path, files: list[str]) -> dict:
    """Counts what lies in `folder`.

    Raises:
        DataError: when nothing could be cleaned.
        TfposeError: unless every file was cleaned or refused once, and all that was written is there.
    """
    done, letters = (read_lines(folder, name) for name in (_DONE, DEAD_LETTERS))
    sources = collections.Counter(record["source"] for record in [*done, *letters])
    wrong = sorted(file for file in {*files, *sources} if file not in files or sources[file] != 1)
    written = collections.Counter(name for record in done for name in record["written"])
    wrong += sorted(name for name, count in written.items() if count > 1 or not (folder / "files" / name).is_file())
    if wrong:
        raise TfposeError(f"{len(wrong)} files are not cleaned once and whole, such as {wrong[0]}; nothing was written")
    if not done:
        raise DataError(f"none of {len(files)} files can be cleaned, such as {letters[0]['reason']}")
    counts = {key: sum(record[key] for record in done) for key in done[0] if key not in ("source", "written")}
    return {
        "files": len(files),
        **counts,
        "dead_letters": by_kind(letters),
    }
