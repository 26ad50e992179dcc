"""No secret value is anywhere but in Key Vault, the cluster, and the two answers of the admin key."""

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from local.functions.web import ADMIN_KEY
from shared.clock import SystemClock
from shared.kubernetes.client import Kubernetes
from shared.services import Services
from shared.settings import Settings
from tests.cloud import Cloud, Host
from tests.stories.conftest import create, gone, teardown

pytestmark = pytest.mark.story

GIVEN = "a-secret-that-somebody-gave-us-4711"
FOLDERS = ("azurite", "logs", "functions")
"""What the product and its engine write: tables, blobs and queues; logs; the host's own state."""


@contextmanager
def arguments_of_processes() -> Iterator[set[str]]:
    """Every command line that runs while the block does."""
    seen: set[str] = set()
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            for process in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    seen.add(process.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
                except OSError:
                    continue
            time.sleep(0.05)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield seen
    finally:
        stop.set()
        watcher.join()


def secrets_of(cloud: Cloud, hub: str) -> dict[str, str]:
    """Name and value of everything of the hub's in Key Vault."""
    settings = Settings.from_environ(cloud.environment)
    vault = Services(settings, SystemClock()).secrets
    names = [secret.name for secret in vault.names({"hubkeeper-hub": hub})]
    found = {name: vault.get(name) for name in names}
    return {name: secret.value for name, secret in found.items() if secret}


def forms(secret: str) -> list[bytes]:
    """As it is, as in JSON, and as in a Kubernetes Secret. Of a key the middle, which no line break cuts."""
    text = max(secret.splitlines(), key=len) if "\n" in secret else secret
    return [text.encode(), json.dumps(text)[1:-1].encode(), base64.b64encode(text.encode())]


def holding(folder: Path, secret: str) -> list[str]:
    """Files below the folder in which the secret stands."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [str(path) for path in files if any(form in _contents(path) for form in forms(secret))]


def _contents(path: Path) -> bytes:
    """Nothing of a file that has been put in another one's place meanwhile, which is looked at as well."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


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
