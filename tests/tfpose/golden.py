"""What the presets make of two poses, kept so that no change of code changes it unseen.

python tests/tfpose/golden.py       # after a preset was trained again
"""

import json
import pathlib

import numpy as np

PATH = pathlib.Path(__file__).with_name("golden.json")


def outputs(name: str) -> dict[str, np.ndarray]:
    """What the preset of that name makes of a person with an arm that is off, and of one with a missing foot."""
    from tfpose.datasets import synthetic
    from tfpose.models import ClipDenoiser, load_model

    model = load_model(name)
    poses = next(iter(synthetic.clips(1, seed=5))).to(model.skeleton).positions[[0, 30]]
    poses[0, model.skeleton.index("wrist_left")] += (0.3, 0.2, -0.1)
    poses[1, model.skeleton.index("ankle_right")] = np.nan
    if isinstance(model, ClipDenoiser):
        return {
            "offline": model.denoise_clip(poses, 30)["denoised"],
            "causal": model.denoise_clip(poses, 30, causal=True)["denoised"],
        }
    return {
        "denoised": model.denoise(poses),
        "reconstructed": model.reconstruct(poses),
        "transferred": model.transfer_view(poses, view_from=poses[::-1].copy()),
        **model.encode(poses),
    }


if __name__ == "__main__":
    from tfpose import presets

    found = {name: {key: np.round(value, 5).tolist() for key, value in outputs(name).items()} for name in presets.NAMES}
    PATH.write_text(json.dumps(found) + "\n")
