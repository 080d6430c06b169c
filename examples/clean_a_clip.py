"""Cleans a clip, writes it, and draws it.

python examples/clean_a_clip.py walk.bvh --out clean.npz
python examples/clean_a_clip.py                # a made-up person, whose knee is misplaced for a while
"""

from __future__ import annotations

import argparse

import numpy as np

import tfpose
from tfpose import metrics, plots
from tfpose.datasets import synthetic
from tfpose.formats import arrays


def main(arguments: list[str] | None = None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", nargs="?", help="a file that tfpose.read can read")
    parser.add_argument("--out", default="clean.npz", help="a .npz, .npy or .csv file")
    parser.add_argument("--picture", default="clean.gif", help="a .gif file")
    options = parser.parse_args(arguments)

    model = tfpose.PoseAutoencoder.from_preset("sebirenet_cmu")
    if options.clip:
        clip = next(tfpose.read(options.clip)).to(model.skeleton)
        observed, truth = clip.positions, None
    else:
        clip = next(iter(synthetic.clips(1, seed=0))).to(model.skeleton)
        truth, observed = clip.positions, clip.positions.copy()
        observed[10:30, model.skeleton.index("knee_left")] += np.float32([0.3, 0.2, 0.0])

    clean = model.denoise(observed)  # [T, J, 3] metres, in the frame of the input
    if truth is not None:
        before, after = (1000 * metrics.mpjpe(poses, truth) for poses in (observed, clean))
        print(f"mean error {before:.1f} -> {after:.1f} mm")
    arrays.write(options.out, clean, model.skeleton)
    plots.animate(options.picture, observed, clean, model.skeleton, truth, rate=clip.rate or 30)
    print(f"wrote {options.out} and {options.picture}")


if __name__ == "__main__":
    main()
