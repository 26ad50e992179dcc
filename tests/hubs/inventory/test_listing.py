"""What is told of a cluster, from what its API says."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.hubs.inventory import listing, people
from shared.hubs.inventory.capacity import GIBIBYTE, Amounts
from shared.hubs.inventory.listing import Seen, per_user
from shared.hubs.spec.validation import parse
from shared.hubs.status.model import Status
from shared.hubs.status.parts import Urls
from shared.hubs.store import HubRecord
from shared.kubernetes.helm import Release
from shared.kubernetes.jupyterhub import HubUser, Server
from shared.kubernetes.workloads import Claim, Node, Pod

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)


def record(**body: Any) -> HubRecord:
    return HubRecord(
        parse({"name": "r5", **body}, "westus"),
        "ready",
        NOW,
        None,
        None,
        status=Status(urls=Urls("http://203.0.113.7/")),
    )


def node(number: int, **more: Any) -> Node:
    return Node(f"n{number}", "nodepool1", True, "v1.35.2", 1.9, 7 * GIBIBYTE, 30, **more)


def user_pod(name: str, on: str, phase: str = "Running") -> Pod:
    return Pod(
        f"jupyter-{name}", "jhub", on, phase, True, name, "singleuser-server", NOW, GIBIBYTE, 0.0, (f"claim-{name}",)
    )


def system_pod(name: str, on: str, *, daemon: bool = True) -> Pod:
    return Pod(name, "kube-system", on, "Running", True, None, None, NOW, 0, 0.1, (), daemon)


SEEN = Seen(
    nodes=[node(1), node(2), node(3, schedulable=False)],
    pods=[
        user_pod("ada", "n1"),
        user_pod("bob", "n2", "Succeeded"),
        Pod("hub-1", "jhub", "n1", "Running", True, None, "hub", NOW, 0, 0.0, ("hub-db-dir",)),
        Pod("user-placeholder-0", "jhub", "n2", "Running", True, None, "user-placeholder", NOW, 6 * GIBIBYTE),
        system_pod("kube-proxy-1", "n1"),
        system_pod("kube-proxy-2", "n2"),
        system_pod("coredns-1", "n1", daemon=False),
    ],
    claims=[Claim("claim-ada", "Bound", 10, "default", "pvc-1", "/subscriptions/s/disks/pvc-1", "ada")],
    skus={"default": "StandardSSD_LRS"},
    address="203.0.113.7",
    releases=[
        Release("jhub", "jhub", 1, "superseded", "jupyterhub", "4.3.5", "5.4", NOW, "Install complete"),
        Release("jhub", "jhub", 2, "deployed", "jupyterhub", "4.4.0", "5.5", NOW, "Upgrade complete"),
    ],
    size_disks=4,
)


def test_nodes_pods_claims_and_the_release() -> None:
    told = listing.shown(record(), SEEN)
    assert [(each["name"], each["pods"], each["users"], each["schedulable"]) for each in told["nodes"]] == [
        ("n1", 4, 1, True),
        ("n2", 2, 0, True),
        ("n3", 0, 0, False),
    ]
    assert [each["user"] for each in told["pods"]["users"]] == ["ada", "bob"]
    assert told["pods"]["system"] == 3
    (claim,) = told["claims"]
    assert (claim["user"], claim["disk"]) == ("ada", "pvc-1")
    assert claim["bills"] == {"tier": "E3", "gibibytes": 16, "sku": "StandardSSD_LRS"}
    assert [each["revision"] for each in told["release"]["history"]] == [2, 1]
    assert told["address"] == {"ip": "203.0.113.7", "url": "http://203.0.113.7/"}


def test_who_runs_counts_and_who_has_ended_or_only_keeps_room_does_not() -> None:
    told = listing.shown(record(), SEEN)["capacity"]
    # n1 has 4 disks less the hub's and ada's; n2 has 4, for bob's server has ended; n3 is cordoned.
    assert (told["users"], told["more"], told["limit"], told["nodes"]) == (7, 6, "dataDisks", 2)
    assert told["perUser"] == {"memoryGiB": 1.0, "cpu": 0.0, "disks": 1}
    assert "autoscaled" not in told


def test_the_autoscalers_most_is_counted_too() -> None:
    told = listing.shown(record(cluster={"autoscale": {"min": 1, "max": 6}, "nodeCount": 2}), SEEN)["capacity"]
    assert (told["autoscaled"]["nodes"], told["autoscaled"]["users"]) == (6, 23)


def test_disks_that_azure_does_not_say_bound_nothing() -> None:
    told = listing.shown(record(), Seen([node(1)], [], [], {}, None))
    assert (told["capacity"]["limit"], told["capacity"]["alone"]["dataDisks"]) == ("memoryGuarantee", None)
    assert told["capacity"]["disksPerNode"] is None


def test_without_nodes_nobody_fits() -> None:
    told = listing.shown(record(), Seen([], [], [], {}, None))["capacity"]
    assert (told["users"], told["limit"]) == (0, None)
    assert "Start the hub" in told["advice"]


def test_a_claim_of_a_file_share_bills_by_no_disk_tier() -> None:
    claims = [Claim("claim-ada", "Bound", 10, "azurefile", "pvc-1", None, "ada")]
    (claim,) = listing.shown(record(), Seen([], [], claims, {"default": "StandardSSD_LRS"}, None))["claims"]
    assert (claim["bills"], claim["disk"]) == (None, None)


@pytest.mark.parametrize(
    ("singleuser", "asked"),
    [
        pytest.param({}, Amounts(1, GIBIBYTE, 0, 1), id="the chart's defaults"),
        pytest.param({"memory": {"guarantee": "512M"}}, Amounts(1, GIBIBYTE // 2, 0, 1), id="half of it"),
        pytest.param({"memory": {"guarantee": None}}, Amounts(1, 0, 0, 1), id="no guarantee"),
        pytest.param({"memory": {"guarantee": None, "limit": "2G"}}, Amounts(1, 2 * GIBIBYTE, 0, 1), id="limit alone"),
        pytest.param({"cpu": {"guarantee": 0.5, "limit": 2}}, Amounts(1, GIBIBYTE, 0.5, 1), id="half a core"),
        pytest.param({"storage": {"type": "none"}}, Amounts(1, GIBIBYTE, 0, 0), id="no homes"),
        pytest.param("nonsense", Amounts(1, GIBIBYTE, 0, 1), id="no object"),
    ],
)
def test_what_a_user_asks_for(singleuser: Any, asked: Amounts) -> None:
    assert per_user({"singleuser": singleuser}) == asked


def test_amounts_that_cannot_be_read_ask_for_nothing_and_hide_nothing() -> None:
    """In hubs that were made before such amounts were refused."""
    for odd in ODD:
        singleuser = {"memory": {"guarantee": odd, "limit": odd}, "cpu": {"guarantee": odd, "limit": odd}}
        asked = per_user({"singleuser": {**singleuser, "storage": {"type": odd, "capacity": odd}}})
        assert asked == Amounts(1, 0, 0, 0), odd
        old = record()
        old = replace(old, spec=old.spec.model_copy(update={"values": {"singleuser": singleuser}}))
        assert json.dumps(listing.shown(old, SEEN), allow_nan=False)


ODD: list[Any] = [
    "9" * 400,
    "9" * 400 + "G",
    "half",
    "500m",
    "1Gi",
    "",
    "\0",
    10**400,
    float("nan"),
    float("inf"),
    -1,
    True,
    {},
    [1],
]


def test_tiny_amounts_fit_without_end() -> None:
    old = record()
    values = {"singleuser": {"cpu": {"guarantee": 5e-324}, "memory": {"guarantee": 1}, "storage": {"type": "none"}}}
    old = replace(old, spec=old.spec.model_copy(update={"values": values}))
    assert listing.shown(old, SEEN)["capacity"]["limit"] == "podsPerNode"


def test_people_with_servers_come_first_and_servers_have_whole_addresses() -> None:
    server = Server("", True, None, NOW, NOW, "/user/zoe/")
    users = [HubUser("ann", False, None, []), HubUser("zoe", True, NOW, [server])]
    told = people.shown(users, "http://203.0.113.7/")
    assert told["loggedIn"] == 1
    assert [each["name"] for each in told["users"]] == ["zoe", "ann"]
    assert told["users"][0]["servers"][0] == {
        "name": "",
        "ready": True,
        "pending": None,
        "started": "2026-11-22T08:00:00Z",
        "lastActivity": "2026-11-22T08:00:00Z",
        "url": "http://203.0.113.7/user/zoe/",
    }


def test_of_a_binderhub_both_addresses_are_told_and_servers_have_no_disks() -> None:
    binder = record(flavor="binderhub").having(Urls("http://203.0.113.7/", "http://203.0.113.8/"))
    told = listing.shown(binder, replace(SEEN, page_address="203.0.113.8"))
    assert told["address"] == {
        "ip": "203.0.113.7",
        "url": "http://203.0.113.7/",
        "binder": {"ip": "203.0.113.8", "url": "http://203.0.113.8/"},
    }
    assert told["capacity"]["perUser"] == {"memoryGiB": 0.0, "cpu": 0, "disks": 0}
    own = record(flavor="binderhub", environment={"memory": {"guarantee": "2G"}})
    assert listing.shown(own, SEEN)["capacity"]["perUser"]["memoryGiB"] == 2.0
