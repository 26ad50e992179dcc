"""Other nodes, another identity, rules on the scale set: what people keep, what Azure is asked for, what is left at the end."""

import json
import urllib.request
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from local.functions.web import ADMIN_KEY
from tests.cloud import Answer, Cloud, Host, call
from tests.stories.conftest import create, gone, tool
from tests.stories.given import MERGE, QUICK, SECOND_SEED, problem
from tests.stories.servers import server_of

pytestmark = pytest.mark.story

HUB = "move"
AT_ONCE = {
    "timezone": "UTC",
    "windows": [{"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": "00:00", "to": "24:00"}],
    "grace": 0,
    "maxPostpone": 0,
}
"""On around the clock, and nobody is waited for: the stories have no hours."""


@pytest.fixture(autouse=True)
def _tidy(cloud: Cloud, host: Host) -> Iterator[None]:
    before = cloud.control.resources()
    yield
    cloud.calm()
    gone(host, HUB)
    gone(host, SECOND_SEED["name"])
    assert cloud.control.resources() == before


def patch(host: Host, name: str, body: dict[str, Any], query: str = "") -> Answer:
    return host.patch(f"/api/hubs/{name}{query}", body, headers=MERGE)


def changed(host: Host, name: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = patch(host, name, body)
    assert answer.status == 202, answer.json
    run = host.wait_run(answer.headers["Location"], 300)
    assert run["status"] == "succeeded", json.dumps(run, indent=1)
    return run


def hub(host: Host, name: str) -> dict[str, Any]:
    found: dict[str, Any] = host.get(f"/api/hubs/{name}").json
    return found


def rows(cloud: Cloud, part: str) -> list[dict[str, Any]]:
    return [row for row in cloud.control.resources() if part.lower() in row["id"].lower()]


def pools(cloud: Cloud) -> dict[str, tuple[str, int]]:
    return {row["id"].rsplit("/", 1)[-1]: (row["vmSize"], row["count"]) for row in rows(cloud, "/agentPools/")}


def asked(cloud: Cloud) -> list[str]:
    """Method and last parts of the path of everything that changed Azure or the directory."""
    requests = [request for request in cloud.control.requests() if request["method"] in ("PUT", "POST", "DELETE")]
    return [f"{request['method']} {'/'.join(request['path'].split('?')[0].split('/')[-2:])}" for request in requests]


def contents(address: str, name: str, file: str, text: str | None = None) -> str:
    """A file of somebody's home through their running server; written first, when there is a text."""
    base, jar = address.rstrip("/"), CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    browser.open(f"{base}/hub/login", timeout=10).close()
    xsrf = next(cookie.value or "" for cookie in jar if cookie.name == "_xsrf")
    form = urlencode({"username": name, "password": "any", "_xsrf": xsrf}).encode()
    browser.open(f"{base}/hub/login?next=%2Fuser%2F{name}%2F", data=form, timeout=20).close()
    place = f"{base}/user/{name}/api/contents/{file}"
    if text is not None:
        own = next(c.value or "" for c in jar if c.name == "_xsrf" and c.path.startswith(f"/user/{name}"))
        body = json.dumps({"type": "file", "format": "text", "content": text}).encode()
        headers = {"content-type": "application/json", "x-xsrftoken": own}
        browser.open(urllib.request.Request(place, body, headers, method="PUT"), timeout=10).close()
    with browser.open(place, timeout=10) as answer:
        return str(json.load(answer)["content"])


def test_machines_of_another_size_and_a_managed_identity_come_in_under_a_running_hub(
    cloud: Cloud, host: Host, kubeconfig: Callable[[str], Path]
) -> None:
    run = create(host, {"name": HUB, "values": QUICK, "auth": "none", "schedule": AT_ONCE})
    assert run["status"] == "succeeded", run
    url = hub(host, HUB)["url"]
    server_of("ann", url, kubeconfig(HUB))
    assert contents(url, "ann", "thesis.txt", "two years of work") == "two years of work"

    wish = {"cluster": {"vmSize": "Standard_D4s_v3", "nodeCount": 2, "tier": "Standard"}}
    plan = patch(host, HUB, wish, "?dryRun=true").json
    assert plan["possible"], plan
    by_field = {change["field"]: change for change in plan["changes"]}
    assert by_field["cluster.nodePool"]["to"] == "nodepool2"
    assert by_field["cluster.vmSize"]["how"] == "pool replacement"
    assert "servers end" in by_field["cluster.vmSize"]["interruption"]
    cloud.control.clear_requests()
    changed(host, HUB, wish)
    assert pools(cloud) == {"nodepool2": ("Standard_D4s_v3", 2)}
    after = hub(host, HUB)["spec"]["cluster"]
    assert (after["nodePool"], after["vmSize"], after["nodeCount"], after["tier"]) == (
        "nodepool2",
        "Standard_D4s_v3",
        2,
        "Standard",
    )
    done = asked(cloud)
    assert done.index("PUT agentPools/nodepool2") < done.index("DELETE agentPools/nodepool1")
    assert any(one.startswith("POST") and one.endswith("/eviction") for one in done), "nobody was asked to leave"
    server_of("ann", url, kubeconfig(HUB))
    assert "nodepool2" in tool(
        kubeconfig(HUB), "kubectl", "get", "pod", "jupyter-ann", "-n", "jhub", "-o", "jsonpath={.spec.nodeName}"
    )
    assert contents(url, "ann", "thesis.txt") == "two years of work"

    plan = patch(host, HUB, {"identity": "managed"}, "?dryRun=true").json
    assert ("cluster.nodePool", "nodepool3") in [(change["field"], change["to"]) for change in plan["changes"]]
    cloud.control.advance(timedelta(days=8))  # AKS has brought out another node image by then
    plan = patch(host, HUB, {"identity": "managed"}, "?dryRun=true").json
    assert {change["field"] for change in plan["changes"]} == {"identity.type", "identity.name"}, plan
    cloud.control.clear_requests()
    changed(host, HUB, {"identity": "managed"})
    done = asked(cloud)
    order = [
        "PUT userAssignedIdentities/move-id",
        "PUT managedClusters/move",
        "POST nodepool2/upgradeNodeImageVersion",
        "DELETE secrets/move--own--service-principal-password",
    ]
    assert [one for one in done if one in order] == order, done
    assert hub(host, HUB)["spec"]["identity"] == {"type": "managed", "name": "move-id"}
    assert not [row for row in cloud.control.resources() if row.get("displayName") == "move-sp"]
    assert len(rows(cloud, "/virtualnetworks/move-vnet/providers/microsoft.authorization/roleassignments/")) == 1
    assert "service-principal-password" not in json.dumps(host.get(f"/api/hubs/{HUB}/secrets").json)
    assert call("GET", f"{hub(host, HUB)['url']}hub/health").status == 200
    back = problem(patch(host, HUB, {"identity": "service-principal"}), 409, "CannotChange")
    assert "no way back" in back["errors"][0]["message"]


BY_RULES = {
    **SECOND_SEED,
    "cluster": {**SECOND_SEED["cluster"], "autoscale": {"mode": "vmss-cpu", "min": 3, "max": 6}},
}


def test_the_second_tutorials_rules_on_the_scale_set(cloud: Cloud, host: Host) -> None:
    name = SECOND_SEED["name"]
    run = create(host, BY_RULES)
    assert run["status"] == "succeeded", run
    assert any("does not support rules" in warning for warning in run["warnings"])

    def setting() -> dict[str, Any]:
        (found,) = rows(cloud, "/autoscalesettings/")
        return found

    made = setting()
    assert made["tags"]["hubkeeper-hub"] == name
    assert made["enabled"]
    assert "/prd_rg_jhub_infra/" in made["targetResourceUri"]
    (profile,) = made["profiles"]
    assert profile["capacity"] == {"minimum": "3", "maximum": "6", "default": "3"}
    assert [
        (rule["metricTrigger"]["operator"], rule["metricTrigger"]["threshold"], rule["scaleAction"]["direction"])
        for rule in profile["rules"]
    ] == [("GreaterThan", 70, "Increase"), ("LessThan", 5, "Decrease")]
    (pool,) = rows(cloud, "/agentPools/")
    assert not pool["enableAutoScaling"]

    stop = host.post(f"/api/hubs/{name}/stop/force", {"reason": "the weekend"}, key=ADMIN_KEY)
    assert host.wait_run(stop.headers["Location"])["status"] == "succeeded"
    assert not setting()["enabled"]
    cloud.control.advance(timedelta(minutes=20))
    start = host.post(f"/api/hubs/{name}/start", {"for": "2h"})
    assert host.wait_run(start.headers["Location"])["status"] == "succeeded"
    assert setting()["enabled"]

    changed(host, name, {"cluster": {"autoscale": {"max": 8}}})
    assert setting()["profiles"][0]["capacity"]["maximum"] == "8"
    assert setting()["enabled"]

    changed(host, name, {"cluster": {"autoscale": {"mode": "cluster-autoscaler"}}})
    assert rows(cloud, "/autoscalesettings/") == []
    (pool,) = rows(cloud, "/agentPools/")
    assert (pool["enableAutoScaling"], pool["minCount"], pool["maxCount"]) == (True, 3, 8)
    changed(host, name, {"cluster": {"autoscale": {"mode": "vmss-cpu"}}})
    (pool,) = rows(cloud, "/agentPools/")
    assert not pool["enableAutoScaling"]
    assert setting()["enabled"]
