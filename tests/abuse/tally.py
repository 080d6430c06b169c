"""How much was tried, by kind.

`TFPOSE_ABUSE=5 TFPOSE_ABUSE_OUT=results/abuse.json pytest tests/abuse` writes it down, with a table beside it, when
nothing failed.
"""

from __future__ import annotations

import collections
import pathlib
from collections.abc import Mapping

from tfpose.trainers import markdown, results

KINDS = ("files", "artifacts", "requests", "kills", "full disks")
_found: dict[tuple[str, str], collections.Counter] = {}


def count(kind: str, what: str, outcomes: Mapping[str, int]):
    """Adds how often what came out when `what`, of one of `KINDS`, was tried."""
    assert kind in KINDS
    _found.setdefault((kind, what), collections.Counter()).update(outcomes)


def write(path: pathlib.Path, times: int):
    """Writes all that was counted."""
    rows = [
        {"kind": kind, "what": what, "tried": counts.total(), "outcomes": dict(sorted(counts.items()))}
        for (kind, what), counts in sorted(_found.items(), key=lambda one: KINDS.index(one[0][0]))
    ]
    tried = {kind: sum(row["tried"] for row in rows if row["kind"] == kind) for kind in KINDS}
    outcomes = [", ".join(f"{number:,} {name}" for name, number in row["outcomes"].items()) for row in rows]
    cells = [(row["kind"], row["what"], f"{row['tried']:,}", said) for row, said in zip(rows, outcomes)]
    table = markdown.table(["kind", "what", "tried", "outcome"], [*cells, ("all", "", f"{sum(tried.values()):,}", "")])
    results.write(path, "abuse", {"times": times, "tried": {**tried, "all": sum(tried.values())}, "rows": rows}, table)
