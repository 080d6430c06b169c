"""The paper's own configuration (Sec. 4.1): its network, its losses and weights, its corruption, full SO(3) rotations.

    tfpose pretrain --config paper --data h36m_ape --workdir runs/paper_h36m_ape

About 5 minutes on 2 cores. On CMU it makes the preset sebirenet_cmu_paper, whose card has what it reaches; on APE's
protocol it is the full row of results/structures.md, and with --config.steps=20000 results/denoising/paper_h36m_ape.md.

Two things differ. The optimiser is Adam: the paper's plain gradient descent at 5e-5 (on losses summed over a batch of
64; on batch means, as here, the same step is 64 * 5e-5) needs its 250 epochs, 205,000 steps. To have it:

    --config.optimizer.name=sgd --config.optimizer.learning_rate=0.0032 --config.steps=205000

And normalisation is this project's: an isotropic scale about a robust centre.
"""

from tfpose.trainers.configs import default


def get_config():
    config = default.get_config()
    config.batch = 64
    config.steps = 10_000
    config.model.view = "free"
    config.model.refinements = 0
    config.model.correction_units = 0
    config.body.mirror = False
    default.without_other_bodies(config)
    config.corruption.use_labels = True
    config.corruption.min_joints = 1
    config.corruption.missing = 0.0
    config.corruption.sides = 0.0
    config.corruption.noise = 0.0
    config.corruption.independent = 0.0
    config.view.rotations = "so3"
    config.view.tilt_degrees = 0.0
    config.view.both = False
    config.view.shared = False
    config.loss.eq11.transfer = 0.01
    config.loss.eq11.transfer_rotated = 0.01
    config.loss.eq11.feature = 0.1
    config.loss.view = 0.0
    config.loss.refined = 0.0
    config.loss.trust = 0.0
    config.optimizer.learning_rate = 2e-3
    config.optimizer.weight_decay = 1e-6
    return config
