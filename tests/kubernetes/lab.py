"""One cluster and the chart repository of the local cloud, served from a thread, with faults to set."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local.charts.repository import Charts
from local.faults import CallLog, Fault, Faults
from local.kubernetes.clusters import Clusters
from local.server import Authority, Gate, serving
from local.world import World
from tests.cloud import free_ports

KEY = "/subscriptions/s/resourcegroups/r5-rg/providers/microsoft.containerservice/managedclusters/r5"


class Lab:
    def __init__(self, state: Path, world: World) -> None:
        self.world = world
        self.faults = Faults()
        self.log = CallLog()
        self.authority = Authority(state / "tls")
        self.clusters = Clusters(world, self.authority, self._gate)
        self.repository = f"http://127.0.0.1:{world.ports.charts}/"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    @property
    def kubeconfig(self) -> str:
        return self.clusters.kubeconfig(KEY, admin=True, resource_group="r5-rg")

    def fail(self, **fault: Any) -> Fault:
        return self.faults.add(Fault(**({"service": None} | fault)))

    def run[T](self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def stop_cluster(self) -> None:
        self.run(self.clusters.stop(KEY))

    def start_cluster(self) -> None:
        pool = {"name": "nodepool1", "count": 3, "vmSize": "Standard_D2s_v3", "maxPods": 30, "mode": "System"}
        self.run(
            self.clusters.ensure(
                KEY,
                name="r5",
                location="westus",
                version="1.35.2",
                fqdn="r5-dns.hcp.westus.azmk8s.io",
                node_resource_group="MC_r5-rg_r5_westus",
                pools=[pool | {"version": "1.35.2"}],
            )
        )

    @contextmanager
    def serving(self) -> Iterator[None]:
        self._thread.start()
        charts = self._gate(Charts(self.world).app, Charts.service)
        server = serving(charts, self.world.ports.charts)
        self.run(server.__aenter__())
        self.start_cluster()
        settling = asyncio.run_coroutine_threadsafe(self._settle(), self._loop)
        try:
            yield
        finally:
            settling.cancel()
            self.run(self.clusters.delete(KEY))
            self.run(self.clusters.close())
            self.run(server.__aexit__(None, None, None))
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    async def _settle(self) -> None:
        while True:
            await self.clusters.settle()
            await asyncio.sleep(0.03)

    def _gate(self, app: Any, service: str) -> Gate:
        return Gate(app, service, self.world.clock, self.faults, self.log)


@contextmanager
def lab(state: Path) -> Iterator[Lab]:
    with free_ports(16_000) as ports:
        world = World(state, ports)
        world.speed = 0
        made = Lab(state, world)
        with made.serving():
            yield made
        world.close()
