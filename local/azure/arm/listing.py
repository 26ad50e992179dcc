"""The rows of `GET /resources` that are Azure's: everything that exists, without what changes by itself."""

from local.azure.arm.azure import Azure
from local.azure.arm.wire import Json

_PLAIN = ("type", "location", "tags", "sku", "managedBy")
_PROPERTIES = (
    "addressSpace",
    "addressPrefix",
    "ipAddress",
    "dnsSettings",
    "ARecords",
    "CNAMERecord",
    "metadata",
    "principalId",
    "roleDefinitionId",
    "powerState",
    "kubernetesVersion",
    "nodeResourceGroup",
    "diskSizeGB",
    "enabled",
    "targetResourceUri",
    "profiles",
    "provisioningState",
)


def rows(azure: Azure) -> list[Json]:
    groups = list(azure.store.groups.values())
    resources = list(azure.store.under("/subscriptions/"))
    return [_row(body) for body in [*groups, *resources]] + [
        _pool(body, pool) for body in resources for pool in body.get("properties", {}).get("agentPoolProfiles", [])
    ]


def _row(body: Json) -> Json:
    plain = {name: body[name] for name in _PLAIN if body.get(name)}
    own = body.get("properties", {})
    return {"kind": "arm", "id": body["id"]} | plain | {name: own[name] for name in _PROPERTIES if name in own}


def _pool(cluster: Json, pool: Json) -> Json:
    kept = ("count", "vmSize", "mode", "orchestratorVersion", "enableAutoScaling", "minCount", "maxCount")
    identity = f"{cluster['id']}/agentPools/{pool['name']}"
    kind = "Microsoft.ContainerService/managedClusters/agentPools"
    return {"kind": "arm", "id": identity, "type": kind} | {name: pool[name] for name in kept if name in pool}
