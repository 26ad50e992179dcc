"""A BinderHub from nothing to nothing: a registry of its own, two addresses, another chart, and no trace afterwards."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cloud import Cloud, Host, call
from tests.stories.conftest import create, gone, steps, teardown, tool
from tests.stories.leaks import FOLDERS, arguments_of_processes, forms, holding, secrets_of

pytestmark = pytest.mark.story

HUB = "binder"
OLDER, NEWER = "1.0.0-0.dev.git.3673.h040c9bbe", "1.0.0-0.dev.git.3983.h383374de"
SPEC = {
    "name": HUB,
    "flavor": "binderhub",
    "release": {"version": OLDER},
    "environment": {"memory": {"guarantee": "64M"}},
}
MERGE = {"content-type": "application/merge-patch+json"}


def test_a_binderhub_comes_changes_and_goes(
    cloud: Cloud, host: Host, kubeconfig: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in cloud.environment.items():
        monkeypatch.setenv(name, value)
    before = cloud.control.resources()
    answers: list[str] = []
    try:
        with arguments_of_processes() as arguments:
            dry = host.post("/api/hubs?dryRun=true", SPEC)
            assert (dry.status, dry.json["possible"]) == (200, True), dry.json
            run = create(host, SPEC)
            assert run["status"] == "succeeded", run
            assert steps(run)["registry"] == "succeeded"
            found = host.get(f"/api/hubs/{HUB}").json
            both_answer(found["url"], found["hubUrl"])
            a_registry_that_lets_push_and_pull(cloud, found["spec"]["registry"]["name"])
            who_looks_asks_jupyterhub(host)
            secrets = secrets_of(cloud, HUB)
            assert f"{HUB}--own--registry-password" in secrets

            refused = host.patch(f"/api/hubs/{HUB}", {"flavor": "jupyterhub"}, headers=MERGE)
            assert (refused.status, refused.json["code"]) == (409, "CannotChange")

            patched = host.patch(f"/api/hubs/{HUB}", {"release": {"version": NEWER}}, headers=MERGE)
            assert patched.status == 202, patched.json
            run = host.wait_run(patched.headers["Location"], 300)
            assert run["status"] == "succeeded", run
            assert "started and stopped" in next(s["message"] for s in run["steps"] if s["name"] == "release")
            after = host.get(f"/api/hubs/{HUB}").json
            assert after["versions"]["chart"] == NEWER
            both_answer(after["url"], after["hubUrl"])
            assert "binderhub" in tool(kubeconfig(HUB), "helm", "list", "-n", "jhub")

            paths = [f"hubs/{HUB}", f"hubs/{HUB}/runs", f"runs/{run['id']}", f"hubs/{HUB}/inventory"]
            answers += [json.dumps(host.get(f"/api/{path}").json) for path in paths]
            torn = teardown(host, HUB)
        assert torn["status"] == "succeeded", torn
        assert any("/registries/" in item for item in torn["receipt"]["deleted"])
        assert cloud.control.resources() == before
        for name, secret in secrets.items():
            for form in forms(secret):
                assert not any(form.decode() in text for text in [*answers, *arguments]), name
            for folder in FOLDERS:
                assert holding(cloud.state / folder, secret) == [], f"{name} in {folder}"
    finally:
        gone(host, HUB)


def both_answer(page: str, hub: str) -> None:
    """The page knows its hub, and sends people there to log in; they come back to the page."""
    assert page != hub
    assert call("GET", f"{page}health").json["ok"] is True
    assert call("GET", f"{hub}hub/health").status == 200
    sent = call("GET", page)
    assert sent.status == 302, sent
    assert sent.headers["Location"].startswith(f"{hub}hub/api/oauth2/authorize?client_id=service-binderhub")
    assert page.removeprefix("http://").rstrip("/") in sent.headers["Location"]


def a_registry_that_lets_push_and_pull(cloud: Cloud, name: str) -> None:
    ours = {row["id"].lower().rpartition(f"/registries/{name}")[2]: row for row in cloud.control.resources()
            if f"/registries/{name}" in row["id"].lower()}  # fmt: skip
    assert ours[""]["tags"] == {"hubkeeper-hub": HUB}
    assert {"", "/tokens/hubkeeper", "/scopemaps/hubkeeper-push-pull"} <= set(ours)


def who_looks_asks_jupyterhub(host: Host) -> None:
    users = host.get(f"/api/hubs/{HUB}/users")
    assert (users.status, users.json["users"]) == (200, [])
    inventory = host.get(f"/api/hubs/{HUB}/inventory").json
    assert inventory["address"]["binder"]["ip"]
    assert inventory["capacity"]["perUser"] == {"memoryGiB": 0.06, "cpu": 0, "disks": 0}
