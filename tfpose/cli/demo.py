"""Shows everything in a minute or two: noisy skeletons in, clean ones out.

    tfpose demo --out demo

Takes the weights that ship, measures them on synthetic poses (or on CMU where --data_dir or TFPOSE_DATA has it), draws
poses and a clip, exports a SavedModel and a LiteRT file, and proves both equal to the model. With --train, trains a
model for a short time instead.
"""

from __future__ import annotations

import pathlib
import time

import numpy as np
from absl import flags

from tfpose import presets
from tfpose.cli import common
from tfpose.cli.export import verify
from tfpose.skeleton import Skeleton

_CLIP_POSES = 75
_PRESET = "sebirenet_cmu"
_MARK = ".tfpose_demo"
"""An empty file that says whose folder it is."""
_WRITTEN = (_MARK, "run", "denoised.png", "denoised.gif", "noisy.npz", "clean.npz", "exported")
"""All names in the folder of a demo."""


def define_flags(values: flags.FlagValues):
    common.define(values, *common.DATA)
    flags.DEFINE_string("out", "demo", "Folder for all results; those of a former demo are removed.", values)
    flags.DEFINE_bool("train", False, "Train a model, instead of using the weights that ship.", values)
    flags.DEFINE_integer("steps", 900, "Training steps of --train.", lower_bound=1, flag_values=values)
    flags.DEFINE_integer("seed", 0, "Random seed.", flag_values=values)


def run(values: flags.FlagValues, positional: list[str]):
    common.positional_count(positional, ())
    started = time.monotonic()

    from tfpose import export, plots
    from tfpose.formats import arrays
    from tfpose.trainers import evaluators
    from tfpose.trainers.evaluators import denoise

    out = _fresh(pathlib.Path(values.out))
    skeleton = Skeleton.load("paper17")
    data = denoise.Data(*(common.load_poses(values, split, skeleton) for split in ("test", "train")))
    test = data.test
    model, model_path = _trained(values, data, out / "run") if values.train else _shipped()

    _say(f"2  Measuring on {test.name}, which it has not seen")
    report = evaluators.over_seeds(denoise, model, data, [values.seed], most_poses=1000)
    print(denoise.markdown(report))

    _say("3  Drawing")
    picture, animation = out / "denoised.png", out / "denoised.gif"
    denoise.draw(picture, model, data, seed=values.seed)
    clip, rate = _clip(test)
    observed = denoise.corrupt_clip(clip, seed=values.seed)
    recovered = model.denoise(observed)
    arrays.write(out / "noisy.npz", observed, skeleton)
    arrays.write(out / "clean.npz", recovered, skeleton)
    plots.animate(animation, observed, recovered, skeleton, truth=clip, rate=rate)

    _say("4  Exporting, and comparing every signature with the model")
    paths = export.export(model, out / "exported")
    verify(model, test, paths)

    _say(f"Done in {time.monotonic() - started:.0f} s")
    print(f"""  picture        {picture}
  animation      {animation}
  noisy, clean   {out / "noisy.npz"}, {out / "clean.npz"}
  model          {model_path}""")
    for name, path in paths.items():
        print(f"  {name:<14} {path}")
    print(f"""
Next: tfpose denoise YOUR_FILE --model {model_path} --out clean.npz --plot clean.gif
      tfpose inspect {paths["litert"]}""")


def _shipped():
    """The weights that ship, and their name."""
    from tfpose.models import PoseAutoencoder

    _say(f"1  The weights that ship: {_PRESET}")
    card = presets.read(_PRESET).card
    print(f"{card['parameters']:,} parameters. {card['lineage']}")
    return PoseAutoencoder.from_preset(_PRESET), _PRESET


def _trained(values: flags.FlagValues, data, workdir: pathlib.Path):
    """A model trained for a short while, and where it lies."""
    from tfpose.trainers.configs import default
    from tfpose.trainers.evaluators import denoise
    from tfpose.trainers.pretrain import pretrain

    poses = data.reference
    _say(f"1  Training {values.steps} steps on {len(poses):,} poses of {poses.name}")
    print(poses.lineage)
    config = default.get_config()
    config.steps, config.seed, config.evaluate_every = values.steps, values.seed, 0
    config.optimizer.warmup_steps = min(config.optimizer.warmup_steps, values.steps // 10)
    return pretrain(config, poses, workdir, evaluate=lambda model: denoise.summary(model, data)), workdir


def _fresh(folder: pathlib.Path) -> pathlib.Path:
    """An empty folder; what a former demo left there is removed, what somebody else put there is not."""
    import shutil

    from tfpose.errors import DataError

    found = sorted(folder.iterdir()) if folder.is_dir() else []
    ours = _WRITTEN if (folder / _MARK).exists() else ()
    foreign = [path.name for path in found if path.name not in ours]
    if foreign:
        raise DataError(f"{folder}: holds {foreign[0]}, which no demo made; give another --out")
    for path in found:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARK).touch()
    return folder


def _clip(test) -> tuple[np.ndarray, float]:
    """A stretch of the test poses that moves: single poses of the test set follow each other in time."""
    poses = test.positions
    starts = range(0, max(len(poses) - _CLIP_POSES, 1), _CLIP_POSES)

    def liveliness(start):
        steps = np.linalg.norm(np.diff(poses[start : start + _CLIP_POSES], axis=0), axis=-1)
        return np.median(steps) if steps.max() < 0.3 else 0.0  # a jump is a cut between two clips

    start = max(starts, key=liveliness)
    return poses[start : start + _CLIP_POSES], 30.0


def _say(text: str):
    print(f"\n{text}\n{'-' * len(text)}", flush=True)
