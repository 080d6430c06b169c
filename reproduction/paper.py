"""The numbers of the paper, for comparison with ours; the data is not the same."""

# MPJPE in mm by structure (Table 1).
STRUCTURES = {
    "recursive": 65.76,
    "diffuse": 64.94,
    "concatenated": 75.17,
    "sebirenet": 42.03,
    "recurrent": 41.58,
    "full": 33.4,
}
# Accuracy on N-UCLA in per cent by the parts of the pretraining (Table 3).
ABLATION = {
    "raw": 58.66,
    "decomposition": 60.61,
    "orthogonality": 62.55,
    "feature": 73.81,
    "rotated": 76.84,
    "full": 80.30,
}
# Of coordinates relative to the root, in the same table.
RELATIVE = 51.53
PARAMETERS = 270_000  # "about 0.27 M" (Sec. 3.2)
