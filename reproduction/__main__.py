"""The paper's figures and counts.

    python -m reproduction figures --model sebirenet_cmu --out results/figures
    python -m reproduction complexity --config paper --out results/complexity.json
    python -m reproduction structures --out results/structures/cost.json
    python -m reproduction tables results docs/results.md

reproduction/run.sh calls them all.
"""

import sys

from tfpose import cli

COMMANDS = {name: f"reproduction.{name}" for name in ("figures", "complexity", "structures", "tables")}

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
        sys.exit(__doc__.strip())
    sys.exit(cli.run(["python", "-m", "reproduction", sys.argv[1]], COMMANDS[sys.argv[1]], sys.argv[2:]))
