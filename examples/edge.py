"""Runs an exported LiteRT file with numpy and LiteRT alone, as on a board.

    tfpose export --model sebirenet_cmu --out exported
    python examples/edge.py exported/model.tflite

pip install tfpose --no-deps; pip install numpy scipy wrapt ai-edge-litert
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from tfpose import lite


def main(arguments: list[str] | None = None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help="a .tflite file of tfpose")
    options = parser.parse_args(arguments)

    model = lite.Model(options.file, threads=1)
    joints = np.random.default_rng(0).normal(0, 0.3, (1, len(model.skeleton), 3)).astype(np.float32)
    clean = model.denoise(joints)
    begin = time.perf_counter()
    for _ in range(100):
        model.denoise(joints)
    print(f"{clean.shape}, {10 * (time.perf_counter() - begin):.2f} ms a pose")


if __name__ == "__main__":
    main()
