"""The paper's Table 1, a row each: how the encoder's network is wired, on the same schedule and seeds.

    tfpose pretrain --config reproduction/configs/structures.py:full --data h36m_ape --workdir runs/structures_full

Rows: recursive (the conventional tree), diffuse, concatenated, sebirenet and recurrent decode with a three-layer MLP,
as in the paper; full is the paper's full model, with a SeBiReNet as decoder. 4 to 8 minutes each on one core;
`make results` runs them all, and results/structures.md has what they reach.
"""

from tfpose.trainers.configs import paper

ROWS = {
    "recursive": {"wiring": "recursive"},
    "diffuse": {"wiring": "diffuse"},
    "concatenated": {"wiring": "concatenated"},
    "sebirenet": {},
    "recurrent": {"passes": 2},
    "full": {},
}


def get_config(row):
    config = paper.get_config()
    config.model.network.update(ROWS[row])
    config.model.decoder = "tree" if row == "full" else "mlp"
    return config
