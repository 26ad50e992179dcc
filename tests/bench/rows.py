"""A row of the table, on the terminal and in build/bench.json."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    name: str
    value: float
    unit: str
    ratio: float | None = None
    """Of the value to what it is compared with; the note says to what."""
    limit: float | None = None
    """Of the ratio where there is one, else of the value. None: the row explains another, or compares."""
    note: str = ""
    """For the terminal alone."""

    @property
    def over(self) -> bool:
        return self.limit is not None and (self.value if self.ratio is None else self.ratio) > self.limit

    def wire(self) -> dict[str, Any]:
        fields = {"value": round(self.value, 4), "unit": self.unit}
        optional = {"ratio": self.ratio and round(self.ratio, 4), "limit": self.limit}
        return fields | {name: value for name, value in optional.items() if value is not None}


HEAD = ("row", "value", "unit", "ratio", "limit", "", "")


def table(rows: Iterable[Row]) -> str:
    lines = [HEAD] + [_cells(row) for row in rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    return "\n".join(_aligned(line, widths) for line in lines)


def _cells(row: Row) -> tuple[str, ...]:
    verdict = "" if row.limit is None else "OVER" if row.over else "ok"
    ratio = f"{row.ratio:.3f}" if row.ratio is not None else ""
    limit = f"{row.limit:g}" if row.limit is not None else ""
    return (row.name, f"{row.value:.3f}", row.unit, ratio, limit, verdict, row.note)


def _aligned(cells: tuple[str, ...], widths: list[int]) -> str:
    numbers = (1, 3, 4)
    padded = [
        cell.rjust(width) if column in numbers else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(padded).rstrip()
