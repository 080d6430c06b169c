"""The paper's own configuration (Sec. 4.1): its network, its losses and weights, its corruption, full SO(3) rotations.

    tfpose pretrain --config paper --data h36m_ape --workdir runs/paper

The paper's learning rate 5e-5 is for losses summed over a batch of 64 (eq. 9); losses here are batch means, for which
the same step is 64 x 5e-5.
"""

from tfpose.trainers.configs import default


def get_config():
    config = default.get_config()
    config.batch = 64
    config.steps = 250 * 820  # the published 250 epochs of 52,500 poses
    config.model.refinements = 0
    config.body.mirror = False
    config.body.bones = 0.0
    config.body.size = 0.0
    config.body.definitions = 0.0
    config.corruption.use_labels = True
    config.corruption.fewest = 1
    config.corruption.missing = 0.0
    config.view.rotations = "so3"
    config.view.tilt_degrees = 0.0
    config.view.both = False
    config.loss.eq11.transfer = 0.01
    config.loss.eq11.transfer_rotated = 0.01
    config.loss.refined = 0.0
    config.optimizer.name = "sgd"
    config.optimizer.learning_rate = 64 * 5e-5
    config.optimizer.decay = "published"
    config.optimizer.warmup_steps = 0
    config.optimizer.weight_decay = 1e-4
    return config
