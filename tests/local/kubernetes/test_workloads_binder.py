"""What stands for BinderHub in the local cloud starts with a configuration that BinderHub could work with, and with no other."""

import base64
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.charts.repository import SOURCES
from local.kubernetes.workloads.environment import INSIDE
from tests.cloud import call

pytestmark = pytest.mark.local

PREFIX = "r5.azurecr.io/r5/binder-"
GOOD: dict[str, Any] = {
    "imageBuilderType": "dind",
    "dind": {"hostSocketDir": "/var/run/dind", "hostSocketName": "docker.sock"},
    "config": {"BinderHub": {"hub_url": "http://hub/", "use_registry": True, "image_prefix": PREFIX}},
}


def laid_out(folder: Path, login: str, key: str, values: dict[str, Any], port: int = 0) -> list[str]:
    """The pod's files; the command that reads them."""
    config = folder / "binderhub_config.py"
    config.write_text((SOURCES / "binderhub/files/binderhub_config.py").read_text())
    (folder / "values.yaml").write_text(yaml.safe_dump(values))
    auths = {key: {"auth": base64.b64encode(login.encode()).decode()}}
    (folder / "config.json").write_text(json.dumps({"auths": auths}))
    options = ["--config", str(config), "--docker", str(folder), "--ip", "127.0.0.1", "--port", str(port)]
    return [sys.executable, str(INSIDE / "binder.py"), *options]


def changed(**main: Any) -> dict[str, Any]:
    return {**GOOD, "config": {"BinderHub": {**GOOD["config"]["BinderHub"], **main}}}


@pytest.mark.parametrize(
    ("login", "key", "values", "complaint"),
    [
        ("u:p", "https://r5.azurecr.io", changed(hub_url=""), "hub_url is not set"),
        ("u:p", "https://r5.azurecr.io", {**GOOD, "imageBuilderType": "host"}, "no Docker to build with"),
        ("u:", "https://r5.azurecr.io", GOOD, "no login"),
        ("u:p", "https://another.azurecr.io", GOOD, "no login"),
        ("u:p", "https://r5.azurecr.io", changed(image_prefix="ourlab/r5-"), "no login"),
    ],
    ids=["no-hub", "no-builder", "no-password", "another-registry", "docker-hub-without-login"],
)
def test_it_does_not_start_so(tmp_path: Path, login: str, key: str, values: dict[str, Any], complaint: str) -> None:
    done = subprocess.run(
        laid_out(tmp_path, login, key, values), capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 1
    assert complaint in done.stderr


@pytest.mark.parametrize(
    ("key", "values"),
    [("https://r5.azurecr.io", GOOD), ("https://index.docker.io/v1/", changed(image_prefix="ourlab/r5-"))],
    ids=["azure", "docker-hub"],
)
def test_it_answers_and_says_when_jupyterhub_does_not(tmp_path: Path, key: str, values: dict[str, Any]) -> None:
    around = {"PROXY_PUBLIC_SERVICE_HOST": "127.0.0.1", "PROXY_PUBLIC_SERVICE_PORT": "9"}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    command = laid_out(tmp_path, "u:p", key, values, port)
    with subprocess.Popen(command, env={**os.environ, **around}) as process:
        try:
            address, deadline = f"http://127.0.0.1:{port}", time.monotonic() + 20
            while time.monotonic() < deadline and not answers(f"{address}/versions"):
                time.sleep(0.1)
            assert call("GET", f"{address}/versions").status == 200
            health = call("GET", f"{address}/health")
            assert (health.status, health.json["ok"]) == (503, False)
            assert [check["ok"] for check in health.json["checks"]] == [True, False]
            assert call("GET", f"{address}/").status == 200
        finally:
            process.terminate()


def answers(address: str) -> bool:
    try:
        return call("GET", address).status == 200
    except OSError:
        return False
