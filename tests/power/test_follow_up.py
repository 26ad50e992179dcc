"""What follows from a run's end: what is learnt, who is told, and that failures in a row are told once."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.hubs.status.parts import Urls
from shared.lifecycle.follow_up import first_hours
from shared.notifications.events import Kind as EventKind
from shared.notifications.store import EventStore
from shared.power import failures
from shared.power.due_queue import DueQueue, Entry
from shared.power.follow_up import learnt, start_seconds
from shared.problem import Problem
from shared.runs.model import Kind, Run, Status, StepState
from shared.schedules.record import Override, PowerState, Record
from shared.workflows import workflow
from tests.given import NOW, OFFICE, Place, run_of, succeeded

FAULT = Problem("OutOfCapacity", "none left", "wait")
EVENING = NOW.replace(hour=20)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def start(seconds: float = 300, **more: Any) -> Run:
    steps = {
        "rest": succeeded("rest", later(-900), NOW),
        "power-on": succeeded("power-on", NOW, later(seconds - 10)),
        "usable": succeeded("usable", later(seconds - 10), later(seconds)),
    }
    fields: dict[str, Any] = {"status": Status.SUCCEEDED, "ended": later(seconds), "steps": steps, **more}
    return run_of(Kind.START, **fields)


# what is learnt


@pytest.mark.parametrize(
    ("run", "seconds"),
    [
        (start(300), 300),
        (start(20.5), 20.5),
        (start(20), None),
        (start(300, attempt=2), None),
        (run_of(Kind.START), None),
        (run_of(Kind.START, steps={"power-on": succeeded("power-on", NOW, NOW)}), None),
    ],
    ids=["a-start", "a-quick-one", "it-was-on", "taken-up-again", "nothing-done", "never-usable"],
)
def test_how_long_a_start_took(run: Run, seconds: float | None) -> None:
    assert start_seconds(run) == seconds


def of(run: Run, record: Record, *, schedule: Any = OFFICE, now: datetime = EVENING) -> Record:
    place = Place()
    hub = place.ready(**({"schedule": schedule} if schedule else {}))
    if run.kind is Kind.CREATE:
        return first_hours(record, hub.spec, run, now)
    return learnt(record, run, now)


def test_a_start_teaches_how_long_starts_take() -> None:
    assert of(start(300), Record(starts=(200.0,))) == Record(starts=(200.0, 300.0))
    assert of(start(5), Record(starts=(200.0,))) == Record(starts=(200.0,))


ENDLESS = Override(PowerState.OFF, later(-60), None, "bob", "")


@pytest.mark.parametrize(
    ("stop", "until"),
    [
        (ENDLESS, NOW),
        (replace(ENDLESS, since=later(60)), None),
        (replace(ENDLESS, until=EVENING), EVENING),
        (replace(ENDLESS, state=PowerState.ON, until=EVENING), EVENING),
    ],
    ids=["it-held-until-then", "asked-for-since", "it-has-an-end", "a-start"],
)
def test_a_start_ends_a_stop_that_held_until_somebody_starts_the_hub(stop: Override, until: datetime | None) -> None:
    """A schedule was written since, and a window has opened: the stop must not come back when that schedule goes."""
    after = of(start(300), Record(override=stop))
    assert after.override == replace(stop, until=until)
    assert of(run_of(Kind.STOP), Record(override=stop)).override == stop


def test_a_stop_teaches_when_the_rest_began_and_ends_what_was_put_off() -> None:
    before = Record(starts=(1.0,), postponed_until=NOW, postponed_at=NOW)
    stop = run_of(Kind.STOP, steps={"power-off": succeeded("power-off", NOW, later(109))})
    assert of(stop, before) == Record(starts=(1.0,), last_stop_ended=later(109))
    assert of(run_of(Kind.STOP), before).last_stop_ended == EVENING


def test_a_hub_made_outside_its_hours_stays_on_for_a_while() -> None:
    made = of(run_of(Kind.CREATE), Record()).override
    assert made is not None
    assert (made.state, made.since, made.until, made.by) == (
        PowerState.ON,
        EVENING,
        EVENING + timedelta(hours=2),
        "ann",
    )


def test_a_hub_made_with_somebodys_wish_or_without_a_schedule_follows_that() -> None:
    wish = Override(PowerState.OFF, NOW, EVENING, "bob", "")
    assert of(run_of(Kind.CREATE), Record(override=wish)) == Record(override=wish)
    assert of(run_of(Kind.CREATE), Record(), schedule=None) == Record()


# who is told


class Ending:
    def __init__(self) -> None:
        self.place = Place()
        self.place.clock.set(later(300))
        self.place.ready(schedule=OFFICE, parts=[Urls("http://r5/")])

    def end(self, run: Run) -> None:
        workflow(run.kind).follow_up()(self.place.services, run, self.place.hub(), self.place.clock.now())

    @property
    def events(self) -> list[EventKind]:
        """By name, since events of one millisecond have no order."""
        return sorted(event.event.kind for event in EventStore(self.place.tables).of_hub("r5", 20))

    @property
    def last(self) -> Any:
        return EventStore(self.place.tables).of_hub("r5", 1)[0].event


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (Kind.CREATE, [EventKind.CREATED]),
        (Kind.STOP, [EventKind.STOPPED]),
        (Kind.UPGRADE, [EventKind.UPGRADED]),
        (Kind.TEARDOWN, [EventKind.TORN_DOWN]),
        (Kind.ROTATE, []),
    ],
)
def test_a_success_is_told(kind: Kind, told: list[EventKind]) -> None:
    ending = Ending()
    ending.end(run_of(kind, status=Status.SUCCEEDED, ended=later(300)))
    assert ending.events == told


def test_a_start_is_told_with_how_long_it_took() -> None:
    ending = Ending()
    ending.end(start(300))
    assert ending.events == [EventKind.STARTED]
    assert ending.last.data["seconds"] == 300
    assert ending.place.hub().power.starts == (300.0,)


@pytest.mark.parametrize("kind", [Kind.CREATE, Kind.TEARDOWN, Kind.ROTATE])
def test_every_failure_of_other_runs_is_told(kind: Kind) -> None:
    ending = Ending()
    for _ in range(2):
        ending.end(run_of(kind, status=Status.FAILED, ended=NOW, fault=FAULT))
    assert ending.events == [EventKind.FAILED] * 2
    assert "none left" in ending.last.message
    assert "wait" in ending.last.message
    assert ending.last.data["code"] == "OutOfCapacity"


def test_the_hub_is_looked_at_with_the_next_tick_whatever_the_end() -> None:
    for status in (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED):
        ending = Ending()
        ending.end(run_of(Kind.STOP, status=status, ended=NOW, fault=FAULT))
        assert list(DueQueue(ending.place.tables).all()) == [Entry(later(300), "r5")]


# failures in a row


def failing(kind: Kind = Kind.START) -> Run:
    return run_of(kind, status=Status.FAILED, ended=NOW, fault=FAULT)


def test_starts_that_fail_in_a_row_are_told_once_and_the_first_time_is_kept() -> None:
    ending = Ending()
    for _ in range(3):
        ending.end(failing())
        ending.place.clock.advance(hours=1)
    assert ending.events == [EventKind.FAILED]
    found = failures.failing(ending.place.hub(), Kind.START)
    assert found is not None
    assert (found.count, found.first, found.last) == (3, later(300), later(300 + 7200))
    assert failures.failing(ending.place.hub(), Kind.STOP) is None


def test_the_success_after_failures_is_told_and_ends_them() -> None:
    ending = Ending()
    ending.end(failing())
    ending.end(start(300))
    assert sorted(ending.events) == sorted([EventKind.FAILED, EventKind.RECOVERED, EventKind.STARTED])
    assert failures.failing(ending.place.hub(), Kind.START) is None
    ending.end(start(300))
    assert ending.events.count(EventKind.RECOVERED) == 1
    ending.end(failing())
    assert ending.events.count(EventKind.FAILED) == 2, "a new row of failures"


def test_a_first_try_that_fails_is_told_before_the_run_gives_up_and_not_again_then() -> None:
    ending = Ending()
    run = run_of(Kind.START)
    for _ in range(3):
        failures.tried(ending.place.services, ending.place.hub(), run, FAULT, ending.place.clock.now())
    assert ending.events == [EventKind.FAILED]
    ending.end(failing())
    assert ending.events == [EventKind.FAILED]
    found = failures.failing(ending.place.hub(), Kind.START)
    assert found is not None
    assert found.count == 1


def test_stops_that_fail_are_another_row_than_starts() -> None:
    ending = Ending()
    ending.end(failing(Kind.START))
    ending.end(failing(Kind.STOP))
    assert ending.events == [EventKind.FAILED] * 2
    assert failures.failing(ending.place.hub(), Kind.START) is None
    assert failures.failing(ending.place.hub(), Kind.STOP) is not None


def test_a_run_that_somebody_cancelled_is_not_told_and_not_begun_again_at_once() -> None:
    ending = Ending()
    ending.end(run_of(Kind.START, status=Status.CANCELLED, ended=NOW, cancel_requested_by="bob"))
    assert ending.events == []
    found = failures.failing(ending.place.hub(), Kind.START)
    assert found is not None
    assert (found.count, found.cancelled) == (1, True)
    ending.end(start(300))
    assert ending.events == [EventKind.STARTED], "nothing was broken that could have recovered"


def test_a_failure_after_a_cancelled_run_is_told() -> None:
    ending = Ending()
    ending.end(run_of(Kind.START, status=Status.CANCELLED, ended=NOW, cancel_requested_by="bob"))
    ending.end(failing())
    assert ending.events == [EventKind.FAILED]


def test_a_run_that_was_called_off_because_it_is_not_wanted_is_no_failure() -> None:
    ending = Ending()
    fault = Problem("NotWanted", "The stop is off.", "Nothing to do.")
    ending.end(run_of(Kind.STOP, status=Status.CANCELLED, ended=NOW, fault=fault))
    assert ending.events == []
    assert failures.failing(ending.place.hub(), Kind.STOP) is None


def test_a_step_state_is_what_a_start_is_measured_by() -> None:
    begun = start(300)
    waiting = replace(begun, steps=(StepState("rest"), *begun.steps[1:]))
    assert start_seconds(waiting) == 300, "the rest and a burst's delay are not part of it"
