"""Action recognition from frozen codes: the paper's classifier (Sec. 4.3), augmentation before the encoder.

    tfpose classify --config classify --encoder runs/default_cmu --data nucla --workdir runs/classify_nucla

Settings are chosen on --data nucla_v1_v2 and nucla_v2_v1: view 3 is for the last run alone.
"""

import ml_collections


def get_config():
    config = ml_collections.ConfigDict()
    config.seed = 0
    config.batch = 64
    config.epochs = 120
    config.checkpoint_every = 500

    config.model = ml_collections.ConfigDict()
    config.model.features = "code"
    config.model.frames = 30
    config.model.units = 128
    config.model.components = 64
    config.model.motion = ("height", "speed", "tilt", "turn")

    # Augmented copies of every clip, encoded once because the encoder is frozen. With 0 copies, the clips as they are.
    config.augmentation = ml_collections.ConfigDict()
    config.augmentation.copies = 16
    config.augmentation.seed = 0
    config.augmentation.heading_degrees = 60.0
    config.augmentation.tilt_degrees = 20.0
    config.augmentation.size = 0.1
    config.augmentation.mirror = True
    config.augmentation.left_right_swap = 0.3  # Kinect mistakes the back of a person for the front
    # Views cut their clips of the same action differently: some stand up in the middle, others at the end.
    config.augmentation.crop = 0.2  # of the clip, at most, at either end
    config.augmentation.hold = 0.3  # or standing still for this share of it, at most
    config.augmentation.pace = 0.5  # exp(N(0, pace)) times the speed, for each quarter

    # Copies of every test clip, for the accuracy of averaged probabilities.
    config.test_copies = 8

    config.dropout = ml_collections.ConfigDict({"inputs": 0.5, "state": 0.5})
    config.label_smoothing = 0.0

    config.optimizer = ml_collections.ConfigDict()
    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 4e-3
    config.optimizer.warmup_steps = 0
    config.optimizer.weight_decay = 1e-3
    config.optimizer.clip_norm = 1.0
    return config
