"""The default configuration of `tfpose pretrain-clips`: a `ClipDenoiser` on a pose model.

    tfpose pretrain-clips --config clips --data cmu --workdir runs/clips

About 40 minutes on 2 cores. The preset sebirenet_cmu_clips is what it makes.
"""

import ml_collections


def get_config():
    config = ml_collections.ConfigDict()
    config.seed = 0
    config.batch = 32
    config.frames = 48
    config.steps = 6_000
    config.checkpoint_every = 250
    config.pose_model = "sebirenet_cmu"
    config.init = ""  # a preset or model.keras to start from
    config.rates = (10.0, 120.0)

    config.model = ml_collections.ConfigDict()
    config.model.offline = ml_collections.ConfigDict({"units": (128, 160), "dilations": ((1, 2, 4), (1, 2, 4, 8))})
    config.model.causal = ml_collections.ConfigDict({"units": (96, 128), "dilations": ((1, 2, 4), (1, 2, 4, 8))})

    # What each clip's body is; see `tfpose.noise.bodies`.
    config.body = ml_collections.ConfigDict()
    config.body.bones = 0.15
    config.body.size = 0.1
    config.body.joint_offset_std = 0.02
    config.body.base = 1.0
    config.body.rise = 0.35
    config.body.forward = 0.17
    config.body.limbs = 0.1

    # Changes of `tfpose.noise.clips.ClipNoise`.
    config.noise = ml_collections.ConfigDict()

    config.loss = ml_collections.ConfigDict()
    config.loss.acceleration = 0.5
    config.loss.trust = 0.05
    config.loss.tolerance = 0.08  # metres: what is nearer to the truth is to be trusted

    config.optimizer = ml_collections.ConfigDict()
    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 2e-3
    config.optimizer.warmup_steps = 200
    config.optimizer.weight_decay = 0.0
    config.optimizer.clip_norm = 1.0
    return config
