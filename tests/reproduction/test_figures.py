"""`tfpose figures`, on made-up poses in the place of the data sets'."""

import numpy as np
import pytest
from PIL import Image

from tfpose import cli
from tfpose.datasets import splits, synthetic
from tfpose.datasets.clip_set import ClipSet
from tfpose.datasets.pose_set import PoseSet, complete_poses
from tfpose.models import PoseAutoencoder
from tfpose.skeleton import Skeleton


@pytest.fixture
def data_sets(monkeypatch):
    """Sixty clips of synthetic people for both data sets."""
    skeleton = Skeleton.load("paper17")
    clips = list(synthetic.clips(60, seed=3))
    poses = PoseSet("h36m/test", complete_poses(clips, skeleton, every=4), skeleton)

    def labelled(name, split, data_dir, skeleton, frames):
        positions = np.stack([clip.positions[:frames] for clip in clips])
        views = ("v01", "v02") if split == "train" else ("v03",)
        labels, seen = np.arange(60) % 10, [views[i % len(views)] for i in range(60)]
        return ClipSet(f"{name}/{split}", positions, labels, tuple("abcdefghij"), skeleton, tuple(seen), ("s",) * 60)

    monkeypatch.setattr(splits, "poses", lambda *arguments: poses)
    monkeypatch.setattr(splits, "clips", labelled)


@pytest.mark.slow
def test_every_figure_is_drawn_small(tmp_path, data_sets, capsys):
    model = PoseAutoencoder(Skeleton.load("paper17"), units=4, code_size=4, decoder_units=4, refinements=1)
    model.build()
    model.save(tmp_path / "model.keras")
    out = tmp_path / "figures"
    arguments = ["--model", str(tmp_path / "model.keras"), "--out", str(out)]
    assert cli.run(["figures"], "reproduction.figures", arguments) == 0
    names = {"fig3a", "fig3b", "fig4", "view_transfer", "codes"}
    assert {path.name for path in out.iterdir()} == {f"{name}.png" for name in names}
    said = capsys.readouterr().out
    for path in out.iterdir():
        Image.open(path).verify()
        assert path.stat().st_size < 150_000, path
        assert f"picture: {path}\n" in said
