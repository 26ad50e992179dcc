"""One running cluster: its objects, its API server, its controllers, its pods."""

import asyncio
import contextlib
import functools
import hashlib
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from local.kubernetes.addresses import Addresses
from local.kubernetes.api.access import MASTERS, Authentication, Authorization, User, service_account_token
from local.kubernetes.api.apiserver import ApiServer, Served
from local.kubernetes.api.registry import Registry
from local.kubernetes.api.subresources import Subresources
from local.kubernetes.controllers import addons
from local.kubernetes.controllers.claims import reconcile_claims
from local.kubernetes.controllers.control import Control, parse
from local.kubernetes.controllers.cronjobs import reconcile_cron_jobs
from local.kubernetes.controllers.daemons import reconcile_daemon_sets
from local.kubernetes.controllers.deployments import reconcile_deployments, reconcile_replica_sets
from local.kubernetes.controllers.endpoints import reconcile_endpoints
from local.kubernetes.controllers.garbage import collect_garbage, reconcile_namespaces
from local.kubernetes.controllers.jobs import reconcile_jobs
from local.kubernetes.controllers.nodes import follow_pools, remove_node
from local.kubernetes.controllers.scheduler import schedule
from local.kubernetes.controllers.services import inner_address, listeners, reconcile_balancers, tell_refusals
from local.kubernetes.controllers.stateful import reconcile_stateful_sets
from local.kubernetes.forwarding import Forwarding
from local.kubernetes.node.kubelet import Kubelet
from local.kubernetes.node.podfiles import Surroundings
from local.kubernetes.node.runtime import Runtime
from local.kubernetes.objects.budgets import budget_status
from local.kubernetes.objects.kinds import DISRUPTION_BUDGET, NODE, POD, SERVICE_ACCOUNT
from local.kubernetes.objects.schema import schemas
from local.kubernetes.objects.store import Store, meta
from local.server import Authority, serving
from local.world import Document, World

_PASSES = 20
"""A pass that changes something is followed by another; so many at most before the event loop goes on."""
_TOKEN_SECONDS = 365 * 24 * 3600


def short_id(key: str) -> str:
    """A cluster's short name in tables and on disk."""
    return hashlib.sha256(key.encode()).hexdigest()[:10]


def open_store(world: World, key: str) -> Store:
    def now() -> str:
        return world.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    return Store(world.table("kubernetes"), short_id(key), now)


class Cluster:
    """A cluster that is switched on.

    record: its row in the world ({"name", "version", "pools", "port", ...}). refusal: why Azure gives the cluster of that key no
    address for a service.
    """

    def __init__(
        self,
        world: World,
        authority: Authority,
        gate: Callable[[ASGIApp, str], ASGIApp],
        addresses: Addresses,
        runtimes: list[Runtime],
        record: Document,
        refusal: Callable[[str], str | None],
    ) -> None:
        self._world = world
        self._refusal = functools.partial(refusal, record["key"])
        self._authority = authority
        self._gate = gate
        self._addresses = addresses
        self.record = record
        self.store = open_store(world, record["key"])
        registry = Registry(self.store, schemas(record["version"]))
        self._control = Control(registry, world.clock.seconds, world.duration)
        self._authorization = Authorization(self.store)
        self._folder = folder_of(world, record["key"])
        self._forwarding = Forwarding()
        self._id = short_id(record["key"])
        around = Surroundings(
            store=self.store,
            volumes=self._folder / "volumes",
            token=self._token,
            inner_address=lambda service: inner_address(addresses, self._id, service),
            api=("127.0.0.1", record["port"]),
        )
        self._kubelet = Kubelet(
            self._control, record["name"], self._id, around, addresses, self._folder / "pods", runtimes
        )
        self._seen: tuple[object, ...] = ()
        self._served = contextlib.AsyncExitStack()
        self._server: uvicorn.Server | None = None

    def _token(self, namespace: str, name: str) -> str:
        account = self.store.require(SERVICE_ACCOUNT, namespace, name)
        issued = int(parse(meta(account)["creationTimestamp"]))
        return service_account_token(self.record["signingKey"], account, issued + _TOKEN_SECONDS, issued)

    async def start(self) -> None:
        """Serves the API and brings the objects of every cluster into being. Raises OSError: the port is taken."""
        addons.furnish(self._control.registry)
        follow_pools(self._control, self.record)
        fqdn, port = self.record["fqdn"], self.record["port"]
        names = [name for name in (fqdn, "127.0.0.1", "localhost", "kubernetes.default.svc") if name]
        certificate = self._authority.issue(f"kubernetes-{self._id}", *names)
        app = self._gate(ApiServer(self._api()), "kubernetes")
        self._server = await self._served.enter_async_context(serving(app, port, tls=certificate))
        self._control.due = 0.0
        await self.settle()

    def _api(self) -> Served:
        masters = (MASTERS, "system:authenticated")
        tokens = {
            self.record["adminToken"]: User("masterclient", masters),
            self.record["userToken"]: User("clusterUser", masters),
        }
        registry = self._control.registry

        def now() -> datetime:
            return datetime.fromtimestamp(self._world.clock.seconds(), UTC)

        return Served(
            registry=registry,
            authentication=Authentication(self.store, self.record["signingKey"], tokens),
            authorization=self._authorization,
            subresources=Subresources(registry, self.record["signingKey"], now, self._kubelet.log),
            now=now,
            version=lambda: str(self.record["version"]),
            address=f"127.0.0.1:{self.record['port']}",
        )

    def change(self, record: Document) -> None:
        """Takes over new pools and versions."""
        if record["version"] != self.record["version"]:
            self._control.registry.schemas = schemas(record["version"])
        self.record = record
        follow_pools(self._control, record)

    async def settle(self) -> None:
        """Lets all controllers and kubelets work until nothing changes any more. Cheap when nothing has changed."""
        seen = (self.store.revision, self._kubelet.pulse())
        if seen == self._seen and self._control.seconds() < self._control.due:
            return
        for _ in range(_PASSES):
            # Before the pass: what changes while listeners are awaited below has not been looked at.
            before = self.store.revision
            self._seen = (before, self._kubelet.pulse())
            self._control.due = float("inf")
            self._pass()
            if self.store.revision == before:
                break
        await self._forwarding.follow(listeners(self.store, self._addresses, self._id))
        tell_refusals(self._control, self._forwarding)

    def _pass(self) -> None:
        control = self._control
        reconcile_namespaces(control, self._authority.certificate.read_text())
        reconcile_controllers(control)
        reconcile_claims(control, self._folder / "volumes")
        schedule(control)
        self._kubelet.step()
        reconcile_endpoints(control)
        reconcile_balancers(control, self._addresses, self._id, self._refusal)
        for budget in self.store.all(DISRUPTION_BUDGET):
            control.set_status(DISRUPTION_BUDGET, budget, budget_status(self.store, budget))
        collect_garbage(control)

    async def close(self, grace: float = 3.0) -> None:
        """Ends the listener and all processes; every object stays."""
        self.store.close()
        # A machine that goes away does not say goodbye; clients that keep connections open would hold this up.
        for connection in list(self._server.server_state.connections) if self._server else []:
            connection.transport.abort()
        await self._served.aclose()
        await asyncio.gather(self._kubelet.close(grace), self._forwarding.close())

    async def drain(self) -> None:
        """What AKS does when a cluster is stopped: all machines go, and with them every pod that nobody controls."""
        await self.close()
        for node in self.store.all(NODE):
            remove_node(self.store, meta(node)["name"])
        for pod in self.store.all(POD):
            self.store.remove(POD, meta(pod)["namespace"], meta(pod)["name"])
        reconcile_controllers(self._control)
        schedule(self._control)


def reconcile_controllers(control: Control) -> None:
    """Everything that makes pods."""
    reconcile_deployments(control)
    reconcile_replica_sets(control)
    reconcile_stateful_sets(control)
    reconcile_daemon_sets(control)
    reconcile_cron_jobs(control)
    reconcile_jobs(control)


def folder_of(world: World, key: str) -> Path:
    return world.state.resolve() / "kubernetes" / short_id(key)


def erase(world: World, key: str, addresses: Addresses) -> None:
    """Leaves nothing of a cluster behind."""
    open_store(world, key).erase()
    addresses.release_all(short_id(key))
    shutil.rmtree(folder_of(world, key), ignore_errors=True)
