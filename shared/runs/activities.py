"""The functions that the workflow engine calls: one step of a run at a time, and a run's beginning and end.

Nothing secret passes through: an activity is given names, fetches credentials itself, and answers with a state. Even the text of
an unexpected exception stays in the log's traceback on this machine and never reaches the engine's history.

The models, pydantic and the tables are imported by the calls that need them: a cold start pays for none of them.
"""

import logging
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, cast

import azure.durable_functions as df

from shared.errors import DomainError, OutsideError, TemporaryError
from shared.problem import Problem
from shared.runs import transitions
from shared.runs.model import Kind, Outcome, Run, StepState, StepStatus
from shared.runs.orders import Answer, Crash, End
from shared.runs.plan import Step
from shared.runs.recovery import overdue, unused
from shared.runs.workflows import Workflow, activity_name, workflow

if TYPE_CHECKING:
    from shared.runs.store import RunStore
    from shared.services import Services

activities = df.Blueprint()

log = logging.getLogger(__name__)


class StepCrashError(Exception):
    """A step ran into something nobody foresaw. Carries the type's name only: the text may hold anything."""


@activities.activity_trigger(input_name="run")
def begin_run(run: str) -> str:
    services = _services()
    now = services.clock.now()
    _store(services).update(
        run, lambda current: transitions.begin(current, now) if not current.status.ended else current
    )
    return run


def add_steps(workflow: Workflow) -> None:
    """One activity a step, so that Azure's own monitoring shows them by name."""
    for name in workflow.names:
        _add_step(workflow.kind, name)


def _add_step(kind: Kind, step: str) -> None:
    def perform(run: str) -> dict:  # type: ignore[type-arg]  # Azure's indexer takes plain classes only
        return dict(take(run, step))

    perform.__name__ = activity_name(kind, step)
    activities.activity_trigger(input_name="run")(perform)


def take(run_id: str, step_name: str) -> Answer:
    """One call of one step."""
    services = _services()
    store = _store(services)
    run = store.get(run_id)
    now = services.clock.now()
    step = run.step(step_name)
    if step.status.ended:
        return _answer(step.status)
    if run.cancel_requested_by and "operation" not in step.checkpoint:
        # Between two calls a step is at a boundary, unless an operation of Azure's is under way.
        message = (
            f"{step.message} The run was then cancelled." if step.started else "Not started: the run was cancelled."
        )
        store.save_step(run.id, replace(step, status=StepStatus.CANCELLED, ended=now, message=message.strip()))
        return Answer(state="cancelled", after=0.0)
    if step.started is None:
        step = step.begun(now)
        store.save_step(run.id, step)
    outcome = in_time(run.kind, run.planned(step_name), step, _perform(run, step, now), now)
    moved = _moved(step, outcome, services.clock.now())
    if moved != step:
        store.save_step(run.id, moved)
        log.info("run %s: step %s: %s: %s", run.id, step.name, outcome.state, outcome.message)
    return Answer(state=outcome.state, after=outcome.after)


@activities.activity_trigger(input_name="crash")
def record_crash(crash: dict) -> str:  # type: ignore[type-arg]  # see above
    """A step kept raising: the run's record must not say that it still runs."""
    given = cast("Crash", crash)
    services = _services()
    store = _store(services)
    fault = Problem(
        "InternalError",
        f"The step {given['step']} stopped unexpectedly ({given['type']}).",
        "Retry the run. If it happens again, look at the function app's log for the traceback and report it.",
    )
    step = store.get(given["run"]).step(given["step"])
    now = services.clock.now()
    store.save_step(
        given["run"], replace(step, status=StepStatus.FAILED, ended=now, message=fault.message, fault=fault)
    )
    return str(given["step"])


@activities.activity_trigger(input_name="order")
def finish_run(order: dict) -> str:  # type: ignore[type-arg]  # Azure's indexer takes plain classes only
    """Sets the run's end and gives the hub back."""
    from shared.runs.ending import end

    given = cast("End", order)
    services = _services()
    ended = end(services, given["run"], given["attempt"], services.clock.now())
    log.info("run %s of hub %s: %s", ended.id, ended.hub, ended.status)
    return str(ended.status)


def _services() -> Any:
    from shared.services import services

    return services()


def _store(services: "Services") -> "RunStore":
    from shared.runs.store import RunStore

    return RunStore(services.tables)


def _perform(run: Run, step: StepState, now: datetime) -> Outcome:
    from shared.hubs.store import HubStore, known
    from shared.runs.advice import explain
    from shared.runs.context import OperationEndedError, StepContext

    services = _services()
    hub = known(HubStore(services.tables).get(run.hub), run.hub)
    try:
        return workflow(run.kind).function(step.name)(StepContext(services, hub, run, step, now))
    except OperationEndedError as ended:
        return _ended_badly(step, ended.error, explain(ended.error, hub.spec, run.kind, unused=unused(run, step.name)))
    except DomainError as error:  # such as a hub that is gone
        return Outcome("failed", error.summary.message, fault=error.summary)
    except OutsideError as error:
        return _refused(step, error, now, explain(error, hub.spec, run.kind, unused=unused(run, step.name)))
    except Exception as error:
        log.exception("run %s: step %s", run.id, step.name)
        raise StepCrashError(type(error).__name__) from None


BAD_ENDS = (60.0, 300.0, 900.0)
"""Seconds after which an operation that failed for a while is begun again; AKS names capacity and asks for a retry later."""


def _ended_badly(step: StepState, error: OutsideError, fault: Problem) -> Outcome:
    """An operation failed after Azure had accepted it: begun again three times, when that may help."""
    if not isinstance(error, TemporaryError) or step.bad_ends >= len(BAD_ENDS):
        return Outcome("failed", fault.message, fault=fault)
    wait = BAD_ENDS[step.bad_ends]
    message = f"{error.system}: the operation failed ({error.code}); starting it again in {wait / 60:.0f} minutes."
    return Outcome("waiting", message, after=wait, failing=True, bad_end=True)


def in_time(kind: Kind, plan: Step, step: StepState, outcome: Outcome, now: datetime) -> Outcome:
    """Fails a step that waits without any error for longer than its timeout."""
    if outcome.state != "waiting" or outcome.failing or step.started is None:
        return outcome
    waited = (now - step.started).total_seconds()
    if waited < plan.timeout:
        return outcome
    message = f"Given up after {waited / 60:.0f} minutes: {outcome.message}"
    return Outcome("failed", message, fault=Problem("Overdue", message, overdue(kind)))


def _refused(step: StepState, error: OutsideError, now: datetime, fault: Problem) -> Outcome:
    """A permanent refusal fails the step; after a temporary one it is called again, until its timeout."""
    from shared.runs.context import backoff, give_up

    if not isinstance(error, TemporaryError):
        return Outcome("failed", fault.message, fault=fault)
    failing_for = (now - (step.first_error or now)).total_seconds()
    if give_up(error, failing_for):
        message = f"{fault.message} It has been failing for {failing_for / 60:.0f} minutes."
        return Outcome("failed", message, fault=replace(fault, message=message))
    wait = backoff(error, step.tries)
    message = f"{error.system} answered {error.code}; trying again in {wait:.0f} s."
    return Outcome("waiting", message, after=wait, checkpoint=step.checkpoint, failing=True)


def _moved(step: StepState, outcome: Outcome, now: datetime) -> StepState:
    """The step's record after a call."""
    if outcome.state == "waiting":
        first_error = (step.first_error or now) if outcome.failing else None
        tries = step.tries + 1 if outcome.failing else 0
        bad_ends = step.bad_ends + 1 if outcome.bad_end else step.bad_ends
        return replace(
            step,
            message=outcome.message,
            checkpoint=outcome.checkpoint,
            first_error=first_error,
            tries=tries,
            bad_ends=bad_ends,
        )
    return replace(
        step,
        status=_ENDS[outcome.state],
        ended=now,
        message=outcome.message,
        fault=outcome.fault,
        first_error=None,
        tries=0,
        checkpoint={},
    )


_ENDS: dict[Literal["done", "failed", "cancelled"], StepStatus] = {
    "done": StepStatus.SUCCEEDED,
    "failed": StepStatus.FAILED,
    "cancelled": StepStatus.CANCELLED,
}


def _answer(status: StepStatus) -> Answer:
    return Answer(state=next(state for state, end in _ENDS.items() if end is status), after=0.0)
