"""How a run is asked for, retried and cancelled, whether by HTTP, in a chat, or by a timer.

A run is written first, then the hub is leased to it, then the engine is told. The reconciliation repairs a crash in between
(shared.runs.reconcile): a run without a hub is dropped, a run that the engine does not know is started.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from types import EllipsisType
from typing import Any

from shared.errors import ConflictError, MissingError, RefusedError
from shared.hubs.store import HubRecord, HubStore, known
from shared.problem import Problem
from shared.runs import recovery, transitions
from shared.runs.engine import Engine
from shared.runs.model import Kind, Options, Run, StepState
from shared.runs.plan import Plan
from shared.runs.store import RunStore, new_id
from shared.runs.workflows import workflow
from shared.services import Services


class BusyError(RefusedError):
    """The hub is leased to another run, or is not in a state for this."""

    def __init__(self, code: str, message: str, advice: str) -> None:
        super().__init__(Problem(code, message, advice))


@dataclass(frozen=True)
class Commands:
    """services: the adapters. engine: the workflow engine. by: who asks, for the records."""

    services: Services
    engine: Engine
    by: str

    @property
    def hubs(self) -> HubStore:
        return HubStore(self.services.tables)

    @property
    def runs(self) -> RunStore:
        return RunStore(self.services.tables)

    def begin(
        self,
        name: str,
        kind: Kind,
        reason: str,
        options: Options | None = None,
        *,
        after: str | EllipsisType | None = ...,
    ) -> Run:
        """A run of a kind on a hub that nothing else is being done to, nor has been since the run `after`. Raises BusyError."""
        hub = known(self.hubs.get(name), name)
        if hub.open_run:
            raise busy(hub)
        if after not in (..., hub.last_run):
            raise _changed(name)
        run = self.new(hub.name, kind, reason, workflow(kind).plan_for(hub), options=options or Options())
        return self.start(hub, run)

    def start(self, hub: HubRecord, run: Run) -> Run:
        """Leases the hub to a new run, and starts that. Raises BusyError when the hub has changed since it was read."""
        self.runs.insert(run)
        try:
            self.hubs.lease(hub, run.id, workflow(run.kind).hub_at_work or hub.phase)
        except ConflictError:
            self.runs.delete(run.id)
            raise _changed(hub.name) from None
        self.engine.start(run)
        return run

    def queue(self, hub: HubRecord, kind: Kind, reason: str, options: Options | None = None) -> Run:
        """A run that begins when the present one ends; one of the same kind that waits already is that run."""
        if hub.waiting_run:
            waiting = self.runs.get(hub.waiting_run)
            if waiting.kind is kind and not waiting.cancel_requested_by:
                return waiting
            self.runs.update(waiting.id, lambda run: transitions.replaced(run, self.services.clock.now(), self.by))
        run = self.new(hub.name, kind, reason, workflow(kind).plan_for(hub), options=options or Options())
        current = self.runs.get(str(hub.open_run))
        turn = f"Waiting until run {current.id} ({current.kind}) has ended."
        run = replace(run, steps=(replace(run.steps[0], message=turn), *run.steps[1:]))
        self.runs.insert(run)
        try:
            self.hubs.wait(hub, run.id)
        except ConflictError:
            self.runs.delete(run.id)
            raise _changed(hub.name) from None
        return run

    def retry(self, run_id: str) -> Run:
        """Takes up a failed or cancelled run where it stopped. Raises NotAllowedError, BusyError."""
        run = self.runs.get(run_id)
        transitions.retry(run)
        hub = known(self.hubs.get(run.hub), run.hub)
        if hub.open_run:
            raise busy(hub)
        if hub.last_run != run.id:
            raise BusyError(
                "NotTheLastRun",
                f"Run {run.id} is not the last one of hub {run.hub}; the hub has changed since.",
                f"Retry {hub.last_run}, or ask for a new run.",
            )
        try:
            self.hubs.lease(hub, run.id, workflow(run.kind).hub_at_work or hub.phase)
        except ConflictError:
            raise _changed(hub.name) from None
        taken_up = self.runs.update(run_id, transitions.retry)
        self.engine.start(taken_up)
        return taken_up

    def latest(self, hub: HubRecord) -> Run | None:
        """The run that is at work on the hub, or was the last one; None when it is forgotten."""
        try:
            return self.runs.get(str(hub.open_run or hub.last_run))
        except MissingError:
            return None

    def not_ready(self, hub: HubRecord) -> BusyError:
        """The refusal of a request to a hub whose create or teardown has not succeeded."""
        run = self.latest(hub)
        if run is None:
            shown = f"GET /api/hubs/{hub.name} shows how far it is."
            return BusyError("HubNotReady", f"Hub {hub.name} is {hub.phase}.", shown)
        message = f"Hub {hub.name} is {hub.phase}: its {run.kind} run {run.id} is {run.status}."
        return BusyError("HubNotReady", message, recovery.incomplete(run))

    def cancel(self, run_id: str) -> Run:
        """Raises NotAllowedError when the run has ended."""
        return self.runs.update(run_id, lambda run: transitions.cancel(run, self.by))

    def new(self, hub: str, kind: Kind, reason: str, plan: Plan, **rest: Any) -> Run:
        """A run that nobody has written yet."""
        now: datetime = self.services.clock.now()
        steps = tuple(StepState(step.name) for step in plan)
        return Run(new_id(hub, now), hub, kind, now, self.by, reason, plan=plan, steps=steps, **rest)


def _changed(name: str) -> BusyError:
    return BusyError(
        "HubChanged",
        f"Hub {name} was changed by somebody else just now.",
        f"Look at GET /api/hubs/{name} and ask again.",
    )


def busy(hub: HubRecord) -> BusyError:
    if not hub.open_run:
        return _changed(hub.name)
    return BusyError(
        "RunOpen",
        f"Run {hub.open_run} is at work on hub {hub.name}.",
        f"Wait until GET /api/runs/{hub.open_run} has ended, or POST /api/runs/{hub.open_run}/cancel and then ask again.",
    )
