"""Two networks of the same size for the causal form of `ClipDenoiser`, 1,500 steps each.

    tfpose pretrain-clips --config reproduction/configs/clips_networks.py:sebirenet --data cmu --workdir runs/sebirenet

Rows: sebirenet (a recurrent SeBiReNet, whose hidden states carry over from frame to frame), convolutions (over the
frames of all joints, which the preset has). The offline form is as small as it can be: it is not compared.
About 20 and 10 minutes on 2 cores; results/networks.md has what they reach.
"""

from tfpose.trainers.configs import clips

CAUSAL = {
    "sebirenet": {"network": "sebirenet", "units": (24, 24)},
    "convolutions": {"network": "convolutions", "units": (96, 128), "dilations": ((1, 2, 4), (1, 2, 4, 8))},
}


def get_config(row):
    config = clips.get_config()
    config.steps = 1_500
    config.model.offline = {"units": (4, 4), "dilations": ((1,), (1,))}
    config.model.causal = CAUSAL[row]
    return config
