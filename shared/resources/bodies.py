"""Azure request bodies, made from a hub's specification. Pure.

Field names as in the ARM reference (Microsoft.Network 2024-05-01, Microsoft.ContainerService 2026-08-01,
Microsoft.ContainerRegistry 2023-07-01); how the tutorials' flags of `az aks create` map to them is in docs/architecture.md.
"""

from typing import Any

from shared import names
from shared.hubs.spec import defaults
from shared.hubs.spec.model import Autoscale, Hub

IDENTITY_API = "2023-01-31"

HOMES_TAG = "hubkeeper-homes"
"""On the copies of a hub's volumes and their resource group, which outlive the hub."""

CONTRIBUTOR = "Contributor"
NETWORK_CONTRIBUTOR = "Network Contributor"


def tags(hub: Hub) -> dict[str, str]:
    """The hub's own tags and the one that says whose it is."""
    return {**hub.tags, defaults.OWNER_TAG: hub.name}


def registry(hub: Hub, sku: str) -> dict[str, Any]:
    """Without the admin user, whose password may do anything: a token does less."""
    return {
        "location": hub.location,
        "tags": tags(hub),
        "sku": {"name": sku},
        "properties": {"adminUserEnabled": False},
    }


def managed_identity(hub: Hub) -> dict[str, Any]:
    return {"location": hub.location, "tags": tags(hub)}


def cluster(
    hub: Hub, subscription: str, *, version: str, ssh_public_key: str, principal: dict[str, str]
) -> dict[str, Any]:
    """principal: {"clientId", "secret"} of a service principal, or {"identity": resource id} of a managed identity."""
    cluster = hub.cluster
    network = {
        "networkPlugin": cluster.network_plugin,
        "serviceCidr": cluster.service_cidr,
        "dnsServiceIP": cluster.dns_service_ip,
        "outboundType": "loadBalancer",
        "loadBalancerSku": "standard",
    }
    if cluster.network_policy != "none":
        network["networkPolicy"] = cluster.network_policy
    if cluster.network_policy == "cilium":
        network["networkDataplane"] = "cilium"  # the one does not work without the other
    body: dict[str, Any] = {
        "location": hub.location,
        "tags": tags(hub),
        "sku": {"name": "Base", "tier": cluster.tier},
        "properties": {
            "kubernetesVersion": version,
            "dnsPrefix": names.dns_prefix(cluster.name, hub.resource_group),
            "nodeResourceGroup": cluster.node_resource_group,
            "enableRBAC": True,
            "agentPoolProfiles": [pool(hub, subscription)],
            "linuxProfile": {
                "adminUsername": cluster.admin_username,
                "ssh": {"publicKeys": [{"keyData": ssh_public_key}]},
            },
            "networkProfile": network,
        },
    }
    if "identity" in principal:
        body["identity"] = {"type": "UserAssigned", "userAssignedIdentities": {principal["identity"]: {}}}
    else:
        body["properties"]["servicePrincipalProfile"] = principal
    return body


def pool(hub: Hub, subscription: str) -> dict[str, Any]:
    """The one node pool: the system's and the users'."""
    profile: dict[str, Any] = {
        "name": hub.cluster.node_pool,
        "mode": "System",
        "type": "VirtualMachineScaleSets",
        "osType": "Linux",
        "vmSize": hub.cluster.vm_size,
        "count": hub.cluster.node_count,
        "maxPods": hub.cluster.max_pods,
        "vnetSubnetID": names.subnet_id(subscription, hub.resource_group, hub.network.name, hub.network.subnet),
        "tags": tags(hub),
    }
    if hub.cluster.aks_autoscale:
        profile |= {
            "enableAutoScaling": True,
            "minCount": hub.cluster.aks_autoscale.min,
            "maxCount": hub.cluster.aks_autoscale.max,
        }
    return profile


BUSY, IDLE = 70, 5
"""Percent of the processors: the second tutorial's bounds above and below which a node comes and goes."""
WINDOW = "PT10M"
"""That of the average, as in the tutorial; and as long nothing more happens after a change, for it shows in the average by then."""


def scale_rules(hub: Hub, bounds: Autoscale, scale_set: str) -> dict[str, Any]:
    """The autoscale setting of the scale set with this id (microsoft.insights 2022-10-01). Azure writes its numbers as strings."""
    capacity = {"minimum": str(bounds.min), "maximum": str(bounds.max), "default": str(hub.cluster.node_count)}
    rules = [
        _rule(scale_set, "GreaterThan", BUSY, "Increase"),
        _rule(scale_set, "LessThan", IDLE, "Decrease"),
    ]
    return {
        "location": hub.location,
        "tags": tags(hub),
        "properties": {
            "name": names.autoscale_setting(hub.name, hub.cluster.node_pool),
            "enabled": True,
            "targetResourceUri": scale_set,
            "profiles": [{"name": "CPU", "capacity": capacity, "rules": rules}],
        },
    }


def _rule(scale_set: str, operator: str, threshold: int, direction: str) -> dict[str, Any]:
    return {
        "metricTrigger": {
            "metricName": "Percentage CPU",
            "metricResourceUri": scale_set,
            "timeGrain": "PT1M",
            "statistic": "Average",
            "timeWindow": WINDOW,
            "timeAggregation": "Average",
            "operator": operator,
            "threshold": threshold,
        },
        "scaleAction": {"direction": direction, "type": "ChangeCount", "value": "1", "cooldown": WINDOW},
    }


def snapshot(location: str, disk_id: str, hub: str, claim: str) -> dict[str, Any]:
    return {
        "location": location,
        "tags": {HOMES_TAG: hub, "claim": claim},
        "properties": {"creationData": {"createOption": "Copy", "sourceResourceId": disk_id}, "incremental": True},
    }
