"""Preflight checks that the resources a specification names are free or the hub's, not somebody else's."""

from shared import names
from shared.checks.findings import CLEAR, Found, error, warning
from shared.hubs import ownership
from shared.hubs.network_role import subnet_id
from shared.hubs.spec.model import Hub
from shared.resources import bodies
from shared.resources.cluster import application_exists, identity_exists
from shared.services import Services


def group_owner(services: Services, hub: Hub) -> Found:
    """Checks if the resource group is free, ours or somebody else's."""
    found = services.arm.group(hub.resource_group)
    if found is None or ownership.owned(found.tags, hub.name):
        return CLEAR
    if found.location.lower() != hub.location.lower():
        return error(
            "InvalidResourceGroupLocation",
            f"The resource group {hub.resource_group} exists in {found.location}, not in {hub.location}.",
            f"Set location to {found.location}, or name another resourceGroup.",
            "resourceGroup",
        )
    return warning(
        "GroupExists",
        f"The resource group {hub.resource_group} exists and is not this hub's: it is used, and stays after a teardown.",
        "Name another resourceGroup if you would rather have one that goes with the hub.",
        "resourceGroup",
    )


def cluster_name(services: Services, hub: Hub) -> Found:
    """Checks that the cluster's name is free in the group."""
    found = services.clusters.get(hub.resource_group, hub.cluster.name)
    if found is None or ownership.owned(found.tags, hub.name):
        return CLEAR
    return error(
        "ClusterExists",
        f"A cluster {hub.cluster.name} exists in {hub.resource_group} and was not created for this hub.",
        "Choose another cluster.name or resourceGroup.",
        "cluster.name",
    )


def node_group(services: Services, hub: Hub) -> Found:
    """Checks that the node resource group's name is free: AKS refuses one that exists."""
    found = services.arm.group(hub.cluster.node_resource_group)
    if found is None or ownership.owned(found.tags, hub.name):
        return CLEAR
    return error(
        "NodeResourceGroupExists",
        f"The resource group {hub.cluster.node_resource_group} exists; AKS must create it for the nodes itself.",
        "Name another cluster.nodeResourceGroup.",
        "cluster.nodeResourceGroup",
    )


def network_owner(services: Services, hub: Hub) -> Found:
    """Checks if the network is free, the hub's, or somebody else's."""
    where = names.network_id(services.settings.subscription_id, hub.resource_group, hub.network.name)
    found = services.networks.network(where)
    if found is None or ownership.owned(found.tags, hub.name):
        return CLEAR
    subnet = subnet_id(hub, services.settings.subscription_id)
    return warning(
        "NetworkExists",
        f"The network {hub.network.name} exists and was not created for this hub: it is used, and never changed or deleted. "
        "Hubkeeper gives the cluster's identity no role on it by itself; without one the run stops and says so.",
        f'An admin allows it with PUT /api/hubs/{hub.name}/network-role {{"subnet": "{subnet}"}}, once the hub is asked for.',
        "network.name",
    )


def identity_name(services: Services, hub: Hub) -> Found:
    """Checks that the managed identity's name is free."""
    if hub.identity.type != "managed":
        return CLEAR
    where = names.identity_id(services.settings.subscription_id, hub.resource_group, hub.identity.name)
    found = services.arm.get(where, bodies.IDENTITY_API)
    if found is None or ownership.owned(found.get("tags"), hub.name):
        return CLEAR
    return error("IdentityExists", *identity_exists(hub.identity.name, hub.resource_group), "identity.name")


def application_name(services: Services, hub: Hub) -> Found:
    """Checks that no application of others has the hub's unique name in the directory."""
    if hub.identity.type == "managed" or hub.identity.existing:
        return CLEAR
    subscription = services.settings.subscription_id
    found = services.directory.application(unique_name=ownership.application_key(hub.name, subscription))
    if found is None or ownership.application_mark(hub.name, subscription) in found.tags:
        return CLEAR
    return error("ApplicationExists", *application_exists(hub.name, found.app_id))
