"""The default configuration: it disentangles, keeps good joints unchanged and works on unseen rigs.

    tfpose pretrain --config default --data cmu --workdir runs/default_cmu

About 20 minutes on 2 cores. The preset sebirenet_cmu is what it makes, and its card has what that reaches on people and
rigs that it never saw: tfpose/presets/sebirenet_cmu/README.md.
"""

import ml_collections


def get_config():
    config = ml_collections.ConfigDict()
    config.seed = 0
    config.batch = 256
    config.steps = 40_000
    config.checkpoint_every = 500
    config.evaluate_every = 10_000

    config.model = ml_collections.ConfigDict()
    config.model.units = 32
    config.model.code_size = 16
    # The view code is a rotation, and the pose code is the same for every heading: tfpose.layers.BodyFrame.
    config.model.view = "frame"
    config.model.orthogonal = False
    config.model.network = ml_collections.ConfigDict({"passes": 1, "wiring": "sebirenet", "cell": "gru"})
    config.model.decoder = "tree"
    config.model.decoder_units = 32
    config.model.refinements = 2
    config.model.correction_units = 256

    # A random body for every sample, so that a model trained on one rig works on others.
    config.body = ml_collections.ConfigDict()
    config.body.mirror = True
    config.body.bones = 0.2
    config.body.size = 0.1
    config.body.joint_offset_std = 0.03
    # From CMU's spine to those of other rigs: see tfpose.noise.bodies.randomize.
    config.body.base = 1.0
    config.body.rise = 0.35
    config.body.forward = 0.17
    config.body.limbs = 0.17
    config.body.jitter = 0.012

    config.corruption = ml_collections.ConfigDict()
    config.corruption.use_labels = False
    config.corruption.min_joints = 0  # clean poses too, so that the model learns not to change them
    config.corruption.max_joints = 5
    config.corruption.shortest = 0.2
    config.corruption.longest = 0.8
    config.corruption.missing = 0.1
    config.corruption.sides = 0.06  # of the poses have their arms, their legs or all sides exchanged
    config.corruption.noise = 0.04  # metres, at most
    config.corruption.noisy = 0.25  # of the poses have noise
    # Share of the poses that the two branches corrupt differently, so that the codes ignore the corruption.
    config.corruption.independent = 0.1

    # Sensors stand upright: any heading, a small tilt.
    config.view = ml_collections.ConfigDict()
    config.view.rotations = "upright"
    config.view.tilt_degrees = 10.0
    config.view.left_right_swap = 0.0
    config.view.both = True
    # Two poses in each view: the view code of one must serve the other, so that it holds the view alone.
    config.view.shared = True

    config.loss = ml_collections.ConfigDict()
    # With the paper's 0.01 for the transfers nothing makes the codes separate; see results/.
    config.loss.eq11 = ml_collections.ConfigDict(
        {"rotated": 1.0, "transfer": 1.0, "transfer_rotated": 1.0, "feature": 1.0, "orthogonality": 0.1}
    )
    config.loss.view = 0.3  # that view codes of poses in the same view agree; needs shared views
    config.loss.refined = 3.0
    config.loss.trust = 1.0

    config.optimizer = ml_collections.ConfigDict()
    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 1.5e-3
    config.optimizer.warmup_steps = 200
    config.optimizer.weight_decay = 0.0
    config.optimizer.clip_norm = 0.0
    return config


def without_other_bodies(config):
    """Takes the changes of bodies and limbs out of `config`, and leaves mirroring."""
    for name in set(config.body) - {"mirror"}:
        config.body[name] = 0.0
