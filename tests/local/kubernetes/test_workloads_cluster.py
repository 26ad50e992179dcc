"""A hub on an emulated cluster, from `helm upgrade --install` to the last notebook: real helm, real JupyterHub."""

import asyncio
import base64
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.charts.repository import Charts
from local.kubernetes.clusters import Clusters
from local.server import Authority, serving
from local.world import World
from tests.jupyterhub import log_in
from tests.local.parts import PORTS

HELM = Path(__file__).parents[3] / ".venv/bin/helm"
PASSWORD = "a-shared-password"
POOL = {"name": "pool", "count": 2, "vmSize": "Standard_D2s_v3", "maxPods": 30, "mode": "System", "version": "1.33.5"}
SCOPES = ["admin:users", "servers", "access:servers", "read:servers", "read:users:activity", "list:users"]
VALUES = {
    "hub": {
        "config": {
            "JupyterHub": {"authenticator_class": "shared-password"},
            "SharedPasswordAuthenticator": {"user_password": PASSWORD},
            "Authenticator": {"allow_all": True},
        },
        "services": {"hubctl": {}},
        "loadRoles": {"hubctl": {"scopes": SCOPES, "services": ["hubctl"]}},
    },
    "singleuser": {
        "lifecycleHooks": {"postStart": {"exec": {"command": ["mkdir", "-p", "/home/jovyan/from-hook"]}}},
        "extraFiles": {"note": {"mountPath": "/home/jovyan/note.txt", "stringData": "from extraFiles"}},
    },
}


class Cloud:
    """A running cluster and chart repository."""

    def __init__(self, world: World, clusters: Clusters) -> None:
        self.world = world
        self.clusters = clusters
        self.ip = ""
        self.token = ""

    async def run(self, *command: str | Path) -> str:
        """What a command prints, with the cluster's admin as the user."""
        config = self.world.state / "config"
        config.write_text(self.clusters.kubeconfig("r5", admin=True, resource_group="r5-rg"))
        environment = {"KUBECONFIG": str(config), "HOME": str(self.world.state), "PATH": os.environ["PATH"]}
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=pipe, stderr=pipe)
        output, complaints = await process.communicate()
        assert process.returncode == 0, complaints.decode()
        return output.decode()

    async def install(self, values: Any, version: str = "4.4.0") -> None:
        file = self.world.state / "values.yaml"
        file.write_text(yaml.safe_dump(values))
        repository = f"http://127.0.0.1:{self.world.ports.charts}"
        await self.run(
            HELM, "upgrade", "--install", "jhub", "jupyterhub", "--repo", repository, "--version", version,
            "--namespace", "jhub", "--create-namespace", "--values", file, "--wait", "--timeout", "90s",
        )  # fmt: skip
        service, secret = await self.get("service", "proxy-public"), await self.get("secret", "hub")
        self.ip = service["status"]["loadBalancer"]["ingress"][0]["ip"]
        self.token = base64.b64decode(secret["data"]["hub.services.hubctl.apiToken"]).decode()

    async def get(self, *what: str) -> Any:
        return json.loads(await self.run("kubectl", "--namespace", "jhub", "get", *what, "--output", "json"))

    async def api(self, method: str, path: str, body: Any = None) -> Any:
        """An answer of JupyterHub's API, or of a user's server below /user/."""
        where = path if path.startswith("/user/") else f"/hub/api{path}"
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(f"http://{self.ip}{where}", data=data, headers=headers, method=method)

        def call() -> bytes:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return bytes(answer.read())

        text = await asyncio.to_thread(call)
        return json.loads(text) if text else None

    async def servers(self, user: str) -> Any:
        return (await self.api("GET", f"/users/{user}"))["servers"]

    async def spawn(self, user: str) -> None:
        await self.api("POST", f"/users/{user}")
        await self.api("POST", f"/users/{user}/server")

        async def is_ready() -> bool:
            return bool((await self.servers(user)).get("", {}).get("ready"))

        await eventually(is_ready)


async def eventually(condition: Callable[[], Awaitable[bool]], seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.1)


@asynccontextmanager
async def running(state: Path) -> AsyncIterator[Cloud]:
    """The local cloud's Kubernetes part over that state, with the cluster r5 started."""
    world = World(state, PORTS)
    world.speed = 0
    clusters = Clusters(world, Authority(state / "tls"), lambda app, _: app)

    async def settle() -> None:
        while True:
            await clusters.settle()
            await asyncio.sleep(0.03)

    settling = asyncio.create_task(settle())
    try:
        await clusters.ensure(
            "r5", name="r5", location="westus", version="1.33.5", fqdn="", node_resource_group="MC_r5", pools=[POOL]
        )
        async with serving(Charts(world).app, world.ports.charts):
            yield Cloud(world, clusters)
    finally:
        settling.cancel()
        await clusters.close()
        world.close()


def processes_below(folder: Path) -> list[str]:
    """Command lines of processes that work in or name a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            here = entry.name.isdigit() and (str(folder) in line or str(folder) in str((entry / "cwd").readlink()))
        except OSError:
            continue
        if here:
            found.append(line)
    return found


@pytest.mark.local
def test_people_log_in_and_their_servers_come_and_go(tmp_path: Path) -> None:
    async def story() -> None:
        async with running(tmp_path) as cloud:
            await cloud.install(VALUES)
            address = f"http://{cloud.ip}"
            assert (await asyncio.to_thread(log_in, address, "grace", PASSWORD)).endswith("/hub/home")
            with pytest.raises(urllib.error.HTTPError, match="403"):
                await asyncio.to_thread(log_in, address, "grace", "wrong")

            await cloud.spawn("ada")
            pod = await cloud.get("pod", "jupyter-ada")
            assert pod["spec"]["containers"][0]["image"] == "quay.io/jupyterhub/k8s-singleuser-sample:4.4.0"
            assert pod["spec"]["schedulerName"] == "jhub-user-scheduler"
            assert (await cloud.get("pvc", "claim-ada"))["status"]["phase"] == "Bound"
            names = [entry["name"] for entry in (await cloud.api("GET", "/user/ada/api/contents"))["content"]]
            assert sorted(names) == ["from-hook", "note.txt"]

            kernel = await cloud.api("POST", "/user/ada/api/kernels", {"name": "python3"})
            home = next((tmp_path / "kubernetes").glob("*/volumes/*/from-hook")).parent
            assert any(kernel["id"] in line for line in processes_below(home))

            cloud.world.clock.advance(timedelta(hours=8))
            await cloud.api("GET", "/user/ada/api/contents")

            async def was_active() -> bool:
                seen = (await cloud.servers("ada"))[""]["last_activity"]
                return bool(seen >= (cloud.world.clock.now() - timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M"))

            await eventually(was_active)

            await cloud.api("DELETE", "/users/ada/server")

            async def has_stopped() -> bool:
                return (
                    not await cloud.servers("ada")
                    and not (await cloud.get("pods", "-l=component=singleuser-server"))["items"]
                )

            await eventually(has_stopped)
            assert not [line for line in processes_below(home) if "ipykernel" in line or "singleuser" in line]
            assert (home / "from-hook").is_dir()
        assert processes_below(tmp_path) == []

    asyncio.run(story())


@pytest.mark.local
def test_an_upgrade_keeps_secrets_people_and_running_servers(tmp_path: Path) -> None:
    async def story() -> None:
        async with running(tmp_path) as cloud:
            await cloud.install(VALUES, "4.2.0")
            before = await cloud.get("secret", "hub")
            await cloud.spawn("ada")
            started = (await cloud.get("pod", "jupyter-ada"))["metadata"]["uid"]
            await cloud.install(VALUES | {"cull": {"timeout": 7200}}, "4.4.0")
            after = await cloud.get("secret", "hub")
            assert after["metadata"]["labels"]["helm.sh/chart"] == "jupyterhub-4.4.0"
            changed = {key for key in before["data"] if before["data"][key] != after["data"][key]}
            assert changed == {"values.yaml"}
            assert (await cloud.get("pod", "jupyter-ada"))["metadata"]["uid"] == started
            assert (await cloud.servers("ada"))[""]["ready"]
            assert (await cloud.api("GET", "/user/ada/api"))["version"]

        async with running(tmp_path) as again:
            again.ip, again.token = cloud.ip, cloud.token

            async def is_back() -> bool:
                try:
                    return bool((await again.servers("ada"))[""]["ready"] and await again.api("GET", "/user/ada/api"))
                except (OSError, KeyError):
                    return False

            await eventually(is_back)
            assert (await again.get("pod", "jupyter-ada"))["metadata"]["uid"] == started

    asyncio.run(story())
