"""What people can ask of a hub that leads to a run, whether they ask by HTTP or in a chat.

A run is written first, then the hub is leased to it, then the engine is told. A crash in between is mended by the sweep
(shared.runs.sweep): a run without a hub is dropped, a run that the engine does not know is started.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from types import EllipsisType
from typing import Any

from shared.errors import ConflictError, NotFoundError
from shared.hubs.model import Hub
from shared.hubs.store import HubRecord, HubStore, known
from shared.runs import recovery, transitions
from shared.runs.engine import Engine
from shared.runs.model import Kind, Run, StepState
from shared.runs.plans import PLANS
from shared.runs.store import RunStore, new_id
from shared.services import Services


class BusyError(Exception):
    """The hub is leased to another run, or is not in a state for this. `advice` says what to do."""

    def __init__(self, code: str, message: str, advice: str) -> None:
        self.code = code
        self.advice = advice
        super().__init__(message)


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

    def create(self, spec: Hub, warnings: list[str], reason: str) -> Run:
        """A new hub's first run. The same specification again is the same run; another one raises BusyError."""
        if existing := self.hubs.get(spec.name):
            return self._same(existing, spec)
        run = self._new(spec.name, Kind.CREATE, reason, warnings=tuple(warnings))
        self.runs.insert(run)
        try:
            self.hubs.insert(spec, run.requested, run.id)
        except ConflictError:
            self.runs.delete(run.id)
            return self._same(known(self.hubs.get(spec.name), spec.name), spec)
        self.engine.start(run)
        return run

    def _same(self, existing: HubRecord, spec: Hub) -> Run:
        if existing.spec != spec:
            raise BusyError(
                "HubExists",
                f"A hub named {spec.name} exists with another specification.",
                f"GET /api/hubs/{spec.name} shows it, and PATCH changes it. Choose another name for another hub.",
            )
        if existing.status == "deleting" or not existing.last_run:
            raise _busy(existing)
        first = next((run for run in self.runs.of_hub(spec.name, 100) if run.kind is Kind.CREATE), None)
        return first or self.runs.get(existing.last_run)

    def teardown(self, name: str, options: dict[str, Any], reason: str) -> Run:
        """Asking again while it runs is the same run."""
        hub = known(self.hubs.get(name), name)
        if hub.open_run:
            current = self.runs.get(hub.open_run)
            if current.kind is Kind.TEARDOWN and current.options == options:
                return current
            raise _busy(hub)
        run = self._new(name, Kind.TEARDOWN, reason, options=options)
        self._lease(hub, run, "deleting")
        self.engine.start(run)
        return run

    def upgrade(self, name: str, wanted: Hub, warnings: list[str], reason: str) -> Run:
        """Makes the hub what `wanted` says. Asking again for the same while it runs is the same run. Raises BusyError."""
        hub = known(self.hubs.get(name), name)
        document = wanted.model_copy(update={"schedule": None}).wire()
        if hub.open_run:
            current = self.runs.get(hub.open_run)
            if current.kind is Kind.UPGRADE and current.wanted == document:
                return current
            raise _busy(hub)
        run = self._new(name, Kind.UPGRADE, reason, wanted=document, warnings=tuple(warnings))
        self._lease(hub, run, hub.status)
        self.engine.start(run)
        return run

    def begin(
        self, name: str, kind: Kind, reason: str, options: dict[str, Any], *, after: str | EllipsisType | None = ...
    ) -> Run:
        """A run of a kind on a hub that nothing else is being done to, nor has been since the run `after`. Raises BusyError."""
        hub = known(self.hubs.get(name), name)
        if hub.open_run:
            raise _busy(hub)
        if after not in (..., hub.last_run):
            raise _changed(name)
        run = self._new(hub.name, kind, reason, options=options)
        self._lease(hub, run, hub.status)
        self.engine.start(run)
        return run

    def queue(self, hub: HubRecord, kind: Kind, reason: str, options: dict[str, Any]) -> Run:
        """A run that begins when the present one ends; one of the same kind that waits already is that run."""
        if hub.waiting_run:
            waiting = self.runs.get(hub.waiting_run)
            if waiting.kind is kind and not waiting.cancel_requested_by:
                return waiting
            self.runs.update(waiting.id, lambda run: transitions.replaced(run, self.services.clock.now(), self.by))
        run = self._new(hub.name, kind, reason, options=options)
        current = self.runs.get(str(hub.open_run))
        turn = f"Waits until run {current.id} ({current.kind}) has ended."
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
            raise _busy(hub)
        if hub.last_run != run.id:
            raise BusyError(
                "NotTheLastRun",
                f"Run {run.id} is not the last one of hub {run.hub}; the hub has changed since.",
                f"Retry {hub.last_run}, or ask for a new run.",
            )
        try:
            self.hubs.lease(hub, run.id, _STATUS.get(run.kind, hub.status))
        except ConflictError:
            raise _changed(hub.name) from None
        taken_up = self.runs.update(run_id, transitions.retry)
        self.engine.start(taken_up)
        return taken_up

    def not_ready(self, hub: HubRecord) -> BusyError:
        """The refusal of a request to a hub whose create or teardown has not succeeded."""
        try:
            run = self.runs.get(str(hub.open_run or hub.last_run))
        except NotFoundError:
            return BusyError(
                "HubNotReady", f"Hub {hub.name} is {hub.status}.", f"GET /api/hubs/{hub.name} shows how far it is."
            )
        message = f"Hub {hub.name} is {hub.status}: its {run.kind} run {run.id} is {run.status}."
        return BusyError("HubNotReady", message, recovery.incomplete(run))

    def cancel(self, run_id: str) -> Run:
        """Raises NotAllowedError when the run has ended."""
        return self.runs.update(run_id, lambda run: transitions.cancel(run, self.by))

    def _new(self, hub: str, kind: Kind, reason: str, **rest: Any) -> Run:
        now: datetime = self.services.clock.now()
        steps = tuple(StepState(step.name) for step in PLANS[kind])
        return Run(new_id(hub, now), hub, kind, now, self.by, reason, steps=steps, **rest)

    def _lease(self, hub: HubRecord, run: Run, status: str) -> None:
        self.runs.insert(run)
        try:
            self.hubs.lease(hub, run.id, status)
        except ConflictError:
            self.runs.delete(run.id)
            raise _changed(hub.name) from None


_STATUS = {Kind.CREATE: "creating", Kind.TEARDOWN: "deleting"}
"""Of a hub that a run of that kind is at work on; others leave it as it is."""


def _changed(name: str) -> BusyError:
    return BusyError("HubChanged", f"Hub {name} was changed by somebody else just now.", "Look at it and ask again.")


def _busy(hub: HubRecord) -> BusyError:
    if not hub.open_run:
        return _changed(hub.name)
    return BusyError(
        "RunOpen",
        f"Run {hub.open_run} is at work on hub {hub.name}.",
        f"Wait until GET /api/runs/{hub.open_run} has ended, or POST /api/runs/{hub.open_run}/cancel and then ask again.",
    )
