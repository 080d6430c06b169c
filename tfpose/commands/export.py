"""Makes a SavedModel and a LiteRT file of a model, and proves both equal to it on real poses.

    tfpose export --model runs/cmu --out exported --data cmu

Every signature of both is compared with the Keras model at batches 1, 7 and 64; a difference over 1e-5 m, or an
operation that LiteRT does not have built in, ends with exit status 1.
"""

from __future__ import annotations

from absl import flags

from tfpose.commands import common
from tfpose.data.pose_set import PoseSet

_POSES = 64


def define_flags(values: flags.FlagValues):
    common.define_model_flag(values)
    flags.DEFINE_string("out", None, "A new folder for the artifacts.", flag_values=values)
    common.define_data_flags(values, "auto")
    flags.mark_flags_as_required(["model", "out"], flag_values=values)


def run(values: flags.FlagValues, positional: list[str]):
    common.positional_count(positional, ())

    from tfpose import export
    from tfpose.models import load_model

    model = load_model(values.model)
    poses = common.load_poses(values, "test", model.skeleton)
    paths = export.export(model, values.out)
    verify(model, poses, paths)
    for name, path in paths.items():
        print(f"{name}: {path}")


def verify(model, poses: PoseSet, paths: dict):
    """Prints the comparison of artifacts with their model on some of `poses`.

    Raises:
        VerificationError: when one differs.
    """
    from tfpose import export

    report = export.verify(model, poses.thinned(_POSES).positions, paths.values())
    print(report)
    export.require(report)
