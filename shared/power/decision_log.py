"""Every decision about a hub's power, with its reason, for 90 days: table `decisions`, a partition a hub, newest first."""

from datetime import datetime, timedelta
from typing import Any

from shared.azure.row_keys import newest_first
from shared.azure.tables import Change, Row, Tables
from shared.clock import wire_time

TABLE = "decisions"
KEPT = timedelta(days=90)
_BATCH = 100


class Decisions:
    def __init__(self, tables: Tables) -> None:
        self._table = tables.table(TABLE)

    def note(self, hub: str, at: datetime, state: str, did: str, reason: str) -> None:
        """did: start, stop, warn or nothing."""
        self._table.upsert(Row(hub, newest_first(at), {"at": at, "state": state, "did": did, "reason": reason[:1000]}))

    def of_hub(self, hub: str, limit: int) -> list[dict[str, Any]]:
        return [
            {"at": _wire(row.values["at"]), **{name: row.values[name] for name in ("state", "did", "reason")}}
            for row in self._table.query(hub, limit=limit)
        ]

    def purge(self, hub: str, now: datetime) -> int:
        """Removes what is older than KEPT; how many."""
        old = [row.key for row in self._table.query(hub, (newest_first(now - KEPT), None), select=[])]
        for start in range(0, len(old), _BATCH):
            self._table.batch([Change("delete", Row(hub, key)) for key in old[start : start + _BATCH]])
        return len(old)


def _wire(moment: Any) -> str | None:
    return wire_time(moment)
