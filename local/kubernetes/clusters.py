"""All clusters of the local cloud: what the emulated ARM switches on and off."""

import asyncio
import secrets
from collections.abc import Callable
from typing import Any

from starlette.types import ASGIApp

from local.kubernetes.addresses import Addresses
from local.kubernetes.cluster import Cluster, erase, open_store
from local.kubernetes.controllers import claims, services
from local.kubernetes.kubeconfig import kubeconfig
from local.kubernetes.objects.kinds import EVENT, LEASE
from local.kubernetes.objects.store import Store, listed
from local.kubernetes.workloads import runtimes
from local.server import Authority
from local.world import Document, World


class Clusters:
    """Clusters by key: the lower-cased ARM id."""

    def __init__(self, world: World, authority: Authority, gate: Callable[[ASGIApp, str], ASGIApp]) -> None:
        self._world = world
        self._authority = authority
        self._gate = gate
        self._records = world.table("kubernetes-clusters")
        self._addresses = Addresses(world)
        self._running: dict[str, Cluster] = {}
        self._busy = asyncio.Lock()
        self.refusal: Callable[[str], str | None] = lambda _: None
        """Why Azure gives a cluster's services no address; None when it does."""
        world.lists(self._listing)

    async def open(self) -> None:
        """Starts every cluster that is not stopped, with the pods that it had."""
        for key, record in list(self._records.items()):
            if not record["stopped"] and key not in self._running:
                await self._start(record)

    async def close(self) -> None:
        """Ends listeners and processes; everything else stays as it is."""
        async with self._busy:
            running, self._running = list(self._running.values()), {}
            await asyncio.gather(*(cluster.close() for cluster in running))

    async def settle(self) -> None:
        """One pass of all controllers and kubelets."""
        if self._busy.locked():
            return
        async with self._busy:
            for cluster in list(self._running.values()):
                await cluster.settle()

    async def ensure(
        self,
        key: str,
        *,
        name: str,
        location: str,
        version: str,
        fqdn: str,
        node_resource_group: str,
        pools: list[dict[str, Any]],
    ) -> None:
        """Makes a cluster be as told: creates it, resizes and upgrades its pools, starts it if it is stopped.

        A pool: {"name", "count", "vmSize", "maxPods", "mode", "version"}. Raises OSError when its port is taken.
        """
        async with self._busy:
            record = self._records.get(key) or self._new(key)
            record.update(
                name=name,
                location=location,
                version=version,
                fqdn=fqdn,
                nodeResourceGroup=node_resource_group,
                pools=pools,
                stopped=False,
            )
            self._records[key] = record
            running = self._running.get(key)
            if running is None:
                await self._start(record)
            else:
                running.change(record)
                await running.settle()

    def _new(self, key: str) -> Document:
        taken = {record["port"] for record in self._records.values()}
        port = next((port for port in self._world.ports.kubernetes if port not in taken), None)
        if port is None:
            raise OSError("all ports for API servers are in use")
        return {
            "key": key,
            "port": port,
            "adminToken": secrets.token_hex(64),
            "userToken": secrets.token_hex(64),
            "signingKey": secrets.token_hex(32),
        }

    async def _start(self, record: Document) -> None:
        found = runtimes(self._world, self._authority)
        cluster = Cluster(self._world, self._authority, self._gate, self._addresses, found, record, self.refusal)
        await cluster.start()
        self._running[record["key"]] = cluster

    async def stop(self, key: str) -> None:
        """Takes all machines away. Claims' data, Secrets, releases and all other objects stay. Raises KeyError."""
        async with self._busy:
            record = self._records[key]
            cluster = self._running.pop(key, None)
            if cluster is not None:
                await cluster.drain()
            self._records[key] = {**record, "stopped": True}

    async def delete(self, key: str) -> None:
        """Leaves nothing of a cluster, its disks included. Nothing happens when there is none."""
        async with self._busy:
            cluster = self._running.pop(key, None)
            if cluster is not None:
                await cluster.close(grace=0.5)
            if key in self._records:
                erase(self._world, key, self._addresses)
                del self._records[key]

    def kubeconfig(self, key: str, *, admin: bool, resource_group: str) -> str:
        """YAML as AKS gives it, with a server that this machine reaches. Raises KeyError."""
        record = self._records[key]
        return kubeconfig(
            name=record["name"],
            resource_group=resource_group,
            server=f"https://127.0.0.1:{record['port']}",
            authority=self._authority.certificate,
            token=record["adminToken" if admin else "userToken"],
            admin=admin,
        )

    def public_addresses(self, key: str) -> list[Document]:
        """[{"name", "ip", "dnsLabel"}] of LoadBalancer services."""
        return services.public_addresses(self._store(key))

    def volumes(self, key: str) -> list[Document]:
        """[{"name", "sizeGiB", "sku", "claim": "namespace/name"}] of bound claims."""
        return claims.azure_disks(self._store(key))

    def _store(self, key: str) -> Store:
        """The objects of a cluster, running or not. Raises KeyError."""
        running = self._running.get(key)
        if running is not None:
            return running.store
        return open_store(self._world, self._records[key]["key"])

    def _listing(self) -> list[Document]:
        return [
            listed(document, record["name"])
            for key, record in self._records.items()
            for store in [self._store(key)]
            for kind in store.kinds()
            if kind not in (EVENT, LEASE)
            for document in store.all(kind)
        ]
