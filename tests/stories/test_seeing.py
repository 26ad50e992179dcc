"""Who is logged in, what there is and how many more fit, asked of a hub that runs and of one that is stopped."""

import base64
from collections.abc import Callable
from pathlib import Path

import pytest

from local.functions.web import ADMIN_KEY
from tests.cloud import Cloud, Host, call, wait_until
from tests.jupyterhub import log_in
from tests.stories.conftest import create, gone, tool
from tests.stories.given import problem

pytestmark = pytest.mark.story

HUB = "see"
BODY = {
    "name": HUB,
    "auth": "none",
    "environment": {"packages": ["matplotlib", "imbalanced-learn"], "memory": {"guarantee": "512Mi"}, "storage": "5Gi"},
}


def start_server(host: Host, user: str, credentials: Path) -> None:
    """Logs the person in as a browser does, and starts the server with our service's token."""
    address = host.get(f"/api/hubs/{HUB}").json["url"].rstrip("/")
    assert log_in(address, user, "any").endswith("/hub/home")
    key = "{.data.hub\\.services\\.hubkeeper\\.apiToken}"
    encoded = tool(credentials, "kubectl", "get", "secret", "hub", "-n", "jhub", "-o", f"jsonpath={key}")
    token = {"authorization": f"token {base64.b64decode(encoded).decode()}"}
    assert call("POST", f"{address}/hub/api/users/{user}/server", headers=token).status in (201, 202)


def test_who_is_there_and_how_many_more_fit(cloud: Cloud, host: Host, kubeconfig: Callable[[str], Path]) -> None:
    try:
        run = create(host, BODY)
        assert run["status"] == "succeeded", run
        assert any("environment.packages" in warning for warning in run["warnings"])
        empty = host.get(f"/api/hubs/{HUB}/inventory").json["capacity"]
        # The tutorial's question, "30 pods per node, 3 nodes: 90 users?": a D2s_v3 takes 4 disks, and the hub has one.
        assert (empty["nodes"], empty["users"], empty["limit"], empty["disksPerNode"]) == (3, 11, "dataDisks", 4)
        assert empty["perUser"] == {"memoryGiB": 0.5, "cpu": 0.0, "disks": 1}
        assert 50 < empty["alone"]["podsPerNode"] < 90

        assert HUB in [hub["name"] for hub in host.get("/api/hubs").json["hubs"]]
        credentials = kubeconfig(HUB)
        assert host.get(f"/api/hubs/{HUB}/users").json == {"loggedIn": 0, "users": []}
        start_server(host, "ada", credentials)

        def ready() -> bool:
            users = host.get(f"/api/hubs/{HUB}/users").json["users"]
            return bool(users and users[0]["servers"] and users[0]["servers"][0]["ready"])

        wait_until(ready, 60, "ada's server")
        told = host.get(f"/api/hubs/{HUB}/users").json
        assert told["loggedIn"] == 1
        (ada,) = told["users"]
        assert (ada["name"], ada["admin"]) == ("ada", False)
        (server,) = ada["servers"]
        assert server["started"].endswith("Z")
        assert server["url"].endswith("/user/ada/")
        assert server["url"].startswith("http://127.")
        forwards = [call for call in cloud.control.requests() if "/portforward?ports=8081" in call["path"]]
        assert {call["status"] for call in forwards} == {101}, "not https: the token goes through the API server"

        seen = host.get(f"/api/hubs/{HUB}/inventory").json
        assert (seen["capacity"]["users"], seen["capacity"]["more"]) == (11, 10)
        assert [pod["user"] for pod in seen["pods"]["users"]] == ["ada"]
        assert sum(node["users"] for node in seen["nodes"]) == 1
        home = next(claim for claim in seen["claims"] if claim["user"] == "ada")
        assert (home["gibibytes"], home["bills"]["tier"], home["bills"]["gibibytes"]) == (5, "E2", 8)
        assert home["disk"]
        assert [(each["revision"], each["status"]) for each in seen["release"]["history"]] == [(1, "deployed")]
        assert seen["address"]["ip"] in seen["address"]["url"]

        hook = "{.spec.containers[0].lifecycle.postStart.exec.command[3:]}"
        command = tool(credentials, "kubectl", "get", "pod", "jupyter-ada", "-n", "jhub", "-o", f"jsonpath={hook}")
        assert command == "480 -- matplotlib imbalanced-learn"

        stop = host.post(f"/api/hubs/{HUB}/stop/force", {}, key=ADMIN_KEY)
        assert stop.status == 202, stop.json
        assert host.wait_run(stop.headers["Location"])["status"] == "succeeded"
        for path in ("users", "inventory"):
            refused = problem(host.get(f"/api/hubs/{HUB}/{path}"), 409, "HubStopped")
            assert "/start" in refused["advice"]
    finally:
        gone(host, HUB)


@pytest.mark.parametrize("path", ["users", "inventory"])
def test_of_a_hub_that_is_not_there_nothing_is_seen(host: Host, path: str) -> None:
    problem(host.get(f"/api/hubs/nobody/{path}"), 404, "HubNotFound")
    problem(host.get(f"/api/hubs/..%2Fx/{path}"), 404, "HubNotFound")


def test_the_kubernetes_versions_of_a_region_are_listed(host: Host) -> None:
    listed = host.get("/api/locations/westus/versions").json
    versions = {found["version"]: found for found in listed["versions"]}
    assert listed["location"] == "westus"
    assert sum(found["default"] for found in versions.values()) >= 1
    assert {step for found in versions.values() for step in found["upgrades"]} & set(versions)
