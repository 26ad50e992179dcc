"""A run's end: its package does what follows from it, the hub is given back, and people are told."""

from dataclasses import replace
from datetime import datetime

from shared.hubs.store import HubRecord, HubStore, Phase
from shared.notifications.notify import try_now
from shared.problem import Problem
from shared.runs import transitions
from shared.runs.model import Run, Status
from shared.runs.store import RunStore
from shared.runs.workflows import workflow
from shared.services import Services


def end(services: Services, run_id: str, attempt: int, now: datetime) -> Run:
    """Ends a run whose steps have come to rest, and gives its hub back.

    The follow-up comes first: who sees the end finds it done. A crash before the end is written repeats it, an event twice
    at most; the reconciliation repairs one after. A receiver that is slow to be told is waited for when all is done.

    attempt: the one that has come to its end. The engine may call twice, and the run may have been taken up again in between:
    then it is not ended.
    """
    hubs, runs = HubStore(services.tables), RunStore(services.tables)
    run, told = runs.get(run_id), []
    if run.attempt != attempt:
        return run
    if not run.status.ended:
        if hub := hubs.get(run.hub):
            told = workflow(run.kind).follow_up()(services, transitions.finish(run, now), hub, now)
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
    if workflow(run.kind).forgets_hub and run.status is Status.SUCCEEDED:
        hubs.forget(run.hub, run.id)
    else:
        hubs.release(run.hub, run.id, phase_after(run))


def phase_after(run: Run) -> Phase:
    """A hub's phase when a run has ended: only making and removing it change whether it is ready."""
    if workflow(run.kind).hub_at_work and run.status is not Status.SUCCEEDED:
        return "failed"
    return "ready"


_UNEXPLAINED = Problem(
    "Unexplained", "The run failed without an explanation.", "Look at the run's steps, and retry it."
)


def fault_of(run: Run) -> Problem:
    """The reason of a run's failure."""
    return run.fault or _UNEXPLAINED
