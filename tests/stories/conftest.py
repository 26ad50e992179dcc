"""What the stories share: a hub that is there, and the tools that people use on it."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from local.azurite import ROOT
from local.functions.web import ADMIN_KEY
from tests.cloud import Cloud, Host, wait_until


@pytest.fixture(scope="module", autouse=True)
def _alive(request: pytest.FixtureRequest) -> Iterator[None]:
    """What stories share is made on a calm cloud by a live host; hubs that failed stories leave are removed."""
    if request.node.get_closest_marker("story") is None:
        yield
        return
    cloud, host = request.getfixturevalue("cloud"), request.getfixturevalue("host")
    cloud.calm()
    host.start()
    yield
    cloud.calm()
    host.start()
    for hub in host.get("/api/hubs").json["hubs"]:
        gone(host, hub["name"])


def create(host: Host, body: dict[str, Any], timeout: float = 120) -> dict[str, Any]:
    """Creates a hub and sees its run to the end."""
    answer = host.post("/api/hubs", body)
    assert answer.status == 202, answer.json
    return host.wait_run(answer.headers["Location"], timeout)


def teardown(host: Host, name: str, query: str = "", timeout: float = 120) -> dict[str, Any]:
    answer = host.delete(f"/api/hubs/{name}?confirm={name}{query}")
    assert answer.status == 202, answer.json
    return host.wait_run(answer.headers["Location"], timeout)


def gone(host: Host, name: str) -> None:
    """Tears the hub down if there is one, so that a story leaves the cloud as it found it."""
    if host.get(f"/api/hubs/{name}").status == 200:
        run = host.get(f"/api/hubs/{name}").json["run"]
        host.post(f"/api/runs/{run}/cancel")
        host.wait_run(run)
        assert teardown(host, name)["status"] == "succeeded"


def settled(cloud: Cloud) -> list[Any]:
    """The listing once the clusters' controllers have come to rest: they go on for a moment when a hub answers already."""
    last: list[Any] = []

    def still() -> list[Any]:
        nonlocal last
        before, last = last, cloud.control.resources()
        time.sleep(0.5)
        return last if last == before else []

    return wait_until(still, 30, "a listing that stays")


def azure(cloud: Cloud, method: str, path: str, version: str, body: Any = None) -> requests.Response:
    """What somebody else does in the subscription, in the portal perhaps. `path`: below the subscription."""
    settings = cloud.environment
    arm = settings["HUBKEEPER_ARM_ENDPOINT"]
    token = requests.get(
        settings["IDENTITY_ENDPOINT"],
        {"resource": arm, "api-version": "2019-08-01"},
        headers={"X-IDENTITY-HEADER": settings["IDENTITY_HEADER"]},
        timeout=30,
    ).json()["access_token"]
    answer = requests.request(
        method,
        f"{arm}/subscriptions/{settings['AZURE_SUBSCRIPTION_ID']}{path}",
        params={"api-version": version},
        headers={"Authorization": f"Bearer {token}"},
        json=body,
        verify=settings["REQUESTS_CA_BUNDLE"],
        timeout=30,
    )
    assert answer.status_code < 300, answer.text
    return answer


def steps(run: dict[str, Any]) -> dict[str, str]:
    return {step["name"]: step["status"] for step in run["steps"]}


@pytest.fixture
def kubeconfig(host: Host, tmp_path: Path) -> Callable[[str], Path]:
    """Fetches a hub's credentials into a file."""

    def fetch(name: str) -> Path:
        answer = host.get(f"/api/hubs/{name}/kubeconfig", key=ADMIN_KEY)
        assert answer.status == 200, answer.json
        path = tmp_path / f"{name}.kubeconfig"
        path.write_text(answer.json)
        path.chmod(0o600)
        return path

    return fetch


def tool(kubeconfig: Path, *command: str) -> str:
    """What a command-line tool prints, run with the credentials."""
    path = f"{ROOT / '.venv/bin'}:{os.environ['PATH']}"
    done = subprocess.run(
        command,
        env={**os.environ, "KUBECONFIG": str(kubeconfig), "PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout
