"""No secret value is anywhere but in Key Vault, the cluster, and the two answers of the admin key."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from local.functions.web import ADMIN_KEY
from shared.kubernetes.client import Kubernetes
from tests.cloud import Cloud, Host
from tests.stories.conftest import create, gone, teardown
from tests.stories.leaks import FOLDERS, arguments_of_processes, forms, holding, secrets_of

pytestmark = pytest.mark.story

GIVEN = "a-secret-that-somebody-gave-us-4711"


def attacks(host: Host, hub: str) -> Iterator[Any]:
    """Tries to have Hubkeeper's own secrets put where people can read them, or replaced; every answer, all of them refusals."""
    login = {"type": "oauth", "authorizeUrl": "https://a.example/", "tokenUrl": "https://a.example/", "users": ["ada"]}
    login |= {"userdataUrl": "https://a.example/", "clientId": "id", "clientSecret": "secret://given"}
    for spelled in ("ssh-private-key", "Service-Principal-Password", "SHARED-PASSWORD"):
        reference = f"secret://{spelled}"
        bodies: list[dict[str, Any]] = [
            {"auth": login | {"clientId": reference}},
            {"auth": login | {"loginService": reference}},
            {"environment": {"profiles": [{"name": reference}]}},
            {"values": {"hub": {"templateVars": {"announcement": reference}}}},
            {"values": {"singleuser": {"extraEnv": {"A": reference}}}},
        ]
        for body in bodies:
            for answer in (
                host.patch(f"/api/hubs/{hub}", body | {"access": {"dnsLabel": hub}}),
                host.post("/api/hubs", {"name": "other", "access": {"dnsLabel": "other"}} | body),
            ):
                assert answer.status == 400, (body, answer.json)
                yield answer.json
        for answer in (
            host.put(f"/api/hubs/{hub}/secrets/{spelled}", {"value": "replaced"}),
            host.delete(f"/api/hubs/{hub}/secrets/{spelled}"),
        ):
            assert answer.status == 409, answer.json
            yield answer.json


def in_pods(host: Host, hub: str) -> str:
    """All pods, their templates and configuration, as the cluster has them in plain text: all but Secrets."""
    places = (
        "/api/v1/namespaces/jhub/pods",
        "/api/v1/namespaces/jhub/configmaps",
        "/apis/apps/v1/namespaces/jhub/deployments",
    )
    with Kubernetes(host.get(f"/api/hubs/{hub}/kubeconfig", key=ADMIN_KEY).json) as cluster:
        return json.dumps([cluster.list(place) for place in places])


def test_a_create_and_a_teardown_leave_no_secret_behind(
    cloud: Cloud, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in cloud.environment.items():
        monkeypatch.setenv(name, value)
    values = {"hub": {"extraEnv": {"TOKEN_OF_OURS": "secret://given"}}}
    answers: list[str] = []
    try:
        assert host.put("/api/hubs/quiet/secrets/given", {"value": GIVEN}).status == 204
        with arguments_of_processes() as arguments:
            run = create(host, {"name": "quiet", "values": values})
            assert run["status"] == "succeeded", run
            secrets = secrets_of(cloud, "quiet")
            own = {f"quiet--own--{key}" for key in ("shared-password", "service-principal-password", "ssh-private-key")}
            assert {"quiet--given", *own} <= set(secrets)
            answers += [json.dumps(refused) for refused in attacks(host, "quiet")]
            pods = in_pods(host, "quiet")
            answers += [requests.get(f"{host.get('/api/hubs/quiet').json['hubUrl']}hub/login", timeout=30).text]
            paths = [
                "hubs",
                "hubs/quiet",
                "hubs/quiet/runs",
                f"runs/{run['id']}",
                "hubs/quiet/secrets",
                "hubs/quiet/events",
            ]
            answers += [json.dumps(host.get(f"/api/{path}").json) for path in paths]
            torn = teardown(host, "quiet")
            answers += [json.dumps(torn)]
        assert torn["status"] == "succeeded", torn
        assert any("helm upgrade" in line for line in arguments), "the search saw no helm: it would find nothing"

        for name, secret in secrets.items():
            for folder in FOLDERS:
                assert holding(cloud.state / folder, secret) == [], f"{name} in {folder}"
            for form in forms(secret):
                text = form.decode()
                assert not any(text in line for line in arguments), f"{name} in the arguments of a process"
                assert not any(text in answer for answer in answers), f"{name} in an answer"
                assert name == "quiet--given" or text not in pods, f"{name} in a pod"
    finally:
        gone(host, "quiet")


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text(f"x {GIVEN} y")
    (tmp_path / "kubernetes").write_bytes(base64.b64encode(GIVEN.encode()))
    (tmp_path / "other").write_text("nothing")
    assert sorted(Path(path).name for path in holding(tmp_path, GIVEN)) == ["kubernetes", "plain"]


def test_the_password_goes_to_the_admin_key_alone(host: Host) -> None:
    try:
        assert create(host, {"name": "shown"})["status"] == "succeeded"
        password = host.get("/api/hubs/shown/password", key=ADMIN_KEY).json["password"]
        assert password not in json.dumps(host.get("/api/hubs/shown").json)
        assert host.get("/api/hubs/shown/password").status == 401
    finally:
        gone(host, "shown")
