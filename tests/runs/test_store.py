"""Runs as they are kept: what survives storage, the newest first, and what two writers at once come to."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.azure.tables import Tables
from shared.errors import ConflictError, MissingError, TemporaryError
from shared.problem import Problem
from shared.runs.model import Kind, Options, Run, Status, StepState, StepStatus
from shared.runs.plan import Step
from shared.runs.store import RunStore, new_id, split_id
from tests.fakes.memory import MemoryTables
from tests.given import NOW, run_of

FULL = run_of(
    Kind.START,
    status=Status.FAILED,
    started=NOW + timedelta(seconds=1),
    ended=NOW + timedelta(seconds=90),
    options=Options(delay=12.5, force=True),
    attempt=3,
    cancel_requested_by="bob",
    fault=Problem("QuotaExceeded", "Größe", "ask"),
    receipt={"left": []},
    warnings=("one", "two"),
    steps={
        "rest": StepState("rest", StepStatus.SUCCEEDED, NOW, NOW + timedelta(seconds=1), "Nothing to wait for."),
        "power-on": StepState(
            "power-on",
            StepStatus.FAILED,
            NOW,
            NOW + timedelta(microseconds=1),
            "no",
            Problem("Throttled", "too many", "wait"),
            {"operation": {"statusUrl": "https://x"}, "failures": 2},
            NOW,
            4,
        ),
    },
)


@pytest.fixture
def store(tables: Tables) -> RunStore:
    return RunStore(tables)


def test_a_run_is_read_as_it_was_written(store: RunStore) -> None:
    store.insert(FULL)
    found = store.get(FULL.id)
    assert replace(found, etag="") == FULL
    assert found.etag


def test_what_failed_is_kept_in_the_form_that_other_versions_of_the_app_read() -> None:
    """An app that is older, or of the next version, may work on the same rows while it is replaced."""
    tables = MemoryTables()
    RunStore(tables).insert(FULL)
    ((_, row),) = tables.table("runs").rows.items()
    assert json.loads(str(row.values["fault"])) == {"code": "QuotaExceeded", "message": "Größe", "advice": "ask"}
    step = json.loads(str(row.values["step_power_on"]))
    assert step["fault"] == {"code": "Throttled", "message": "too many", "advice": "wait"}


@pytest.mark.parametrize(
    ("stored", "options"),
    [
        ("{}", Options()),
        ('{"keepHomes": true}', Options(keep_homes=True)),
        ('{"force": true}', Options(force=True)),
        ('{"delay": 12.5}', Options(delay=12.5)),
    ],
)
def test_what_was_asked_for_is_written_as_it_was_from_the_first(stored: str, options: Options) -> None:
    tables = MemoryTables()
    RunStore(tables).insert(replace(FULL, options=options))
    where = split_id(FULL.id)
    assert tables.table("runs").rows[where].values["options"] == stored
    assert RunStore(tables).get(FULL.id).options == options


def test_a_run_is_inserted_once_and_is_gone_when_deleted(store: RunStore) -> None:
    store.insert(FULL)
    with pytest.raises(ConflictError):
        store.insert(FULL)
    store.delete(FULL.id)
    store.delete(FULL.id)
    with pytest.raises(MissingError):
        store.get(FULL.id)


def test_a_run_keeps_the_plan_that_it_was_asked_for_with(store: RunStore) -> None:
    plan = (Step("former", "A step that no plan has any more", 2.0), Step("usable", "Wait", 1.0, ("former",), 60.0))
    run = run_of(Kind.START, plan=plan, steps={"former": StepState("former", StepStatus.SUCCEEDED, NOW, NOW)})
    store.insert(run)
    assert replace(store.get(run.id), etag="") == run


def test_a_step_is_kept_in_the_form_of_earlier_versions() -> None:
    """So that an app of an earlier version, which runs beside this one while it is deployed, goes on with it."""
    tables = MemoryTables()
    RunStore(tables).insert(FULL)
    (row,) = tables.table("runs").rows.values()
    assert json.loads(str(row.values["step_power_on"]))["memo"] == FULL.step("power-on").checkpoint


def test_a_run_of_a_version_without_plans_goes_by_its_kinds() -> None:
    tables = MemoryTables()
    store = RunStore(tables)
    store.insert(FULL)
    rows = tables.table("runs").rows
    for key, row in rows.items():
        rows[key] = replace(row, values={name: value for name, value in row.values.items() if name != "plan"})
    assert replace(store.get(FULL.id), etag="") == FULL


@pytest.mark.parametrize("text", ["", "r5", "r5-", "r5-1", "-99998207000000abcdef", "r5-9999820700000/abcdef", "../x"])
def test_what_is_no_runs_id_is_no_run(text: str) -> None:
    with pytest.raises(MissingError, match="There is no run"):
        split_id(text)


def test_a_hubs_runs_come_newest_first_and_are_its_own(store: RunStore) -> None:
    runs = [run_of(Kind.START, requested=NOW + timedelta(milliseconds=n)) for n in (3, 0, 2, 1)]
    for each in [*runs, run_of(Kind.STOP, hub="r5-b", requested=NOW), run_of(Kind.STOP, hub="r4")]:
        store.insert(each)
    asked = [found.requested for found in store.of_hub("r5", 10)]
    assert asked == sorted((each.requested for each in runs), reverse=True)
    assert [found.requested for found in store.of_hub("r5", 2)] == asked[:2]
    assert [found.kind for found in store.of_hub("r5-b", 10)] == [Kind.STOP]


def test_two_runs_of_the_same_millisecond_have_different_ids() -> None:
    assert len({new_id("r5", NOW) for _ in range(50)}) == 50


@settings(max_examples=40, deadline=None)
@given(st.timedeltas(min_value=timedelta(milliseconds=1), max_value=timedelta(days=3000)))
def test_a_later_runs_id_sorts_first(later: timedelta) -> None:
    assert new_id("r5", NOW + later) < new_id("r5", NOW)


def test_each_step_is_written_by_itself(store: RunStore) -> None:
    created = run_of(Kind.CREATE)
    store.insert(created)
    steps = [StepState(step.name, StepStatus.RUNNING, started=NOW, message=step.name) for step in created.steps]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda step: store.save_step(created.id, step), steps))
    assert list(store.get(created.id).steps) == steps


def test_a_step_written_in_between_is_not_lost(store: RunStore) -> None:
    asked = run_of(Kind.START)
    store.insert(asked)
    rested = StepState("rest", StepStatus.SUCCEEDED, NOW, NOW)
    seen: list[Run] = []

    def change(current: Run) -> Run:
        if not seen:
            store.save_step(asked.id, rested)
        seen.append(current)
        return replace(current, status=Status.RUNNING)

    store.update(asked.id, change)
    assert len(seen) == 2, "the first write fails and it is read again"
    found = store.get(asked.id)
    assert (found.status, found.step("rest")) == (Status.RUNNING, rested)


def test_two_changes_at_the_same_time_both_count(store: RunStore) -> None:
    asked = run_of(Kind.START)
    store.insert(asked)
    together = Barrier(4)

    def change(_: int) -> None:
        together.wait(10)
        store.update(asked.id, lambda current: replace(current, attempt=current.attempt + 1))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(change, range(4)))
    assert store.get(asked.id).attempt == asked.attempt + 4


def test_a_change_that_changes_nothing_is_not_written(store: RunStore) -> None:
    store.insert(FULL)
    before = store.get(FULL.id)
    assert store.update(FULL.id, lambda current: current) == before
    assert store.get(FULL.id).etag == before.etag


def test_a_run_that_everybody_writes_all_the_time_is_a_passing_trouble() -> None:
    tables = MemoryTables()
    store = RunStore(tables)
    asked = run_of(Kind.START)
    store.insert(asked)

    def change(current: Run) -> Run:
        store.save_step(asked.id, StepState("rest", message=current.etag))
        return replace(current, status=Status.RUNNING)

    with pytest.raises(TemporaryError, match="is being written"):
        store.update(asked.id, change)


def test_a_receipt_is_kept_beside_the_rest(store: RunStore) -> None:
    asked = run_of(Kind.TEARDOWN)
    store.insert(asked)
    store.keep_receipt(asked.id, {"deleted": ["a"], "left": []})
    assert replace(store.get(asked.id), etag="") == replace(asked, receipt={"deleted": ["a"], "left": []})
