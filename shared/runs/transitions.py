"""The changes of a run's status: the only place that makes them."""

from dataclasses import replace
from datetime import datetime

from shared.errors import RefusedError
from shared.problem import Problem
from shared.runs import recovery
from shared.runs.model import Run, Status, StepState, StepStatus


class NotAllowedError(RefusedError):
    """The operation does not fit the run's status."""

    def __init__(self, run: Run, operation: str, advice: str) -> None:
        message = f"Run {run.id} is {run.status.value}; it cannot be {operation}."
        super().__init__(Problem("RunStatus", message, advice))


_ENDED_ADVICE = "See the run's steps and error, then ask for another run."


def begin(run: Run, now: datetime) -> Run:
    """The run's orchestration has started. Beginning again after a restart changes nothing."""
    if run.status.ended:
        raise NotAllowedError(run, "begun", _ENDED_ADVICE)
    return replace(run, status=Status.RUNNING, started=run.started or now)


def finish(run: Run, now: datetime) -> Run:
    """The run's end follows from its steps: any failed step fails it, any cancelled one cancels it."""
    if run.status.ended:
        return run
    failing = next((step for step in run.steps if step.status is StepStatus.FAILED), None)
    if failing:
        return replace(run, status=Status.FAILED, ended=now, fault=failing.fault)
    if any(step.status is not StepStatus.SUCCEEDED for step in run.steps):
        called_off = next(
            (step.fault for step in run.steps if step.status is StepStatus.CANCELLED and step.fault), None
        )
        return replace(run, status=Status.CANCELLED, ended=now, fault=called_off or _cancelled(run))
    return replace(run, status=Status.SUCCEEDED, ended=now)


def _cancelled(run: Run) -> Problem:
    by = run.cancel_requested_by or "nobody"
    return Problem("Cancelled", f"Cancelled by {by} before it was complete.", recovery.cancelled(run))


def replaced(run: Run, now: datetime, by: str) -> Run:
    """A run that still waits for its turn makes way for an opposite one."""
    if run.status is not Status.QUEUED:
        raise NotAllowedError(run, "replaced", _ENDED_ADVICE)
    fault = Problem("Replaced", f"{by} asked for the opposite before this run started.", "Nothing to do.")
    return replace(run, status=Status.CANCELLED, ended=now, fault=fault)


def retry(run: Run) -> Run:
    """A failed or cancelled run is taken up again: what succeeded stays done, the rest starts afresh."""
    if run.status not in (Status.FAILED, Status.CANCELLED):
        advice = (
            "The run has succeeded: nothing is left to do."
            if run.status.ended
            else "Wait until the run has ended, or cancel it first."
        )
        raise NotAllowedError(run, "retried", advice)
    steps = tuple(step if step.status is StepStatus.SUCCEEDED else StepState(step.name) for step in run.steps)
    return replace(
        run,
        status=Status.QUEUED,
        ended=None,
        fault=None,
        cancel_requested_by=None,
        attempt=run.attempt + 1,
        steps=steps,
    )


def restart(run: Run) -> Run:
    """The engine has lost the orchestration: another one takes over where the steps' records stand."""
    if run.status.ended:
        raise NotAllowedError(run, "restarted", _ENDED_ADVICE)
    return replace(run, attempt=run.attempt + 1)


def cancel(run: Run, by: str) -> Run:
    """Asks the run to stop at the next step boundary. Asking twice is once."""
    if run.status.ended:
        raise NotAllowedError(run, "cancelled", _ENDED_ADVICE)
    return replace(run, cancel_requested_by=run.cancel_requested_by or by)
