"""A run's end: when it is seen, and that its hub is given back once."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.lifecycle.teardown.command import teardown
from shared.notifications.events import Kind as EventKind
from shared.notifications.store import EventStore
from shared.problem import Problem
from shared.runs.ending import as_seen, end, give_back, phase_after
from shared.runs.model import Kind, Run, Status, StepStatus
from tests.given import NOW, Place, run_of, succeeded

FAULT = Problem("OutOfCapacity", "none left", "wait")


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


# the hub is given back


@pytest.mark.parametrize(
    ("kind", "status", "after"),
    [
        (Kind.CREATE, Status.SUCCEEDED, "ready"),
        (Kind.CREATE, Status.FAILED, "failed"),
        (Kind.CREATE, Status.CANCELLED, "failed"),
        (Kind.TEARDOWN, Status.FAILED, "failed"),
        (Kind.START, Status.FAILED, "ready"),
        (Kind.STOP, Status.CANCELLED, "ready"),
        (Kind.ROTATE, Status.FAILED, "ready"),
    ],
)
def test_only_making_and_removing_a_hub_change_whether_it_is_ready(kind: Kind, status: Status, after: str) -> None:
    assert phase_after(run_of(kind, status=status)) == after


def test_a_hub_is_given_back_once() -> None:
    place = Place()
    place.ready()
    run = place.commands.begin("r5", Kind.STOP, "")
    ended = replace(run, status=Status.SUCCEEDED)
    give_back(place.hubs, ended)
    other = place.commands.begin("r5", Kind.START, "")
    give_back(place.hubs, ended)
    assert place.hub().open_run == other.id


def test_the_hub_of_a_complete_teardown_is_forgotten_and_a_new_one_of_its_name_is_not() -> None:
    place = Place()
    place.ready()
    run = replace(teardown(place.commands, "r5", "", keep_homes=False), status=Status.SUCCEEDED)
    give_back(place.hubs, run)
    assert place.hubs.get("r5") is None
    give_back(place.hubs, run)
    place.ready()
    give_back(place.hubs, run)
    assert place.hub().phase == "ready"


# the order of it


def at_its_end(place: Place, kind: Kind = Kind.STOP) -> Run:
    """A run all of whose steps are done, and that has not ended."""
    place.ready()
    run = place.commands.begin("r5", kind, "")
    for step in run.steps:
        place.runs.save_step(run.id, succeeded(step.name, NOW, NOW))
    return run


def told(place: Place) -> list[EventKind]:
    return [event.event.kind for event in EventStore(place.tables).of_hub("r5", 20)]


def test_a_run_ends_when_what_follows_is_done_and_a_slow_receiver_keeps_nobody_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place, found = Place(), list[tuple[list[EventKind], Status, str | None]]()
    run = at_its_end(place)
    monkeypatch.setattr(
        "shared.runs.ending.try_now",
        lambda *_: found.append((told(place), place.runs.get(run.id).status, place.hub().open_run)),
    )
    assert end(place.services, run.id, 1, NOW).status is Status.SUCCEEDED
    assert found == [([EventKind.STOPPED], Status.SUCCEEDED, None)]


def test_a_crash_before_the_end_is_written_leaves_a_run_at_work_that_can_be_ended() -> None:
    place = Place()
    run = at_its_end(place)
    place.meanwhile("runs", crash)
    with pytest.raises(ZeroDivisionError):
        end(place.services, run.id, 1, NOW)
    assert not place.runs.get(run.id).status.ended
    assert place.hub().open_run == run.id
    assert end(place.services, run.id, 1, NOW).status is Status.SUCCEEDED
    assert place.hub().open_run is None


def crash() -> None:
    raise ZeroDivisionError


def test_ending_again_gives_the_hub_back_and_tells_nobody() -> None:
    place = Place()
    run = at_its_end(place)
    place.runs.update(run.id, lambda found: replace(found, status=Status.SUCCEEDED, ended=NOW))
    end(place.services, run.id, 1, later(60))
    assert place.runs.get(run.id).ended == NOW
    assert place.hub().open_run is None
    assert told(place) == []


def test_a_late_second_call_does_not_end_what_was_taken_up_again() -> None:
    place = Place()
    run = at_its_end(place)
    place.runs.save_step(run.id, replace(run.steps[-1], status=StepStatus.FAILED))
    assert end(place.services, run.id, 1, NOW).status is Status.FAILED
    place.commands.retry(run.id)
    assert not end(place.services, run.id, 1, NOW).status.ended
    assert place.hub().open_run == run.id
    place.runs.save_step(run.id, succeeded(run.steps[-1].name, NOW, NOW))
    assert end(place.services, run.id, 2, NOW).status is Status.SUCCEEDED


def test_nobody_sees_a_run_end_that_still_has_its_hub() -> None:
    place = Place()
    run = at_its_end(place)
    ended = replace(run, status=Status.FAILED, ended=NOW, fault=FAULT)
    seen = as_seen(ended, place.hub())
    assert (seen.status, seen.ended, seen.fault) == (Status.RUNNING, None, None)
    assert as_seen(ended, None) == ended, "the hub is gone"
    give_back(place.hubs, ended)
    assert as_seen(ended, place.hub()) == ended
    place.commands.begin("r5", Kind.START, "")
    assert as_seen(ended, place.hub()) == ended, "another run has it"
