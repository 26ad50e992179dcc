"""Every operation on a run in every status: it changes as it should, or is refused with an advice."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from shared.problem import Problem
from shared.runs import transitions
from shared.runs.model import Kind, Run, Status, StepState, StepStatus

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
FAULT = Problem("QuotaExceeded", "no", "ask")


def run(status: Status, *steps: StepStatus) -> Run:
    states = tuple(
        StepState(str(number), step, started=NOW, fault=FAULT if step is StepStatus.FAILED else None)
        for number, step in enumerate(steps)
    )
    return Run("r5-1", "r5", Kind.CREATE, NOW, "api", "because", status=status, steps=states)


ENDED = [Status.SUCCEEDED, Status.FAILED, Status.CANCELLED]
OPEN = [Status.QUEUED, Status.RUNNING]


@pytest.mark.parametrize("status", OPEN)
def test_an_open_run_begins_and_keeps_its_first_start(status: Status) -> None:
    begun = transitions.begin(run(status), NOW)
    assert begun.status is Status.RUNNING
    assert transitions.begin(begun, NOW.replace(hour=13)).started == NOW


@pytest.mark.parametrize("status", ENDED)
def test_an_ended_run_neither_begins_nor_restarts_nor_is_cancelled(status: Status) -> None:
    for operation in (
        lambda ended: transitions.begin(ended, NOW),
        transitions.restart,
        lambda ended: transitions.cancel(ended, "ann"),
    ):
        with pytest.raises(transitions.NotAllowedError) as caught:
            operation(run(status))
        assert caught.value.advice


@pytest.mark.parametrize(
    ("steps", "status"),
    [
        ((StepStatus.SUCCEEDED, StepStatus.SUCCEEDED), Status.SUCCEEDED),
        ((StepStatus.SUCCEEDED, StepStatus.FAILED), Status.FAILED),
        ((StepStatus.CANCELLED, StepStatus.FAILED), Status.FAILED),
        ((StepStatus.SUCCEEDED, StepStatus.CANCELLED, StepStatus.WAITING), Status.CANCELLED),
    ],
)
def test_a_runs_end_follows_from_its_steps(steps: tuple[StepStatus, ...], status: Status) -> None:
    finished = transitions.finish(run(Status.RUNNING, *steps), NOW)
    assert finished.status is status
    assert finished.ended == NOW
    assert (finished.fault is None) == (status is Status.SUCCEEDED)


def test_finishing_twice_is_once() -> None:
    finished = transitions.finish(run(Status.RUNNING, StepStatus.SUCCEEDED), NOW)
    assert transitions.finish(finished, NOW.replace(hour=13)) == finished


@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED])
def test_a_retry_keeps_what_succeeded_and_starts_the_rest_afresh(status: Status) -> None:
    ended = replace(
        run(status, StepStatus.SUCCEEDED, StepStatus.FAILED, StepStatus.CANCELLED),
        fault=FAULT,
        cancel_requested_by="ann",
    )
    retried = transitions.retry(ended)
    assert [step.status for step in retried.steps] == [StepStatus.SUCCEEDED, StepStatus.WAITING, StepStatus.WAITING]
    assert (retried.status, retried.attempt) == (Status.QUEUED, 2)
    assert retried.fault is None
    assert retried.cancel_requested_by is None
    assert retried.instance != ended.instance


@pytest.mark.parametrize("status", [Status.SUCCEEDED, *OPEN])
def test_only_a_failed_or_cancelled_run_is_retried(status: Status) -> None:
    with pytest.raises(transitions.NotAllowedError):
        transitions.retry(run(status))


def test_cancelling_twice_keeps_the_first_who_asked() -> None:
    assert transitions.cancel(transitions.cancel(run(Status.RUNNING), "ann"), "bob").cancel_requested_by == "ann"
