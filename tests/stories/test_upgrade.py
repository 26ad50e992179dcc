"""A hub is changed in place: what its people notice, what Azure is asked for, and what happens when the change is no good."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from local.functions.web import ADMIN_KEY
from tests.cloud import ENDED, Answer, Cloud, Host, call
from tests.stories.conftest import create, gone, settled, steps, tool
from tests.stories.given import MERGE, QUICK, problem
from tests.stories.servers import asked, server, server_of

pytestmark = pytest.mark.story

HUB = "grow"


def patch(host: Host, body: dict[str, Any], query: str = "") -> Answer:
    return host.patch(f"/api/hubs/{HUB}{query}", body, headers=MERGE)


def changed(host: Host, body: dict[str, Any], timeout: float = 120) -> dict[str, Any]:
    """Asks for the change and sees its run to the end."""
    answer = patch(host, body)
    assert answer.status == 202, answer.json
    return host.wait_run(answer.headers["Location"], timeout)


def hub(host: Host) -> dict[str, Any]:
    answer = host.get(f"/api/hubs/{HUB}")
    assert answer.status == 200, answer.json
    found: dict[str, Any] = answer.json
    return found


def with_limit(values: dict[str, Any], limit: int) -> dict[str, Any]:
    return {**values, "hub": {**values.get("hub", {}), "activeServerLimit": limit}}


@pytest.fixture(scope="module")
def made(cloud: Cloud, host: Host) -> Iterator[None]:
    """One hub for all the stories, of an older chart and an older Kubernetes: each changes something else of it."""
    before = cloud.control.resources()
    body = {
        "name": HUB,
        "auth": "none",
        "tags": {"course": "physics", "term": "autumn"},
        "release": {"version": "4.2.0"},
        "values": {**QUICK, "hub": {"config": {"lower": {"case": 1}}}},
        "cluster": {"kubernetesVersion": "1.34.6"},
    }
    run = create(host, body)
    assert run["status"] == "succeeded", run
    yield
    cloud.calm()
    gone(host, HUB)
    assert cloud.control.resources() == before


@pytest.fixture
def found(cloud: Cloud, host: Host, made: None) -> dict[str, Any]:
    """The hub as the story before has left it, awake."""
    if hub(host)["power"]["actual"] == "off":
        cloud.control.advance(timedelta(minutes=20))  # its rest
        answer = host.post(f"/api/hubs/{HUB}/start", {"for": "2h"})
        assert host.wait_run(answer.headers["Location"])["status"] == "succeeded"
    return hub(host)


def nodes(cloud: Cloud) -> int:
    return sum("/Node/" in row["id"] for row in cloud.control.resources())


def hurried(cloud: Cloud, host: Host, location: str, timeout: float = 120) -> dict[str, Any]:
    """The run's end, with the clock pushed on: the gate waits for minutes before it gives a hub up."""
    path, deadline = f"/api/runs/{location.rsplit('/', 1)[-1]}", time.monotonic() + timeout
    while (run := host.get(path).json)["status"] not in ENDED:
        assert time.monotonic() < deadline, json.dumps(run, indent=1)
        time.sleep(2)
        cloud.control.advance(timedelta(seconds=45))
    found: dict[str, Any] = run
    return found


def test_an_image_and_values_change(cloud: Cloud, host: Host, found: dict[str, Any]) -> None:
    before = settled(cloud)
    wish = {"image": "quay.io/jupyter/scipy-notebook:2026-01-05", "values": {"hub": {"activeServerLimit": 7}}}

    plan = patch(host, wish, "?dryRun=true")
    assert plan.status == 200, plan.json
    assert plan.json["possible"]
    assert {change["field"]: (change["from"], change["to"]) for change in plan.json["changes"]} == {
        "image.name": (None, "quay.io/jupyter/scipy-notebook"),
        "image.tag": (None, "2026-01-05"),
        "values.hub.activeServerLimit": (None, 7),
    }
    assert {change["how"] for change in plan.json["changes"]} == {"helm upgrade"}
    assert cloud.control.resources() == before

    run = changed(host, wish)
    assert run["status"] == "succeeded", run
    assert run["kind"] == "upgrade"
    after = hub(host)
    assert after["spec"]["image"] == {"name": "quay.io/jupyter/scipy-notebook", "tag": "2026-01-05"}
    assert after["spec"]["values"] == with_limit(found["spec"]["values"], 7)
    assert call("GET", f"{after['url']}hub/health").status == 200
    assert not any("hubkeeper-check" in json.dumps(row) for row in cloud.control.resources())

    again = patch(host, wish)
    assert (again.status, again.json["changes"]) == (200, [])


OLD_CASE = {"config": {"lower": None}}
"""Takes back what the next chart does not take any more."""
CRASHING = {"hub": {**OLD_CASE, "extraConfig": {"00-broken": "raise SystemExit('this hub does not want to live')"}}}


def test_a_newer_chart_is_refused_taken_back_and_comes_in_with_everybodys_server_untouched(
    cloud: Cloud, host: Host, kubeconfig: Callable[[str], Path], found: dict[str, Any]
) -> None:
    before = settled(cloud)
    said = problem(patch(host, {"release": {"version": "4.4.0"}}), 409, "BreakingChange")
    assert [error["field"] for error in said["errors"]] == ["values.hub.config.lower"]
    assert "in the same request" in said["advice"]
    assert cloud.control.resources() == before, (
        "what the next chart no longer takes is named before anything is touched"
    )
    assert hub(host) == found

    server_before = server_of("ann", found["url"], kubeconfig(HUB))
    answer = patch(host, {"release": {"version": "4.4.0"}, "values": CRASHING})
    run = hurried(cloud, host, answer.headers["Location"])
    assert run["status"] == "failed", run
    assert run["error"]["code"] == "RolledBack"
    assert "stops with exit code" in run["error"]["message"]
    assert "PATCH again" in run["error"]["advice"]
    assert steps(run)["release"] == "failed"
    after = hub(host)
    assert after["spec"] == found["spec"]
    assert after["versions"] == found["versions"]
    assert after["status"] == "ready"
    assert call("GET", f"{after['url']}hub/health").status == 200
    assert server(kubeconfig(HUB), "ann") == server_before
    revisions = json.loads(tool(kubeconfig(HUB), "helm", "history", "jhub", "-n", "jhub", "-o", "json"))
    good = max(each["revision"] for each in revisions if each["status"] == "superseded" and "4.2.0" in each["chart"])
    assert (revisions[-1]["status"], revisions[-1]["description"]) == ("deployed", f"Rollback to {good}")

    retried = host.post(f"/api/runs/{run['id']}/retry")
    assert retried.status == 202, retried.json
    run = hurried(cloud, host, retried.headers["Location"])
    assert (run["status"], run["error"]["code"]) == ("failed", "RolledBack"), "the old release passed for the new one"

    run = changed(host, {"release": {"version": "4.4.0"}, "values": {"hub": OLD_CASE}})
    assert run["status"] == "succeeded", run
    after = hub(host)
    assert after["versions"]["chart"] == after["spec"]["release"]["version"] == "4.4.0"
    assert server(kubeconfig(HUB), "ann") == server_before
    secrets = {secret["name"]: secret for secret in host.get(f"/api/hubs/{HUB}/secrets").json["secrets"]}
    assert secrets["backup-hub-secret"]["madeByHubkeeper"]
    asked(after["url"], kubeconfig(HUB), "DELETE", "users/ann/server")  # a change of the nodes would wait for her


def test_kubernetes_goes_up_two_minors_one_at_a_time(cloud: Cloud, host: Host, found: dict[str, Any]) -> None:
    assert found["versions"]["kubernetes"] == "1.34.6"
    wish = {"cluster": {"kubernetesVersion": "1.36"}}

    plan = patch(host, wish, "?dryRun=true").json["changes"]
    assert [(change["from"], change["to"]) for change in plan] == [("1.34.6", "1.35.5"), ("1.35.5", "1.36.3")]
    assert all(change["how"] == "kubernetes upgrade" and "servers end" in change["interruption"] for change in plan)

    cloud.control.clear_requests()
    run = changed(host, wish)
    assert run["status"] == "succeeded", run
    after = hub(host)
    assert after["spec"]["cluster"]["kubernetesVersion"] == "1.36"
    assert after["versions"]["kubernetes"] == "1.36.3"
    puts = [
        request["path"].split("?")[0].lower()
        for request in cloud.control.requests()
        if request["method"] == "PUT" and "/managedclusters/" in request["path"].lower()
    ]
    assert ["/agentpools/" in path for path in puts] == [False, True, False, True]


def test_the_pool_grows_and_scales_by_itself(cloud: Cloud, host: Host, found: dict[str, Any]) -> None:
    run = changed(host, {"cluster": {"nodeCount": 4}})
    assert run["status"] == "succeeded", run
    assert nodes(cloud) == 4
    assert hub(host)["spec"]["cluster"]["nodeCount"] == 4

    run = changed(host, {"cluster": {"autoscale": {"min": 3, "max": 6}}})
    assert run["status"] == "succeeded", run
    assert hub(host)["spec"]["cluster"]["autoscale"] == {
        "mode": "cluster-autoscaler",
        "min": 3,
        "max": 6,
    }
    refused = patch(host, {"cluster": {"nodeCount": 5}})
    assert "cluster.autoscale.min or max" in problem(refused, 409, "AutoscalerDecides")["advice"]

    run = changed(host, {"cluster": {"autoscale": None, "nodeCount": 3}})
    assert run["status"] == "succeeded", run
    assert nodes(cloud) == 3
    assert "autoscale" not in hub(host)["spec"]["cluster"]


def test_tags_change_on_what_was_made_for_the_hub(cloud: Cloud, host: Host, found: dict[str, Any]) -> None:
    run = changed(host, {"tags": {"course": "chemistry", "term": None, "owner": "ada"}})
    assert run["status"] == "succeeded", run
    assert hub(host)["spec"]["tags"] == {"course": "chemistry", "owner": "ada"}
    ours = [row for row in cloud.control.resources() if "tags" in row and f"/{HUB}-rg" in row["id"].lower()]
    rows = {row["id"].lower().rsplit("/", 2)[-2:][0]: row for row in ours}
    for kind in ("resourcegroups", "virtualnetworks", "managedclusters"):
        assert rows[kind]["tags"] == {"course": "chemistry", "owner": "ada", "hubkeeper-hub": HUB}, kind


WEEKDAYS = {
    "timezone": "UTC",
    "windows": [{"days": ["mon", "tue", "wed", "thu", "fri"], "from": "08:00", "to": "18:00"}],
}


def test_a_schedule_alone_needs_no_run(host: Host, found: dict[str, Any]) -> None:
    answer = patch(host, {"schedule": WEEKDAYS})
    assert answer.status == 200, answer.json
    assert [change["how"] for change in answer.json["changes"]] == ["schedule"]
    assert hub(host)["spec"]["schedule"]["windows"][0]["from"] == "08:00"
    assert patch(host, {"schedule": None}).status == 200
    assert "schedule" not in hub(host)["spec"]


REFUSED: list[tuple[dict[str, Any], int, str, str, str]] = [
    ({"name": "other"}, 409, "CannotChange", "name", "POST /api/hubs"),
    ({"location": "eastus"}, 409, "CannotChange", "location", "POST /api/hubs with another name"),
    ({"resourceGroup": "x"}, 409, "CannotChange", "resourceGroup", "POST /api/hubs"),
    ({"network": {"name": "x"}}, 409, "CannotChange", "network.name", "POST /api/hubs"),
    ({"identity": {"name": "x"}}, 409, "CannotChange", "identity.name", "Leave identity as it is"),
    ({"cluster": {"name": "x"}}, 409, "CannotChange", "cluster.name", "POST /api/hubs"),
    ({"cluster": {"nodePool": "other"}}, 409, "CannotChange", "cluster.nodePool", "another cluster.vmSize"),
    ({"cluster": {"vmSize": "Standard_M8ms"}}, 409, "SkuNotAvailable", "cluster.vmSize", "az vm list-skus"),
    ({"cluster": {"vmSize": "Standard_B1s"}}, 409, "SizeTooSmall", "cluster.vmSize", "larger"),
    ({"cluster": {"vmSize": "Standard_D64s_v3"}}, 409, "QuotaExceeded", "cluster.vmSize", "side by side"),
    (
        {"cluster": {"autoscale": {"mode": "both", "min": 3, "max": 6}}},
        400,
        "InvalidHub",
        "cluster.autoscale.mode",
        "nothing was changed",
    ),
    (
        {"cluster": {"serviceCidr": "10.1.0.0/16", "dnsServiceIp": "10.1.0.10"}},
        409,
        "CannotChange",
        "cluster.serviceCidr",
        "POST",
    ),
    ({"release": {"namespace": "x"}}, 409, "CannotChange", "release.namespace", "release.version"),
    ({"release": {"version": "9.9.9"}}, 409, "ChartNotFound", "release.version", "release.version"),
    (
        {"cluster": {"kubernetesVersion": "1.33"}},
        409,
        "KubernetesVersionNotOffered",
        "cluster.kubernetesVersion",
        "Leave cluster.kubernetesVersion",
    ),
    ({"cluster": {"nodeCount": 500}}, 409, "QuotaExceeded", "cluster.nodeCount", "Quotas"),
    ({"values": {"hub": {"bogus": 1}}}, 400, "ValuesRefused", "values", "`values`"),
    ({"values": {"hub": {"extraEnv": {"KEY": "secret://missing"}}}}, 409, "SecretNotFound", "values", "/secrets/NAME"),
    ({"cluster": {"nodeCount": 0}}, 400, "InvalidHub", "cluster.nodeCount", "nothing was changed"),
    ({"nodecount": 4, "values": 3}, 400, "InvalidHub", "nodecount", "nothing was changed"),
    ({"schedule": {"timezone": "PST"}}, 400, "InvalidHub", "schedule.timezone", "nothing was changed"),
]


def test_what_cannot_be_is_refused_with_the_way_around(cloud: Cloud, host: Host, found: dict[str, Any]) -> None:
    cloud.control.subscription(quotas={"limits": {"westus": {"cores": 100}}})
    before = settled(cloud)
    for body, status, code, field, advice in REFUSED:
        said = problem(patch(host, body), status, code)
        assert field in [error["field"] for error in said["errors"]], (body, said)
        assert advice in said["advice"], (body, said)
        if status == 409:
            plan = patch(host, body, "?dryRun=true")
            assert (plan.status, plan.json["possible"]) == (200, False), plan.json
            assert code in [finding["code"] for finding in plan.json["findings"]]
    problem(host.patch("/api/hubs/nobody", {}), 404, "HubNotFound")
    problem(host.patch(f"/api/hubs/{HUB}", [1]), 400, "InvalidHub")
    assert cloud.control.resources() == before
    assert hub(host) == found
    cloud.control.subscription(quotas={"limits": {"westus": None}})


def test_asking_twice_is_one_run_and_something_else_waits(host: Host, found: dict[str, Any]) -> None:
    first = patch(host, {"values": {"hub": {"activeServerLimit": 5}}})
    second = patch(host, {"values": {"hub": {"activeServerLimit": 5}}})
    assert first.headers["Location"] == second.headers["Location"]
    other = patch(host, {"values": {"hub": {"activeServerLimit": 6}}})
    assert "Wait until" in problem(other, 409, "RunOpen")["advice"]
    assert host.wait_run(first.headers["Location"], 300)["status"] == "succeeded"


def test_a_sleeping_hub_is_woken_changed_and_put_back_to_sleep(cloud: Cloud, host: Host, found: dict[str, Any]) -> None:
    answer = host.post(f"/api/hubs/{HUB}/stop/force", {"reason": "the weekend"}, key=ADMIN_KEY)
    assert answer.status == 202, answer.json
    assert host.wait_run(answer.headers["Location"])["status"] == "succeeded"
    assert hub(host)["power"]["actual"] == "off"
    cloud.control.advance(timedelta(minutes=20))

    run = changed(host, {"values": {"hub": {"activeServerLimit": 9}}})
    assert run["status"] == "succeeded", run
    after = hub(host)
    assert after["power"]["actual"] == "off", run
    assert after["power"]["desired"] == "off"
    assert after["spec"]["values"] == with_limit(found["spec"]["values"], 9)
