"""Where hubs are kept: table `hubs`, one partition a hub, one row.

Each part of a hub's status is one column, so that steps that run side by side never overwrite each other's. Everything else that
depends on a read is written with the row's ETag.
"""

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from pydantic import ValidationError

from shared import names
from shared.azure.tables import Columns, Row, Tables, Value, compact
from shared.errors import ConflictError, MissingError
from shared.hubs import power
from shared.hubs.spec.model import Hub
from shared.hubs.status import facts
from shared.hubs.status.model import Status, from_columns, to_columns
from shared.hubs.status.parts import Part
from shared.problem import Problem
from shared.schedules.model import Schedule
from shared.schedules.record import Record

log = logging.getLogger(__name__)

TABLE = "hubs"
ROW = "hub"


type Phase = Literal["creating", "ready", "failed", "deleting"]
"""Where a hub stands in its life. The API calls it the hub's status."""


@dataclass(frozen=True)
class HubRecord:
    """A hub as it is known: specification, status, and the run that is open on it."""

    spec: Hub
    phase: Phase
    created: datetime
    open_run: str | None
    """The run that holds the hub's lease; None when nothing is being done to it."""
    last_run: str | None
    waiting_run: str | None = None
    """A run that gets the lease when the present one ends: a start asked for while a stop is at work."""
    stored_schedule: Any = None
    """The schedule as JSON. One that can no longer be read (a zone was dropped) is None in `spec`, and is not None here."""
    status: Status = field(default_factory=Status)
    """What the steps have found out or made."""
    power: Record = field(default_factory=Record)
    etag: str = ""

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def essence(self) -> tuple[object, ...]:
        """What it is and whose it is, without what is noted about it."""
        return self.spec, self.stored_schedule, self.phase, self.open_run, self.last_run, self.waiting_run

    def having(self, *parts: Part) -> "HubRecord":
        """The same with these parts of its status instead."""
        return replace(self, status=self.status.having(*parts))

    def cluster_id(self, subscription: str) -> str:
        return names.cluster_id(subscription, self.spec.resource_group, self.spec.cluster.name)


class HubStore:
    def __init__(self, tables: Tables) -> None:
        self._table = tables.table(TABLE)

    def get(self, name: str) -> HubRecord | None:
        """None of what is no hub's name, too, which Table Storage may not take for a key."""
        row = None if names.HUB.problem(name) else self._table.get(name, ROW)
        return _record(row) if row else None

    def all(self) -> Iterator[HubRecord]:
        return self._readable(self._table.query())

    def leased(self) -> Iterator[HubRecord]:
        """Hubs that a run holds."""
        return self._readable(self._table.query(where="open_run ne @none", parameters={"none": ""}))

    def _readable(self, rows: Iterable[Row]) -> Iterator[HubRecord]:
        """One row that cannot be read, after a downgrade perhaps, must not hide the others."""
        for row in rows:
            try:
                yield _record(row)
            except (ValueError, KeyError) as error:
                log.warning("the row of hub %s cannot be read: %s", row.partition, type(error).__name__)

    def insert(self, spec: Hub, created: datetime, run: str) -> None:
        """A new hub, leased to the run that creates it. Raises ConflictError when the name is known."""
        values: dict[str, Value] = {
            "spec": compact(spec.wire()),
            "status": "creating",
            "created": created,
            "open_run": run,
            "last_run": run,
        }
        self._table.insert(Row(spec.name, ROW, values))

    def wait(self, hub: HubRecord, run: str) -> None:
        """Puts a run in line for the lease. Raises ConflictError when the hub changed since it was read."""
        self._merge(hub.name, {"waiting_run": run}, hub.etag)

    def lease(self, hub: HubRecord, run: str, phase: Phase) -> None:
        """Gives the hub to a run.

        Raises ConflictError when what it is or whose it is changed since it was read; what is noted about it may.
        """

        def give(found: HubRecord | None) -> tuple[Columns, None]:
            if found is None or found.essence != hub.essence:
                raise ConflictError(
                    "Table Storage", "HubChanged", f"Hub {hub.name} changed since it was read.", status=412
                )
            return {"open_run": run, "last_run": run, "status": phase}, None

        self._update(hub.name, give)

    def release(self, name: str, run: str, phase: Phase) -> None:
        """Ends a run's lease; the run in line gets it, and the sweep starts that.

        Another run's lease, or a hub that is gone, is left alone.
        """

        def end(hub: HubRecord | None) -> tuple[Columns, None]:
            if hub is None or hub.open_run != run:
                return {}, None
            following = hub.waiting_run or ""
            change = {"open_run": following, "waiting_run": "", "status": phase}
            return change | ({"last_run": following} if following else {}), None

        self._update(name, end)

    def forget(self, name: str, run: str) -> None:
        """Ends the record of a hub that the run has torn down; not one of the same name that was made since."""

        def end(hub: HubRecord | None) -> tuple[Columns | None, None]:
            return (None if hub and hub.open_run == run else {}), None

        self._update(name, end)

    def record(self, name: str, *parts: Part) -> None:
        """Writes these parts of the hub's status, whole and all at once, and leaves the others alone."""
        self._merge(name, to_columns(parts), None)

    def update_power(self, name: str, change: Callable[[Record], Record]) -> Record:
        """Reads, changes and writes the power record, again until nobody wrote in between (a tick, a person, a run)."""

        def changed(found: HubRecord | None) -> tuple[Columns, Record]:
            hub = known(found, name)
            record = change(hub.power)
            return ({} if record == hub.power else {"power": power.to_json(record)}), record

        return self._update(name, changed)

    def save_spec(self, hub: HubRecord, spec: Hub, record: Record) -> None:
        """A changed specification, with the power record that follows from it. Raises ConflictError on a race."""
        self._merge(hub.name, {"spec": compact(spec.wire()), "power": power.to_json(record)}, hub.etag)

    def adopt(self, name: str, change: Callable[[Hub], Hub]) -> None:
        """Changes the specification in everything but its schedule, which stays as it is stored, readable or not."""

        def changed(found: HubRecord | None) -> tuple[Columns, None]:
            hub = known(found, name)
            spec = change(hub.spec)
            if spec == hub.spec:
                return {}, None
            return {"spec": compact({**spec.wire(), "schedule": hub.stored_schedule})}, None

        self._update(name, changed)

    def _update[T](self, name: str, change: Callable[[HubRecord | None], tuple[Columns | None, T]]) -> T:
        """Reads, changes and writes the hub's row as Table.update does; what is no hub's name is not there."""
        if names.HUB.problem(name):
            return change(None)[1]
        return self._table.update(name, ROW, lambda row: change(_record(row) if row else None))

    def _merge(self, name: str, change: Mapping[str, Value], etag: str | None) -> None:
        self._table.merge(Row(name, ROW, change), etag)


def known(hub: HubRecord | None, name: str) -> HubRecord:
    """The hub. Raises MissingError when there is none."""
    if hub is None:
        raise MissingError(Problem("HubNotFound", f"There is no hub named {name!r}.", "GET /api/hubs lists the hubs."))
    return hub


def readable_schedule(stored: Any) -> Schedule | None:
    """The schedule, or None when there is none or it cannot be read: that stops no hub."""
    try:
        return Schedule.model_validate(stored) if stored is not None else None
    except ValidationError:
        return None


def _record(row: Row) -> HubRecord:
    values: Mapping[str, Any] = row.values
    stored = json.loads(values["spec"])
    schedule = stored.pop("schedule", None)
    return HubRecord(
        spec=Hub.model_validate(stored).model_copy(update={"schedule": readable_schedule(schedule)}),
        stored_schedule=schedule,
        phase=values["status"],
        created=values["created"],
        open_run=values.get("open_run") or None,
        last_run=values.get("last_run") or None,
        waiting_run=values.get("waiting_run") or None,
        status=from_columns(values, before=facts.read(values)),
        power=power.from_json(values.get("power")),
        etag=row.etag or "",
    )
