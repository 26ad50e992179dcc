"""The node resource group and what AKS makes there."""

from local.azure.arm.azure import Azure
from local.azure.arm.ids import ResourceId
from local.azure.arm.naming import scale_set, suffix
from local.azure.arm.providers.addresses import ADDRESS, address_properties
from local.azure.arm.providers.compute import SCALE_SET
from local.azure.arm.providers.groups import group_body
from local.azure.arm.providers.sizes import find
from local.azure.arm.store import group_key
from local.azure.arm.wire import Json, digest, stable_guid

_IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities"
STANDARD = {"name": "Standard", "tier": "Regional"}


def make_group(azure: Azure, cluster: Json) -> None:
    """The group itself, tagged as AKS does: there from the beginning of a create."""
    subscription = cluster["id"].split("/")[2]
    body = group_body(subscription, cluster["properties"]["nodeResourceGroup"], cluster["location"])
    body["managedBy"] = cluster["id"]
    body["tags"] = group_tags(cluster)
    azure.store.groups[body["id"].lower()] = body


def group_tags(cluster: Json) -> dict[str, str]:
    own = {"aks-managed-cluster-name": cluster["name"], "aks-managed-cluster-rg": cluster["id"].split("/")[4]}
    return (cluster.get("tags") or {}) | own


def write(azure: Azure, cluster: Json) -> None:
    """Brings the group's contents up to what the cluster's body says: a scale set a pool, load balancer, addresses."""
    key = group_key(cluster["id"].split("/")[2], cluster["properties"]["nodeResourceGroup"])
    if key not in azure.store.groups:
        make_group(azure, cluster)
    wanted = {body["id"].lower(): body for body in _contents(cluster)}
    for existing in list(azure.store.under(f"{key}/", SCALE_SET)):
        if existing["id"].lower() not in wanted:
            azure.store.delete(existing["id"].lower())
    for body in wanted.values():
        azure.store.put(body)


def remove(azure: Azure, cluster: Json) -> None:
    azure.store.delete_group(group_key(cluster["id"].split("/")[2], cluster["properties"]["nodeResourceGroup"]))


def kubelet_identity(cluster: Json) -> Json:
    resource = resource_in(cluster, _IDENTITY, f"{cluster['name']}-agentpool")
    return {
        "resourceId": resource.id,
        "clientId": stable_guid("kubelet client", resource.key),
        "objectId": stable_guid("kubelet", resource.key),
    }


def resource_in(cluster: Json, kind: str, name: str) -> ResourceId:
    scope = f"{'/'.join(cluster['id'].split('/')[:3])}/resourceGroups/{cluster['properties']['nodeResourceGroup']}"
    namespace, _, word = kind.partition("/")
    return ResourceId(scope, namespace, (word,), (name,))


def node_body(cluster: Json, kind: str, name: str, properties: Json) -> Json:
    resource = resource_in(cluster, kind, name)
    tags = {"tags": cluster["tags"]} if cluster.get("tags") else {}
    top = {"name": name, "id": resource.id, "type": kind, "location": cluster["location"]} | tags
    return top | {"properties": {"provisioningState": "Succeeded"} | properties}


def _contents(cluster: Json) -> list[Json]:
    own = cluster["properties"]
    number = suffix(cluster["id"])
    bodies = [_scale_set(cluster, pool) for pool in own["agentPoolProfiles"]]
    bodies.append(node_body(cluster, "Microsoft.Network/networkSecurityGroups", f"aks-agentpool-{number}-nsg", {}))
    if own["networkProfile"]["outboundType"] == "loadBalancer":
        balancer = node_body(cluster, "Microsoft.Network/loadBalancers", "kubernetes", {})
        outbound = _outbound(cluster)
        bodies += [balancer | {"sku": STANDARD}, outbound]
        own["networkProfile"].setdefault("loadBalancerProfile", {})["effectiveOutboundIPs"] = [{"id": outbound["id"]}]
    if not any(pool.get("vnetSubnetID") for pool in own["agentPoolProfiles"]):
        space = {"addressSpace": {"addressPrefixes": ["10.224.0.0/12"]}, "virtualNetworkPeerings": []}
        bodies.append(node_body(cluster, "Microsoft.Network/virtualNetworks", f"aks-vnet-{number}", space))
    if (cluster.get("identity") or {}).get("type") in ("SystemAssigned", "UserAssigned"):
        identity = kubelet_identity(cluster)
        ids = {"clientId": identity["clientId"], "principalId": identity["objectId"]}
        bodies.append(node_body(cluster, _IDENTITY, f"{cluster['name']}-agentpool", ids))
    return bodies


def _scale_set(cluster: Json, pool: Json) -> Json:
    size = find(pool["vmSize"])
    name = scale_set(cluster["id"], pool["name"])
    sku = {"name": size.name if size else pool["vmSize"], "tier": "Standard", "capacity": pool["count"]}
    body = node_body(cluster, SCALE_SET, name, {"singlePlacementGroup": False, "orchestrationMode": "Uniform"})
    own = {
        "aks-managed-poolName": pool["name"],
        "aks-managed-orchestrator": f"Kubernetes:{pool['orchestratorVersion']}",
    }
    return body | {"sku": sku, "tags": (cluster.get("tags") or {}) | own}


def _outbound(cluster: Json) -> Json:
    """The address from which nodes reach the internet; AKS gives it a GUID for a name."""
    name = stable_guid("outbound", cluster["id"].lower())
    resource = resource_in(cluster, ADDRESS, name)
    last = int(digest(resource.key)[:6], 16)
    address = f"198.18.{last // 254 % 256}.{last % 254 + 1}"
    properties = address_properties(resource.id, cluster["location"], address, None, {})
    tags = {"aks-managed-type": "aks-slb-managed-outbound-ip"}
    return node_body(cluster, ADDRESS, name, properties) | {"sku": STANDARD, "tags": (cluster.get("tags") or {}) | tags}
