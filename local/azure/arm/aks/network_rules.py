"""What AKS refuses about a cluster's networks. Every function raises Refusal, in AKS's flat envelope."""

import ipaddress

from local.azure.arm.aks.rules import invalid
from local.azure.arm.azure import Azure
from local.azure.arm.ids import resource_id
from local.azure.arm.providers.network import subnet_range, subnets_in
from local.azure.arm.wire import Json, flat

_RESERVED = 5
"""Addresses of every subnet that Azure keeps."""


def check_networks(azure: Azure, properties: Json, location: str) -> None:
    network = properties["networkProfile"]
    services = _services(network)
    subnets = {pool["vnetSubnetID"] for pool in properties["agentPoolProfiles"] if pool.get("vnetSubnetID")}
    found = [_subnet(azure, subnet, location) for subnet in sorted(subnets)]
    if len({subnet["id"].lower().rpartition("/subnets/")[0] for subnet in found}) > 1:
        raise invalid(
            "agentPoolProfile.vnetSubnetID", "All agent pools must be in subnets of the same virtual network."
        )
    for subnet in found:
        _check_overlap(azure, subnet, services)
        if network["networkPlugin"] == "azure" and network.get("networkPluginMode") != "overlay":
            _check_room(subnet, properties["agentPoolProfiles"])


def _services(network: Json) -> ipaddress.IPv4Network:
    """The range of the services, which holds the address of the DNS service, but not as its first."""
    try:
        services = ipaddress.IPv4Network(network["serviceCidr"])
        resolver = ipaddress.IPv4Address(network["dnsServiceIP"])
    except ValueError:
        details = (
            f"serviceCidr '{network['serviceCidr']}' or dnsServiceIP '{network['dnsServiceIP']}' cannot be parsed."
        )
        raise invalid("networkProfile.serviceCidr", details) from None
    if services.prefixlen < 12:
        raise invalid("networkProfile.serviceCidr", f"'{services}' must be smaller than /12.")
    if resolver not in services or resolver in (services[0], services[1]):
        details = f"'{resolver}' must be inside serviceCidr '{services}' and not its first address."
        raise invalid("networkProfile.dnsServiceIP", details)
    return services


def _subnet(azure: Azure, identity: str, location: str) -> Json:
    wanted = resource_id(identity)
    subnet, network = azure.store.get(wanted.key), azure.store.get(wanted.parent.key)
    if subnet is None or network is None:
        message = (
            f"Get virtual network failed. Subscription: {wanted.scope.split('/')[2]}; resource group: {wanted.group}; "
            f"virtual network name: {wanted.names[0]}; subnet name: {wanted.name}: not found."
        )
        raise flat(400, "VnetSubnetNotFound", message, target="agentPoolProfile.vnetSubnetID")
    if network["location"] != location:
        details = f"The virtual network is in region '{network['location']}', the cluster in '{location}'."
        raise invalid("agentPoolProfile.vnetSubnetID", details)
    return subnet


def _check_overlap(azure: Azure, subnet: Json, services: ipaddress.IPv4Network) -> None:
    for other in subnets_in(azure, subnet["id"].rpartition("/subnets/")[0]):
        taken = subnet_range(other["properties"])
        if taken.overlaps(services):
            message = f"The specified service CIDR {services} is conflicted with an existing subnet CIDR {taken}"
            raise flat(400, "ServiceCidrOverlapExistingSubnetsCidr", message, target="networkProfile.serviceCidr")


def _check_room(subnet: Json, pools: list[Json]) -> None:
    """Every node, one more for upgrades, and every pod that fits on them has an address of the subnet."""
    mine = [pool for pool in pools if (pool.get("vnetSubnetID") or "").lower() == subnet["id"].lower()]
    needed = sum((max(pool["count"], pool.get("maxCount") or 0) + 1) * (pool["maxPods"] + 1) for pool in mine)
    room = subnet_range(subnet["properties"]).num_addresses - _RESERVED
    if needed > room:
        message = (
            f"Pre-allocated IPs {needed} exceeds IPs available {room} in Subnet Cidr "
            f"{subnet_range(subnet['properties'])}, Subnet Name {subnet['name']}. "
            "http://aka.ms/aks/insufficientsubnetsize"
        )
        raise flat(400, "InsufficientSubnetSize", message, target="agentPoolProfile.vnetSubnetID")
