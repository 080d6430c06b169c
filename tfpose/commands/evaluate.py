"""Measures a model on data that it has not seen.

    tfpose evaluate denoise --model runs/cmu --data h36m --out results/denoise_h36m.json --plot denoise.png

denoise: MPJPE by number of corrupted joints, PA-MPJPE, bone lengths, symmetry and swap-MPJPE, beside three baselines.
With several --seeds, numbers are means over them and the file has their standard deviations too. With --out, they are
written as JSON with the command, seeds, data checksum and commit, and as Markdown beside it.
"""

from __future__ import annotations

from absl import flags

from tfpose.commands import common
from tfpose.data import splits


def define_flags(values: flags.FlagValues):
    flags.DEFINE_string("model", None, "A model.keras file or the directory of its training.", flag_values=values)
    common.define_data_flags(values, "auto")
    flags.DEFINE_list("seeds", ["0"], "Seeds of everything drawn: one run for each.", flag_values=values)
    flags.DEFINE_enum(
        "views", "upright", ["upright", "so3"], "denoise: turns between the views of the swap.", flag_values=values
    )
    flags.DEFINE_integer("most_poses", None, "Evenly thin the test poses to so many.", flag_values=values)
    flags.DEFINE_string("out", None, "JSON file for the result.", flag_values=values)
    flags.DEFINE_string("plot", None, "Picture of what the model does (PNG).", flag_values=values)
    flags.mark_flag_as_required("model", flag_values=values)


def run(values: flags.FlagValues, positional: list[str]):
    common.positional_count(positional, ("EVALUATOR",))
    from tfpose.trainers import evaluators

    (name,) = positional
    if name not in evaluators.NAMES:
        raise flags.Error(f"no evaluator '{name}'; there is {', '.join(evaluators.NAMES)}")
    evaluator = evaluators.get(name)
    if values.plot and not hasattr(evaluator, "draw"):
        raise flags.Error(f"{name} draws nothing; leave out --plot")
    seeds = _seeds(values.seeds)

    from tfpose.models import load_model
    from tfpose.trainers import results

    model = load_model(values.model)
    data = _load(evaluator, values, model.skeleton)
    options = {option: values[option].value for option in evaluator.OPTIONS}
    report = evaluators.over_seeds(evaluator, model, data, seeds, **options)
    table = evaluator.markdown(report)
    print(f"{data.name}\n\n{table}")
    if values.out:
        results.write(values.out, name, report, table, values.model)
        print(f"result: {values.out}")
    if values.plot:
        evaluator.draw(values.plot, model, data, seed=seeds[0])
        print(f"picture: {values.plot}")


def _load(evaluator, values: flags.FlagValues, skeleton):
    """The data that the flags name; the user's own clips where the evaluator can measure on single clips."""
    name = common.data_name(values)
    if splits.known(name) or not hasattr(evaluator, "of_clips"):
        return evaluator.load(name, values.data_dir, skeleton)
    return evaluator.of_clips(name, common.read_clips(values, common.existing(name)), skeleton)


def _seeds(words: list[str]) -> list[int]:
    try:
        return [int(word) for word in words]
    except ValueError as error:
        raise flags.Error(f"--seeds={','.join(words)}: expected whole numbers, such as 0,1,2") from error
