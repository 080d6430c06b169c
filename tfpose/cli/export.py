"""Makes a SavedModel and a LiteRT file of a model, and proves both equal to it on real poses.

    tfpose export --model runs/cmu --out exported --data cmu

Every signature of both is compared with the Keras model at batches 1, 7 and 64; a difference over 1e-5 m, or an
operation that LiteRT does not have built in, ends with exit status 1.

More LiteRT files with --format litert,litert_float16,litert_int8,litert_full_int8,litert_batch1: half-precision or int8
weights, int8 activations too (measured on the training poses of --data), and a fixed batch of one for GPU delegates.
Those of lower precision may differ by some per cent. With onnx, a folder with an ONNX file for each signature.

With --format serving, --out is a package for TF Serving, to which a version of the model is added once it is proven:

    tfpose export --model runs/cmu --format serving --out models

With --compiled, XLA compiles its signatures for a few batch sizes, all of them in the warm-up. The server must be
started with --xla_cpu_compilation_enabled (experimental in TF Serving).

With --lite, the version has a model.tflite too, which a server with --prefer_tflite_model (experimental) runs instead.
"""

from __future__ import annotations

from absl import flags

from tfpose.cli import common
from tfpose.datasets.pose_set import PoseSet

_POSES = 64
_CALIBRATION_POSES = 512
_SERVING = "serving"


def define_flags(values: flags.FlagValues):
    common.define(values, *common.DATA, "model")
    about = "A new folder for the artifacts, or a package of TF Serving."
    flags.DEFINE_string("out", None, about, values, required=True)
    flags.DEFINE_list(
        "format",
        ["saved_model", "litert"],
        "Separated by commas: saved_model, litert, litert_float16, litert_int8, litert_full_int8, litert_batch1, onnx, "
        f"{_SERVING}.",
        flag_values=values,
    )
    flags.DEFINE_string("name", None, f"{_SERVING}: the name of the model; default: tfpose.", values)
    flags.DEFINE_integer(
        "version", None, f"{_SERVING}: the version; default: the next number.", lower_bound=1, flag_values=values
    )
    flags.DEFINE_bool("compiled", False, f"{_SERVING}: compile the signatures with XLA.", values)
    flags.DEFINE_bool("lite", False, f"{_SERVING}: add a model.tflite to the version.", values)


def run(values: flags.FlagValues, positional: list[str]):
    common.positional_count(positional, ())

    from tfpose import export
    from tfpose.models import load_model

    formats = list(dict.fromkeys(values.format))
    unknown = [name for name in formats if name not in (*export.FORMATS, _SERVING)]
    if unknown or not formats:
        known = ", ".join([*export.FORMATS, _SERVING])
        raise flags.Error(f"--format: no format {', '.join(unknown) or 'given'}; there are {known}")
    if _SERVING not in formats and (values.name or values.version or values.compiled or values.lite):
        raise flags.Error(f"--name, --version, --compiled and --lite are of --format {_SERVING}")
    model = load_model(values.model)
    poses = common.load_poses(values, "test", model.skeleton)
    calibration = None
    if export.needs_calibration(formats):
        calibration = common.load_poses(values, "train", model.skeleton).thinned(_CALIBRATION_POSES).positions
    files = [name for name in formats if name != _SERVING]
    paths = export.export(model, values.out, files, calibration=calibration) if files else {}
    if paths:
        verify(model, poses, paths)
    if _SERVING in formats:
        paths[_SERVING] = export.export_serving(
            model if values.compiled or values.lite else paths.get("saved_model", model),
            values.out,
            values.name or export.serving.NAME,
            values.version,
            check=lambda version: verify(model, poses, {path: path for path in (version, *version.glob("*.tflite"))}),
            compiled=values.compiled,
            lite=values.lite,
        )
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
