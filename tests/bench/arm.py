"""Azure without the insides of its clusters, for measurements with hundreds of them: no Kubernetes runs in any."""

import asyncio
import contextlib
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from starlette.types import ASGIApp

from local import names
from local.azure.arm.app import Arm
from local.azure.arm.store import Store
from local.azure.directory import Directory
from local.azure.identity import Identity
from local.azure.tokens import Tokens
from local.environment import environment
from local.faults import CallLog, Faults
from local.processes import Copy
from local.server import Authority, Gate, serving
from local.world import World
from shared import names as shared_names
from shared.azure.aks import API as CLUSTER_API
from shared.hubs.spec.defaults import OWNER_TAG
from shared.services import Services
from shared.settings import Settings
from tests.cloud import copy_for_tests

FIRST_PORTS = 22_000
GROUP = "bench-rg"
LOCATION = "westus"
_SETTLE = 0.05
"""Real seconds between two looks at which operations have ended."""


class NoKubernetes:
    """What the emulated ARM asks of the clusters' insides."""

    async def ensure(self, key: str, **wanted: Any) -> None: ...

    async def stop(self, key: str) -> None: ...

    async def delete(self, key: str) -> None: ...

    def kubeconfig(self, key: str, *, admin: bool, resource_group: str) -> str:
        raise NotImplementedError(f"there is no Kubernetes in {key}")

    def public_addresses(self, key: str) -> list[dict[str, Any]]:
        return []

    def volumes(self, key: str) -> list[dict[str, Any]]:
        return []


@dataclass
class Azure:
    """copy: Azurite runs in it, and the functions host may. services: the product's adapters, in this process."""

    copy: Copy
    world: World
    log: CallLog
    services: Services

    def clusters(self, hubs: list[str]) -> None:
        """Makes one for each hub, with one small node, and stops it again."""
        self.world.table("subscription")["quotas"] = {
            "limits": {LOCATION: {"cores": 10_000, "standardDSv3Family": 10_000}}
        }
        self.world.speed = 0
        self.services.arm.put_group(GROUP, LOCATION, {})
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(self._cluster, range(len(hubs)), hubs))
        self.world.speed = 1

    def give(self, number: int, hub: str) -> None:
        """Makes a cluster another hub's."""
        identity = shared_names.cluster_id(names.SUBSCRIPTION, GROUP, cluster_name(number))
        self.services.arm.patch(identity, CLUSTER_API, {"tags": {OWNER_TAG: hub}})

    def _cluster(self, number: int, hub: str) -> None:
        name, clusters = cluster_name(number), self.services.clusters
        pool = {"name": "nodepool1", "mode": "System", "count": 1, "vmSize": "Standard_D2s_v3"}
        properties = {"dnsPrefix": name, "agentPoolProfiles": [pool]}
        body = {"location": LOCATION, "identity": {"type": "SystemAssigned"}, "properties": properties}
        clusters.put(GROUP, name, {**body, "tags": {OWNER_TAG: hub}})
        clusters.stop(GROUP, name)

    def cluster(self, world: World, name: str) -> dict[str, Any]:
        """Its properties as they are now, read beside the service. `world`: one of the caller's own."""
        identity = shared_names.cluster_id(names.SUBSCRIPTION, GROUP, name).lower()
        body = Store(world).get(identity)
        if body is None:
            raise LookupError(f"there is no cluster {name}")
        properties: dict[str, Any] = body["properties"]
        return properties


def cluster_name(number: int) -> str:
    return f"bench{number}"


def body_of(hub: str, cluster: int) -> dict[str, Any]:
    """The specification of a hub on one of the clusters."""
    return {"name": hub, "location": LOCATION, "resourceGroup": GROUP, "cluster": {"name": cluster_name(cluster)}}


@contextmanager
def azure(now: datetime) -> Iterator[Azure]:
    """With a clock that stands at `now`. Everything is gone afterwards."""
    with (
        TemporaryDirectory(prefix="hubkeeper-bench-") as folder,
        copy_for_tests(Path(folder), first=FIRST_PORTS) as copy,
    ):
        world, log, stop = World(copy.state, copy.ports), CallLog(), threading.Event()
        world.clock.set(now, 0)
        ready = threading.Event()
        thread = threading.Thread(target=lambda: asyncio.run(_serve(world, log, ready, stop)), name="azure")
        copy.up(["azurite"])
        thread.start()
        try:
            if not ready.wait(20):
                raise RuntimeError("the emulated Azure did not start")
            variables = environment(copy.state, copy.ports)
            with _environ(variables):
                yield Azure(copy, world, log, Services(Settings.from_environ(variables), world.clock))
        finally:
            stop.set()
            thread.join(10)
            world.close()


@contextmanager
def _environ(variables: dict[str, str]) -> Iterator[None]:
    """What azure-identity and requests read for themselves."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


async def _serve(world: World, log: CallLog, ready: threading.Event, stop: threading.Event) -> None:
    tokens, directory, ports = Tokens(world), Directory(world), world.ports
    arm = Arm(world, directory, NoKubernetes(), tokens)
    chain = Authority(world.state / "tls").issue("127.0.0.1", "localhost")
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(arm.close)
        parts: list[tuple[ASGIApp, str, int, Any]] = [
            (arm.app, "arm", ports.arm, chain),
            (Identity(world, tokens).app, "identity", ports.identity, None),
        ]
        servers = [
            await stack.enter_async_context(serving(Gate(app, name, world.clock, Faults(), log), port, tls=tls))
            for app, name, port, tls in parts
        ]
        ready.set()
        while not stop.is_set():
            await arm.settle()
            await asyncio.sleep(_SETTLE)
        for connection in [one for server in servers for one in server.server_state.connections]:
            connection.transport.abort()  # those that a client keeps open
