"""Microsoft.ContainerService, put together."""

from local.azure.arm.aks import versions
from local.azure.arm.aks.cluster_state import ClusterState
from local.azure.arm.aks.clusters import Clusters
from local.azure.arm.aks.pools import Pools
from local.azure.arm.aks.power import upgrade_profile
from local.azure.arm.azure import Azure, no_resource
from local.azure.arm.catalog import LOCATIONS
from local.azure.arm.ids import Target
from local.azure.arm.provider import Provider
from local.azure.arm.wire import Answer, Call, wrapped


class ContainerService(Provider):
    namespace = "Microsoft.ContainerService"

    def __init__(self, azure: Azure) -> None:
        state = ClusterState(azure)
        self._pools = Pools(azure, state)
        super().__init__(azure, [Clusters(azure, state), self._pools])

    async def answer(self, call: Call, target: Target) -> Answer:
        words = [part.lower() for part in target.rest]
        if call.method == "GET" and words[-2:] == ["upgradeprofiles", "default"] and target.group:
            return self._upgrades(call, target)
        if call.method == "GET" and words[2:] == ["availableagentpoolversions"]:
            return self._pool_versions(call, target)
        return await super().answer(call, target)

    async def about_region(self, call: Call, location: str, rest: tuple[str, ...]) -> Answer:
        if call.method == "GET" and [part.lower() for part in rest] == ["kubernetesversions"]:
            if location not in LOCATIONS:
                message = f"No registered resource provider found for location '{location}'."
                raise wrapped(400, "NoRegisteredProviderFound", message)
            return Answer(200, {"values": versions.listing()})
        return await super().about_region(call, location, rest)

    def _upgrades(self, call: Call, target: Target) -> Answer:
        resource = self.resource(call, target, target.rest[:-2])
        if len(resource.types) > 1:
            return self._pools.upgrades(resource)
        body = self.azure.store.get(resource.key)
        if body is None:
            raise no_resource(resource)
        return Answer(200, upgrade_profile(body))

    def _pool_versions(self, call: Call, target: Target) -> Answer:
        """Versions that a new pool of the cluster can have: none newer than the control plane's."""
        resource = self.resource(call, target, target.rest[:2])
        body = self.azure.store.get(resource.key)
        if body is None:
            raise no_resource(resource)
        current = body["properties"]["currentKubernetesVersion"]
        offered = [
            {"kubernetesVersion": patch} | ({"default": True} if patch == current else {})
            for minor in versions.MINORS
            for patch in minor.patches
            if versions.number(patch) <= versions.number(current)
        ]
        identity = f"{body['id']}/availableagentpoolversions/default"
        return Answer(200, {"id": identity, "name": "default", "properties": {"agentPoolVersions": offered}})
