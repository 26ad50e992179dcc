"""Starts or stops of a hub that fail in a row: told once, the time of the first one kept until the hub works again.

Kept as a fact of the hub: {"kind", "count" (runs), "first", "last" (times), "cancelled"}.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.hubs.store import HubRecord, HubStore
from shared.notifications.events import Kind as EventKind
from shared.notifications.notify import Recorded, record, try_now
from shared.power.tick_rules import Failing
from shared.runs.model import Fault, Kind, Run
from shared.services import Services

FACT = "power_failing"


def failing(facts: Mapping[str, Any], kind: Kind) -> Failing | None:
    """Of runs of that kind; what the other kind came to tells nothing about it."""
    found = facts.get(FACT)
    if not found or found["kind"] != kind.value:
        return None
    moments = {name: datetime.fromisoformat(found[name]) for name in ("first", "last")}
    return Failing(kind, found["count"], **moments, cancelled=found["cancelled"])


def tried(services: Services, hub: HubRecord, run: Run, fault: Fault, now: datetime) -> None:
    """A try within the run has failed, and there will be others. The first in a row is told."""
    if failing(hub.facts, run.kind) is None:
        _keep(services, hub, Failing(run.kind, 0, now, now))
        try_now(services, recorded(services, run, fault))


def failed(services: Services, hub: HubRecord, run: Run, fault: Fault, now: datetime) -> list[Recorded]:
    """The whole run has failed; what is to be told of it."""
    before, told = failing(hub.facts, run.kind), []
    if before is None or before.cancelled:
        told.append(recorded(services, run, fault))
        before = Failing(run.kind, 0, now, now)
    _keep(services, hub, Failing(run.kind, before.count + 1, before.first, now))
    return told


def cancelled(services: Services, hub: HubRecord, run: Run, now: datetime) -> None:
    """By somebody. What the schedule wants is tried again, not at once."""
    _keep(services, hub, Failing(run.kind, 1, now, now, cancelled=True))


def worked(services: Services, hub: HubRecord, run: Run) -> list[Recorded]:
    """A run has succeeded: whatever failed before it is over; what is to be told of that."""
    found = hub.facts.get(FACT)
    if found is None:
        return []
    HubStore(services.tables).remember(hub.name, {FACT: None})
    if found["cancelled"]:
        return []
    message = f"Hub {hub.name} works again: its {run.kind} succeeded."
    return [record(services, hub.name, EventKind.RECOVERED, message, run=run.id, since=found["first"])]


def _keep(services: Services, hub: HubRecord, state: Failing) -> None:
    fact = {
        "kind": state.kind.value,
        "count": state.count,
        "first": state.first.isoformat(),
        "last": state.last.isoformat(),
        "cancelled": state.cancelled,
    }
    hub.facts[FACT] = fact
    HubStore(services.tables).remember(hub.name, {FACT: fact})


def recorded(services: Services, run: Run, fault: Fault) -> Recorded:
    message = f"Hub {run.hub}: {run.kind} failed. {fault.message} {fault.advice}"
    return record(services, run.hub, EventKind.FAILED, message, run=run.id, code=fault.code)
