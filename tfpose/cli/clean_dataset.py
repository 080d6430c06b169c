"""Cleans all files of a folder, on this machine or on a cluster, with Apache Beam.

    tfpose clean-dataset clips/ --out clean
    tfpose clean-dataset clips/ --out clean -- --direct_running_mode=multi_processing --direct_num_workers=2
    tfpose clean-dataset /mnt/clips --out /mnt/clean --runner FlinkRunner -- --flink_master=flink:8081 --parallelism=16

Does what `tfpose denoise` does to a folder, one file at a time in each worker. --out is a new folder, which appears
when all is done: the cleaned files by their names in files/, the files that cannot be cleaned with the reasons
(dead_letters.jsonl), and the counts (summary.json). Options after -- are passed to Beam and its runner.
"""

from __future__ import annotations

from absl import flags

from tfpose.cli import common
from tfpose.cli.encode_dataset import needs_beam, say_refused, split_options


def define_flags(values: flags.FlagValues):
    common.define(values, *common.READING, "rate", "runner", "skeleton_out", model="sebirenet_cmu_clips")
    flags.DEFINE_string("out", None, "A new folder.", values, required=True)


def run(values: flags.FlagValues, positional: list[str]):
    positional, beam_options = split_options(positional)
    common.positional_count(positional, ("INPUT",))

    from tfpose.export.files import refuse_existing
    from tfpose.models import load_model

    refuse_existing(values.out)
    load_model(values.model)  # an error of it is said once, here
    with needs_beam():
        from tfpose.export.clean_dataset import clean_dataset

        summary = clean_dataset(
            positional[0],
            values.model,
            values.out,
            reading_options=common.reading_options(values),
            options={"rate": values.rate, "skeleton_out": values.skeleton_out},
            runner=values.runner,
            beam_options=beam_options,
        )
    print(f"{summary['files']} files: {summary['clips']} clips, {summary['frames']} poses cleaned -> {values.out}")
    print(f"{summary['missing']} joints missing, {summary['filled']} filled, {summary['moved']} moved over 3 cm")
    say_refused(summary, "not cleaned", values.out)
