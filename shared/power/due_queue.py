"""The due queue: the time of each hub's next look. Table `agenda`, one partition, the due time first in the row key.

A tick reads only what is due, so that its cost grows with the hubs due and not with the hubs known. An entry is a hint, never the
truth: the tick decides from the hub itself, so a lost, doubled or stale entry costs a look at most. Two entries of one hub become
one again, because both are moved to the same next due time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from shared.azure.tables import Change, Row, Tables

TABLE = "agenda"
PARTITION = "due"


@dataclass(frozen=True)
class Entry:
    """due: UTC, to the second."""

    due: datetime
    hub: str

    @property
    def key(self) -> str:
        return f"{self.due.astimezone(UTC):%Y%m%dT%H%M%S}-{self.hub}"


class DueQueue:
    def __init__(self, tables: Tables) -> None:
        self._table = tables.table(TABLE)

    def due(self, now: datetime, limit: int) -> list[Entry]:
        """The entries due at `now`, earliest first."""
        last = f"{now.astimezone(UTC):%Y%m%dT%H%M%S}."  # "." follows "-" in the order of keys
        return [_entry(row) for row in self._table.query(PARTITION, (None, last), limit=limit)]

    def all(self) -> Iterator[Entry]:
        return (_entry(row) for row in self._table.query(PARTITION))

    def put(self, entry: Entry) -> None:
        self._table.upsert(Row(PARTITION, entry.key))

    def move(self, done: Entry, following: Entry | None) -> None:
        """Replaces an entry by the hub's next one, both or neither; None: the hub needs no more looking at."""
        if following and following.key == done.key:
            return
        changes = [Change("upsert", Row(PARTITION, following.key))] if following else []
        if self._table.get(PARTITION, done.key):
            changes.append(Change("delete", Row(PARTITION, done.key)))
        self._table.batch(changes)

    def remove(self, entry: Entry) -> None:
        self._table.delete(PARTITION, entry.key)


def look_soon(tables: Tables, hub: str, now: datetime) -> None:
    """Puts a hub into the due queue for the next tick: something about it has changed."""
    DueQueue(tables).put(Entry(now.replace(microsecond=0), hub))


def _entry(row: Row) -> Entry:
    stamp, _, hub = row.key.partition("-")
    return Entry(datetime.strptime(stamp, "%Y%m%dT%H%M%S").replace(tzinfo=UTC), hub)
