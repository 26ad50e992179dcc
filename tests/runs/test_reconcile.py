"""The sweep: whatever a crash left between tables and engine, the run goes on or the hub is given back; nothing is begun twice."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from durabletask.client import OrchestrationStatus

from shared.errors import TemporaryError
from shared.lifecycle.create.command import create
from shared.lifecycle.teardown.command import teardown
from shared.notifications.events import Kind as EventKind
from shared.notifications.store import EventStore
from shared.problem import Problem
from shared.runs.model import Kind, Run, Status
from shared.runs.reconcile import SETTLED, sweep
from tests.given import NOW, Place, spec, succeeded


@pytest.fixture
def place() -> Place:
    return Place()


def swept(place: Place) -> list[str]:
    return sweep(place.services, place.engine)


def started(place: Place, kind: Kind = Kind.START, hub: str = "r5") -> Run:
    place.ready(hub)
    return place.commands.begin(hub, kind, "")


def ended(place: Place, run: Run, status: Status, ago: timedelta = SETTLED) -> None:
    fault = Problem("QuotaExceeded", "no", "ask") if status is Status.FAILED else None
    place.runs.update(run.id, lambda found: replace(found, status=status, ended=place.clock.now() - ago, fault=fault))


def events(place: Place) -> list[EventKind]:
    return [event.event.kind for event in EventStore(place.tables).of_hub("r5", 10)]


def test_nothing_is_mended_where_nothing_is_wrong(place: Place) -> None:
    run = started(place)
    place.ready("idle")
    assert swept(place) == []
    assert place.client.started == [run.instance]


def test_a_run_that_the_engine_never_heard_of_is_started(place: Place) -> None:
    """The host died between the lease and the engine, or the engine lost its own store."""
    run = started(place)
    place.client.states.clear()
    assert swept(place) == [f"run {run.id} was unknown to the engine"]
    assert place.client.started == [run.instance, run.instance]
    assert swept(place) == []


@pytest.mark.parametrize(
    "end", [OrchestrationStatus.COMPLETED, OrchestrationStatus.FAILED, OrchestrationStatus.TERMINATED]
)
def test_a_run_whose_orchestration_ended_without_it_gets_another(place: Place, end: OrchestrationStatus) -> None:
    run = started(place)
    place.runs.save_step(run.id, succeeded("rest", NOW, NOW))
    place.client.states[run.instance] = end
    swept(place)
    assert place.client.started == [f"{run.id}.1", f"{run.id}.2"]
    assert place.client.orders[-1]["done"] == ["rest"]
    assert place.runs.get(run.id).attempt == 2
    assert swept(place) == []


@pytest.mark.parametrize("alive", [OrchestrationStatus.PENDING, OrchestrationStatus.SUSPENDED])
def test_an_orchestration_that_has_not_ended_is_left_alone(place: Place, alive: OrchestrationStatus) -> None:
    run = started(place)
    place.client.states[run.instance] = alive
    assert swept(place) == []


def test_a_run_in_line_is_started_when_it_is_its_turn(place: Place) -> None:
    stop = started(place, Kind.STOP)
    start = place.commands.queue(place.hub(), Kind.START, "")
    place.hubs.release("r5", stop.id, "ready")
    swept(place)
    assert place.client.started == [stop.instance, start.instance]


@pytest.mark.parametrize("status", [Status.SUCCEEDED, Status.FAILED, Status.CANCELLED])
def test_the_hub_of_an_ended_run_is_given_back_and_nobody_is_told_twice(place: Place, status: Status) -> None:
    run = started(place)
    ended(place, run, status)
    assert swept(place) == [f"hub r5 was still leased to run {run.id}, which is {status}"]
    assert (place.hub().open_run, place.hub().phase) == (None, "ready")
    assert events(place) == []
    assert swept(place) == []


@pytest.mark.parametrize(
    ("status", "after"), [(Status.SUCCEEDED, "ready"), (Status.FAILED, "failed"), (Status.CANCELLED, "failed")]
)
def test_a_hub_is_as_its_create_ended(place: Place, status: Status, after: str) -> None:
    run = create(place.commands, spec(), [], "")
    ended(place, run, status)
    swept(place)
    assert place.hub().phase == after


def test_the_hub_of_a_complete_teardown_is_forgotten(place: Place) -> None:
    place.ready()
    run = teardown(place.commands, "r5", "", keep_homes=False)
    ended(place, run, Status.SUCCEEDED)
    swept(place)
    assert place.hubs.get("r5") is None
    assert place.runs.get(run.id).status is Status.SUCCEEDED, "its receipt stays"


def test_a_hub_whose_teardown_failed_stays(place: Place) -> None:
    place.ready()
    run = teardown(place.commands, "r5", "", keep_homes=False)
    ended(place, run, Status.FAILED)
    swept(place)
    assert place.hub().phase == "failed"


def test_a_run_that_has_just_ended_is_left_to_its_own_orchestration(place: Place) -> None:
    run = started(place)
    ended(place, run, Status.SUCCEEDED, SETTLED - timedelta(seconds=1))
    assert swept(place) == []
    assert place.hub().open_run == run.id
    place.clock.advance(seconds=1)
    assert len(swept(place)) == 1


def test_a_lease_of_a_run_that_does_not_exist_is_given_back(place: Place) -> None:
    """The host died between the delete of a run that lost a race and whatever leased the hub to it."""
    run = started(place)
    place.runs.delete(run.id)
    assert len(swept(place)) == 1
    assert (place.hub().open_run, place.hub().phase) == (None, "failed")


def test_the_trouble_of_one_hub_is_not_the_others(place: Place) -> None:
    first, second = started(place, hub="a"), started(place, hub="b")
    place.client.states.clear()
    ask = place.client.get_orchestration_state

    def refuse(instance: str, /, *, fetch_payloads: bool = True) -> Any:
        if instance == first.instance:
            raise TemporaryError("The workflow engine", "EngineUnavailable", "not now")
        return ask(instance)

    place.client.get_orchestration_state = refuse  # type: ignore[method-assign]  # for the length of the test
    assert swept(place) == [f"run {second.id} was unknown to the engine"]


def test_two_sweeps_at_once_start_a_lost_orchestration_under_one_id(place: Place) -> None:
    """The engine knows an id once: the second start of it is refused there."""
    run = started(place)
    place.client.states.clear()
    first = place.client.get_orchestration_state(run.instance)
    swept(place)
    place.client.states.clear()
    swept(place)
    assert first is None
    assert set(place.client.started) == {run.instance}
