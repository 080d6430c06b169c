"""Writes the codes of all clips of a file or folder, on this machine or on a cluster, with Apache Beam.

    tfpose encode-dataset nucla/all_sqe --model sebirenet_cmu --out codes
    tfpose encode-dataset clips/ --model exported/saved_model --out codes --format parquet
    tfpose encode-dataset clips/ --model sebirenet_cmu --out codes -- --direct_running_mode=multi_processing \\
      --direct_num_workers=2
    tfpose encode-dataset /mnt/clips --model /mnt/saved_model --out /mnt/codes --runner FlinkRunner -- \\
      --flink_master=flink:8081 --parallelism=16

Reads what `tfpose denoise` reads. --out is a new folder, which appears when all is done: shards of codes, the files and
clips that cannot be encoded with the reasons (dead_letters.jsonl), and the counts (summary.json).
tfpose.datasets.read_codes loads it. Options after -- are passed to Beam and its runner.
"""

from __future__ import annotations

import contextlib
import logging
import pathlib

from absl import flags

from tfpose.cli import common
from tfpose.datasets import codes
from tfpose.errors import TfposeError


def define_flags(values: flags.FlagValues):
    about = "A SavedModel of tfpose export, a preset, a model.keras file, or the directory of its training."
    flags.DEFINE_string("model", None, about, values, required=True)
    flags.DEFINE_string("out", None, "A new folder.", values, required=True)
    flags.DEFINE_enum("format", "tfrecord", codes.FORMATS, "Format of the codes.", values)
    flags.DEFINE_integer("clips_per_shard", 1000, "The most clips in a file.", lower_bound=1, flag_values=values)
    common.define(values, *common.READING, "runner")


def run(values: flags.FlagValues, positional: list[str]):
    positional, beam_options = split_options(positional)
    common.positional_count(positional, ("INPUT",))

    from tfpose.export.files import refuse_existing
    from tfpose.models import PoseAutoencoder, load_model

    refuse_existing(values.out)
    with needs_beam():
        from tfpose.export.encode_dataset import encode_dataset

        exported = pathlib.Path(values.model, "saved_model.pb").is_file()
        model = values.model if exported else load_model(values.model, PoseAutoencoder)
        summary = encode_dataset(
            positional[0],
            model,
            values.out,
            format=values.format,
            reading_options=common.reading_options(values),
            clips_per_shard=values.clips_per_shard,
            runner=values.runner,
            beam_options=beam_options,
        )
    print(f"{summary['files']} files: {summary['clips']} clips, {summary['poses']} poses encoded -> {values.out}")
    say_refused(summary, "not encoded", values.out)


def say_refused(summary: dict, what: str, out: str):
    """Prints how many files and clips were refused, if any were."""
    if dead := summary["dead_letters"]:
        kinds = ", ".join(f"{count} {kind}" for kind, count in dead.items())
        print(f"{what}: {kinds}; the reasons: {out}/dead_letters.jsonl")


def split_options(positional: list[str]) -> tuple[list[str], list[str]]:
    """Arguments, and the options of Beam behind them."""
    first = next((at for at, word in enumerate(positional) if word.startswith("-")), len(positional))
    return positional[:first], positional[first:]


@contextlib.contextmanager
def needs_beam():
    """Turns a missing Beam into an error that says how to install it, and hides warnings about optional packages."""
    logging.disable(logging.WARNING)
    try:
        yield
    except ImportError as error:
        if "apache_beam" not in str(error):
            raise
        raise TfposeError(f"Apache Beam is needed ({error}); run: pip install 'tfpose[beam]'") from error
    finally:
        logging.disable(logging.NOTSET)
