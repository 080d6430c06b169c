"""A data set's clips through a SavedModel's `encode`, as an Apache Beam pipeline: on one machine or on many.

Files are spread over the workers, which read them into clips. Clusters spread the clips again, because one file may
hold a whole data set; the local runner would have to hold all of them, and encodes them where they are read. They are
encoded in batches of one shape, and their codes are written by the worker that computed them. What cannot be encoded
goes to `dead_letters.jsonl`, a line for each file or clip: `source`, `number` of the clip and how many `clips` the file
holds (null for a whole file), `kind` and `reason`. Kinds:

==============  ========================================================================================
`unreadable`    the file is damaged, of another format, or has an infinite coordinate
`skeleton`      the model's joints cannot be made of the clip's, or nothing says what its joints are
`empty`         nobody is seen in the file
`missing`       some frame has no joint at all, so that there is no pose to encode
==============  ========================================================================================

Beam may run a part of the work again when a worker fails. What such a part wrote counts only when it is done; the rest
is thrown away with the temporary files that it wrote to. A folder becomes the output in one step at the end, after its
records were read again and balanced with the input.
"""

from __future__ import annotations

import collections
import contextlib
import json
import os
import pathlib
import shlex
import sys
import threading
from collections.abc import Iterator, Sequence

import apache_beam as beam
import keras
import numpy as np
from apache_beam.io.filebasedsink import FileBasedSink
from apache_beam.ml.inference.base import KeyedModelHandler, ModelHandler, RunInference
from tqdm import tqdm

import tfpose
from tfpose.datasets import codes
from tfpose.datasets.codes import ClipCodes
from tfpose.errors import DataError, SkeletonError, TfposeError
from tfpose.export.artifacts import Artifact, open_artifact
from tfpose.export.files import sha256
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
from tfpose.export.saved_model import export_saved_model, read_card
from tfpose.files import write_text
from tfpose.formats import read, reading
from tfpose.skeleton import Skeleton

_SIGNATURE = "encode"
_POSES_AT_ONCE = 256
_CLIPS_AT_ONCE = 16


def encode_dataset(
    path: str | os.PathLike,
    model: keras.Model | str | os.PathLike,
    out: str | os.PathLike,
    *,
    format: str = "tfrecord",
    reading_options: dict | None = None,
    clips_per_shard: int = 1000,
    runner: str = LOCAL_RUNNER,
    beam_options: Sequence[str] = (),
) -> dict:
    """Writes the directory `out`: shards of codes, `dead_letters.jsonl` and `summary.json`.

    `tfpose.datasets.codes` says what they hold.

    Args:
        path: a file or folder of clips, where all workers see it.
        model: a SavedModel of a `PoseAutoencoder` that all workers see, or the model itself.
        out: is made in one step when all is done. What a killed run left is removed by the next, which starts over.
        format: one of `tfpose.datasets.codes.FORMATS`.
        reading_options: `format`, `skeleton`, `unit` and `up` of `tfpose.read`.
        clips_per_shard: the most clips in a file; every worker has files of its own.
        runner: the name of a Beam runner.
        beam_options: further options of the pipeline, as on a command line.

    Returns:
        The summary.

    Raises:
        DataError: when `out` exists, another process is writing it, or nothing can be encoded; nothing is left behind.
        TfposeError: when the model has no `encode`, the pipeline failed, or its output does not balance with the input.
    """
    reading_options = reading_options or {}
    files = [str(file) for file in reading.files(path, reading_options.get("format", "auto"))]
    with new_output(out) as folder:
        saved_model = _where_workers_see_it(model, folder)
        about = _about(saved_model)
        pipeline = make_pipeline(runner, beam_options)
        spread = runner != LOCAL_RUNNER
        _build(pipeline, files, reading_options, saved_model, about, folder, format, clips_per_shard, spread)
        with _progress(pathlib.Path(out).name, folder, format, about):
            run(pipeline)
        summary = {
            "tfpose": tfpose.__version__,
            "command": shlex.join(sys.argv),
            "input": str(path),
            "format": format,
            **_balance(folder, format, files, about),
            **about,
        }
        write_text(folder / codes.SUMMARY, json.dumps(summary, indent=1) + "\n")
    return summary


def _where_workers_see_it(model: keras.Model | str | os.PathLike, folder: pathlib.Path) -> pathlib.Path:
    """A SavedModel's own place; another model is exported beside the output that is being written."""
    if isinstance(model, str | os.PathLike):
        return pathlib.Path(model).absolute()
    return export_saved_model(model, folder.with_name("saved_model"), names=[_SIGNATURE])


def _about(saved_model: pathlib.Path) -> dict:
    """What is to be said of all records."""
    card = read_card(saved_model)
    if _SIGNATURE not in card["signatures"]:
        raise TfposeError(f"{saved_model}: a {card['model']} has no signature '{_SIGNATURE}'; a PoseAutoencoder has")
    outputs = card["signatures"][_SIGNATURE]["outputs"]
    return {
        "model": {
            "name": card.get("name", card["model"]),
            "weights_sha256": card["weights_sha256"],
            "sha256": sha256(saved_model),
            "lineage": card["lineage"],
        },
        "skeleton": card["skeleton"],
        **{name: spec["shape"][1:] for name, spec in outputs.items()},
        "batch": card["batch"] or _POSES_AT_ONCE,
    }


def _build(pipeline, files, reading_options, saved_model, about, folder, format, clips_per_shard, spread):
    read = (
        pipeline
        | "Files" >> beam.Create(files)
        | "SpreadFiles" >> beam.Reshuffle()
        | "Read"
        >> beam.ParDo(_Read(Skeleton.from_dict(about["skeleton"]), reading_options)).with_outputs(DEAD, main="clips")
    )
    (
        (read.clips | "SpreadClips" >> beam.Reshuffle() if spread else read.clips)
        | "Encode" >> RunInference(KeyedModelHandler(_Encoder(str(saved_model), about["batch"])))
        | "Codes" >> beam.MapTuple(lambda clip, encoded: ClipCodes(**clip, **encoded))
        | "Write" >> beam.io.Write(_Sink(folder / "codes", format, clips_per_shard, about))
    )
    write_lines(read[DEAD], folder, DEAD_LETTERS)


# --- the steps of the pipeline


class _Read(beam.DoFn):
    """A file's clips as `(what is known of it, [T, J, 3])`, and dead letters."""

    def __init__(self, skeleton: Skeleton, reading_options: dict):
        self._skeleton, self._options = skeleton, reading_options

    def process(self, file: str):
        try:
            clips = list(read(file, **self._options))
        except (DataError, SkeletonError) as error:
            yield dead_letter("skeleton" if isinstance(error, SkeletonError) else "unreadable", error, file)
            return
        if not clips:
            yield dead_letter("empty", f"{file}: nobody is seen in it", file)
        for number, clip in enumerate(clips):
            which = {"source": file, "number": number, "clips": len(clips)}
            try:
                clip = clip.to(self._skeleton)
            except SkeletonError as error:
                yield dead_letter("skeleton", error, **which)
                continue
            without = np.flatnonzero(clip.missing.all(axis=1))
            if len(without):
                reason = f"{file}: no joint in frame {without[0]}, in {len(without)} of {len(clip)} frames"
                yield dead_letter("missing", reason, **which)
                continue
            known = {name: getattr(clip, name) for name in ("subject", "action", "view", "rate")}
            yield {**which, **known}, clip.positions


class _Encoder(ModelHandler[np.ndarray, dict, Artifact]):
    """Encodes clips `[T, J, 3]` of any length together, in batches of one shape; loaded once in a process."""

    def __init__(self, saved_model: str, batch: int):
        super().__init__(min_batch_size=_CLIPS_AT_ONCE, max_batch_size=_CLIPS_AT_ONCE)
        self._saved_model, self._batch = saved_model, batch

    def load_model(self) -> Artifact:
        return open_artifact(self._saved_model)

    def run_inference(self, batch: Sequence[np.ndarray], model: Artifact, inference_args=None) -> Iterator[dict]:
        poses = np.concatenate(batch)
        # The last batch is filled up with missing joints.
        filled = np.pad(poses, [(0, -len(poses) % self._batch), (0, 0), (0, 0)], constant_values=np.nan)
        parts = [
            model.signatures[_SIGNATURE].run(joints=filled[start : start + self._batch])
            for start in range(0, len(filled), self._batch)
        ]
        ends = np.cumsum([len(clip) for clip in batch])
        of_clips = {
            name: np.split(np.concatenate([part[name] for part in parts])[: len(poses)], ends[:-1]) for name in parts[0]
        }
        for encoded in zip(*of_clips.values()):
            yield dict(zip(of_clips, encoded))

    def get_num_bytes(self, batch: Sequence[np.ndarray]) -> int:
        return sum(clip.nbytes for clip in batch)


class _Sink(FileBasedSink):
    """Shards of codes. A worker writes a temporary file; Beam gives it its name when all is written."""

    def __init__(self, prefix: pathlib.Path, format: str, clips_per_shard: int, about: dict):
        suffix = f".{format}"
        super().__init__(str(prefix), None, file_name_suffix=suffix, max_records_per_shard=clips_per_shard)
        self._about = about

    def open(self, temp_path: str):
        return codes.open_shard(temp_path, self._about)

    def write_record(self, file_handle, value: ClipCodes):
        file_handle.write(value)


# --- around the pipeline


@contextlib.contextmanager
def _progress(name: str, folder: pathlib.Path, format: str, about: dict) -> Iterator[None]:
    """A bar of the poses encoded, by what all workers have written so far."""
    pose_bytes = 4 * sum(int(np.prod(about[name])) for name in ("pose_code", "view_code"))
    done = threading.Event()

    def watch():
        while not done.wait(1):
            written = 0
            for file in folder.rglob(f"*.{format}"):
                with contextlib.suppress(OSError):  # it was given its name just now
                    written += file.stat().st_size
            bar.update(max(0, written // pose_bytes - bar.n))

    with tqdm(desc=name, unit="pose", unit_scale=True, disable=None) as bar:
        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()


def _balance(folder: pathlib.Path, format: str, files: list[str], about: dict) -> dict:
    """Counts what lies in `folder`.

    Raises:
        TfposeError: unless every clip of every file is there exactly once, in a shard or as a dead letter.
    """
    shards, clips, poses = {}, 0, 0
    found = collections.defaultdict(list)  # file -> (number or None, how many clips it holds)
    for shard in sorted(folder.glob(f"codes-*.{format}")):
        shards[shard.name] = 0
        for clip in codes.read_shard(shard, about):
            found[clip.source].append((clip.number, clip.clips))
            shards[shard.name] += 1
            clips, poses = clips + 1, poses + len(clip)
    letters = read_lines(folder, DEAD_LETTERS)
    for letter in letters:
        found[letter["source"]].append((letter["number"], letter["clips"]))
    wrong = sorted(file for file in {*files, *found} if file not in files or not _is_complete(found[file]))
    if wrong:
        raise TfposeError(
            f"{len(wrong)} files are not encoded once and whole, such as {wrong[0]}; nothing was written. This "
            "should not happen: please report it, with the runner and its options"
        )
    if not clips:
        raise DataError(f"none of {len(files)} files can be encoded, such as {letters[0]['reason']}")
    return {
        "files": len(files),
        "clips": clips,
        "poses": poses,
        "dead_letters": by_kind(letters),
        "shards": shards,
    }


def _is_complete(found: list[tuple[int | None, int | None]]) -> bool:
    """Whether a file was refused as a whole, once, or each of its clips is there once."""
    numbers = [number for number, _ in found]
    return numbers == [None] or (None not in numbers and bool(found) and sorted(numbers) == list(range(found[0][1])))
