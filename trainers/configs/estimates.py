"""A `ClipDenoiser` that goes on learning from the errors of an estimator, beginning with the preset.

    tfpose pretrain-clips --config estimates --data h36m_hourglass --lifter runs/lift_hourglass --workdir runs/estimates

About 10 minutes on 2 cores.
"""

from tfpose.trainers.configs import clips


def get_config():
    config = clips.get_config()
    config.init = "sebirenet_cmu_clips"
    config.steps = 2_000
    config.rates = (10.0, 10.0)  # of this copy of Human3.6M
    config.optimizer.learning_rate = 1e-3
    return config
