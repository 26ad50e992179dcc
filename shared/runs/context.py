"""The input of a step, and the small decisions that all steps share."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared.azure import arm
from shared.azure.operations import Operation, Progress
from shared.errors import NotFoundError, OutsideError, PermanentError, TemporaryError
from shared.hubs import vault
from shared.hubs.spec.model import Hub
from shared.hubs.status.model import Status
from shared.hubs.status.parts import Part
from shared.hubs.store import HubRecord, HubStore
from shared.runs.model import Outcome, Run, StepState, waiting
from shared.services import Services

if TYPE_CHECKING:
    from shared.azure.keyvault import Secret


@dataclass
class StepContext:
    """One call of one step. `now` is UTC. `hub` is as this call has read it, with what the call has recorded since."""

    services: Services
    hub: HubRecord
    run: Run
    step: StepState
    now: datetime

    @property
    def spec(self) -> Hub:
        return self.hub.spec

    @property
    def subscription(self) -> str:
        return self.services.settings.subscription_id

    @property
    def checkpoint(self) -> dict[str, Any]:
        return self.step.checkpoint

    @property
    def elapsed(self) -> float:
        """Seconds since the step began."""
        return (self.now - self.step.started).total_seconds() if self.step.started else 0.0

    @property
    def status(self) -> Status:
        return self.hub.status

    def record(self, *parts: Part) -> None:
        """Keeps these parts of the hub's status at once, so that a crash after this line loses nothing."""
        HubStore(self.services.tables).record(self.spec.name, *parts)
        self.hub = self.hub.having(*parts)

    def own_secret(self, key: str) -> "Secret | None":
        """One of the hub's secrets that Hubkeeper makes itself."""
        return vault.own(self.services, self.spec.name, key)


class OperationEndedError(Exception):
    """An operation that Azure had accepted came to a bad end; trying again means beginning another one."""

    def __init__(self, error: OutsideError) -> None:
        self.error = error
        super().__init__(str(error))


def poll_delay(elapsed: float, asked: float | None = None) -> float:
    """Seconds until an operation is looked at again.

    A 25th of the time already waited, so that watching adds at most 4 % to an operation however long it is; never less than 2 s or
    more than 30 s (what azure-core waits by default). The pace that an answer of 200 or 202 recommends is an upper bound only:
    AKS recommends 30 s for operations of a few minutes, and its limit on such questions is 200 at once and two a second. A limit
    that is really reached is a 429, and its Retry-After is kept to (backoff).
    """
    pace = min(max(elapsed / 25, 2.0), 30.0)
    return pace if asked is None else min(pace, max(asked, 0.5))


def watch(context: StepContext, progress: Progress, message: str) -> Outcome | None:
    """None when the operation has succeeded; waiting while it runs. Raises OperationEndedError when it failed."""
    if progress.state == "succeeded":
        return None
    if progress.state == "running":
        phase = f" ({progress.phase})" if progress.phase and progress.phase.lower() != "inprogress" else ""
        checkpoint = context.checkpoint | (operation_checkpoint(progress.operation) if progress.operation else {})
        return waiting(poll_delay(context.elapsed, progress.retry_after), message + phase, **checkpoint)
    raise OperationEndedError(
        progress.error
        or PermanentError(arm.SYSTEM, "Canceled", f"{message}: Azure ended the operation as {progress.state}.")
    )


def watching(context: StepContext, message: str) -> Outcome | None:
    """One look at the operation that an earlier call of this step began; None when there is none, or it has succeeded."""
    stored = context.checkpoint.get("operation")
    if stored is None:
        return None
    try:
        progress = context.services.arm.progress(Operation.from_json(stored))
    except NotFoundError:
        # Azure has forgotten the operation: the resource itself tells how it ended, or it is begun again.
        checkpoint = {name: value for name, value in context.checkpoint.items() if name != "operation"}
        return waiting(
            0, f"{message}: Azure no longer knows the operation; checking the resource itself.", **checkpoint
        )
    return watch(context, progress, message)


def stagger(context: StepContext) -> Outcome | None:
    """Waits until it is the turn of a run that was begun together with many others (option `delay`, seconds)."""
    until = context.run.requested + timedelta(seconds=context.run.options.delay)
    left = (until - context.now).total_seconds()
    if left <= 0:
        return None
    return waiting(left, f"Waiting until {until:%H:%M:%S} UTC: many hubs switch now, and AKS limits the rate.")


def operation_checkpoint(operation: Operation) -> dict[str, Any]:
    return {"operation": operation.to_json()}


def begun(operation: Operation, message: str) -> Outcome:
    """An operation was accepted: look at it at once, for short ones have often ended by then."""
    return Outcome("waiting", message, after=0.0, checkpoint=operation_checkpoint(operation))


BACKOFF = (5.0, 5.0, 10.0, 20.0, 40.0, 60.0)
"""Seconds between tries while an outside system fails for a while. Five at first: what a directory takes to replicate."""

TIMEOUT = 20 * 60.0
"""Seconds of temporary failures after which a step gives up: longer than any hiccup, shorter than an unwatched evening."""

DIRECTORY_TIMEOUT = 5 * 60.0
"""The same for a principal that Azure does not know yet: replication took 78 s at most in 20 recordings, one 182 s."""

_DIRECTORY_CODES = frozenset({"PrincipalNotFound", "ServicePrincipalNotFound"})


def give_up(error: TemporaryError, failing_for: float) -> bool:
    limit = DIRECTORY_TIMEOUT if error.code in _DIRECTORY_CODES else TIMEOUT
    return failing_for >= limit


def backoff(error: TemporaryError, tries: int) -> float:
    """Seconds until the next try, after `tries` failures in a row. What the system asks for is kept to.

    A principal that is not known yet is no sign of an error: it is tried steadily, because the cluster waits for it alone.
    """
    if error.retry_after is not None:
        return error.retry_after
    return BACKOFF[0] if error.code in _DIRECTORY_CODES else BACKOFF[min(tries, len(BACKOFF) - 1)]
