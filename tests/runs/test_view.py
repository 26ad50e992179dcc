"""How a run is shown: the fixed form, how far it is, and when it should end."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.power.steps import START
from shared.problem import Problem
from shared.runs.model import Kind, Run, Status, StepState, StepStatus
from shared.runs.plan import chain
from shared.runs.view import expected_end, percent, shown
from shared.workflows import workflow
from tests.given import NOW, run_of, succeeded

WHOLE = sum(step.seconds for step in START)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def running(name: str, started: datetime) -> StepState:
    return StepState(name, StepStatus.RUNNING, started)


def test_a_run_has_the_fixed_form() -> None:
    steps = {"rest": succeeded("rest", NOW, later(1)), "power-on": running("power-on", later(1))}
    run = run_of(
        Kind.START, status=Status.RUNNING, started=NOW, warnings=("slow",), steps=steps, cancel_requested_by="bob"
    )
    view = shown(run, later(100))
    assert {key: view[key] for key in ("id", "hub", "kind", "status", "error", "requestedBy", "reason")} == {
        "id": run.id,
        "hub": "r5",
        "kind": "start",
        "status": "running",
        "error": None,
        "requestedBy": "ann",
        "reason": "because",
    }
    assert (view["requested"], view["started"], view["ended"]) == ("2026-11-23T08:00:00Z", "2026-11-23T08:00:00Z", None)
    assert view["cancelRequestedBy"] == "bob"
    assert view["warnings"] == ["slow"]
    assert "receipt" not in view
    assert [step["name"] for step in view["steps"]] == ["rest", "power-on", "usable"]
    assert view["steps"][0] == {
        "name": "rest",
        "title": START[0].title,
        "status": "succeeded",
        "started": "2026-11-23T08:00:00Z",
        "ended": "2026-11-23T08:00:01Z",
        "message": "",
    }
    assert (view["steps"][2]["status"], view["steps"][2]["started"]) == ("waiting", None)


def test_a_run_that_ended_shows_its_error_and_receipt_and_no_wish_to_cancel() -> None:
    fault = Problem("QuotaExceeded", "no", "ask")
    run = run_of(Kind.TEARDOWN, status=Status.FAILED, ended=later(5), fault=fault, cancel_requested_by="bob")
    view = shown(replace(run, receipt={"left": []}), later(900))
    assert view["error"] == {"code": "QuotaExceeded", "message": "no", "advice": "ask"}
    assert view["receipt"] == {"left": []}
    assert "cancelRequestedBy" not in view
    assert view["expectedEnd"] is None


@pytest.mark.parametrize(
    ("steps", "seconds", "shows"),
    [
        ({}, 0, 0),
        ({"rest": succeeded("rest", NOW, NOW)}, 0, 100 / WHOLE),
        ({"rest": succeeded("rest", NOW, NOW), "power-on": running("power-on", NOW)}, 146.5, 14750 / WHOLE),
        (
            {"rest": succeeded("rest", NOW, NOW), "power-on": running("power-on", NOW)},
            9999,
            (1 + 293 * 0.95) * 100 / WHOLE,
        ),
    ],
    ids=["nothing", "one-step", "half-of-a-step", "a-step-that-takes-too-long"],
)
def test_the_percentage_follows_the_usual_lengths(steps: dict[str, StepState], seconds: float, shows: float) -> None:
    assert percent(run_of(Kind.START, steps=steps), later(seconds)) == round(shows)


def test_only_success_is_a_hundred_percent() -> None:
    done = {step.name: succeeded(step.name, NOW, later(1)) for step in START}
    assert percent(run_of(Kind.START, steps=done, status=Status.RUNNING), NOW) == 99
    assert percent(run_of(Kind.START, steps=done, status=Status.SUCCEEDED), NOW) == 100


def test_the_percentage_of_a_run_that_ended_stands_still() -> None:
    steps = {"rest": succeeded("rest", NOW, NOW), "power-on": running("power-on", NOW)}
    run = run_of(Kind.START, steps=steps, status=Status.FAILED, ended=later(60))
    assert percent(run, later(60)) == percent(run, later(9999))


def test_the_end_is_expected_after_the_longest_chain_that_is_left() -> None:
    fresh = run_of(Kind.CREATE)
    assert expected_end(fresh, NOW) == later(chain(workflow(Kind.CREATE).steps))
    steps = {"rest": succeeded("rest", NOW, NOW), "power-on": running("power-on", NOW)}
    assert expected_end(run_of(Kind.START, steps=steps), later(100)) == later(100 + 193 + 60)
    assert expected_end(run_of(Kind.START, steps=steps, status=Status.CANCELLED), NOW) is None


STATES = st.builds(
    lambda status, began: StepState("x", status, None if status is StepStatus.WAITING else later(began)),
    st.sampled_from(StepStatus),
    st.floats(0, 5000),
)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(list(Kind)), st.data())
def test_the_percentage_never_falls_while_time_passes(kind: Kind, data: st.DataObject) -> None:
    states = {step.name: data.draw(STATES) for step in workflow(kind).steps}
    run: Run = run_of(kind, status=Status.RUNNING, steps=states)
    moments = sorted(data.draw(st.lists(st.floats(5000, 20000), min_size=2, max_size=4)))
    found = [percent(run, later(moment)) for moment in moments]
    assert found == sorted(found)
    assert all(0 <= each <= 99 for each in found)
    assert all(expected_end(run, later(moment)) >= later(moment) for moment in moments)  # type: ignore[operator]  # it runs
