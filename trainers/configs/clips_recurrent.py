"""The causal form of `clips` as recurrent SeBiReNets, and as convolutions of the same size; 1,500 steps each.

    tfpose pretrain-clips --config clips_recurrent:sebirenet --data cmu --workdir runs/clips_sebirenet
    tfpose pretrain-clips --config clips_recurrent:convolutions --data cmu --workdir runs/clips_convolutions

The offline form is as small as it can be, for it is not what they compare.
"""

from tfpose.trainers.configs import clips

CAUSAL = {
    "sebirenet": {"network": "sebirenet", "units": (24, 24)},
    "convolutions": {"network": "convolutions", "units": (96, 128), "dilations": ((1, 2, 4), (1, 2, 4, 8))},
}


def get_config(network="sebirenet"):
    config = clips.get_config()
    config.steps = 1_500
    config.model.offline = {"units": (4, 4), "dilations": ((1,), (1,))}
    config.model.causal = CAUSAL[network]
    return config
