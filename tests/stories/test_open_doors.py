"""Nobody's hub is open by accident, however its login is written: what only running it shows is found by trying."""

from collections.abc import Iterator
from typing import Any

import pytest

from local.functions.web import ADMIN_KEY
from shared.kubernetes.jupyterhub import JupyterHub
from tests.cloud import Cloud, Host
from tests.stories.conftest import create, gone

pytestmark = pytest.mark.story

ANYBODY = """
from jupyterhub.auth import Authenticator
class Anybody(Authenticator):
    async def authenticate(self, handler, data):
        return data["username"]
c.JupyterHub.authenticator_class = Anybody
c.Authenticator.allow_all = True
"""
IN_PYTHON = {"hub": {"extraConfig": {"login": ANYBODY}}}


def addresses(cloud: Cloud, hub: str) -> list[str]:
    """The public addresses of a hub's services."""
    rows = [row for row in cloud.control.resources() if f"/mc_{hub}-rg_" in row["id"].lower()]
    return [
        row["id"] for row in rows if "/publicipaddresses/" in row["id"].lower() and "/kubernetes-" in row["id"].lower()
    ]


@pytest.fixture(scope="module")
def closed(host: Host) -> Iterator[str]:
    """The address of a hub with a shared password, though its values say nothing of a login in several ways."""
    values = {"hub": {"config": {"DummyAuthenticator": {}}, "extraConfig": {"note": "# authenticator_class: later"}}}
    run = create(host, {"name": "shut", "values": values | {"proxy": None}})
    assert run["status"] == "succeeded", run
    yield host.get("/api/hubs/shut").json["hubUrl"]
    gone(host, "shut")


def test_a_hub_that_says_nothing_of_its_login_has_the_shared_password(host: Host, closed: str) -> None:
    password = host.get("/api/hubs/shut/password", key=ADMIN_KEY).json["password"]
    assert JupyterHub(closed, None).lets_in("ada", password)
    assert not JupyterHub(closed, None).lets_in("ada", "made-up")


def test_a_change_that_would_let_everybody_in_is_taken_back(host: Host, closed: str) -> None:
    answer = host.patch("/api/hubs/shut", {"values": IN_PYTHON})
    assert answer.status == 202, answer.json
    run = host.wait_run(answer.headers["Location"], 180)
    assert (run["status"], run["error"]["code"]) == ("failed", "RolledBack"), run
    assert "lets everybody in" in run["error"]["message"]
    assert not JupyterHub(closed, None).lets_in("ada", "made-up")
    assert "extraConfig" in host.get("/api/hubs/shut").json["spec"]["values"]["hub"]


@pytest.mark.parametrize(
    "values",
    [
        {"hub": {"config": {"JupyterHub": {"authenticator_class": "dummy"}}}},
        {"hub": {"extraConfig": {"login": 'c.JupyterHub.authenticator_class = "dummy"'}}},
    ],
)
def test_what_can_be_read_is_refused_before_anything_is_touched(host: Host, closed: str, values: Any) -> None:
    for answer in (
        host.post("/api/hubs", {"name": "ajar", "values": values}),
        host.post("/api/hubs?dryRun=true", {"name": "ajar", "values": values}),
        host.patch("/api/hubs/shut", {"values": values}),
    ):
        assert answer.status == 400, answer.json
        assert any('auth: "none"' in error["message"] for error in answer.json["errors"])


def test_a_new_hub_that_lets_everybody_in_loses_its_public_address(cloud: Cloud, host: Host, closed: str) -> None:
    try:
        assert addresses(cloud, "shut") != []
        run = create(host, {"name": "ajar", "values": IN_PYTHON})
        assert (run["status"], run["error"]["code"]) == ("failed", "OpenToEverybody"), run
        assert "made-up name and password" in run["error"]["message"]
        assert addresses(cloud, "ajar") == []
        assert host.get("/api/hubs/ajar").json["url"] is None

        again = host.post(f"/api/runs/{run['id']}/retry")
        assert again.status == 202, again.json
        run = host.wait_run(again.headers["Location"], 300)
        assert (run["status"], run["error"]["code"]) == ("failed", "OpenToEverybody"), run
        assert addresses(cloud, "ajar") == []
    finally:
        gone(host, "ajar")
