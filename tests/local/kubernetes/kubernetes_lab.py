"""A running emulated cluster for tests: its event loop in a thread, a plain HTTP client, and containers that do as told."""

import asyncio
import subprocess
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from local.faults import CallLog, Faults
from local.kubernetes import clusters as clusters_module
from local.kubernetes.clusters import Clusters
from local.kubernetes.node.runtime import PodContext, Process, Runtime
from local.ports import Ports
from local.server import Authority, Gate
from local.world import World
from tests.cloud import free_ports

KEY = "/subscriptions/s/resourcegroups/r5-rg/providers/microsoft.containerservice/managedclusters/r5"
HELM = Path(__file__).parents[3] / ".venv/bin/helm"
POOL = {
    "name": "nodepool1",
    "count": 3,
    "vmSize": "Standard_D2s_v3",
    "maxPods": 110,
    "mode": "System",
    "version": "1.35.2",
}


class Puppet:
    """A container whose readiness, end and output a test sets. It answers TCP on its pod's address, port 8000."""

    def __init__(self, context: PodContext) -> None:
        self.context = context
        self.ready = True
        self.exit_code: int | None = None
        self.stopped = False
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._answer, self.context.ip, 8000)

    async def _answer(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self.context.pod["metadata"]["name"].encode())
        writer.close()

    def end(self, code: int) -> None:
        """The container ends by itself; called from the test's thread."""
        if self._server is not None:
            self._server.get_loop().call_soon_threadsafe(self._server.close)
        self.exit_code = code

    def log(self) -> str:
        return "first line\nsecond line\n"

    async def stop(self, grace: float) -> None:
        self.stopped = True
        self.exit_code = 143
        if self._server is not None:
            self._server.close()


@dataclass
class Theatre:
    """Runs the containers of image "puppet"."""

    puppets: list[Puppet] = field(default_factory=list)

    def handles(self, pod: dict[str, Any], container: dict[str, Any]) -> bool:
        return bool(container["image"] == "puppet")

    async def start(self, context: PodContext) -> Process:
        puppet = Puppet(context)
        await puppet.open()
        self.puppets.append(puppet)
        return puppet


class Lab:
    """One cluster called r5, without waiting times unless a test sets a speed."""

    def __init__(self, folder: Path, ports: Ports) -> None:
        self.folder = folder
        self.world = World(folder, ports)
        self.world.speed = 0
        self.theatre = Theatre()
        self.log, self.faults = CallLog(), Faults()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.clusters: Clusters
        self.run(self._build())
        self._settling = asyncio.run_coroutine_threadsafe(self._settle(), self._loop)

    async def _build(self) -> None:
        gate = lambda app, service: Gate(app, service, self.world.clock, self.faults, self.log)  # noqa: E731
        self.clusters = Clusters(self.world, Authority(self.folder / "ca"), gate)

    async def _settle(self) -> None:
        while True:
            await self.clusters.settle()
            await asyncio.sleep(0.01)

    def run[T](self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    def ensure(self, key: str = KEY, **changes: Any) -> None:
        wanted: dict[str, Any] = {
            "name": "r5",
            "location": "westus",
            "version": "1.35.2",
            "fqdn": "r5-dns.hcp.westus.azmk8s.io",
            "node_resource_group": "MC_r5-rg_r5_westus",
            "pools": [POOL],
        }
        self.run(self.clusters.ensure(key, **(wanted | changes)))

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        media: str = "application/json",
        token: str | None = None,
        accept: str = "application/json",
        **params: Any,
    ) -> requests.Response:
        config = yaml.safe_load(self.clusters.kubeconfig(KEY, admin=True, resource_group="r5-rg"))
        server = config["clusters"][0]["cluster"]["server"]
        bearer = config["users"][0]["user"]["token"] if token is None else token
        headers = {"Authorization": f"Bearer {bearer}", "Content-Type": media, "Accept": accept}
        data = body if isinstance(body, bytes) else None
        return requests.request(
            method,
            server + path,
            json=None if data is not None else body,
            data=data,
            params=params,
            headers=headers,
            verify=str(self.folder / "ca" / "ca.pem"),
            timeout=20,
        )

    def get(self, path: str, **params: Any) -> Any:
        return self.call("GET", path, **params).json()

    def create(self, path: str, body: Any) -> Any:
        answer = self.call("POST", path, body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def until(self, happens: Callable[[], Any], seconds: float = 10.0) -> Any:
        """What `happens` gives as soon as that is true."""
        end = time.monotonic() + seconds
        while not (found := happens()):
            assert time.monotonic() < end, "it did not happen in time"
            time.sleep(0.02)
        return found

    def kubeconfig(self) -> Path:
        path = self.folder / "kubeconfig"
        path.write_text(self.clusters.kubeconfig(KEY, admin=True, resource_group="r5-rg"))
        path.chmod(0o600)
        return path

    def shell(self, *command: str, ok: bool = True) -> str:
        """The output of helm or kubectl, pointed at the cluster."""
        words = [str(HELM) if command[0] == "helm" else command[0], *command[1:]]
        environment = {"KUBECONFIG": str(self.kubeconfig()), "HOME": str(self.folder), "PATH": "/usr/bin:/bin"}
        done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode == 0) is ok, done.stdout + done.stderr
        return done.stdout + done.stderr

    def close(self) -> None:
        self._settling.cancel()
        self.run(self.clusters.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        self.world.close()


@contextmanager
def lab(folder: Path) -> Iterator[Lab]:
    """A cluster in `folder`; containers of image "puppet" are run by its theatre, all others only pretend to run."""
    with free_ports(12_000) as ports, pytest.MonkeyPatch.context() as monkeypatch:
        made = Lab(folder, ports)
        found: list[Runtime] = [made.theatre]
        monkeypatch.setattr(clusters_module, "runtimes", lambda *_: found)
        try:
            made.ensure()
            yield made
        finally:
            made.close()


def pod(name: str, image: str = "puppet", **spec: Any) -> dict[str, Any]:
    """A pod with one container; `spec` is put over it."""
    container = {"name": "main", "image": image, "ports": [{"name": "http", "containerPort": 8000}]}
    return {"metadata": {"name": name, "labels": {"app": name}}, "spec": {"containers": [container], **spec}}


def deployment(name: str, replicas: int = 1, image: str = "puppet", **spec: Any) -> dict[str, Any]:
    template = pod(name, image)
    return {
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": template["spec"]},
            **spec,
        },
    }
