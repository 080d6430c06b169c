"""Draws the paper's figures, and two that show what its codes hold, from real poses.

    python -m reproduction figures --model runs/cmu --data_dir ../shared/data --out results/figures

fig3a.png: the skeleton model and corrupted samples. fig3b.png: poses recovered from them. fig4.png: skeletons of a
Kinect (Northwestern-UCLA), and recovered. view_transfer.png: every pose in every view. codes.png: t-SNE of pose codes
and view codes. The first two and the view transfer are of Human3.6M, the others of Northwestern-UCLA.
"""

from __future__ import annotations

import pathlib

import numpy as np
from absl import flags

from tfpose.cli import common

_SAMPLES = 5
_VIEWS = 4
_FRAMES = 8  # of each clip, for its mean code


def define_flags(values: flags.FlagValues):
    common.define(values, "model", "data_dir")
    flags.DEFINE_string("out", "results/figures", "Folder of the pictures.", values)
    flags.DEFINE_integer("seed", 0, "Of the corruption, the views and t-SNE.", flag_values=values)


def run(values: flags.FlagValues, positional: list[str]):
    common.positional_count(positional, ())

    from tfpose.datasets import splits
    from tfpose.models import PoseAutoencoder, load_model
    from tfpose.trainers.evaluators import denoise

    model = load_model(values.model, PoseAutoencoder)
    out = pathlib.Path(values.out)
    poses = splits.poses("h36m", "test", values.data_dir, model.skeleton)
    data = denoise.Data(poses, poses)
    clips = [splits.clips("nucla", split, values.data_dir, model.skeleton, _FRAMES) for split in ("train", "test")]
    for name, draw in {
        "fig3a": lambda path: _skeleton_model(path, poses, values.seed),
        "fig3b": lambda path: denoise.draw(path, model, data, values.seed),
        "fig4": lambda path: _sensor(path, model, clips[-1]),
        "view_transfer": lambda path: _view_transfer(path, model, poses, values.seed),
        "codes": lambda path: _codes(path, model, clips, values.seed),
    }.items():
        draw(out / f"{name}.png")
        print(f"picture: {out / name}.png", flush=True)


def _skeleton_model(path, poses, seed: int):
    """The pose whose wrists are farthest apart shows the joints best."""
    from tfpose import plots
    from tfpose.trainers.evaluators import denoise

    skeleton = poses.skeleton
    left, right = (poses.positions[:, skeleton.index(f"wrist_{side}")] for side in ("left", "right"))
    widest = poses.positions[np.argmax(np.linalg.norm(left - right, axis=-1))]
    tests = denoise.corrupt_by_count(poses, seed, most_poses=_SAMPLES + 1)
    chosen = [(tests[k], k) for k in (1, 3, 5)]
    truth, corrupted, moved = (
        np.stack([getattr(test, part)[i] for test, i in chosen]) for part in ("truth", "observed", "moved")
    )
    plots.skeleton_model(path, widest, truth, corrupted, moved, skeleton)


def _sensor(path, model, clips):
    """The most lopsided skeleton of each of some actions: a body's two sides are equally long, a sensor's are not."""
    from tfpose import metrics, plots

    observed, titles = [], []
    for label in np.linspace(0, len(clips.actions) - 1, _SAMPLES).round().astype(int):
        poses = clips.positions[clips.labels == label].reshape(-1, len(clips.skeleton), 3)
        lopsided = [metrics.symmetry_error(pose, clips.skeleton) for pose in poses]
        observed.append(poses[np.argmax(lopsided)])
        titles.append(clips.actions[label])
    observed = np.stack(observed)
    plots.before_and_after(path, observed, model.denoise(observed), clips.skeleton, titles)


def _view_transfer(path, model, poses, seed: int):
    """Poses of different moments down the side, one pose in evenly spread headings along the top."""
    from tfpose import plots
    from tfpose.geometry import rotations

    random = np.random.default_rng(seed)
    rows = poses.positions[random.choice(len(poses), _VIEWS, replace=False)]
    giver = poses.positions[random.integers(len(poses))]
    giver = giver - giver[poses.skeleton.root]
    turns = rotations.about_axis(np.arange(_VIEWS) * (2 * np.pi / _VIEWS))
    columns = rotations.rotate(np.broadcast_to(giver, (_VIEWS, *giver.shape)), turns).numpy()
    pairs = np.repeat(rows, _VIEWS, axis=0), np.tile(columns, (_VIEWS, 1, 1))
    transferred = model.transfer_view(*pairs).reshape(_VIEWS, _VIEWS, *giver.shape)
    plots.view_transfer_grid(path, rows, columns, transferred, poses.skeleton)


def _codes(path, model, clips, seed: int):
    """Each clip is a point: t-SNE of the mean of its codes."""
    from sklearn.manifold import TSNE

    from tfpose import plots

    positions = np.concatenate([part.positions for part in clips])
    poses = positions.reshape(-1, *positions.shape[2:])
    maps, codes = {}, model.encode(poses)
    for name in ("pose_code", "view_code"):
        means = codes[name].reshape(len(positions), positions.shape[1], -1).mean(axis=1)
        maps[name.replace("_", " ")] = TSNE(init="pca", random_state=seed).fit_transform(means)
    labels = {
        "action": [part.actions[label] for part in clips for label in part.labels],
        "view": [f"view {view.lstrip('v0')}" for part in clips for view in part.views],
    }
    plots.code_maps(path, maps, labels)
