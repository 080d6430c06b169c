"""The paper's Table 3, a row each: the parts of the pretraining, added one after the other.

    tfpose pretrain --config reproduction/configs/ablation.py:raw --data cmu --workdir runs/ablation_raw

Rows: raw (the denoising autoencoder of eq. 1), decomposition (+ pose and view codes, eq. 2), orthogonality (+ L_O),
feature (+ L_f), rotated (+ L(R * p)). With the view transfers it is the paper's whole configuration, `paper`. Each is
then measured by its action recognition: results/ablation.md. About 5 minutes each on one core.
"""

from tfpose.trainers.configs import paper

ROWS = ("raw", "decomposition", "orthogonality", "feature", "rotated")


def get_config(row):
    config = paper.get_config()
    reached = ROWS.index(row)
    config.model.view = "free" if reached >= ROWS.index("decomposition") else "none"
    weights = config.loss.eq11
    if reached < ROWS.index("orthogonality"):
        weights.orthogonality = 0.0
    if reached < ROWS.index("feature"):
        weights.feature = 0.0
    if reached < ROWS.index("rotated"):
        weights.rotated = 0.0
    weights.transfer = weights.transfer_rotated = 0.0
    return config
