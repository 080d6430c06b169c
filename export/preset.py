"""A trained model as a preset: half-precision weights with their origin."""

from __future__ import annotations

import json
import os
import pathlib

from tfpose import presets
from tfpose.datasets.splits import CMU_ACKNOWLEDGEMENT
from tfpose.errors import TfposeError
from tfpose.export.card import make_card
from tfpose.export.files import new_artifact
from tfpose.files import blame, write_text
from tfpose.models import ClipDenoiser, PoseAutoencoder, load_model

_CMU = {
    "cmu": "01, 02, 03, 05 to 08, 10, 16, 32, 35, 38, 39, 43, 49, 55, 60 and 131",
    "cmu_8": "01, 02, 03, 05, 06, 07 and 08",
}
FREE_DATA = {
    f"{name}/train": {
        "lineage": f"CMU Mocap, subjects {subjects}; subject 09 was kept for testing. {CMU_ACKNOWLEDGEMENT}",
        "licence": "Apache-2.0; the data is free for all uses, but the data itself may not be resold",
    }
    for name, subjects in _CMU.items()
}
"""Data whose weights may be given to others, by the name of its `PoseSet`, with the words that its owner asks for."""

_CARD = """# {name}

{model} of tfpose {tfpose}: {parameters:,} parameters, skeleton `{skeleton}` ({joints} joints), {unit}, {axes}.

```python
import tfpose

model = tfpose.PoseAutoencoder.from_preset("{name}")
clean = model.denoise(joints)  # [B, {joints}, 3] metres, NaN = missing -> [B, {joints}, 3] metres
```

**Trained on** {lineage} Data checksum `{data_checksum}`, {steps:,} steps of {batch} poses, seed {seed}; the whole
configuration is in `config.json`.

**Licence** {licence}.

**For** {purpose}

**Not for** animals, hands or faces; people lying down, which the data hardly has; identifying people; decisions about
safety or health without a check of your own. More than about five of {joints} wrong joints are guessed, and a guess
looks as plausible as a measurement. Poses are cleaned one by one: nothing smooths over time.

**Checksum** of `weights.npz`, SHA-256: `{sha256}`

## Measured

MPJPE in mm on corrupted poses; k = 0 is what happens to a clean pose. Made by `make readme` from `results/`.

<!-- results: made by 'make readme' -->
<!-- end of results -->
"""

_CLIP_CARD = """# {name}

{model} of tfpose {tfpose}: {parameters:,} parameters, skeleton `{skeleton}` ({joints} joints), {unit}, {axes}.

```python
import tfpose

model = tfpose.ClipDenoiser.from_preset("{name}")
clean = model.denoise_clip(positions, rate=30)["denoised"]  # [T, {joints}, 3] metres, NaN = missing -> [T, {joints}, 3]
stream = model.stream(rate=30)
clean = stream.step(joints)["denoised"]  # [{joints}, 3] -> [{joints}, 3], as the frames come in
```

**Trained on** {lineage} Data checksum `{data_checksum}`, {steps:,} steps of {batch} clips, seed {seed}; the whole
configuration is in `config.json`.

**Licence** {licence}.

**For** cleaning clips of one upright person, of 10 to 120 frames per second, whose joints are named in `config.json`.

**Not for** animals, hands or faces; people lying down, which the data hardly has; identifying people; decisions about
safety or health without a check of your own. Most of what drifts slowly stays. A stream sees one side of a gap alone;
where a clip is clean otherwise, interpolation of the whole clip is often nearer to the truth: the table below has both.

**Checksum** of `weights.npz`, SHA-256: `{sha256}`

## Measured

MPJPE in mm, beside the best of the usual filters. Made by `make readme` from `results/`.

<!-- results: made by 'make readme' -->
<!-- end of results -->
"""

_PURPOSES = {
    "frame": """cleaning single 3D poses of one upright person whose joints are named in `config.json`, and for codes of
them: features of recognition, retrieval and view transfer.""",
    "free": """comparison with the paper. Its pose codes depend on the view, and on other rigs than that of its training
it moves clean poses far and corrects little.""",
    "none": """comparison: its pose code holds the view too, as that of a plain denoising autoencoder.""",
}
"""What a model of poses is good for, by its `view`."""

_CARDS = {PoseAutoencoder: _CARD, ClipDenoiser: _CLIP_CARD}


def export_preset(run_dir: str | os.PathLike, out_dir: str | os.PathLike) -> pathlib.Path:
    """Writes the model of a training as a preset.

    Args:
        run_dir: the working directory of `tfpose pretrain`, which knows what was trained on what.
        out_dir: a new folder; its name is the preset's.

    Raises:
        TfposeError: when the data is not among `FREE_DATA`: weights carry the terms of their data.
        DataError: when `out_dir` exists or `run_dir` has no finished training.
    """
    run_dir, out_dir = pathlib.Path(run_dir), pathlib.Path(out_dir)
    with blame(run_dir / "config.json", "the config.json of a training"):
        trained = json.loads((run_dir / "config.json").read_text(encoding="utf-8"))
        data, config = trained["data"], trained["config"]
    if data["name"] not in FREE_DATA:
        raise TfposeError(
            f"{run_dir}: was trained on {data['name']}, and weights carry the terms of their data; presets are made "
            f"from {', '.join(FREE_DATA)} alone"
        )
    model = load_model(run_dir)
    if not isinstance(model, tuple(_CARDS)):
        raise TfposeError(f"{run_dir}: presets are made of {', '.join(kind.__name__ for kind in _CARDS)} alone")
    weights = dict(zip(model.weight_paths(), model.get_weights(), strict=True))
    made = {"name": out_dir.name, "precision": presets.PRECISION, "trained": trained}
    card = make_card(model) | FREE_DATA[data["name"]] | made
    with new_artifact(out_dir) as unfinished:
        unfinished.mkdir()
        card = presets.write(unfinished, presets.Preset(model.get_config(), weights, card))
        facts = {
            key: card[key] for key in ("name", "model", "tfpose", "parameters", "unit", "axes", "lineage", "licence")
        }
        facts |= {key: config[key] for key in ("steps", "batch", "seed")}
        facts["purpose"] = _PURPOSES.get(model.get_config().get("view"))
        facts |= {"skeleton": model.skeleton.name, "joints": len(model.skeleton), "sha256": card["sha256"]}
        write_text(unfinished / "README.md", _CARDS[type(model)].format(**facts, data_checksum=data["checksum"]))
    return out_dir
