"""Trains a model on a rig of your own, and exports it.

    python examples/train_on_my_rig.py --steps 2000

The rig is an upper body of eight joints. Its poses are made up here; `tfpose.read(FOLDER, skeleton=rig)` reads yours.
Training needs TensorFlow Graphics: pip install --no-deps tensorflow-graphics==2021.12.3
"""

from __future__ import annotations

import argparse
import pathlib

import tfpose
from tfpose import export
from tfpose.datasets import PoseSet, synthetic
from tfpose.trainers import evaluators
from tfpose.trainers.configs import default
from tfpose.trainers.evaluators import denoise
from tfpose.trainers.pretrain import pretrain

RIG = {
    "name": "upper_body",
    "about": "Trunk, head and arms, as a desk camera sees them.",
    "joints": [
        ["spine_shoulder", None],
        ["head", "spine_shoulder"],
        ["shoulder_left", "spine_shoulder"],
        ["elbow_left", "shoulder_left"],
        ["wrist_left", "elbow_left"],
        ["shoulder_right", "spine_shoulder"],
        ["elbow_right", "shoulder_right"],
        ["wrist_right", "elbow_right"],
    ],
    "mirror": [
        ["shoulder_left", "shoulder_right"],
        ["elbow_left", "elbow_right"],
        ["wrist_left", "wrist_right"],
    ],
    "torso": ["spine_shoulder", "shoulder_left", "shoulder_right"],
}


def main(arguments: list[str] | None = None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=2000, help="of the training")
    parser.add_argument("--clips", type=int, default=200, help="made-up clips to learn from")
    parser.add_argument("--out", default="my_rig", help="folder of the training and of what is exported")
    options = parser.parse_args(arguments)
    out = pathlib.Path(options.out)

    rig = tfpose.Skeleton.from_dict(RIG)
    train, test = (
        PoseSet.of_clips(f"made up/{seed}", (clip.to(rig) for clip in synthetic.clips(count, seed=seed)), rig)
        for seed, count in ((0, options.clips), (1, max(options.clips // 10, 1)))
    )
    config = default.get_config()
    config.steps = options.steps
    config.corruption.max_joints = 2
    model = pretrain(config, train, out / "run")  # stopped, it goes on where it stopped
    data = denoise.Data(test, train)
    print(denoise.markdown(evaluators.over_seeds(denoise, model, data, seeds=[0], most_poses=500)))
    for form, path in export.export(model, out / "exported", poses=test.positions[:8]).items():
        print(f"{form}: {path}")


if __name__ == "__main__":
    main()
