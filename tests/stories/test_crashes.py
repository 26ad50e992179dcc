"""The functions host dies in the middle of a run and is started again: the run ends right, and nothing is made twice.

A call is held at a known moment: it has been carried out, its answer has not arrived. Then the host is killed. Its workflow
engine keeps its state in memory here, so that a restart has nothing but the tables to go by.
"""

import time
from typing import Any

import pytest

from tests.cloud import ENDED, Cloud, Host, wait_until
from tests.stories.conftest import create, gone, steps, teardown
from tests.stories.kills import HELD, killed_while_held, restart
from tests.stories.listing import difference, normal

pytestmark = pytest.mark.story

HUB = "phoenix"
NAMESPACES = "/api/v1/namespaces"

CREATE: dict[str, dict[str, Any]] = {
    "the application is made": {"service": "graph", "method": "PATCH", "path": "/applications\\("},
    "the password is made": {"service": "graph", "method": "POST", "path": "/addPassword"},
    "the password is stored": {"service": "keyvault", "method": "PUT", "path": "service-principal-password"},
    "the role is assigned": {"service": "arm", "method": "PUT", "path": "/roleAssignments/"},
    "the cluster is asked for": {"service": "arm", "method": "PUT", "path": "/managedClusters/[^/]+\\?"},
    "the cluster is being made": {
        "service": "arm",
        "method": "GET",
        "path": "ContainerService/locations/.*/operations/",
    },
    "helm has begun its release": {"service": "kubernetes", "method": "POST", "path": f"{NAMESPACES}/jhub/secrets$"},
    "helm has made half of it": {"service": "kubernetes", "method": "POST", "path": "/namespaces/jhub/deployments"},
    "helm ends its release": {"service": "kubernetes", "method": "PUT", "path": "/secrets/sh.helm.release"},
    "the hub is waited for": {"service": "kubernetes", "method": "GET", "path": "/services/proxy-public", "skip": 1},
}
"""Calls at which the host is killed: each is carried out, and its answer never arrives."""

TEARDOWN: dict[str, dict[str, Any]] = {
    "the cluster is being deleted": {"service": "arm", "method": "DELETE", "path": "/managedClusters/"},
    "the application is deleted, not purged": {"service": "graph", "method": "DELETE", "path": "/v1.0/applications/"},
    "the group is being deleted": {"service": "arm", "method": "DELETE", "path": "/resourcegroups/[^/]+\\?"},
    "one secret is deleted, not purged": {"service": "keyvault", "method": "DELETE", "path": "^/secrets/", "skip": 1},
}

SAMPLE = (
    "the password is stored",
    "the cluster is being made",
    "helm has made half of it",
    "the hub is waited for",
    "the cluster is being deleted",
    "one secret is deleted, not purged",
)
"""One moment of each kind: these are for every run, all of them for `make test-long`."""


def sampled(moments: dict[str, dict[str, Any]]) -> list[Any]:
    return [each if each in SAMPLE else pytest.param(each, marks=pytest.mark.long) for each in moments]


@pytest.fixture(scope="module")
def undisturbed(cloud: Cloud, host: Host) -> list[str]:
    """The listing of a hub that was made without any trouble."""
    assert create(host, {"name": HUB})["status"] == "succeeded"
    made = normal(cloud.control.resources())
    assert teardown(host, HUB)["status"] == "succeeded"
    return made


def _but_revisions(listing: list[str]) -> list[str]:
    """Without what a second revision of the release adds: helm went on from a failed one, as it does.

    Among it a ReplicaSet for hub and proxy each, as far as the first revision had made them already: the chart's first rendering
    makes up the token anew for every place that names it, and a later one finds it in the Secret.
    """
    added = ("sh.helm.release", "/ReplicaSet/jhub/hub-", "/ReplicaSet/jhub/proxy-")
    return [line for line in listing if not any(part in line for part in added)]


@pytest.mark.parametrize("moment", sampled(CREATE))
def test_a_create_survives_a_kill_when(cloud: Cloud, host: Host, undisturbed: list[str], moment: str) -> None:
    before = cloud.control.resources()
    with killed_while_held(cloud, host, CREATE[moment]):
        location = host.post("/api/hubs", {"name": HUB}).headers["Location"]
    run = host.wait_run(location, 300)
    assert run["status"] == "succeeded", run
    assert set(steps(run).values()) == {"succeeded"}
    assert difference(normal(cloud.control.resources()), undisturbed) == []
    assert teardown(host, HUB)["status"] == "succeeded"
    assert cloud.control.resources() == before


def test_a_create_survives_a_kill_before_its_first_step(cloud: Cloud, host: Host, undisturbed: list[str]) -> None:
    before = cloud.control.resources()
    location = host.post("/api/hubs", {"name": HUB}).headers["Location"]
    restart(cloud, host)
    assert host.wait_run(location, 300)["status"] == "succeeded"
    assert difference(normal(cloud.control.resources()), undisturbed) == []
    assert teardown(host, HUB)["status"] == "succeeded"
    assert cloud.control.resources() == before


def test_a_create_survives_one_kill_after_the_other(cloud: Cloud, host: Host, undisturbed: list[str]) -> None:
    """Whatever it is doing at the time: killed every second or so, until it is done."""
    before = cloud.control.resources()
    location = host.post("/api/hubs", {"name": HUB}).headers["Location"]
    path = f"/api/runs/{location.rsplit('/', 1)[-1]}"
    for pause in (0.3, 0.6, 0.9, 1.2, 1.5, 1.8, 2.1, 2.4):
        time.sleep(pause)
        if host.get(path).json["status"] in ENDED:
            break
        restart(cloud, host)
    assert host.wait_run(location, 300)["status"] == "succeeded"
    assert difference(_but_revisions(normal(cloud.control.resources())), _but_revisions(undisturbed)) == []
    assert teardown(host, HUB)["status"] == "succeeded"
    assert cloud.control.resources() == before


@pytest.mark.parametrize("moment", sampled(TEARDOWN))
def test_a_teardown_survives_a_kill_when(cloud: Cloud, host: Host, moment: str) -> None:
    before = cloud.control.resources()
    assert create(host, {"name": HUB})["status"] == "succeeded"
    with killed_while_held(cloud, host, TEARDOWN[moment]):
        location = host.delete(f"/api/hubs/{HUB}?confirm={HUB}").headers["Location"]
    run = host.wait_run(location, 300)
    assert run["status"] == "succeeded", run
    assert run["receipt"]["remaining"] == []
    assert any(item.endswith(f"/managedClusters/{HUB}") for item in run["receipt"]["deleted"])
    assert cloud.control.resources() == before
    assert host.get(f"/api/hubs/{HUB}").status == 404


def test_a_create_survives_the_clouds_own_crash(cloud: Cloud, host: Host, undisturbed: list[str]) -> None:
    """As when Azure cannot be reached for a while: in the middle of helm's work everything outside goes away."""
    before = cloud.control.resources()
    try:
        cloud.control.fault(**CREATE["helm has made half of it"], happens="held", seconds=HELD)
        location = host.post("/api/hubs", {"name": HUB}).headers["Location"]
        wait_until(lambda: cloud.control.faults()[0]["hits"], 60)
        cloud.restart()
        run = host.wait_run(location, 300)
        assert run["status"] == "succeeded", run
        assert difference(_but_revisions(normal(cloud.control.resources())), _but_revisions(undisturbed)) == []
    finally:
        gone(host, HUB)
    assert cloud.control.resources() == before
