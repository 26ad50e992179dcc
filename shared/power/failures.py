"""Starts or stops of a hub that fail in a row: told once, the time of the first one kept until the hub works again."""

from datetime import datetime

from shared.hubs.status.parts import Failures, PowerFailure
from shared.hubs.store import HubRecord, HubStore
from shared.notifications.events import Kind as EventKind
from shared.notifications.notify import PendingEvent, record, try_now
from shared.problem import Problem
from shared.runs.model import Kind, Run
from shared.services import Services


def failing(hub: HubRecord, kind: Kind) -> PowerFailure | None:
    """Runs of that kind only; the other kind's results say nothing about it."""
    found = hub.status.failures.power
    return found if found and found.kind == kind.value else None


def tried(services: Services, hub: HubRecord, run: Run, fault: Problem, now: datetime) -> None:
    """A try within the run has failed, and there will be others. The first in a row is told."""
    if failing(hub, run.kind) is None:
        _keep(services, hub, PowerFailure(run.kind.value, 0, now, now))
        try_now(services, recorded(services, run, fault))


def failed(services: Services, hub: HubRecord, run: Run, fault: Problem, now: datetime) -> list[PendingEvent]:
    """The whole run has failed; what is to be told of it."""
    before, told = failing(hub, run.kind), []
    if before is None or before.cancelled:
        told.append(recorded(services, run, fault))
        before = PowerFailure(run.kind.value, 0, now, now)
    _keep(services, hub, PowerFailure(run.kind.value, before.count + 1, before.first, now))
    return told


def cancelled(services: Services, hub: HubRecord, run: Run, now: datetime) -> None:
    """By somebody. What the schedule wants is tried again, not at once."""
    _keep(services, hub, PowerFailure(run.kind.value, 1, now, now, cancelled=True))


def worked(services: Services, hub: HubRecord, run: Run) -> list[PendingEvent]:
    """A run has succeeded: whatever failed before it is over; what is to be told of that."""
    found = hub.status.failures.power
    if found is None:
        return []
    _keep(services, hub, None)
    if found.cancelled:
        return []
    message = f"Hub {hub.name} works again: its {run.kind} succeeded."
    return [record(services, hub.name, EventKind.RECOVERED, message, run=run.id, since=found.first.isoformat())]


def _keep(services: Services, hub: HubRecord, failure: PowerFailure | None) -> None:
    HubStore(services.tables).record(hub.name, Failures(failure))


def recorded(services: Services, run: Run, fault: Problem) -> PendingEvent:
    message = f"Hub {run.hub}: {run.kind} failed. {fault.message} {fault.advice}"
    return record(services, run.hub, EventKind.FAILED, message, run=run.id, code=fault.code)
