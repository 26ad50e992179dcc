"""A cluster's hidden half, its nodes as they should be, and how its operations end.

The private half of a cluster's document: `secret` (of its service principal), `built` (its control plane exists),
`counts` (name of a pool -> its node count and power before the cluster was stopped).
"""

from typing import Any

from local.azure.arm.aks import body as bodies
from local.azure.arm.aks import nodes
from local.azure.arm.azure import Azure
from local.azure.arm.operations import Ending, Operation
from local.azure.arm.wire import Json, same


class ClusterState:
    def __init__(self, azure: Azure) -> None:
        self._azure = azure
        self._store = azure.store
        on = azure.operations.on
        on("cluster.create", Ending(self._built, self._failed, self._ensure))
        on("cluster.update", Ending(self._updated, self._failed, self._ensure))
        on("cluster.start", Ending(self._started, self._failed, self._ensure))
        on("cluster.stop", Ending(self._stopped, self._failed, self._stop))
        on("cluster.delete", Ending(self._deleted, self._failed, self._delete))
        on("cluster.abort", Ending(self._aborted, self._failed))
        on("pool.write", Ending(self._pool_written, self._pool_failed, self._ensure))
        on("pool.remove", Ending(self._pool_removed, self._pool_failed, self._ensure_rest))

    def save(self, body: Json, **private: Any) -> None:
        """Keeps the body under a new ETag, and these of the hidden values (None: forget it)."""
        bodies.new_etag(body, self._azure.now)
        kept = self._store.private(body["id"].lower()) | private
        self._store.put(body, {name: value for name, value in kept.items() if value is not None})

    def private(self, body: Json) -> Json:
        return self._store.private(body["id"].lower())

    def wanted_pools(self, body: Json) -> list[Json]:
        """The pools with the node counts that they have while the cluster runs."""
        counts = self.private(body).get("counts") or {}
        profiles: list[Json] = body["properties"]["agentPoolProfiles"]
        return [profile | counts.get(profile["name"], {}) for profile in profiles]

    # the work

    async def _ensure(self, operation: Operation) -> None:
        await self._ensure_but(operation, None)

    async def _ensure_rest(self, operation: Operation) -> None:
        await self._ensure_but(operation, operation.arguments["pool"])

    async def _ensure_but(self, operation: Operation, removed: str | None) -> None:
        """Brings the control plane to what the document says, without the pool that is being removed."""
        body = self._store.get(_cluster_key(operation))
        if body is None or not self._may_run(operation, body):
            return
        own = body["properties"]
        pools = [
            {
                "name": pool["name"],
                "count": pool["count"],
                "vmSize": pool["vmSize"],
                "maxPods": pool["maxPods"],
                "mode": pool["mode"],
                "version": pool["currentOrchestratorVersion"],
                "image": pool["nodeImageVersion"],
            }
            for pool in self.wanted_pools(body)
            if not same(pool["name"], removed)
        ]
        await self._azure.clusters.ensure(
            body["id"].lower(),
            name=body["name"],
            location=body["location"],
            version=own["currentKubernetesVersion"],
            fqdn=own["fqdn"],
            node_resource_group=own["nodeResourceGroup"],
            pools=pools,
        )

    def _may_run(self, operation: Operation, body: Json) -> bool:
        return operation.kind == "cluster.create" or bool(self.private(body).get("built"))

    async def _stop(self, operation: Operation) -> None:
        await self._azure.clusters.stop(operation.target)

    async def _delete(self, operation: Operation) -> None:
        await self._azure.clusters.delete(operation.target)

    # how operations end

    def _built(self, operation: Operation) -> None:
        self._settled(operation, built=True)

    def _updated(self, operation: Operation) -> None:
        self._settled(operation)

    def _started(self, operation: Operation) -> None:
        body = self._store.get(operation.target)
        if body:
            body["properties"]["agentPoolProfiles"] = self.wanted_pools(body)
            self.save(body, counts=None, built=True)
            self._settled(operation)

    def _settled(self, operation: Operation, **private: Any) -> None:
        body = self._store.get(operation.target)
        if body is None:
            return
        bodies.set_states(body, "Succeeded")
        nodes.write(self._azure, body)
        own = body["properties"]
        if (body.get("identity") or {}).get("type") in ("SystemAssigned", "UserAssigned"):
            own["identityProfile"] = {"kubeletidentity": nodes.kubelet_identity(body)}
        self.save(body, **private)

    def _stopped(self, operation: Operation) -> None:
        body = self._store.get(operation.target)
        if body is None:
            return
        bodies.set_states(body, "Succeeded")
        bodies.set_power(body, "Stopped")
        for profile in body["properties"]["agentPoolProfiles"]:
            profile["count"] = 0
        nodes.write(self._azure, body)
        self.save(body)

    def _deleted(self, operation: Operation) -> None:
        body = self._store.get(operation.target)
        if body:
            nodes.remove(self._azure, body)
            self._store.delete(operation.target)

    def _failed(self, operation: Operation, _: Json) -> None:
        body = self._store.get(_cluster_key(operation))
        if body:
            self._interrupted(body, "Failed")

    def _interrupted(self, body: Json, state: str) -> None:
        """A start or stop that came to no good end leaves the pools with the counts they had."""
        if body["properties"]["powerState"]["code"] == "Running":
            body["properties"]["agentPoolProfiles"] = self.wanted_pools(body)
            self.save(body, counts=None)
        bodies.set_states(body, state)
        self.save(body)

    def _aborted(self, operation: Operation) -> None:
        """The operation that ran is cancelled, and what it worked on left as it is."""
        for running in self._azure.operations.open_on(operation.target):
            if running.id != operation.id:
                self._azure.operations.cancel(running, "Canceled", "Operation is being canceled by user")
        body = self._store.get(operation.target)
        if body:
            self._interrupted(body, "Canceled")

    def _pool_written(self, operation: Operation) -> None:
        body = self._store.get(_cluster_key(operation))
        if body:
            profile = bodies.find_pool(body, operation.arguments["pool"])
            if profile:
                profile["provisioningState"] = "Succeeded"
            nodes.write(self._azure, body)
            self.save(body)

    def _pool_failed(self, operation: Operation, _: Json) -> None:
        body = self._store.get(_cluster_key(operation))
        if body:
            profile = bodies.find_pool(body, operation.arguments["pool"])
            if profile:
                profile["provisioningState"] = "Failed"
            self.save(body)

    def _pool_removed(self, operation: Operation) -> None:
        body = self._store.get(_cluster_key(operation))
        if body:
            profile = bodies.find_pool(body, operation.arguments["pool"])
            own = body["properties"]
            own["agentPoolProfiles"] = [other for other in own["agentPoolProfiles"] if other is not profile]
            nodes.write(self._azure, body)
            self.save(body)


def _cluster_key(operation: Operation) -> str:
    """Operations on a pool work on its cluster's document."""
    return operation.target.partition("/agentpools/")[0]
