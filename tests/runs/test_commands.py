"""What people ask of a hub, and what somebody else does between the read and the write."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from durabletask.client import OrchestrationStatus

from shared.errors import ConflictError, MissingError
from shared.hubs.status.parts import Decided
from shared.hubs.store import Phase
from shared.lifecycle.create.command import create
from shared.lifecycle.teardown.command import teardown
from shared.runs import transitions
from shared.runs.commands import BusyError
from shared.runs.model import Kind, Options, Run, Status, StepStatus
from shared.runs.transitions import NotAllowedError
from tests.given import NOW, Place, spec, succeeded


@pytest.fixture
def place() -> Place:
    return Place()


def codes(caught: pytest.ExceptionInfo[BusyError]) -> str:
    assert caught.value.advice
    return caught.value.code


def runs_of(place: Place, hub: str = "r5") -> list[Kind]:
    return [run.kind for run in place.runs.of_hub(hub, 10)]


def ended(place: Place, run_id: str, status: Status = Status.SUCCEEDED, *, leaves: Phase = "ready") -> None:
    place.runs.update(run_id, lambda run: replace(run, status=status, ended=NOW))
    place.hubs.release("r5", run_id, leaves)


def order(run: Run, attempt: int, *done: str) -> dict[str, Any]:
    plan = [{"name": step.name, "after": list(step.after)} for step in run.plan]
    return {"run": run.id, "kind": run.kind.value, "attempt": attempt, "done": list(done), "plan": plan}


# create


def test_a_create_is_written_leased_and_told_to_the_engine(place: Place) -> None:
    run = create(place.commands, spec(), ["odd"], "because")
    assert (run.kind, run.requested, run.requested_by, run.reason, run.warnings) == (
        Kind.CREATE,
        NOW,
        "ann",
        "because",
        ("odd",),
    )
    assert place.runs.get(run.id).status is Status.QUEUED
    assert place.hub().open_run == run.id
    assert place.client.started == [f"{run.id}.1"]
    assert place.client.orders == [order(run, 1)]
    assert order(run, 1)["plan"][:2] == [
        {"name": "providers", "after": []},
        {"name": "preflight", "after": ["providers"]},
    ]


def test_the_same_create_again_is_the_same_run(place: Place) -> None:
    run = create(place.commands, spec(), [], "first")
    assert create(place.commands, spec(), [], "second").id == run.id
    ended(place, run.id)
    assert create(place.commands, spec(), [], "third").id == run.id
    assert place.client.started == [f"{run.id}.1"]


def test_the_same_create_after_other_runs_is_still_the_first_run(place: Place) -> None:
    first = create(place.commands, spec(), [], "first")
    ended(place, first.id)
    place.clock.advance(hours=1)
    place.commands.begin("r5", Kind.STOP, "")
    assert create(place.commands, spec(), [], "again").id == first.id


def test_another_specification_for_a_known_name_is_refused(place: Place) -> None:
    create(place.commands, spec(), [], "")
    with pytest.raises(BusyError) as caught:
        create(place.commands, spec(tags={"a": "b"}), [], "")
    assert codes(caught) == "HubExists"


def test_a_hub_that_is_being_removed_cannot_be_made(place: Place) -> None:
    place.ready()
    teardown(place.commands, "r5", "", keep_homes=False)
    with pytest.raises(BusyError) as caught:
        create(place.commands, spec(), [], "")
    assert codes(caught) == "RunOpen"


@pytest.mark.parametrize("same", [True, False])
def test_of_two_creates_at_once_one_wins_and_the_other_leaves_no_run(place: Place, same: bool) -> None:
    other = create(place.commands, spec() if same else spec(tags={"a": "b"}), [], "the other")
    hubs = place.tables.table("hubs")
    row = hubs.rows.pop(("r5", "hub"))
    insert = hubs.insert

    def slower(mine: Any) -> str:
        hubs.rows["r5", "hub"] = row
        return str(insert(mine))

    hubs.insert = slower
    if same:
        assert create(place.commands, spec(), [], "mine").id == other.id
    else:
        with pytest.raises(BusyError) as caught:
            create(place.commands, spec(), [], "mine")
        assert codes(caught) == "HubExists"
    assert runs_of(place) == [Kind.CREATE]
    assert place.client.started == [f"{other.id}.1"]


# runs on a hub that is there


def test_a_run_begins_on_a_hub_that_nothing_is_being_done_to(place: Place) -> None:
    place.ready()
    run = place.commands.begin("r5", Kind.STOP, "evening", Options(force=True))
    found = place.runs.get(run.id)
    assert (found.kind, found.reason, found.options) == (Kind.STOP, "evening", Options(force=True))
    assert (place.hub().open_run, place.hub().phase) == (run.id, "ready")
    with pytest.raises(BusyError) as caught:
        place.commands.begin("r5", Kind.START, "")
    assert codes(caught) == "RunOpen"


def test_what_is_unknown_is_not_found(place: Place) -> None:
    asks: list[Callable[[], object]] = [
        lambda: place.commands.begin("r5", Kind.STOP, ""),
        lambda: teardown(place.commands, "r5", "", keep_homes=False),
        lambda: place.commands.retry("r5-99998207000000abcdef"),
        lambda: place.commands.cancel("r5-99998207000000abcdef"),
    ]
    for ask in asks:
        with pytest.raises(MissingError):
            ask()


@pytest.mark.parametrize("kind", [Kind.START, Kind.TEARDOWN])
def test_somebody_faster_gets_the_hub_and_no_run_is_left_behind(place: Place, kind: Kind) -> None:
    hub = place.ready()
    place.meanwhile("hubs", lambda: place.hubs.lease(hub, "r5-99998207000000abcdef", "ready"))
    asks: dict[Kind, Callable[[], object]] = {
        Kind.START: lambda: place.commands.begin("r5", Kind.START, ""),
        Kind.TEARDOWN: lambda: teardown(place.commands, "r5", "", keep_homes=False),
    }
    with pytest.raises(BusyError) as caught:
        asks[kind]()
    assert codes(caught) == "HubChanged"
    assert runs_of(place) == []
    assert place.client.started == []
    assert place.hub().open_run == "r5-99998207000000abcdef"


def test_a_run_that_was_decided_on_another_state_of_the_hub_does_not_begin(place: Place) -> None:
    seen = place.ready()
    other = place.commands.begin("r5", Kind.STOP, "")
    ended(place, other.id)
    with pytest.raises(BusyError) as caught:
        place.commands.begin("r5", Kind.STOP, "", after=seen.last_run)
    assert codes(caught) == "HubChanged"
    place.commands.begin("r5", Kind.START, "", after=other.id)


def test_a_teardown_asked_for_again_is_the_same_and_another_one_is_refused(place: Place) -> None:
    place.ready()
    run = teardown(place.commands, "r5", "", keep_homes=True)
    assert place.hub().phase == "deleting"
    assert teardown(place.commands, "r5", "", keep_homes=True).id == run.id
    with pytest.raises(BusyError):
        teardown(place.commands, "r5", "", keep_homes=False)
    assert place.client.started == [f"{run.id}.1"]


# in line


def queued(place: Place, kind: Kind = Kind.START, behind: Kind = Kind.STOP) -> tuple[str, str]:
    """The run at work, and the one in line."""
    place.ready()
    current = place.commands.begin("r5", behind, "")
    return current.id, place.commands.queue(place.hub(), kind, "").id


def test_a_run_in_line_waits_for_its_turn_and_says_so(place: Place) -> None:
    current, waiting = queued(place)
    assert place.hub().waiting_run == waiting
    assert current in place.runs.get(waiting).steps[0].message
    assert place.client.started == [f"{current}.1"], "the engine is told when it is its turn"
    ended(place, current)
    assert place.hub().open_run == waiting


def test_the_same_in_line_again_is_the_same_run(place: Place) -> None:
    _, waiting = queued(place)
    assert place.commands.queue(place.hub(), Kind.START, "").id == waiting


def test_the_opposite_takes_the_place_of_what_is_in_line(place: Place) -> None:
    _, start = queued(place)
    stop = place.commands.queue(place.hub(), Kind.STOP, "")
    assert place.hub().waiting_run == stop.id
    replaced = place.runs.get(start)
    assert replaced.status is Status.CANCELLED
    assert replaced.fault is not None
    assert replaced.fault.code == "Replaced"


def test_a_cancelled_run_in_line_is_not_what_somebody_asks_for(place: Place) -> None:
    _, waiting = queued(place)
    place.commands.cancel(waiting)
    assert place.commands.queue(place.hub(), Kind.START, "").id != waiting


def test_a_run_that_ends_while_another_gets_in_line_leaves_no_run_behind(place: Place) -> None:
    place.ready()
    current = place.commands.begin("r5", Kind.STOP, "")
    place.meanwhile("hubs", lambda: place.hubs.release("r5", current.id, "ready"))
    with pytest.raises(BusyError) as caught:
        place.commands.queue(place.hub(), Kind.START, "")
    assert codes(caught) == "HubChanged"
    assert runs_of(place) == [Kind.STOP]


# retry and cancel


def failed_create(place: Place) -> str:
    run = create(place.commands, spec(), [], "")
    place.runs.save_step(run.id, succeeded("preflight", NOW, NOW))
    place.runs.save_step(run.id, replace(succeeded("group", NOW, NOW), status=StepStatus.FAILED))
    ended(place, run.id, Status.FAILED, leaves="failed")
    place.client.states[f"{run.id}.1"] = OrchestrationStatus.COMPLETED
    return run.id


def test_a_run_that_still_has_its_hub_is_not_taken_up_again(place: Place) -> None:
    """Its own end is still under way, and would take the hub from the retry."""
    run = create(place.commands, spec(), [], "")
    place.runs.update(run.id, lambda run: replace(run, status=Status.FAILED, ended=NOW))
    with pytest.raises(BusyError) as caught:
        place.commands.retry(run.id)
    assert codes(caught) == "RunOpen"
    assert place.runs.get(run.id).attempt == 1


def test_a_retry_goes_on_with_another_orchestration(place: Place) -> None:
    run = failed_create(place)
    taken_up = place.commands.retry(run)
    assert (taken_up.status, taken_up.attempt) == (Status.QUEUED, 2)
    assert (place.hub().open_run, place.hub().phase) == (run, "creating")
    assert place.client.orders[-1] == order(taken_up, 2, "preflight")
    assert place.client.started[-1] == f"{run}.2"


def test_a_retry_of_a_start_leaves_the_hub_ready(place: Place) -> None:
    place.ready()
    run = place.commands.begin("r5", Kind.START, "")
    ended(place, run.id, Status.FAILED)
    place.commands.retry(run.id)
    assert place.hub().phase == "ready"


def test_a_run_that_is_open_or_has_succeeded_is_not_retried(place: Place) -> None:
    place.ready()
    run = place.commands.begin("r5", Kind.START, "")
    with pytest.raises(NotAllowedError):
        place.commands.retry(run.id)
    ended(place, run.id)
    with pytest.raises(NotAllowedError):
        place.commands.retry(run.id)


def test_only_the_last_run_is_retried(place: Place) -> None:
    first = failed_create(place)
    place.clock.advance(hours=1)
    second = place.commands.begin("r5", Kind.STOP, "")
    with pytest.raises(BusyError) as caught:
        place.commands.retry(first)
    assert codes(caught) == "RunOpen"
    ended(place, second.id)
    with pytest.raises(BusyError) as caught:
        place.commands.retry(first)
    assert codes(caught) == "NotTheLastRun"
    assert second.id in caught.value.advice


def test_a_retry_against_somebody_faster_changes_nothing(place: Place) -> None:
    run = failed_create(place)
    seen = place.hub()
    place.meanwhile("hubs", lambda: place.hubs.lease(seen, "r5-99998207000000abcdef", "ready"))
    with pytest.raises(BusyError):
        place.commands.retry(run)
    assert place.runs.get(run).status is Status.FAILED
    assert place.client.started == [f"{run}.1"]


def test_of_two_retries_at_once_one_takes_the_run_up(place: Place) -> None:
    run = failed_create(place)
    place.meanwhile("hubs", lambda: place.commands.retry(run))
    with pytest.raises(BusyError):
        place.commands.retry(run)
    assert place.client.started == [f"{run}.1", f"{run}.2"]


def test_a_cancel_is_noted_for_the_run_and_once(place: Place) -> None:
    place.ready()
    run = place.commands.begin("r5", Kind.START, "")
    assert place.commands.cancel(run.id).cancel_requested_by == "ann"
    place.meanwhile("runs", lambda: ended(place, run.id))
    with pytest.raises(NotAllowedError):
        transitions.cancel(place.runs.update(run.id, lambda found: replace(found, reason="other")), "bob")


def test_a_lost_race_is_the_stores_own_error_below(place: Place) -> None:
    hub = place.ready()
    place.meanwhile("hubs", lambda: place.hubs.lease(hub, "r5-99998207000000fedcba", "ready"))
    with pytest.raises(ConflictError):
        place.hubs.lease(hub, "r5-99998207000000abcdef", "ready")


def test_what_is_noted_in_between_costs_nobody_the_lease(place: Place) -> None:
    hub = place.ready()
    place.meanwhile("hubs", lambda: place.hubs.record("r5", Decided("on")))
    place.hubs.lease(hub, "r5-99998207000000abcdef", "ready")
    place.meanwhile("hubs", lambda: place.hubs.record("r5", Decided("off")))
    place.hubs.release("r5", "r5-99998207000000abcdef", "ready")
    assert (place.hub().open_run, place.hub().status.decided.state) == (None, "off")


def test_a_late_end_leaves_the_next_hub_of_that_name_alone(place: Place) -> None:
    place.ready()
    removal = teardown(place.commands, "r5", "", keep_homes=False)
    place.hubs.forget("r5", removal.id)
    create(place.commands, spec(), [], "")
    place.hubs.forget("r5", removal.id)
    assert place.hub().phase == "creating"


# a hub that is not complete


def test_a_name_whose_create_failed_can_be_had_again_and_no_other(place: Place) -> None:
    first = create(place.commands, spec(), [], "because")
    other = spec(tags={"x": "y"})

    def advice() -> str:
        with pytest.raises(BusyError) as caught:
            create(place.commands, other, [], "because")
        return caught.value.advice

    assert "DELETE" not in advice()
    ended(place, first.id, Status.FAILED, leaves="failed")
    assert "Send DELETE /api/hubs/r5?confirm=r5, and then POST /api/hubs with this specification." in advice()
    place.runs.save_step(first.id, succeeded("usable", NOW, NOW))
    assert "DELETE" not in advice()


def test_who_wants_to_use_an_incomplete_hub_is_told_what_it_waits_for(place: Place) -> None:
    first = create(place.commands, spec(), [], "because")
    assert f"GET /api/runs/{first.id} has succeeded" in place.commands.not_ready(place.hub()).advice
    ended(place, first.id, Status.FAILED, leaves="failed")
    said = place.commands.not_ready(place.hub())
    assert f"its create run {first.id} is failed" in str(said)
    assert f"POST /api/runs/{first.id}/retry" in said.advice
    going = teardown(place.commands, "r5", "because", keep_homes=False)
    ended(place, going.id, Status.FAILED, leaves="failed")
    said = place.commands.not_ready(place.hub())
    assert f"its teardown run {going.id} is failed" in str(said)
    assert "retry" not in said.advice  # that would go on with the teardown


def test_a_run_that_is_forgotten_is_not_named(place: Place) -> None:
    hub = replace(place.ready(), phase="failed")
    assert "GET /api/hubs/r5" in place.commands.not_ready(hub).advice
