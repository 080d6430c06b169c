"""Cleans a clip, writes it in the form that it came in, and draws it.

python examples/clean_a_clip.py walk.bvh --out clean.bvh
python examples/clean_a_clip.py                # a walk that comes with tfpose, whose knee is misplaced for a while
"""

from __future__ import annotations

import argparse
import dataclasses

import numpy as np

import tfpose
from tfpose import metrics, plots


def main(arguments: list[str] | None = None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", nargs="?", help="a file that tfpose.read can read")
    parser.add_argument("--out", default="clean.bvh", help="a file, whose ending says the format")
    parser.add_argument("--picture", default="clean.gif", help="a .gif file")
    options = parser.parse_args(arguments)

    model = tfpose.ClipDenoiser.from_preset("sebirenet_cmu_clips")
    truth = None
    if options.clip:
        clip = next(tfpose.read(options.clip))
    else:
        clip = tfpose.sample("walk")
        truth, broken = clip.to(model.skeleton).positions, clip.positions.copy()
        broken[30:38, clip.skeleton.index("knee_left")] += np.float32([0.3, 0.2, 0.3])
        clip = dataclasses.replace(clip, positions=broken)

    observed = clip.to(model.skeleton).positions  # [T, 17, 3] metres, y up
    clean = model.denoise_clip(observed, clip.rate or 30)["denoised"]
    if truth is not None:
        before, after = (1000 * metrics.mpjpe(poses, truth) for poses in (observed, clean))
        print(f"mean error {before:.1f} -> {after:.1f} mm")
    tfpose.write(options.out, clip.corrected(clean, model.skeleton))
    plots.animate(options.picture, observed, clean, model.skeleton, truth, rate=clip.rate or 30)
    print(f"wrote {options.out} and {options.picture}")


if __name__ == "__main__":
    main()
