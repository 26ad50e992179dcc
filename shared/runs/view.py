"""How a run is shown: the fixed form of the API, with percentage and expected end. Pure."""

from datetime import datetime, timedelta
from typing import Any

from shared.clock import wire_time
from shared.runs.model import Run, Status, StepState, StepStatus, error_form
from shared.runs.plan import Step


def shown(run: Run, now: datetime) -> dict[str, Any]:
    view: dict[str, Any] = {
        "id": run.id,
        "hub": run.hub,
        "kind": run.kind.value,
        "status": run.status.value,
        "percent": percent(run, now),
        "steps": [_step(run.step(step.name), step) for step in run.plan],
        "error": error_form(run.fault) if run.fault else None,
        "requestedBy": run.requested_by,
        "reason": run.reason,
        "requested": wire_time(run.requested),
        "started": wire_time(run.started),
        "ended": wire_time(run.ended),
        "expectedEnd": wire_time(expected_end(run, now)),
        "attempt": run.attempt,
        "warnings": list(run.warnings),
    }
    if run.receipt is not None:
        view["receipt"] = run.receipt
    if run.cancel_requested_by and not run.status.ended:
        view["cancelRequestedBy"] = run.cancel_requested_by
    return view


def _step(state: StepState, step: Step) -> dict[str, Any]:
    return {
        "name": step.name,
        "title": step.title,
        "status": state.status.value,
        "started": wire_time(state.started),
        "ended": wire_time(state.ended),
        "message": state.message,
    }


def _left(state: StepState, step: Step, now: datetime) -> float:
    """Seconds of the step still to come, by its usual length; one that takes longer stays at a twentieth of it."""
    if state.status is StepStatus.SUCCEEDED:
        return 0.0
    spent = (now - state.started).total_seconds() if state.started else 0.0
    return max(step.seconds - spent, step.seconds / 20)


def _longest_left(run: Run, now: datetime) -> float:
    ends: dict[str, float] = {}
    for step in run.plan:
        ends[step.name] = _left(run.step(step.name), step, now) + max((ends[name] for name in step.after), default=0.0)
    return max(ends.values(), default=0.0)


def percent(run: Run, now: datetime) -> int:
    """The done part of the longest chain of steps, by usual lengths: 100 only when the run has succeeded."""
    if run.status is Status.SUCCEEDED:
        return 100
    whole = sum(step.seconds for step in run.plan)
    left = sum(_left(run.step(step.name), step, run.ended or now) for step in run.plan)
    return min(99, max(0, round(100 * (whole - left) / whole))) if whole else 0


def expected_end(run: Run, now: datetime) -> datetime | None:
    return None if run.status.ended else now + timedelta(seconds=_longest_left(run, now))
