"""What is known of a hub: each part as it is stored, rows of earlier versions, and writers side by side."""

import json
from dataclasses import FrozenInstanceError, fields, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AwareDatetime

from shared.azure.tables import Row, Tables
from shared.hubs.spec.validation import parse
from shared.hubs.status import facts, parts
from shared.hubs.status.model import PARTS, Status, from_columns, required, to_columns
from shared.hubs.status.parts import Addresses, Certificate, Part, PoolImage, Urls
from shared.hubs.store import HubStore, known
from shared.runs.model import Kind, StepState
from tests.given import Place, run_of

NOW = datetime(2026, 11, 23, 8, 0, 0, 123456, tzinfo=UTC)
TEXT = "2026-11-23T08:00:00.123456+00:00"
LARGEST_COLUMN = 32_768
"""UTF-16 units of text that Table Storage takes in one column."""

st.register_type_strategy(AwareDatetime, st.datetimes(timezones=st.just(UTC)))
any_part: st.SearchStrategy[Part] = st.sampled_from(sorted(PARTS)).flatmap(lambda name: st.builds(PARTS[name]))


def stored(*written: Part) -> Status:
    return from_columns(to_columns(written), Status())


# The form


def test_every_part_is_there_once_and_empty_at_first() -> None:
    assert len(set(PARTS.values())) == len(PARTS) == len(fields(Status))
    assert [getattr(Status(), name) for name in PARTS] == [part() for part in PARTS.values()]


@pytest.mark.parametrize("name", PARTS)
def test_every_part_comes_back_as_it_was(name: str) -> None:
    @given(st.builds(PARTS[name]))
    def comes_back(part: Part) -> None:
        assert to_columns([part]).keys() == {f"status_{name}"}
        assert stored(part) == Status().having(part)

    comes_back()


def test_times_come_back_in_utc() -> None:
    pacific = NOW.astimezone(timezone(timedelta(hours=-8)))
    since = stored(parts.Usable(pacific)).usable.since
    assert since == NOW
    assert since.isoformat() == TEXT


def test_a_part_of_a_later_version_with_more_in_it_is_read() -> None:
    row = {"status_registry": '{"server": "r5.azurecr.io", "sku": "Basic"}', "status_later": "{}", "spec": "{}"}
    assert from_columns(row, Status()) == Status(registry=parts.Registry("r5.azurecr.io"))


def test_what_cannot_be_read_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="expires"):
        from_columns({"status_password": '{"expires": "not a time"}'}, Status())


def test_nobody_changes_a_status_in_place() -> None:
    with pytest.raises(FrozenInstanceError):
        Status().cluster = parts.Cluster("id")  # type: ignore[misc]  # the point of it
    hash(stored(parts.Retired(parts.RetiredIdentity("r5-sp", existing=False, nodes=(PoolImage("a", "b", "c"),)))))


def test_what_has_to_be_there_is_named_when_it_is_not() -> None:
    assert required("4.4.0", "version of the chart") == "4.4.0"
    with pytest.raises(KeyError, match="version of the chart"):
        required(Status().release.chart, "version of the chart")


def test_parts_of_a_large_hub_fit_their_columns() -> None:
    """500 users, and ids as long as Azure lets them be."""
    resource, many = "ä" * 1_000, tuple(f"claim-student-{number:05d}-2dexample-2eorg" for number in range(500))
    large = [
        parts.Homes(many, "r5-homes-rg"),
        parts.Dns((resource,) * 20),
        parts.DeletedSecrets(tuple(f"r5--{number:0100d}" for number in range(200))),
        parts.NodePools(tuple(f"nodepool{number}" for number in range(100))),
        parts.Retired(
            parts.RetiredIdentity(
                "r5-sp", True, nodes=tuple(PoolImage("p" * 12, "i" * 100, "1.36.3") for _ in range(100))
            )
        ),
    ]
    for name, text in to_columns(large).items():
        assert len(text.encode("utf-16-le")) // 2 <= LARGEST_COLUMN, name


# Rows of earlier versions

CERTIFICATE = {"key": "cert", "version": "1", "secret": "hubkeeper-tls-1", "ends": TEXT}
KEPT = Certificate("cert", "1", "hubkeeper-tls-1", NOW)
BOTH = {"address": "20.1.2.3", "binder_address": "20.1.2.4"}
NODES = {"nodepool1": ["image", "1.35.5"], "gpu": [None, None]}
POOLS = (PoolImage("nodepool1", "image", "1.35.5"), PoolImage("gpu", None, None))
NOTED = {"run": "r5-1", "path": ["1.35.5", "1.36.3"], "chart": "4.4.0", "disruptive": True, "renewed": True}
NOTED |= {"identity": True, "woken": True, "good": 3, "nodes": NODES, "tls": CERTIFICATE, "installed_by": "r5-1.2"}
NOTED |= {"revision": 4, "told_before": BOTH}
FAILING = {"kind": "start", "count": 2, "first": TEXT, "last": TEXT, "cancelled": True}
RETIRED = {
    "name": "r5-sp",
    "brought": True,
    "client_id": "app",
    "application_id": "object",
    "principal_id": "principal",
}
RETIRED |= {"role_assignment": "role", "nodes": NODES}

OLD: list[tuple[str, Any, Part]] = [
    ("cluster_id", "/c", parts.Cluster(id="/c")),
    ("fqdn", "r5.hcp", parts.Cluster(fqdn="r5.hcp")),
    ("kubernetes_version", "1.35.5", parts.Cluster(kubernetes="1.35.5")),
    ("extra_pools", ["a", "b"], parts.NodePools(("a", "b"))),
    ("ssh_public_key", "ssh-rsa x", parts.SshKey("ssh-rsa x")),
    ("registry_server", "r5.azurecr.io", parts.Registry("r5.azurecr.io")),
    ("application_id", "object", parts.Identity(application_id="object")),
    ("client_id", "app", parts.Identity(client_id="app")),
    ("identity_id", "/id", parts.Identity(managed_id="/id")),
    ("principal_id", "principal", parts.Identity(principal_id="principal")),
    ("role_assignment", "/role", parts.Role("/role")),
    ("new_identity_id", "/id", parts.NextIdentity(managed_id="/id")),
    ("new_principal_id", "principal", parts.NextIdentity(principal_id="principal")),
    ("new_role_assignment", "/role", parts.NextIdentity(role_assignment="/role")),
    (
        "retired",
        RETIRED,
        parts.Retired(parts.RetiredIdentity("r5-sp", True, "app", "object", "principal", "role", POOLS)),
    ),
    ("password_key", "key1", parts.Password(key="key1")),
    ("password_expires", TEXT, parts.Password(expires=NOW)),
    ("password_proven", "key1", parts.Password(proven="key1")),
    ("password_unsettled", True, parts.Password(unsettled=True)),
    ("password_asked", "key2", parts.Password(asked="key2")),
    ("rotate_for", "r5-1", parts.Password(rotate_for="r5-1")),
    ("rotate_for", "", parts.Password()),
    (
        "network_role",
        {"subnet": "/subnet", "by": "ada", "at": "2026-11-23T08:00:00Z"},
        parts.Network(parts.NetworkPermission("/subnet", "ada", NOW.replace(microsecond=0))),
    ),
    ("address", "20.1.2.3", Addresses(hub="20.1.2.3")),
    ("binder_address", "20.1.2.4", Addresses(page="20.1.2.4")),
    ("url", "http://r5/", Urls(hub="http://r5/")),
    ("binder_url", "http://page/", Urls(page="http://page/")),
    ("usable_since", TEXT, parts.Usable(NOW)),
    ("dns_records", ["/a"], parts.Dns(records=("/a",))),
    (
        "leads",
        {"hosts": ["r5.example"], "address": "20.1.2.3", "since": TEXT},
        parts.Dns(resolved=parts.ResolvedName(("r5.example",), "20.1.2.3", NOW)),
    ),
    ("tls", CERTIFICATE, parts.Tls(KEPT)),
    ("tls_used", True, parts.Tls(secrets=True)),
    (
        "withdrawn",
        {"proxy-public": "LoadBalancer"},
        parts.Withdrawn((parts.WithdrawnService("proxy-public", "LoadBalancer"),)),
    ),
    ("chart_version", "4.4.0", parts.Release(chart="4.4.0")),
    ("release_revision", 3, parts.Release(revision=3)),
    ("linked_to", BOTH, parts.Release(linked=Addresses("20.1.2.3", "20.1.2.4"))),
    (
        "candidate",
        {"url": "http://r5/", "binder_url": "http://page/", **BOTH},
        parts.Candidate(Addresses("20.1.2.3", "20.1.2.4"), Urls("http://r5/", "http://page/")),
    ),
    (
        "candidate",
        {"url": "http://r5/", "address": "20.1.2.3"},
        parts.Candidate(Addresses("20.1.2.3"), Urls("http://r5/")),
    ),
    (
        "upgrade",
        NOTED,
        parts.Upgrade(
            "r5-1",
            ("1.35.5", "1.36.3"),
            "4.4.0",
            True,
            True,
            True,
            True,
            3,
            POOLS,
            True,
            KEPT,
            "r5-1.2",
            4,
            Addresses("20.1.2.3", "20.1.2.4"),
        ),
    ),
    ("upgrade", {"run": "r5-1"}, parts.Upgrade("r5-1")),
    ("upgrade", {"run": "r5-1", "tls": None, "told_before": None}, parts.Upgrade("r5-1", certificate_known=True)),
    ("power_failing", FAILING, parts.Failures(parts.PowerFailure("start", 2, NOW, NOW, cancelled=True))),
    ("decision", ["as it is", "it has no schedule"], parts.Decided("as it is", "it has no schedule")),
    ("warned_for", TEXT, parts.StopWarning(NOW)),
    ("upkeep_warned", {"version": TEXT}, parts.UpkeepWarnings((parts.UpkeepWarning("VersionRetires", NOW),))),
    ("upkeep_warned", {"left-over": TEXT}, parts.UpkeepWarnings((parts.UpkeepWarning("LeftOver", NOW),))),
    ("upkeep_warned", {"Standstill": TEXT}, parts.UpkeepWarnings((parts.UpkeepWarning("Standstill", NOW),))),
    ("homes_kept", ["claim-ann"], parts.Homes(claims=("claim-ann",))),
    ("homes_group", "r5-homes-rg", parts.Homes(group="r5-homes-rg")),
    ("records_removed", ["/a"], parts.DeletedRecords(("/a",))),
    ("deleted_cluster", "/c", parts.DeletedCluster(id="/c")),
    ("deleted_nodes", "/g", parts.DeletedCluster(node_group="/g")),
    ("deleted_role", "/role", parts.DeletedRoles(("/role",))),
    ("deleted_new_role", "/role", parts.DeletedRoles(("/role",))),
    ("deleted_old_role", "/role", parts.DeletedRoles(("/role",))),
    ("deleted_identity", "/id", parts.DeletedIdentity(managed_id="/id")),
    ("deleted_application", "application r5-sp (app)", parts.DeletedIdentity(application="application r5-sp (app)")),
    ("deleted_network", "/n", parts.DeletedNetwork("/n")),
    ("deleted_registry", "/r", parts.DeletedRegistry("/r")),
    ("deleted_group", "/g", parts.DeletedGroup("/g")),
    ("secrets_purged", ["r5--a"], parts.DeletedSecrets(names=("r5--a",))),
    ("secrets_unpurged", ["r5--a"], parts.DeletedSecrets(unpurged=("r5--a",))),
]


def old(key: str, value: Any) -> dict[str, Any]:
    return {f"fact_{key}": json.dumps(value)}


@pytest.mark.parametrize(("key", "value", "part"), OLD, ids=[key for key, _, _ in OLD])
def test_each_fact_of_earlier_versions_is_read(key: str, value: Any, part: Part) -> None:
    assert facts.read(old(key, value)) == Status().having(part)


@pytest.mark.parametrize("key", sorted({key for key, _, _ in OLD}))
def test_a_fact_that_was_taken_back_is_none(key: str) -> None:
    assert facts.read(old(key, None)) == Status()


def test_an_old_row_keeps_all_that_it_knows_and_what_is_written_anew_wins(tables: Tables) -> None:
    store = HubStore(tables)
    store.insert(parse({"name": "r5"}, "westus"), NOW, "first")
    row = {**old("password_key", "key1"), **old("password_expires", TEXT), **old("tls", CERTIFICATE)}
    tables.table("hubs").merge(Row("r5", "hub", row), None)
    found = known(store.get("r5"), "r5").status
    assert found == Status(password=parts.Password("key1", NOW), tls=parts.Tls(KEPT))
    store.record("r5", replace(found.password, asked="key2"), parts.Tls())
    assert known(store.get("r5"), "r5").status == Status(password=parts.Password("key1", NOW, asked="key2"))


# Writers


@given(st.lists(any_part, max_size=10, unique_by=type), st.data())
def test_two_writers_of_one_hub_lose_none_of_each_others_parts(written: list[Part], data: st.DataObject) -> None:
    place = Place()
    place.ready()
    run = run_of(Kind.CREATE)
    both = [
        place.context(run, StepState(name)) for name in ("identity", "registry")
    ]  # both have read before either writes
    for part in written:
        data.draw(st.sampled_from(both)).record(part)
    assert place.hub().status == Status().having(*written)


def test_a_step_sees_what_it_has_recorded_and_leaves_alone_what_another_recorded_meanwhile() -> None:
    place = Place()
    place.ready(parts=[parts.Cluster(kubernetes="1.35.5")])
    before = place.hub()
    run = run_of(Kind.CREATE)
    one, other = (place.context(run, StepState(name)) for name in ("identity", "registry"))
    other.record(parts.Registry("r5.azurecr.io"))
    one.record(parts.Identity(client_id="app"))
    one.record(replace(one.status.identity, principal_id="principal"))
    assert one.status.identity == parts.Identity(client_id="app", principal_id="principal")
    assert one.status.registry == parts.Registry(), "read before the other wrote"
    written = before.status.having(one.status.identity, other.status.registry)
    assert place.hub().status == written
    assert before.status == Status(cluster=parts.Cluster(kubernetes="1.35.5")), "a record was changed in place"


def test_what_the_upkeep_told_is_kept_by_its_code() -> None:
    told = parts.UpkeepWarnings().with_told("version", NOW).with_told("open", NOW)
    later = told.with_told("version", NOW + timedelta(days=7))
    assert (later.last("version"), later.last("open"), later.last("gone")) == (NOW + timedelta(days=7), NOW, None)
    assert len(later.told) == 2


def test_a_teardown_lists_everything_that_it_set_out_to_delete() -> None:
    status = Status().having(
        *(part for key, _, part in OLD if key.startswith("deleted_")), parts.DeletedRecords(("/a",))
    )
    assert status.having(parts.DeletedCluster("/c", "/g"), parts.DeletedIdentity("/id", "application")).deleted == (
        *("/c", "/g", "/id", "application", "/n", "/r", "/g"),
        *("/role", "/a"),
    )
