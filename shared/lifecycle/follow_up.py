"""The follow-up of a create, an upgrade or a teardown: the people told, and the hub's next look."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from shared.hubs.spec.model import Hub
from shared.hubs.store import HubRecord, HubStore
from shared.notifications.events import Kind as EventKind
from shared.notifications.notify import PendingEvent, record
from shared.power import failures
from shared.power.due_queue import look_soon
from shared.runs.ending import fault_of
from shared.runs.model import Run, Status
from shared.schedules.overrides import override_for_start
from shared.schedules.record import Record
from shared.services import Services


def after_create(services: Services, run: Run, hub: HubRecord, now: datetime) -> list[PendingEvent]:
    """`run` is as it will be written."""
    if run.status is Status.SUCCEEDED:
        HubStore(services.tables).update_power(run.hub, lambda power: first_hours(power, hub.spec, run, now))
    return _told(services, run, hub, now, EventKind.CREATED, f"Hub {run.hub} is created: {hub.status.urls.opened}")


def after_upgrade(services: Services, run: Run, hub: HubRecord, now: datetime) -> list[PendingEvent]:
    message = f"Hub {run.hub} is changed as requested, and answers."
    return _told(services, run, hub, now, EventKind.UPGRADED, message, reason=run.reason)


def after_teardown(services: Services, run: Run, hub: HubRecord, now: datetime) -> list[PendingEvent]:
    return _told(services, run, hub, now, EventKind.TORN_DOWN, f"Hub {run.hub} is torn down.")


def _told(
    services: Services, run: Run, hub: HubRecord, now: datetime, kind: EventKind, message: str, **data: Any
) -> list[PendingEvent]:
    told: list[PendingEvent] = []
    if run.status is Status.SUCCEEDED:
        event = record(services, run.hub, kind, message, run=run.id, by=run.requested_by, **data)
        told = [*failures.worked(services, hub, run), event]
    elif run.status is Status.FAILED:
        told = [failures.recorded(services, run, fault_of(run))]
    look_soon(services.tables, run.hub, now)
    return told


def first_hours(power: Record, spec: Hub, run: Run, now: datetime) -> Record:
    """Keeps a hub that is created outside its hours on for a while, so that people can see it. Pure."""
    if spec.schedule is None or power.override is not None:
        return power
    made = override_for_start(spec.schedule, now, None, None, run.requested_by, "the hub has just been created")
    return replace(power, override=made)
