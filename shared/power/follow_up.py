"""The follow-up of a start, a stop or a rotation: the usual time learnt, the people told, the hub's next look."""

from dataclasses import replace
from datetime import datetime, timedelta

from shared.hubs.store import HubRecord, HubStore
from shared.notifications.events import Kind as EventKind
from shared.notifications.notify import PendingEvent, record
from shared.power import failures
from shared.power.due_queue import look_soon
from shared.runs.ending import fault_of
from shared.runs.model import Kind, Run, Status
from shared.schedules.record import PowerState, Record
from shared.services import Services


def after_switch(services: Services, run: Run, hub: HubRecord, now: datetime) -> list[PendingEvent]:
    """After a start or a stop. `run` is as it will be written."""
    told: list[PendingEvent] = []
    if run.status is Status.SUCCEEDED:
        HubStore(services.tables).update_power(run.hub, lambda power: learnt(power, run, now))
        told = [*failures.worked(services, hub, run), _switched(services, run, hub)]
    elif run.status is Status.FAILED:
        told = failures.failed(services, hub, run, fault_of(run), now)
    elif run.cancel_requested_by:
        failures.cancelled(services, hub, run, now)
    look_soon(services.tables, run.hub, now)
    return told


def after_rotation(services: Services, run: Run, hub: HubRecord, now: datetime) -> list[PendingEvent]:
    """A rotation that succeeds is no news."""
    told: list[PendingEvent] = []
    if run.status is Status.SUCCEEDED:
        told = failures.worked(services, hub, run)
    elif run.status is Status.FAILED:
        told = [failures.recorded(services, run, fault_of(run))]
    look_soon(services.tables, run.hub, now)
    return told


def _switched(services: Services, run: Run, hub: HubRecord) -> PendingEvent:
    if run.kind is Kind.STOP:
        message = f"Hub {run.hub} is off. {run.reason}"
        return record(services, run.hub, EventKind.STOPPED, message, run=run.id, by=run.requested_by)
    seconds = round(((run.ended or run.requested) - run.requested).total_seconds())
    message = f"Hub {run.hub} is usable: {hub.status.urls.opened} ({seconds} s after it was asked for)."
    return record(services, run.hub, EventKind.STARTED, message, run=run.id, by=run.requested_by, seconds=seconds)


def learnt(power: Record, run: Run, now: datetime) -> Record:
    """The power record after a start or a stop that succeeded. Pure."""
    if run.kind is Kind.STOP:
        ended = run.step("power-off").ended or now
        return replace(power, last_stop_ended=ended, postponed_until=None, postponed_at=None)
    took = start_seconds(run)
    power = _started(power, run)
    return replace(power, starts=(*power.starts, took)) if took else power


def _started(power: Record, run: Run) -> Record:
    """A stop by hand without an end holds until the hub is started, be it by a schedule that it has been given since.

    It is written as ended then: it must not come back when that schedule is removed, or cannot be read.
    """
    stop = power.override
    if stop is None or stop.state is not PowerState.OFF or stop.until or stop.since >= run.requested:
        return power
    return replace(power, override=replace(stop, until=run.requested))


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
