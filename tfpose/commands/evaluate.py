"""Measures a model on poses that it has not seen.

    tfpose evaluate denoise --model runs/cmu --data h36m --out results/denoise_h36m.json --plot denoise.png

denoise: MPJPE by number of corrupted joints, PA-MPJPE, bone lengths, symmetry and swap-MPJPE, beside three baselines.
With --out, the numbers are written as JSON with the command, seed, data checksum and commit, and as Markdown beside it.
"""

from __future__ import annotations

from absl import flags

from tfpose.commands import common

EVALUATORS = ("denoise",)


def define_flags(values: flags.FlagValues):
    flags.DEFINE_string("model", None, "A model.keras file or the directory of its training.", flag_values=values)
    common.define_data_flags(values, "auto")
    flags.DEFINE_integer("seed", 0, "Of everything drawn.", flag_values=values)
    flags.DEFINE_enum(
        "views", "upright", ["upright", "so3"], "Turns between the views of the swap.", flag_values=values
    )
    flags.DEFINE_integer("most_poses", None, "Evenly thin the test poses to so many.", flag_values=values)
    flags.DEFINE_string("out", None, "JSON file for the result.", flag_values=values)
    flags.DEFINE_string("plot", None, "Picture of truth, corrupted and recovered poses (PNG).", flag_values=values)
    flags.mark_flag_as_required("model", flag_values=values)


def run(values: flags.FlagValues, positional: list[str]):
    common.positional_count(positional, ("EVALUATOR",))
    if positional[0] not in EVALUATORS:
        raise flags.Error(f"no evaluator '{positional[0]}'; there is {', '.join(EVALUATORS)}")

    from tfpose.models import load_model
    from tfpose.trainers import results
    from tfpose.trainers.evaluators import denoise

    model = load_model(values.model)
    test = common.load_poses(values, "test", model.skeleton)
    reference = common.load_poses(values, "train", model.skeleton)
    report = denoise.evaluate(
        model, test, reference, seed=values.seed, views=values.views, most_poses=values.most_poses
    )
    table = denoise.markdown(report)
    print(f"{test.name}, {report['poses']:,} poses for each k\n\n{table}")
    if values.out:
        results.write(values.out, "denoise", values.model, test, report, table, seed=values.seed)
        print(f"result: {values.out}")
    if values.plot:
        denoise.draw(values.plot, model, test, seed=values.seed)
        print(f"picture: {values.plot}")
