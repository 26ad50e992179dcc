"""Microsoft.ContainerService: the agent pools of a cluster, kept inside the cluster's document."""

from typing import Any

from local.azure.arm.aks import body as bodies
from local.azure.arm.aks import rules, versions
from local.azure.arm.aks.cluster_state import ClusterState
from local.azure.arm.aks.network_rules import check_networks
from local.azure.arm.azure import Azure, no_resource
from local.azure.arm.ids import ResourceId
from local.azure.arm.kinds import Child, unknown_type
from local.azure.arm.operations import Operation
from local.azure.arm.wire import Answer, Call, Json, flat, wrapped

POOL = "Microsoft.ContainerService/managedClusters/agentPools"

ADD, DELETE, SCALE, UPGRADE, STOP, START, RECONCILE = 204.0, 50.0, 170.0, 463.0, 37.0, 205.0, 40.0
"""Recorded medians, seconds; UPGRADE is any change that makes the nodes anew, RECONCILE the shortest seen: nothing is to do."""


class Pools(Child):
    def __init__(self, azure: Azure, state: ClusterState) -> None:
        super().__init__(azure, POOL)
        self._state = state

    async def get(self, _call: Call, resource: ResourceId) -> Answer:
        cluster, profile = self._both(resource)
        return Answer(200, _shown(cluster, profile))

    async def head(self, _call: Call, resource: ResourceId) -> Answer:
        cluster = self.store.get(resource.parent.key)
        return Answer(204 if cluster and bodies.find_pool(cluster, resource.name) else 404)

    def listed(self, _call: Call, prefix: str) -> Answer:
        cluster = self.store.get(prefix.removesuffix("/agentpools/"))
        if cluster is None:
            parts = prefix.split("/")
            raise no_resource(
                ResourceId("/".join(parts[:5]), "Microsoft.ContainerService", ("managedClusters",), (parts[8],))
            )
        return Answer(200, {"value": [_shown(cluster, pool) for pool in cluster["properties"]["agentPoolProfiles"]]})

    async def put(self, call: Call, resource: ResourceId) -> Answer:
        cluster = self._cluster(resource)
        asked = (call.document.get("properties") or {}) | {"name": resource.name}
        before = bodies.find_pool(cluster, resource.name)
        rules.check_etag(call, _tagged(cluster, before) if before else None)
        self._require_free(cluster, resource)
        rules.check_pool_fields(asked)
        own = cluster["properties"]
        after = bodies.pool(asked, before, own["currentKubernetesVersion"], own["networkProfile"], self._image)
        self._check(resource, cluster, before, after)
        seconds, state = self._change(cluster, before, after)
        after["provisioningState"] = state
        own["agentPoolProfiles"] = [pool for pool in own["agentPoolProfiles"] if pool is not before]
        own["agentPoolProfiles"].append(after)
        if before is not None:
            own["agentPoolProfiles"].sort(key=lambda pool: pool["name"])
        self._state.save(cluster)
        operation = self._begin(cluster, resource, "write", seconds, "put agent pool")
        headers = self.azure.polling.headers(call, operation, location=False)
        return Answer(200 if before else 201, _shown(cluster, after), headers)

    async def patch(self, _call: Call, _resource: ResourceId) -> Answer:
        raise wrapped(405, "MethodNotAllowed", "The http method 'PATCH' is not supported for agent pools.")

    async def delete(self, call: Call, resource: ResourceId) -> Answer:
        cluster = self._cluster(resource)
        profile = bodies.find_pool(cluster, resource.name)
        if profile is None:
            return Answer(204)
        rules.check_etag(call, _tagged(cluster, profile))
        self._require_free(cluster, resource)
        others = [pool for pool in cluster["properties"]["agentPoolProfiles"] if pool is not profile]
        if not any(pool["mode"] == "System" for pool in others):
            message = "There has to be at least one system agent pool."
            raise flat(400, "OperationNotAllowed", message)
        profile["provisioningState"] = "Deleting"
        self._state.save(cluster)
        operation = self._begin(cluster, resource, "remove", DELETE, "delete agent pool")
        return Answer(202, None, self.azure.polling.headers(call, operation, location=True))

    async def post(self, call: Call, resource: ResourceId, action: str) -> Answer:
        if action.lower() != "upgradenodeimageversion":
            raise unknown_type(f"{POOL}/{action}", call)
        cluster, profile = self._both(resource)
        self._require_free(cluster, resource)
        # Nodes that have the newest image already are left alone: "An update only works if there's a VHD update to consume."
        seconds = UPGRADE if profile["nodeImageVersion"] != self._image else RECONCILE
        profile["provisioningState"], profile["nodeImageVersion"] = "UpgradingNodeImageVersion", self._image
        self._state.save(cluster)
        operation = self._begin(cluster, resource, "write", seconds, "upgrade node image version")
        return Answer(202, _shown(cluster, profile), self.azure.polling.headers(call, operation, location=True))

    def upgrades(self, resource: ResourceId) -> Answer:
        """`agentPools/p/upgradeProfiles/default`."""
        cluster, profile = self._both(resource)
        latest = cluster["properties"]["currentKubernetesVersion"]
        offered = [
            {"kubernetesVersion": version}
            for version, _ in versions.upgrades(profile["currentOrchestratorVersion"])
            if versions.number(version) <= versions.number(latest)
        ]
        body = {
            "kubernetesVersion": profile["currentOrchestratorVersion"],
            "osType": "Linux",
            "upgrades": offered,
            "latestNodeImageVersion": self._image,
        }
        identity = f"{cluster['id']}/agentPools/{profile['name']}/upgradeProfiles/default"
        return Answer(200, {"id": identity, "name": "default", "type": f"{POOL}/upgradeProfiles", "properties": body})

    @property
    def _image(self) -> str:
        return versions.node_image(self.azure.now)

    def _cluster(self, resource: ResourceId) -> Json:
        cluster = self.store.get(resource.parent.key)
        if cluster is None:
            raise no_resource(resource.parent)
        return cluster

    def _both(self, resource: ResourceId) -> tuple[Json, Json]:
        cluster = self._cluster(resource)
        profile = bodies.find_pool(cluster, resource.name)
        if profile is None:
            message = f"Could not find the agent pool '{resource.name}' of the managed cluster '{cluster['name']}'."
            raise wrapped(404, "NotFound", message, cause="service")
        return cluster, profile

    def _require_free(self, cluster: Json, resource: ResourceId) -> None:
        """Pools change side by side, but not while the whole cluster or the same pool does."""
        running = self.azure.operations.open_on(resource.parent.key)
        mine = [operation for operation in running if operation.target in (resource.parent.key, resource.key)]
        rules.check_idle(mine)
        rules.check_running(cluster)

    def _check(self, resource: ResourceId, cluster: Json, before: Json | None, after: Json) -> None:
        own = cluster["properties"]
        rules.check_pool(after)
        if before:
            rules.check_pool_unchanged(before, after)
        _check_version(own, before, after)
        others = [pool for pool in own["agentPoolProfiles"] if pool is not before]
        if not any(pool["mode"] == "System" for pool in [*others, after]):
            raise flat(400, "OperationNotAllowed", "There has to be at least one system agent pool.")
        if after["mode"] == "System" and after["powerState"]["code"] == "Stopped":
            raise flat(400, "OperationNotAllowed", "A system agent pool cannot be stopped.")
        check_networks(self.azure, own | {"agentPoolProfiles": [*others, after]}, cluster["location"])
        rules.check_quota(self.azure, cluster["location"], resource.parent.key, [*others, after])

    def _change(self, cluster: Json, before: Json | None, after: Json) -> tuple[float, str]:
        """Seconds, and the state meanwhile."""
        stopped = after["powerState"]["code"] == "Stopped"
        if before is None:
            return ADD, "Creating"
        if stopped != (before["powerState"]["code"] == "Stopped"):
            return self._switch(cluster, before, after, stopped=stopped)
        if before["orchestratorVersion"] != after["orchestratorVersion"]:
            return UPGRADE, "Upgrading"
        if before["count"] != after["count"]:
            return SCALE, "Scaling"
        return SCALE, "Updating"

    def _switch(self, cluster: Json, before: Json, after: Json, *, stopped: bool) -> tuple[float, str]:
        """A pool that is stopped shows no nodes at once; started, it shows again those it had."""
        counts: dict[str, Any] = dict(self._state.private(cluster).get("pool_counts") or {})
        if stopped:
            counts[after["name"]] = before["count"]
            after["count"] = 0
        else:
            after["count"] = counts.pop(after["name"], max(1, after["count"]))
        self._state.save(cluster, pool_counts=counts)
        return (STOP, "Stopping") if stopped else (START, "Starting")

    def _begin(self, cluster: Json, resource: ResourceId, verb: str, seconds: float, title: str) -> Operation:
        return self.azure.begin(
            resource,
            f"pool.{verb}",
            seconds,
            location=cluster["location"],
            title=title,
            arguments={"pool": resource.name},
        )


def _check_version(own: Json, before: Json | None, after: Json) -> None:
    """Never newer than the control plane, at most three minor versions older, and never back."""
    version = versions.resolve(after["orchestratorVersion"]) or after["orchestratorVersion"]
    control = own["currentKubernetesVersion"]
    known = versions.minor_of(version) is not None or (before or {}).get("orchestratorVersion") == version
    wanted, top = versions.number(version), versions.number(control)
    if not known or wanted > top or wanted[1] < top[1] - 3:
        message = f"Node pool version {version} and control plane version {control} are incompatible."
        raise flat(400, "NodePoolMcVersionIncompatible" if known else "AgentPoolK8sVersionNotSupported", message)
    if before and wanted < versions.number(before["orchestratorVersion"]):
        message = f"Downgrading the agent pool from {before['orchestratorVersion']} to {version} is not allowed."
        raise flat(400, "OperationNotAllowed", message)
    after["orchestratorVersion"] = after["currentOrchestratorVersion"] = version


def _tagged(cluster: Json, profile: Json) -> Json:
    return {"eTag": profile.get("eTag") or cluster.get("eTag")}


def _shown(cluster: Json, profile: Json) -> Json:
    properties = {name: value for name, value in profile.items() if name != "name"}
    return {
        "id": f"{cluster['id']}/agentPools/{profile['name']}",
        "name": profile["name"],
        "type": POOL,
        "properties": properties | _tagged(cluster, profile),
    }
