"""For poses of the rig that the model was trained on: the default, without other bodies.

    tfpose pretrain --config same_rig --data h36m_ape --workdir runs/same_rig_h36m_ape

About 15 minutes on one core. results/denoising/same_rig_h36m_ape.md has what it reaches on APE's protocol.
"""

from tfpose.trainers.configs import default


def get_config():
    config = default.get_config()
    config.steps = 5_000
    default.without_other_bodies(config)
    return config
