"""A run: something that is being done to a hub, step by step, and what became of it.

Plain values. A run is stored by shared.runs.store, moved on by shared.runs.activities and shown in the fixed form of the API.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from shared.problem import Problem
from shared.runs.plan import Plan, Step


class Kind(StrEnum):
    CREATE = "create"
    UPGRADE = "upgrade"
    TEARDOWN = "teardown"
    START = "start"
    STOP = "stop"
    ROTATE = "rotate"


class Status(StrEnum):
    """The status of a run. queued: accepted, no step has begun."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self in (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED)


class StepStatus(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self in (StepStatus.SUCCEEDED, StepStatus.FAILED, StepStatus.CANCELLED)


def error_form(fault: Problem) -> dict[str, str]:
    """The reason of a run's or step's failure, in its row and as `error` in the API: about no field, and never a warning."""
    return {"code": fault.code, "message": fault.message, "advice": fault.advice}


@dataclass(frozen=True)
class StepState:
    """How far one step is. Times are UTC; the step leaves the checkpoint for its next call (no secrets: it is stored)."""

    name: str
    status: StepStatus = StepStatus.WAITING
    started: datetime | None = None
    ended: datetime | None = None
    message: str = ""
    fault: Problem | None = None
    checkpoint: dict[str, Any] = field(default_factory=dict)
    first_error: datetime | None = None
    """When the outside system began to fail for a while; None as long as it does not."""
    tries: int = 0
    """Temporary failures in a row."""
    bad_ends: int = 0
    """Operations that Azure had accepted and that then failed, over the whole step."""

    def begun(self, now: datetime) -> "StepState":
        return self if self.started else replace(self, status=StepStatus.RUNNING, started=now)


@dataclass(frozen=True)
class Outcome:
    """The result of one call of a step.

    done; waiting: call again after so many seconds with this checkpoint; failed: until somebody changes something;
    cancelled: what the run is for is not wanted any more.
    """

    state: Literal["done", "waiting", "failed", "cancelled"]
    message: str = ""
    after: float = 0.0
    checkpoint: dict[str, Any] = field(default_factory=dict)
    fault: Problem | None = None
    failing: bool = False
    """Waiting because an outside system fails for a while."""
    bad_end: bool = False
    """Waiting to begin an operation again that failed after Azure had accepted it."""


def done(message: str) -> Outcome:
    return Outcome("done", message)


def waiting(after: float, message: str, **checkpoint: Any) -> Outcome:
    return Outcome("waiting", message, after=after, checkpoint=checkpoint)


def failed(code: str, message: str, advice: str) -> Outcome:
    return Outcome("failed", message, fault=Problem(code, message, advice))


def called_off(code: str, message: str, advice: str) -> Outcome:
    return Outcome("cancelled", message, fault=Problem(code, message, advice))


@dataclass(frozen=True)
class Options:
    """The options of a request beside the kind of run."""

    keep_homes: bool = False
    """A teardown keeps copies of the user volumes."""
    force: bool = False
    """A stop waits for nobody."""
    delay: float = 0.0
    """Seconds after the request when a run begins that was asked for together with many others."""


@dataclass(frozen=True)
class Run:
    """One run. `attempt` counts the orchestrations that have worked on it: the first, one more per retry or restart."""

    id: str
    hub: str
    kind: Kind
    requested: datetime
    requested_by: str
    reason: str
    status: Status = Status.QUEUED
    started: datetime | None = None
    ended: datetime | None = None
    options: Options = field(default_factory=Options)
    attempt: int = 1
    cancel_requested_by: str | None = None
    fault: Problem | None = None
    receipt: dict[str, Any] | None = None
    warnings: tuple[str, ...] = ()
    wanted: dict[str, Any] | None = None
    """An upgrade's wanted specification, in the form of the API, without its schedule."""
    plan: Plan = ()
    """The steps that the hub needs, as the plan was when the run was asked for."""
    steps: tuple[StepState, ...] = ()
    """How far each step of the plan is."""
    etag: str = ""

    @property
    def instance(self) -> str:
        """The workflow engine's id of the orchestration that works on the run now."""
        return f"{self.id}.{self.attempt}"

    def step(self, name: str) -> StepState:
        return next((step for step in self.steps if step.name == name), StepState(name))

    def planned(self, name: str) -> Step:
        """Raises KeyError for a step that the run has not."""
        found = next((step for step in self.plan if step.name == name), None)
        if found is None:
            raise KeyError(name)
        return found
