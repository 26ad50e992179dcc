"""Where events are kept, and where those that are still to be delivered wait.

Table `events`: one partition a hub, newest first, for people to read. Table `outbox`: one partition, oldest first, a row for each
event and channel, gone when it is delivered or given up; so the cost of looking for work grows with the work alone.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import batched, groupby
from typing import Any

from shared import names
from shared.azure import row_keys
from shared.azure.tables import Change, Row, Tables, Value
from shared.errors import ConflictError, NotFoundError
from shared.notifications import retries
from shared.notifications.events import Delivery, Event, Kind, State

EVENTS = "events"
OUTBOX = "outbox"
PENDING = "pending"
DELIVERY = "delivery_"


def new_id(hub: str, now: datetime) -> str:
    """The hub's name, a hyphen, and a row key that sorts later events first."""
    return f"{hub}-{row_keys.new_key(now)}"


@dataclass(frozen=True)
class Recorded:
    event: Event
    deliveries: tuple[Delivery, ...]

    def wire(self) -> dict[str, Any]:
        return self.event.wire() | {"deliveries": [delivery.wire() for delivery in self.deliveries]}


class EventStore:
    def __init__(self, tables: Tables) -> None:
        self._table = tables.table(EVENTS)

    def insert(self, event: Event, deliveries: Sequence[Delivery]) -> None:
        states = {DELIVERY + delivery.channel: _delivery_json(delivery) for delivery in deliveries}
        self._table.insert(Row(*_keys(event), _columns(event) | states))

    def save_delivery(self, event: Event, delivery: Delivery) -> None:
        """Inserts the event when it is missing: a crash came between its entry in the outbox and its record."""
        try:
            self._table.merge(Row(*_keys(event), {DELIVERY + delivery.channel: _delivery_json(delivery)}), None)
        except NotFoundError:
            self.insert(event, [delivery])

    def of_hub(self, hub: str, limit: int) -> list[Recorded]:
        """Newest first; none of what is no hub's name, which Table Storage may not take for a key."""
        if names.HUB.problem(hub):
            return []
        return [_recorded(row) for row in self._table.query(hub, limit=limit)]

    def purge(self, before: datetime) -> int:
        """Deletes events that happened before; returns their number."""
        purged = 0
        for hub, rows in groupby(
            self._table.query(keys=(row_keys.before(before), None), select=[]), key=lambda row: row.partition
        ):
            for batch in batched(rows, 100, strict=False):
                with suppress(NotFoundError):  # somebody else purges too; the rest goes tomorrow
                    self._table.batch([Change("delete", Row(hub, row.key)) for row in batch])
                    purged += len(batch)
        return purged


@dataclass(frozen=True)
class Entry:
    """An event that waits for one channel. tries: begun so far. due: when it may be tried again, UTC."""

    event: Event
    channel: str
    tries: int
    due: datetime
    etag: str | None = None

    @property
    def key(self) -> str:
        """Older events first; an event's id is in it, so that it names one row whatever is read back of its time."""
        _, _, row = self.event.id.rpartition("-")
        return f"{row_keys.oldest_first(row)}-{self.event.id}-{self.channel}"


class Outbox:
    def __init__(self, tables: Tables) -> None:
        self._table = tables.table(OUTBOX)

    def add(self, event: Event, channels: Sequence[str], now: datetime) -> list[Entry]:
        """Puts the event in line for every channel, or for none. Whoever adds makes the first try: the entries are claimed."""
        due = retries.next_try(1, now)
        entries = [Entry(event, channel, 1, due) for channel in channels]
        self._table.batch([Change("insert", Row(PENDING, entry.key, _entry_columns(entry))) for entry in entries])
        return entries

    def due(self, now: datetime) -> Iterator[Entry]:
        """Oldest event first."""
        return (_entry(row) for row in self._table.query(PENDING, where="due le @now", parameters={"now": now}))

    def claim(self, entry: Entry, now: datetime) -> Entry | None:
        """Takes an entry for a try, so that no other host makes the same one; None: another has it, or has done with it.

        Claiming is counting the try and setting the time of the next one: should this host die now, another goes on then.
        """
        tries = entry.tries + 1
        claimed = replace(entry, tries=tries, due=retries.next_try(tries, now))
        change: dict[str, Value] = {"tries": claimed.tries, "due": claimed.due}
        try:
            return replace(claimed, etag=self._table.merge(Row(PENDING, entry.key, change), entry.etag))
        except (ConflictError, NotFoundError):
            return None

    def postpone(self, entry: Entry, due: datetime) -> None:
        """Gone already is fine: another host delivered it."""
        with suppress(NotFoundError):
            self._table.merge(Row(PENDING, entry.key, {"due": due}), None)

    def remove(self, entry: Entry) -> None:
        self._table.delete(PENDING, entry.key)


def _keys(event: Event) -> tuple[str, str]:
    hub, _, row = event.id.rpartition("-")
    return hub, row


def _columns(event: Event) -> dict[str, Value]:
    return {
        "id": event.id,
        "hub": event.hub,
        "kind": event.kind.value,
        "at": event.at.astimezone(UTC).isoformat(),
        "message": event.message,
        "data": json.dumps(event.data),
    }


def _event(values: Any) -> Event:
    return Event(
        id=values["id"],
        hub=values["hub"],
        kind=Kind(values["kind"]),
        at=datetime.fromisoformat(values["at"]),
        message=values["message"],
        data=json.loads(values["data"]),
    )


def _entry_columns(entry: Entry) -> dict[str, Value]:
    return _columns(entry.event) | {"channel": entry.channel, "tries": entry.tries, "due": entry.due}


def _entry(row: Row) -> Entry:
    values: Any = row.values
    return Entry(_event(values), values["channel"], values["tries"], values["due"], row.etag)


def _recorded(row: Row) -> Recorded:
    found = sorted(name for name in row.values if name.startswith(DELIVERY))
    return Recorded(_event(row.values), tuple(_delivery(str(row.values[name])) for name in found))


def _delivery_json(delivery: Delivery) -> str:
    return json.dumps(asdict(delivery) | {"at": delivery.at.isoformat() if delivery.at else None})


def _delivery(text: str) -> Delivery:
    fields = json.loads(text)
    at = datetime.fromisoformat(fields["at"]) if fields["at"] else None
    return Delivery(**fields | {"state": State(fields["state"]), "at": at})
