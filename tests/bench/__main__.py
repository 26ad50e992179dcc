"""Measures, prints the table and writes build/bench.json. Ends with 1 when a row is over its limit."""

import json
import sys
from collections.abc import Callable

from local.azurite import ROOT
from tests.bench.creates import create_overhead
from tests.bench.health import health_rows
from tests.bench.imports import cold_start
from tests.bench.path import critical_path
from tests.bench.power import burst_rows, tick_rows
from tests.bench.rows import Row, table

MEASUREMENTS: dict[str, Callable[[], list[Row]]] = {
    "cold_start": cold_start,
    "create_overhead": create_overhead,
    "critical_path": critical_path,
    "tick": tick_rows,
    "burst": burst_rows,
    "health": health_rows,
}
"""In the order of the table."""

FILE = ROOT / "build" / "bench.json"


def main(names: list[str]) -> int:
    if unknown := [name for name in names if name not in MEASUREMENTS]:
        sys.stderr.write(f"{unknown[0]} is not measured here; there are {', '.join(MEASUREMENTS)}.\n")
        return 2
    rows: list[Row] = []
    for name in names or MEASUREMENTS:
        sys.stderr.write(f"measuring {name} ...\n")
        rows += MEASUREMENTS[name]()
    sys.stdout.write(table(rows) + "\n")
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps({row.name: row.wire() for row in rows}, indent=1) + "\n")
    return 1 if any(row.over for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
