"""A run's end and what follows from it: what is learnt, who is told, when the hub is looked at next, who has it then."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from shared.hubs.store import HubRecord, HubStore, Phase
from shared.notifications.events import Kind as EventKind
from shared.notifications.notify import Recorded, record, try_now
from shared.power import failures
from shared.power.due_queue import look_soon
from shared.runs import transitions
from shared.runs.model import Fault, Kind, Run, Status
from shared.runs.store import RunStore
from shared.schedules.overrides import override_for_start
from shared.schedules.record import PowerState, Record
from shared.services import Services

_POWER = (Kind.START, Kind.STOP)


def end(services: Services, run_id: str, attempt: int, now: datetime) -> Run:
    """Ends a run whose steps have come to rest, and gives its hub back.

    What follows comes first: who sees the run's end finds it done. A crash before the end is written repeats it, an event twice
    at most; the sweep mends one after. A receiver that is slow to be told is waited for when all is done.

    attempt: the one that has come to its end. The engine may call twice, and the run may have been taken up again in between:
    then it is not ended.
    """
    hubs, runs = HubStore(services.tables), RunStore(services.tables)
    run, told = runs.get(run_id), []
    if run.attempt != attempt:
        return run
    if not run.status.ended:
        if hub := hubs.get(run.hub):
            told = follow_up(services, transitions.finish(run, now), hub, now)
        run = runs.update(run_id, lambda current: transitions.finish(current, now))
    give_back(hubs, run)
    for each in told:
        try_now(services, each)
    return run


def as_seen(run: Run, hub: HubRecord | None) -> Run:
    """The run as people are shown it: one that still has its hub is at work, whatever its record says. Pure.

    Thus who sees a run's end sees the hub as it left it, and can ask for the next run. hub: the run's, read after the run.
    """
    if run.status.ended and hub and hub.open_run == run.id:
        return replace(run, status=Status.RUNNING, ended=None, fault=None)
    return run


def give_back(hubs: HubStore, run: Run) -> None:
    """Ends the lease of a run that has ended; the hub of a complete teardown is forgotten."""
    if run.kind is Kind.TEARDOWN and run.status is Status.SUCCEEDED:
        hubs.forget(run.hub, run.id)
    else:
        hubs.release(run.hub, run.id, phase_after(run))


def phase_after(run: Run) -> Phase:
    """A hub's phase when a run has ended: only making and removing it change whether it is ready."""
    if run.kind in (Kind.CREATE, Kind.TEARDOWN):
        return "ready" if run.status is Status.SUCCEEDED else "failed"
    return "ready"


def follow_up(services: Services, run: Run, hub: HubRecord, now: datetime) -> list[Recorded]:
    """What follows from the end of `run`, which is as it will be written; answers what is to be told."""
    power, told = HubStore(services.tables), list[Recorded]()
    if run.status is Status.SUCCEEDED:
        if run.kind in (Kind.CREATE, Kind.START, Kind.STOP):
            power.update_power(run.hub, lambda record: learnt(record, run, hub, now))
        told += failures.worked(services, hub, run)
        told += _succeeded(services, run, hub)
    elif run.status is Status.FAILED:
        told += _failed(services, run, hub, now)
    elif run.cancel_requested_by and run.kind in _POWER:
        failures.cancelled(services, hub, run, now)
    look_soon(services.tables, run.hub, now)
    return told


def _failed(services: Services, run: Run, hub: HubRecord, now: datetime) -> list[Recorded]:
    fault = run.fault or Fault("Unexplained", "It left no explanation.", "Look at the run's steps, and retry it.")
    if run.kind in _POWER:
        return failures.failed(services, hub, run, fault, now)
    return [failures.recorded(services, run, fault)]


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
    record = _started(record, run) if run.kind is Kind.START else record
    return replace(record, starts=(*record.starts, took)) if run.kind is Kind.START and took else record


def _started(record: Record, run: Run) -> Record:
    """A stop by hand without an end holds until the hub is started, be it by a schedule that it has been given since.

    It is written as ended then: it must not come back when that schedule is removed, or cannot be read.
    """
    stop = record.override
    if stop is None or stop.state is not PowerState.OFF or stop.until or stop.since >= run.requested:
        return record
    return replace(record, override=replace(stop, until=run.requested))


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


def _succeeded(services: Services, run: Run, hub: HubRecord) -> list[Recorded]:
    facts: dict[str, Any] = {"run": run.id, "by": run.requested_by}
    match run.kind:
        case Kind.CREATE:
            kind, message = EventKind.CREATED, f"Hub {run.hub} is made: {hub.status.urls.opened}"
        case Kind.START:
            seconds = round(((run.ended or run.requested) - run.requested).total_seconds())
            message = f"Hub {run.hub} is usable: {hub.status.urls.opened} ({seconds} s after it was asked for)."
            kind, facts["seconds"] = EventKind.STARTED, seconds
        case Kind.STOP:
            kind, message = EventKind.STOPPED, f"Hub {run.hub} is off. {run.reason}"
        case Kind.UPGRADE:
            kind, message = EventKind.UPGRADED, f"Hub {run.hub} is changed as it was asked for, and answers."
            facts["reason"] = run.reason
        case Kind.TEARDOWN:
            kind, message = EventKind.TORN_DOWN, f"Hub {run.hub} is torn down."
        case Kind.ROTATE:
            return []
    return [record(services, run.hub, kind, message, **facts)]
