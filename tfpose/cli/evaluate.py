"""Measures a model on data that it has not seen.

    tfpose evaluate denoise --model runs/cmu --data h36m --out results/denoise_h36m.json --plot denoise.png

denoise: MPJPE by number of corrupted joints, PA-MPJPE, bone lengths and symmetry, beside three baselines.
swap: MPJPE with the pose code of another view, and probes that predict the view from the pose code.
retrieval: the pose of the same moment in another camera's recording, Hit@1, 5 and 10 (--data=ntu, h36m).
faults: sensor faults one by one, such as missing hips and exchanged sides.
recognise: actions in other views (--data=nucla, ntu, ntu_subject), by an LSTM on frozen codes; linear, knn: without.
clips: clips with twelve kinds of noise, beside filters, of a model of clips (--data=h36m, cmu).
look_ahead: such clips as they come in, answered some frames later (--data=h36m, cmu).
recordings: jitter and bone lengths of what real sensors recorded, cleaned as clips (--data=nucla, ntu).
recognise_cleaned: actions in such recordings, before and after (--data=nucla, ntu, ntu_subject).
estimates: 3D estimates of a lifter, cleaned as clips (--data=h36m_hourglass, h36m_gt).
round_trip: BVH files with broken joints, cleaned, written and read again, of a model of clips (--data=cmu).
lift: both protocols of Human3.6M, of a lifter (--data=h36m_gt, h36m_hourglass).
With several --seeds, numbers are means over them and the file has their standard deviations too. With --out, they are
written as JSON with the command, seeds, data checksum and commit, and as Markdown beside it.
"""

from __future__ import annotations

from absl import flags

from tfpose.cli import common
from tfpose.trainers import results

_OPTIONS = ("views", "features", "motion", "most_poses", "frame_rate", "cleaner")  # each of some evaluators


def define_flags(values: flags.FlagValues):
    common.define(values, *common.DATA, "model", "out")
    flags.DEFINE_list("seeds", ["0"], "Random seeds, with one run for each.", values)
    flags.DEFINE_enum("views", "upright", ["upright", "so3"], "swap: rotations between two views.", values)
    about = "recognise, linear, knn: what describes a pose; default: all there are."
    flags.DEFINE_list("features", None, about, values)
    about = "recognise: which descriptions of a body's motion the classifier adds; empty for none."
    flags.DEFINE_list("motion", None, about, values)
    about = "denoise, faults, swap: evenly thin the test poses to this number."
    flags.DEFINE_integer("most_poses", None, about, lower_bound=1, flag_values=values)
    about = "clips: frames per second; default: the data's."
    flags.DEFINE_float("frame_rate", None, about, lower_bound=1.0, flag_values=values)
    about = "estimates: the model of clips that cleans them."
    flags.DEFINE_string("cleaner", "sebirenet_cmu_clips", about, values)
    flags.DEFINE_string("plot", None, "Picture of what the model does (PNG).", values)


def run(values: flags.FlagValues, positional: list[str]):
    common.positional_count(positional, ("EVALUATOR",))
    (name,) = positional
    evaluator = common.evaluator(name)
    if values.plot and not hasattr(evaluator, "draw"):
        raise flags.Error(f"{name} draws nothing; leave out --plot")
    for option in _OPTIONS:
        if values[option].present and option not in evaluator.OPTIONS:
            raise flags.Error(f"{name} knows no --{option}; leave it out")
    seeds = _seeds(values.seeds)
    results.check(values.out)

    from tfpose.models import PoseAutoencoder, load_model
    from tfpose.trainers import evaluators

    model = load_model(values.model, getattr(evaluator, "MODEL", PoseAutoencoder))
    data = common.evaluation_data(values, evaluator, model.skeleton)
    options = {option: values[option].value for option in evaluator.OPTIONS}
    report = evaluators.over_seeds(evaluator, model, data, seeds, **options)
    table = evaluator.markdown(report)
    print(f"{data.name}\n\n{table}")
    common.write_result(values.out, name, report, table, values.model)
    if values.plot:
        evaluator.draw(values.plot, model, data, seed=seeds[0])
        print(f"picture: {values.plot}")


def _seeds(words: list[str]) -> list[int]:
    try:
        seeds = [int(word) for word in words]
    except ValueError as error:
        raise flags.Error(f"--seeds={','.join(words)}: expected whole numbers, such as 0,1,2") from error
    if not seeds:
        raise flags.Error("--seeds is empty; expected whole numbers, such as 0,1,2")
    return seeds
