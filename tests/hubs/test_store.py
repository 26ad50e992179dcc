"""Hubs as they are kept: who may lease one, what survives storage, and what two writers at once come to."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest

from shared.azure.tables import Row, Tables
from shared.errors import ConflictError, MissingError, TemporaryError
from shared.hubs.spec.model import Hub
from shared.hubs.spec.validation import parse
from shared.hubs.status.model import Status
from shared.hubs.status.parts import (
    Cluster,
    Decided,
    DeletedNetwork,
    Dns,
    Identity,
    Password,
    Registry,
    Release,
    ResolvedName,
    Role,
    SshKey,
    UpkeepWarning,
    UpkeepWarnings,
    Urls,
    Withdrawn,
    WithdrawnService,
)
from shared.hubs.store import HubRecord, HubStore, known
from shared.schedules.record import Record
from tests.fakes.memory import MemoryTables

NOW = datetime(2026, 11, 23, 8, 0, 0, 123456, tzinfo=UTC)
OFFICE = {"timezone": "Europe/Berlin", "windows": [{"days": ["mon"], "from": "08:00", "to": "18:00"}]}


def spec(name: str = "r5", **more: Any) -> Hub:
    return parse({"name": name, **more}, "westus")


def hub(store: HubStore, name: str = "r5") -> HubRecord:
    return known(store.get(name), name)


@pytest.fixture
def store(tables: Tables) -> HubStore:
    return HubStore(tables)


@pytest.fixture
def ready(store: HubStore) -> HubRecord:
    """Hub r5, made and with nothing open on it."""
    store.insert(spec(), NOW, "first")
    store.release("r5", "first", "ready")
    return hub(store)


def test_a_new_hub_is_leased_to_the_run_that_makes_it(store: HubStore) -> None:
    store.insert(spec(schedule=OFFICE), NOW, "first")
    found = hub(store)
    assert found.spec == spec(schedule=OFFICE)
    assert (found.phase, found.created, found.open_run, found.last_run) == ("creating", NOW, "first", "first")
    assert (found.waiting_run, found.status, found.power) == (None, Status(), Record())


def test_a_name_is_given_once(store: HubStore) -> None:
    store.insert(spec(), NOW, "first")
    with pytest.raises(ConflictError):
        store.insert(spec(location="westeurope"), NOW, "second")
    assert hub(store).spec.location == "westus"


def test_what_is_not_there_is_none_and_cannot_be_changed(store: HubStore) -> None:
    assert store.get("r5") is None
    assert list(store.all()) == list(store.leased()) == []
    store.forget("r5", "first")
    store.release("r5", "first", "ready")
    with pytest.raises(MissingError, match="no hub named 'r5'"):
        store.update_power("r5", lambda record: record)


def test_a_lease_ends_with_its_run_and_with_no_other(store: HubStore, ready: HubRecord) -> None:
    store.lease(ready, "second", "ready")
    store.release("r5", "first", "failed")
    assert (hub(store).open_run, hub(store).phase) == ("second", "ready")
    store.release("r5", "second", "failed")
    assert (hub(store).open_run, hub(store).last_run, hub(store).phase) == (None, "second", "failed")


def test_only_the_first_of_two_who_read_the_same_hub_leases_it(store: HubStore, ready: HubRecord) -> None:
    store.lease(ready, "second", "ready")
    with pytest.raises(ConflictError):
        store.lease(ready, "third", "ready")
    with pytest.raises(ConflictError):
        store.wait(ready, "third")
    assert hub(store).open_run == "second"


def test_of_many_at_once_one_leases(store: HubStore, ready: HubRecord) -> None:
    together = Barrier(6)

    def lease(number: int) -> bool:
        seen = hub(store)
        together.wait(10)
        try:
            store.lease(seen, f"run{number}", "ready")
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        won = list(pool.map(lease, range(6)))
    assert sum(won) == 1
    assert hub(store).open_run == f"run{won.index(True)}"


def test_a_run_in_line_gets_the_lease_when_the_present_one_ends(store: HubStore, ready: HubRecord) -> None:
    store.lease(ready, "stop", "ready")
    store.wait(hub(store), "start")
    assert (hub(store).open_run, hub(store).waiting_run, hub(store).last_run) == ("stop", "start", "stop")
    store.release("r5", "stop", "ready")
    assert (hub(store).open_run, hub(store).waiting_run, hub(store).last_run) == ("start", None, "start")
    store.release("r5", "stop", "ready")
    assert hub(store).open_run == "start"


def test_leased_hubs_are_found_among_all(store: HubStore, ready: HubRecord) -> None:
    store.insert(spec("busy"), NOW, "create")
    assert [found.name for found in store.leased()] == ["busy"]
    assert sorted(found.name for found in store.all()) == ["busy", "r5"]
    store.lease(ready, "start", "ready")
    assert sorted(found.name for found in store.leased()) == ["busy", "r5"]


def test_steps_that_run_side_by_side_do_not_overwrite_each_others_parts(store: HubStore, ready: HubRecord) -> None:
    written = [
        Cluster("id", "r5.hcp", "1.35.5"),
        SshKey("ssh-rsa ä"),
        Registry("r5registry.azurecr.io"),
        Identity(client_id="app"),
        Role("assignment"),
        Password("key1", NOW),
        Urls("http://r5/"),
        Dns(("record",), ResolvedName(("r5.example",), "20.1.2.3", NOW)),
        Withdrawn((WithdrawnService("proxy-public", "LoadBalancer"),)),
        Decided("on", "it is a window"),
        UpkeepWarnings((UpkeepWarning("version", NOW),)),
        DeletedNetwork("network"),
    ]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda part: store.record("r5", part), written))
    assert hub(store).status == Status().having(*written)
    store.record("r5", Withdrawn(), Decided())
    assert hub(store).status == Status().having(*written, Withdrawn(), Decided())
    assert hub(store).phase == "ready"


def test_changes_of_the_power_record_at_the_same_time_all_count(store: HubStore, ready: HubRecord) -> None:
    together = Barrier(4)

    def learn(seconds: float) -> None:
        together.wait(10)
        store.update_power("r5", lambda record: replace(record, starts=(*record.starts, seconds)))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(learn, [300.0, 301.0, 302.0, 303.0]))
    assert sorted(hub(store).power.starts) == [300.0, 301.0, 302.0, 303.0]


def test_a_power_record_that_does_not_change_is_not_written(store: HubStore, ready: HubRecord) -> None:
    assert store.update_power("r5", lambda record: record) == Record()
    assert hub(store).etag == ready.etag


def test_a_changed_specification_is_written_over_the_hub_that_was_read_only(store: HubStore, ready: HubRecord) -> None:
    changed = ready.spec.model_copy(update={"schedule": spec(schedule=OFFICE).schedule})
    record = Record(schedule_since=NOW)
    store.save_spec(ready, changed, record)
    assert (hub(store).spec, hub(store).power) == (changed, record)
    with pytest.raises(ConflictError):
        store.save_spec(ready, ready.spec, Record())
    assert hub(store).stored_schedule["timezone"] == "Europe/Berlin"


def test_a_schedule_that_can_no_longer_be_read_loses_no_hub(store: HubStore, tables: Tables) -> None:
    store.insert(spec(schedule=OFFICE), NOW, "first")
    row = tables.table("hubs").get("r5", "hub")
    assert row is not None
    stored = str(row.values["spec"]).replace("Europe/Berlin", "Mars/Olympus")
    tables.table("hubs").merge(Row("r5", "hub", {"spec": stored}), None)
    found = hub(store)
    assert found.spec.schedule is None
    assert found.stored_schedule["timezone"] == "Mars/Olympus"


def test_a_hub_that_everybody_writes_all_the_time_is_a_passing_trouble() -> None:
    tables = MemoryTables()
    store = HubStore(tables)
    store.insert(spec(), NOW, "first")
    table, writes = tables.table("hubs"), 0

    def somebody_else() -> None:
        nonlocal writes
        writes += 1
        store.record("r5", Release(revision=writes))
        table.meanwhile = somebody_else

    table.meanwhile = somebody_else
    with pytest.raises(TemporaryError, match="r5"):
        store.update_power("r5", lambda record: replace(record, last_activity=NOW + timedelta(seconds=writes)))
    assert hub(store).power == Record()


@pytest.mark.parametrize("times", [1, 5])
def test_a_write_is_tried_again_when_somebody_was_faster(times: int) -> None:
    tables = MemoryTables()
    store = HubStore(tables)
    store.insert(spec(), NOW, "first")
    table = tables.table("hubs")

    def others(left: int) -> Callable[[], None]:
        def act() -> None:
            store.record("r5", Release(revision=left))
            table.meanwhile = others(left - 1) if left > 1 else None

        return act

    table.meanwhile = others(times)
    store.update_power("r5", lambda record: replace(record, last_activity=NOW))
    assert hub(store).power.last_activity == NOW
    assert hub(store).status == Status(release=Release(revision=1))
