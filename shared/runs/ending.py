"""What follows from a run's end, beside its status: what is learnt, who is told, when the hub is looked at next."""

from dataclasses import replace
from datetime import datetime, timedelta

from shared.hubs import access
from shared.hubs.store import HubRecord, HubStore
from shared.notifications.events import Kind as EventKind
from shared.notifications.notify import notify
from shared.runs import failures
from shared.runs.agenda import look_soon
from shared.runs.model import Fault, Kind, Run, Status
from shared.schedules.overrides import override_for_start
from shared.schedules.record import Record
from shared.services import Services

_POWER = (Kind.START, Kind.STOP)


def give_back(hubs: HubStore, run: Run) -> None:
    """Ends the lease of a run that has ended; the hub of a complete teardown is forgotten."""
    if run.kind is Kind.TEARDOWN and run.status is Status.SUCCEEDED:
        hubs.forget(run.hub, run.id)
    else:
        hubs.release(run.hub, run.id, status_after(run))


def status_after(run: Run) -> str:
    """A hub's status when a run has ended: only making and removing it change whether it is ready."""
    if run.kind in (Kind.CREATE, Kind.TEARDOWN):
        return "ready" if run.status is Status.SUCCEEDED else "failed"
    return "ready"


def follow_up(services: Services, run: Run, hub: HubRecord, now: datetime) -> None:
    """Called once for a run that has ended, before its hub is given back. Doing it twice repeats an event at most."""
    power = HubStore(services.tables)
    if run.status is Status.SUCCEEDED:
        if run.kind in (Kind.CREATE, Kind.START, Kind.STOP):
            power.update_power(run.hub, lambda record: learnt(record, run, hub, now))
        failures.worked(services, hub, run)
        _succeeded(services, run, hub)
    elif run.status is Status.FAILED:
        _failed(services, run, hub, now)
    elif run.cancel_requested_by and run.kind in _POWER:
        failures.cancelled(services, hub, run, now)
    look_soon(services.tables, run.hub, now)


def _failed(services: Services, run: Run, hub: HubRecord, now: datetime) -> None:
    fault = run.fault or Fault("Unexplained", "It left no explanation.", "Look at the run's steps, and retry it.")
    if run.kind in _POWER:
        failures.failed(services, hub, run, fault, now)
    else:
        failures.tell(services, run, fault)


def learnt(record: Record, run: Run, hub: HubRecord, now: datetime) -> Record:
    """What the hub's power record gains from a run that succeeded. Pure."""
    if run.kind is Kind.STOP:
        ended = run.step("power-off").ended or now
        return replace(record, last_stop_ended=ended, postponed_until=None, postponed_at=None)
    if run.kind is Kind.CREATE and hub.spec.schedule and record.override is None:
        # Made outside its hours, a hub would be stopped before anybody has seen it.
        made = override_for_start(hub.spec.schedule, now, None, None, run.requested_by, "the hub has just been made")
        return replace(record, override=made)
    took = start_seconds(run)
    return replace(record, starts=(*record.starts, took)) if run.kind is Kind.START and took else record


def start_seconds(run: Run) -> float | None:
    """From the beginning of the cluster's start until the hub answered; None when it was on already.

    Nothing is learnt from a run that was taken up again: it may have lain for hours in between.
    """
    began, ended = run.step("power-on").started, run.step("usable").ended
    if began is None or ended is None or run.attempt > 1:
        return None
    seconds = (ended - began).total_seconds()
    return seconds if seconds > _ALREADY_ON else None


_ALREADY_ON = timedelta(seconds=20).total_seconds()
"""A start that took less found the cluster on: nothing is learnt from it."""


def _succeeded(services: Services, run: Run, hub: HubRecord) -> None:
    match run.kind:
        case Kind.CREATE:
            message = f"Hub {run.hub} is made: {access.opened(hub.facts)}"
            notify(services, run.hub, EventKind.CREATED, message, run=run.id, by=run.requested_by)
        case Kind.START:
            seconds = round(((run.ended or run.requested) - run.requested).total_seconds())
            message = f"Hub {run.hub} is usable: {access.opened(hub.facts)} ({seconds} s after it was asked for)."
            notify(services, run.hub, EventKind.STARTED, message, run=run.id, seconds=seconds, by=run.requested_by)
        case Kind.STOP:
            notify(
                services,
                run.hub,
                EventKind.STOPPED,
                f"Hub {run.hub} is off. {run.reason}",
                run=run.id,
                by=run.requested_by,
            )
        case Kind.UPGRADE:
            message = f"Hub {run.hub} is changed as it was asked for, and answers."
            notify(services, run.hub, EventKind.UPGRADED, message, run=run.id, by=run.requested_by, reason=run.reason)
        case Kind.TEARDOWN:
            notify(
                services, run.hub, EventKind.TORN_DOWN, f"Hub {run.hub} is torn down.", run=run.id, by=run.requested_by
            )
        case Kind.ROTATE:
            pass
