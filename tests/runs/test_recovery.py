"""What can follow a run that did not succeed, by its kind."""

from dataclasses import replace

import pytest

from shared.runs import recovery, transitions
from shared.runs.activities import in_time
from shared.runs.model import Kind, Run, Status, StepState, StepStatus, waiting
from shared.workflows import workflow, workflows
from tests.given import NOW, run_of
from tests.wording import GIVES_UP


def ended(kind: Kind, done: tuple[str, ...] = (), status: Status = Status.RUNNING) -> Run:
    steps = [
        StepState(step.name, StepStatus.SUCCEEDED if step.name in done else StepStatus.CANCELLED, NOW)
        for step in workflow(kind).steps
    ]
    return replace(run_of(kind), status=status, steps=tuple(steps), cancel_requested_by="ann")


@pytest.mark.parametrize("kind", Kind)
def test_a_cancelled_run_can_be_retried_and_only_a_create_be_taken_back(kind: Kind) -> None:
    fault = transitions.finish(ended(kind), NOW).fault
    assert fault
    assert "Retry the run" in fault.advice
    assert ("DELETE /api/hubs/r5?confirm=r5" in fault.advice) == (kind is Kind.CREATE)
    assert ("teardown" in fault.advice) == (kind is Kind.TEARDOWN)


def test_a_create_that_was_cancelled_after_its_hub_answered_is_not_taken_back() -> None:
    fault = transitions.finish(ended(Kind.CREATE, done=("usable",)), NOW).fault
    assert fault
    assert not GIVES_UP.search(fault.advice)


@pytest.mark.parametrize("kind", Kind)
def test_a_step_that_takes_too_long_gives_no_hub_up(kind: Kind) -> None:
    plan = workflow(kind).steps[0]
    began = StepState(plan.name).begun(NOW)
    outcome = in_time(kind, plan, began, waiting(5, "Waiting."), NOW.replace(year=NOW.year + 1))
    assert outcome.fault
    assert outcome.fault.code == "Overdue"
    assert ("retry the teardown" in outcome.fault.advice) == (kind is Kind.TEARDOWN)
    if kind is not Kind.TEARDOWN:
        assert not GIVES_UP.search(outcome.fault.advice)


@pytest.mark.parametrize("kind", [Kind.CREATE, Kind.TEARDOWN])
@pytest.mark.parametrize("status", [Status.RUNNING, Status.FAILED, Status.CANCELLED])
def test_a_hub_that_is_not_complete_is_not_given_up_by_who_wants_to_use_it(kind: Kind, status: Status) -> None:
    run = ended(kind, status=status)
    said = recovery.incomplete(run)
    assert f"/api/runs/{run.id}" in said
    assert not GIVES_UP.search(said)
    assert ("/retry" in said) == (kind is Kind.CREATE and status.ended)


def test_a_create_has_people_in_its_hub_only_when_a_step_fails_that_the_hub_does_not_wait_for() -> None:
    for each in workflows():
        run = run_of(each.kind)
        used = [step.name for step in run.plan if not recovery.unused(run, step.name)]
        assert used == (["rules"] if each.kind is Kind.CREATE else [step.name for step in each.steps])


def test_a_create_whose_plan_is_not_known_is_not_taken_back_before_its_last_step() -> None:
    run = run_of(Kind.CREATE, plan=())
    assert [recovery.unused(run, step) for step in ("cluster", "usable")] == [False, True]
