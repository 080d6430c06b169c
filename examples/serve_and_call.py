"""Writes the package of a model for TF Serving, and calls a server that serves it.

    python examples/serve_and_call.py package
    docker compose -f package/compose.yaml up --wait
    python examples/serve_and_call.py call grpc://localhost:8500

The call needs no TensorFlow: pip install "tfpose[client]"
"""

from __future__ import annotations

import argparse

import numpy as np


def package(folder: str):
    from tfpose import PoseAutoencoder
    from tfpose.export import export_serving

    version = export_serving(PoseAutoencoder.from_preset("sebirenet_cmu"), folder)
    print(f"wrote {version}")


def call(url: str):
    from tfpose.datasets import synthetic
    from tfpose.serving_client import Client
    from tfpose.skeleton import Skeleton

    joints = next(iter(synthetic.clips(1, seed=0))).to(Skeleton.load("paper17")).positions
    joints[5, 4] = np.nan  # missing
    with Client(url) as client:
        clean = client.predict("denoise", joints=joints)["denoised"]
        codes = client.predict("encode", joints=joints)
    print(f"{len(clean)} poses cleaned, the missing joint is at {np.round(clean[5, 4], 2)}")
    print({name: code.shape for name, code in codes.items()})
    return clean


def main(arguments: list[str] | None = None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True, dest="command")
    commands.add_parser("package").add_argument("folder", nargs="?", default="package")
    commands.add_parser("call").add_argument("url")
    options = parser.parse_args(arguments)
    return package(options.folder) if options.command == "package" else call(options.url)


if __name__ == "__main__":
    main()
