"""A specification that names what belongs to others: it is neither read nor changed, and a role on it takes an admin's word."""

from collections.abc import Iterator
from typing import Any

import pytest

from local.functions.web import ADMIN_KEY
from shared.azure.aks import API as CLUSTER_API
from shared.clock import SystemClock
from shared.hubs import ownership
from shared.hubs.spec.defaults import OWNER_TAG
from shared.services import Services
from shared.settings import Settings
from tests.cloud import Cloud, Host, call
from tests.stories.conftest import create, gone, teardown

pytestmark = pytest.mark.story

THEIRS, OURS = "theirs", "ours"
NETWORK = {"resourceGroup": f"{THEIRS}-rg", "network": {"name": f"{THEIRS}-vnet", "subnet": f"{THEIRS}-subnet"}}


@pytest.fixture(scope="module")
def theirs(host: Host) -> Iterator[None]:
    """Somebody else's cluster and network: another hub's, which is as foreign as any."""
    run = create(host, {"name": THEIRS})
    assert run["status"] == "succeeded", run
    yield
    gone(host, THEIRS)


@pytest.fixture
def azure(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Services:
    """Azure as an administrator uses it, past the product's routes."""
    for name, value in cloud.environment.items():
        monkeypatch.setenv(name, value)
    return Services(Settings.from_environ(cloud.environment), SystemClock())


def is_well(host: Host) -> bool:
    return call("GET", host.get(f"/api/hubs/{THEIRS}").json["url"] + "hub/health").status == 200


READS = ("kubeconfig", "inventory", "users")
ACTS: list[tuple[str, str, Any]] = [
    ("POST", "/start", {}),
    ("POST", "/stop", {}),
    ("POST", "/stop/force", {}),
    ("PATCH", "", {"cluster": {"nodeCount": 5}}),
]


def refused(host: Host, hub: str) -> None:
    """Nothing of the cluster is read or changed in the name of this hub."""
    for what in READS:
        answer = host.get(f"/api/hubs/{hub}/{what}", key=ADMIN_KEY)
        assert answer.status in (404, 409), (what, answer.json)
        assert "client-key-data" not in str(answer.json)
    assert host.get(f"/api/hubs/{hub}").json["power"]["actual"] == "none"
    listed = {each["name"]: each["power"]["actual"] for each in host.get("/api/hubs").json["hubs"]}
    assert listed[hub] in ("none", "unknown")


def test_a_cluster_that_a_hub_only_names_is_neither_read_nor_changed(host: Host, theirs: None) -> None:
    try:
        named = {"resourceGroup": f"{THEIRS}-rg", "cluster": {"name": THEIRS, "nodeResourceGroup": "ours-nodes"}}
        run = create(host, {"name": OURS, **named})
        assert (run["status"], run["error"]["code"]) == ("failed", "ClusterExists"), run
        refused(host, OURS)
        for method, path, body in ACTS:
            answer = host.call(method, f"/api/hubs/{OURS}{path}", body, ADMIN_KEY)
            assert answer.status == 409, (method, path, answer.json)
        torn = teardown(host, OURS, "&keepHomes=true")
        assert torn["status"] == "succeeded", torn
        assert is_well(host)
    finally:
        gone(host, OURS)


def test_a_cluster_of_the_same_name_that_somebody_made_since_is_not_the_hubs(
    host: Host, theirs: None, azure: Services
) -> None:
    """As after a deletion by hand: the cluster of that name has no tag of the hub's."""
    cluster = azure.clusters.get(f"{THEIRS}-rg", THEIRS)
    assert cluster is not None
    azure.arm.patch(cluster.id, CLUSTER_API, {"tags": {"course": "stat"}})
    try:
        refused(host, THEIRS)
        answer = host.post(f"/api/hubs/{THEIRS}/stop/force", {}, ADMIN_KEY)
        assert answer.status in (202, 409), answer.json
        if answer.status == 202:
            run = host.wait_run(answer.headers["Location"])
            assert (run["status"], run["error"]["code"]) == ("failed", "ClusterNotFound"), run
        assert host.patch(f"/api/hubs/{THEIRS}", {"cluster": {"nodeCount": 5}}).status == 409
        after = azure.clusters.get(f"{THEIRS}-rg", THEIRS)
        assert after is not None
        assert (after.power, after.pools) == ("Running", cluster.pools)
    finally:
        azure.arm.patch(cluster.id, CLUSTER_API, {"tags": {OWNER_TAG: THEIRS}})
    host.post(f"/api/hubs/{THEIRS}/start", {})
    assert is_well(host)


def test_a_role_on_a_network_of_others_takes_an_admins_word(cloud: Cloud, host: Host, theirs: None) -> None:
    """And is one on the subnet alone, gone with the hub. Group and network stay."""
    path = f"/api/hubs/{OURS}/network-role"
    try:
        plan = host.post("/api/hubs?dryRun=true", {"name": OURS, **NETWORK}).json
        assert plan["possible"]
        assert "NetworkExists" in {finding["code"] for finding in plan["findings"]}

        run = create(host, {"name": OURS, **NETWORK})
        assert (run["status"], run["error"]["code"]) == ("failed", "NetworkNotOwned"), run
        assert f"PUT {path}" in run["error"]["advice"]
        assert roles(cloud) == {f"/{THEIRS}-vnet": 1}
        subnet = run["error"]["advice"].partition('"subnet": "')[2].partition('"')[0]

        assert host.put(path, {"subnet": subnet}).status == 401  # the function key is not an admin's
        assert host.put(path, {"subnet": subnet[:-1]}, ADMIN_KEY).status == 400
        assert host.put(path, {"subnet": subnet}, ADMIN_KEY).status == 200
        again = host.post(f"/api/runs/{run['id']}/retry")
        assert host.wait_run(again.headers["Location"], 300)["status"] == "succeeded"
        assert roles(cloud) == {f"/{THEIRS}-vnet": 1, f"/{THEIRS}-vnet/subnets/{THEIRS}-subnet": 1}

        torn = teardown(host, OURS)
        assert torn["status"] == "succeeded", torn
        assert any(item["id"].endswith(f"/{THEIRS}-rg") for item in torn["receipt"]["kept"])
        assert roles(cloud) == {f"/{THEIRS}-vnet": 1}
        assert is_well(host)
    finally:
        gone(host, OURS)


def test_a_role_that_is_there_already_needs_nobody(host: Host, theirs: None, azure: Services) -> None:
    try:
        run = create(host, {"name": OURS, **NETWORK})
        assert run["error"]["code"] == "NetworkNotOwned", run
        advice = run["error"]["advice"]
        principal = advice.partition("--assignee-object-id ")[2].partition(" ")[0]
        scope = advice.partition("--scope ")[2].partition(". Then")[0]
        given = azure.roles.assign(scope, principal, "Network Contributor")
        again = host.post(f"/api/runs/{run['id']}/retry")
        assert host.wait_run(again.headers["Location"], 300)["status"] == "succeeded"
        assert teardown(host, OURS)["status"] == "succeeded"
        azure.roles.remove(given)
    finally:
        gone(host, OURS)


def test_a_managed_identity_of_others_is_not_taken(host: Host, theirs: None, azure: Services) -> None:
    """Whatever rights it has elsewhere would be the hub's."""
    group = azure.arm.group(f"{THEIRS}-rg")
    assert group is not None
    identity = f"{group.id}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/powerful"
    azure.arm.put(identity, "2023-01-31", {"location": group.location})
    body = {"name": OURS, "resourceGroup": group.name, "identity": {"type": "managed", "name": "powerful"}}
    try:
        plan = host.post("/api/hubs?dryRun=true", body).json
        assert "IdentityExists" in {finding["code"] for finding in plan["findings"]}
        run = create(host, body)
        assert (run["status"], run["error"]["code"]) == ("failed", "IdentityExists"), run
    finally:
        gone(host, OURS)
        assert azure.arm.get(identity, "2023-01-31") is not None
        azure.arm.delete(identity, "2023-01-31")


def test_an_application_of_the_hubs_unique_name_is_not_taken(host: Host, azure: Services) -> None:
    """Who made it may have a password of it."""
    key = ownership.application_key(OURS, azure.settings.subscription_id)
    theirs = azure.directory.ensure_application(key, "theirs", ["mine"])
    try:
        plan = host.post("/api/hubs?dryRun=true", {"name": OURS}).json
        assert "ApplicationExists" in {finding["code"] for finding in plan["findings"]}
        run = create(host, {"name": OURS})
        assert (run["status"], run["error"]["code"]) == ("failed", "ApplicationExists"), run
    finally:
        gone(host, OURS)
        found = azure.directory.application(unique_name=key)
        assert found is not None
        assert (found.object_id, found.tags, found.passwords) == (theirs.object_id, ("mine",), ())
        azure.directory.delete_application(theirs.object_id, None)


def roles(cloud: Cloud) -> dict[str, int]:
    """How many role assignments there are on the network of others, by the end of their scope."""
    found: dict[str, int] = {}
    for row in cloud.control.resources():
        scope, assignment, _ = row["id"].partition("/providers/Microsoft.Authorization/roleAssignments/")
        if assignment and f"/{THEIRS}-vnet" in scope:
            end = scope[scope.index(f"/{THEIRS}-vnet") :]
            found[end] = found.get(end, 0) + 1
    return found
