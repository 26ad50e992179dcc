"""Microsoft.ContainerService: managed clusters, written, shown and deleted."""

from dataclasses import dataclass, field
from typing import Any

from local.azure.arm.aks import body as bodies
from local.azure.arm.aks import nodes, rules, versions
from local.azure.arm.aks.cluster_state import ClusterState
from local.azure.arm.aks.network_rules import check_networks
from local.azure.arm.aks.power import Power
from local.azure.arm.azure import Azure
from local.azure.arm.ids import ResourceId
from local.azure.arm.kinds import Kind
from local.azure.arm.policy import denial
from local.azure.arm.store import group_key
from local.azure.arm.wire import Answer, Call, Json

CLUSTER = "Microsoft.ContainerService/managedClusters"

CREATE, DELETE, UPDATE, SCALE, UPGRADE, REIMAGE, IDENTITY = 322.0, 192.0, 109.0, 275.0, 845.0, 463.0, 125.0
"""Recorded medians, seconds: a create with three nodes; REIMAGE is any change for which all nodes are made anew.

IDENTITY: recorded once, from a service principal to a managed identity; nodes keep the principal until they are upgraded.
"""

_PHASES = [
    (0.10, "ProvisioningNetworkResources"),
    (0.20, "ProvisioningControlPlane"),
    (0.40, "ReconcilingDNS"),
    (0.50, "CreatingAgentPools: 0/{count} nodes completed"),
    (0.60, "CreatingAgentPools: {count}/{count} nodes completed"),
    (0.80, "ReconcilingAddons"),
]
"""What polls of a create show, from that share of its time on."""


@dataclass(frozen=True)
class Change:
    """What an update of a cluster amounts to. `pools`: names of those that are touched."""

    state: str
    seconds: float
    pools: list[str] = field(default_factory=list)


class Clusters(Kind):
    def __init__(self, azure: Azure, state: ClusterState) -> None:
        super().__init__(azure, CLUSTER)
        self._state = state
        self._power = Power(azure, state)

    async def put(self, call: Call, resource: ResourceId) -> Answer:
        existing = self.store.get(resource.key)
        rules.check_etag(call, existing)
        self.require_same_place(resource, existing, call.document)
        if existing is None or not self._state.private(existing).get("built"):
            return self._create(call, resource, existing)
        return self._update(call, resource, existing)

    async def patch(self, call: Call, resource: ResourceId) -> Answer:
        """Tags only."""
        body = self.require(resource)
        rules.check_etag(call, body)
        rules.check_idle(self.azure.operations.open_on(resource.key))
        body["tags"] = call.document.get("tags") or {}
        self._state.save(body)
        return Answer(200, body)

    async def delete(self, call: Call, resource: ResourceId) -> Answer:
        body = self.store.get(resource.key)
        if body is None:
            return Answer(204)
        rules.check_etag(call, body)
        running = self.azure.operations.open_on(resource.key)
        deleting = [operation for operation in running if operation.kind == "cluster.delete"]
        for operation in running:
            if not deleting:
                self.azure.operations.cancel(
                    operation, "AKSOperationPreemptedByDelete", "Operation has been preempted by a delete operation."
                )
        bodies.set_states(body, "Deleting")
        self._state.save(body)
        operation = (
            deleting or [self._begin(resource, "delete", DELETE, title="delete managed cluster", final_status=204)]
        )[0]
        return Answer(202, None, self.azure.polling.headers(call, operation, location=True))

    async def post(self, call: Call, resource: ResourceId, action: str) -> Answer:
        return self._power.act(call, resource, self.require(resource), action)

    # creating

    def _create(self, call: Call, resource: ResourceId, existing: Json | None) -> Answer:
        """Also for a cluster whose creation failed or was cancelled: the same request builds it on."""
        asked = call.document.get("properties") or {}
        rules.check_idle(self.azure.operations.open_on(resource.key))
        rules.check_name(resource.name)
        rules.check_fields(asked)
        body = self._described(call, resource, existing)
        plan = str(asked.get("supportPlan") or "")
        version = rules.check_version(resource.name, str(asked.get("kubernetesVersion") or ""), plan)
        current = existing["properties"] if existing else None
        body["properties"] = self._properties(body, asked, current, version)
        secret = self._secret(asked, existing)
        self._check(resource, body, asked, secret)
        bodies.set_states(body, "Creating")
        bodies.set_power(body, "Running")
        self._state.save(body, secret=secret)
        nodes.make_group(self.azure, body)
        count = sum(pool["count"] for pool in body["properties"]["agentPoolProfiles"])
        operation = self._begin(
            resource,
            "create",
            CREATE,
            title="create managed cluster",
            phases=[(share, name.format(count=count)) for share, name in _PHASES],
            planned=self._denied_nodes(body),
        )
        headers = self.azure.polling.headers(call, operation, location=False)
        return Answer(200 if existing else 201, body, headers)

    def _check(self, resource: ResourceId, body: Json, asked: Json, secret: str | None) -> None:
        own = body["properties"]
        rules.check_cluster(own)
        check_networks(self.azure, own, body["location"])
        self._check_node_group(resource, own["nodeResourceGroup"])
        if "identity" not in body:
            client = str((asked.get("servicePrincipalProfile") or {}).get("clientId") or "")
            if not client or client == "msi":
                raise rules.invalid("servicePrincipalProfile", "Either an identity or a service principal is needed.")
            rules.check_principal(self.azure, client, secret)
        rules.check_quota(self.azure, body["location"], resource.key, own["agentPoolProfiles"])

    def _check_node_group(self, resource: ResourceId, name: str) -> None:
        key = group_key(resource.scope.split("/")[2], name)
        found = self.store.groups.get(key)
        if found and str(found.get("managedBy") or "").lower() != resource.key:
            raise rules.invalid("nodeResourceGroup", f"The resource group '{name}' already exists.")

    def _denied_nodes(self, body: Json) -> Json | None:
        """A policy that denies the node resource group or the nodes ends the creation, not the request."""
        tags = nodes.group_tags(body)
        places = {"Microsoft.Resources/subscriptions/resourceGroups": tags}
        places["Microsoft.Compute/virtualMachineScaleSets"] = body.get("tags") or {}
        for kind, marked in places.items():
            refusal = denial(
                self.azure,
                kind,
                body["properties"]["nodeResourceGroup"],
                {"location": body["location"], "tags": marked},
            )
            if refusal:
                error = refusal.answer.body["error"]
                message = (
                    f"Reconcile of the node resource group failed. Code: RequestDisallowedByPolicy. {error['message']}"
                )
                return {"code": "RequestDisallowedByPolicy", "message": message}
        return None

    # updating

    def _update(self, call: Call, resource: ResourceId, existing: Json) -> Answer:
        asked = call.document.get("properties") or {}
        rules.check_idle(self.azure.operations.open_on(resource.key))
        rules.check_running(existing)
        rules.check_fields(asked)
        current = existing["properties"]
        body = self._described(call, resource, existing)
        rules.check_identity(existing, call.document)
        version = self._version(resource, asked, current)
        body["properties"] = self._properties(body, asked, current, version)
        secret = self._secret(asked, existing)
        self._check_update(resource, existing, body, secret)
        change = self._change(existing, body, secret)
        bodies.set_states(body, current["provisioningState"], pools=[])
        bodies.set_states(body, change.state, pools=change.pools)
        self._state.save(body, secret=secret)
        operation = self._begin(resource, "update", change.seconds, title="update managed cluster")
        return Answer(200, body, self.azure.polling.headers(call, operation, location=False))

    def _version(self, resource: ResourceId, asked: Json, current: Json) -> str:
        wanted = str(asked.get("kubernetesVersion") or "")
        if wanted in ("", current["kubernetesVersion"], current["currentKubernetesVersion"]):
            return str(current["currentKubernetesVersion"])
        version = rules.check_version(resource.name, wanted, str(current.get("supportPlan") or ""))
        rules.check_upgrade(current["currentKubernetesVersion"], version)
        return version

    def _check_update(self, resource: ResourceId, existing: Json, body: Json, secret: str | None) -> None:
        own = body["properties"]
        rules.check_unchanged(existing["properties"], own)
        rules.check_cluster(own)
        check_networks(self.azure, own, body["location"])
        client = own["servicePrincipalProfile"]["clientId"]
        if client != "msi" and secret != self._state.private(existing).get("secret"):
            rules.check_principal(self.azure, client, secret)
        rules.check_quota(self.azure, body["location"], resource.key, own["agentPoolProfiles"])

    def _change(self, existing: Json, body: Json, secret: str | None) -> Change:
        before, after = existing["properties"], body["properties"]
        names = [pool["name"] for pool in after["agentPoolProfiles"]]
        if before["currentKubernetesVersion"] != after["currentKubernetesVersion"]:
            upgraded = [
                pool["name"]
                for pool in after["agentPoolProfiles"]
                if _field(before, pool, "orchestratorVersion") != pool["orchestratorVersion"]
            ]
            return Change("Upgrading", UPGRADE, upgraded)
        if existing.get("identity") != body.get("identity"):
            return Change("Updating", IDENTITY)
        if secret != self._state.private(existing).get("secret"):
            return Change("Updating", REIMAGE, names)
        scaled = [pool["name"] for pool in after["agentPoolProfiles"] if _field(before, pool, "count") != pool["count"]]
        if scaled:
            return Change("Scaling", SCALE, scaled)
        return Change("Updating", UPDATE, names)

    # both

    def _described(self, call: Call, resource: ResourceId, existing: Json | None) -> Json:
        """The body without its properties; ids as AKS spells them."""
        asked = call.document
        location = str(asked["location"]).replace(" ", "").lower()
        identity = resource.id.replace("/resourceGroups/", "/resourcegroups/", 1)
        body: Json = {
            "id": existing["id"] if existing else identity,
            "location": location,
            "name": existing["name"] if existing else resource.name,
            "type": "Microsoft.ContainerService/ManagedClusters",
            "kind": "Base",
            "sku": asked.get("sku") or (existing or {}).get("sku") or {"name": "Base", "tier": "Free"},
        }
        wanted = asked.get("identity") or (existing or {}).get("identity")
        made = bodies.identity(wanted, identity, self.azure.account["tenantId"])
        return body | ({"tags": asked["tags"]} if asked.get("tags") else {}) | ({"identity": made} if made else {})

    def _properties(self, body: Json, asked: Json, current: Json | None, version: str) -> Json:
        image = versions.node_image(self.azure.now)
        managed = "identity" in body
        return bodies.properties(body["id"], body["location"], asked, current, version, image, managed=managed)

    def _secret(self, asked: Json, existing: Json | None) -> str | None:
        """The service principal's secret: the one sent, or the one that is kept."""
        sent = (asked.get("servicePrincipalProfile") or {}).get("secret")
        kept = self._state.private(existing).get("secret") if existing else None
        return sent or kept

    def _begin(self, resource: ResourceId, verb: str, seconds: float, **more: Any) -> Any:
        return self.azure.begin(resource, f"cluster.{verb}", seconds, **more)


def _field(properties: Json, pool: Json, name: str) -> Any:
    """That field of the pool of the same name; None: a new pool."""
    found: Json = next((other for other in properties["agentPoolProfiles"] if other["name"] == pool["name"]), {})
    return found.get(name)
