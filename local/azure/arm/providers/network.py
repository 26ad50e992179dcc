"""Microsoft.Network: virtual networks and their subnets."""

import ipaddress
from typing import Any

from local.azure.arm.azure import Azure, set_state
from local.azure.arm.filters import subnets_of
from local.azure.arm.ids import ResourceId
from local.azure.arm.kinds import Child, Kind, etag
from local.azure.arm.naming import scale_set
from local.azure.arm.operations import Operation, retry_after
from local.azure.arm.store import child
from local.azure.arm.wire import Answer, Call, Json, Refusal, same, stable_guid, wrapped

NETWORK = "Microsoft.Network/virtualNetworks"
SUBNET = "Microsoft.Network/virtualNetworks/subnets"
CLUSTER = "Microsoft.ContainerService/managedClusters"

WRITE_NETWORK, DELETE_NETWORK, WRITE_SUBNET, DELETE_SUBNET = 4.0, 10.0, 3.0, 11.0
"""Recorded durations, seconds."""

_LOCK_SECONDS = 10.0


class Slow(Kind):
    """A type of Network's: every write is an operation, and locks the resource (a subnet: its network) meanwhile."""

    write_seconds = WRITE_NETWORK
    delete_seconds = DELETE_NETWORK

    def __init__(self, azure: Azure, kind: str) -> None:
        super().__init__(azure, kind)
        self._verb = kind.rpartition("/")[2].lower()
        azure.finishes(f"{self._verb}.write", self.written)
        azure.removes(f"{self._verb}.remove")

    async def put(self, call: Call, resource: ResourceId) -> Answer:
        existing = self.store.get(resource.key)
        self.require_parent(resource)
        self.require_same_place(resource, existing, call.document)
        self.require_unlocked(resource)
        body = self.described(resource, call.document, existing)
        body["etag"] = etag(resource.id, self.azure.now)
        body["properties"] = self.properties(call.document.get("properties") or {}, body)
        set_state(body, "Updating")
        self.store.put(body)
        self.stored(call.document.get("properties") or {}, resource)
        operation = self.azure.begin(
            resource, f"{self._verb}.write", self.write_seconds, location=self._place(resource)
        )
        headers = self.azure.polling.headers(call, operation, location=False)
        return Answer(200 if existing else 201, self.shown(body), headers)

    async def delete(self, call: Call, resource: ResourceId) -> Answer:
        body = self.store.get(resource.key)
        if body is None:
            return Answer(204)
        self.require_unlocked(resource)
        self.require_unused(body)
        set_state(body, "Deleting")
        self.store.put(body)
        place = self._place(resource)
        operation = self.azure.begin(
            resource, f"{self._verb}.remove", self.delete_seconds, final_status=204, location=place
        )
        return Answer(202, None, self.azure.polling.headers(call, operation, location=True))

    def require_unlocked(self, resource: ResourceId) -> None:
        """Raises Refusal (429 RetryableError) while another operation works on the same network."""
        lock = ResourceId(resource.scope, resource.namespace, resource.types[:1], resource.names[:1])
        running = self.azure.operations.open_on(lock.key)
        if running:
            raise _locked(running[0], lock, retry_after(self.azure.world, _LOCK_SECONDS))

    def require_unused(self, body: Json) -> None:
        """Raises Refusal when something still uses the resource."""

    def written(self, body: Json) -> None:
        set_state(body, "Succeeded")

    def stored(self, asked: Json, resource: ResourceId) -> None:
        """After a PUT has been kept: write what else belongs to it."""

    def _place(self, resource: ResourceId) -> str:
        top = ResourceId(resource.scope, resource.namespace, resource.types[:1], resource.names[:1])
        body = self.store.get(top.key) or {}
        return str(body.get("location") or self.azure.group(resource)["location"])


class Networks(Slow):
    def properties(self, asked: Json, body: Json) -> Json:
        prefixes = (asked.get("addressSpace") or {}).get("addressPrefixes") or []
        spaces = [_network(prefix, "addressSpace") for prefix in prefixes]
        if not spaces:
            message = "The virtual network has no address prefix."
            raise wrapped(400, "NetcfgInvalidVirtualNetworkSite", message, cause="service", details=[])
        self._check_subnets(asked, body, spaces)
        return {
            "resourceGuid": stable_guid("network", body["id"]),
            "addressSpace": {"addressPrefixes": prefixes},
            "virtualNetworkPeerings": asked.get("virtualNetworkPeerings") or [],
            "enableDdosProtection": bool(asked.get("enableDdosProtection")),
        } | ({"dhcpOptions": asked["dhcpOptions"]} if asked.get("dhcpOptions") else {})

    def _check_subnets(self, asked: Json, body: Json, spaces: list[ipaddress.IPv4Network]) -> None:
        """Subnets fit in the network and beside each other; those left out must not be in use."""
        wanted = asked.get("subnets")
        current = subnets_in(self.azure, body["id"])
        listed = wanted if wanted is not None else []
        for subnet in current:
            if not any(same(subnet["name"], other.get("name")) for other in listed):
                require_subnet_unused(self.azure, subnet)
        ranges: dict[str, ipaddress.IPv4Network] = {}
        for subnet in listed:
            name, prefix = str(subnet.get("name")), subnet_range(subnet.get("properties") or {})
            _require_fitting(name, prefix, body["name"], spaces, ranges)
            ranges[name] = prefix

    def stored(self, asked: Json, resource: ResourceId) -> None:
        listed = asked.get("subnets") or []
        for subnet in subnets_in(self.azure, resource.id):
            if not any(same(subnet["name"], other.get("name")) for other in listed):
                self.store.delete(subnet["id"].lower())
        for subnet in listed:
            identity = child(resource, "subnets", subnet["name"])
            self.store.put(subnet_body(identity, subnet.get("properties") or {}, self.azure.now))

    def written(self, body: Json) -> None:
        super().written(body)
        for subnet in subnets_in(self.azure, body["id"]):
            set_state(subnet, "Succeeded")
            self.store.put(subnet)

    def shown(self, body: Json) -> Json:
        subnets = [show_subnet(self.azure, subnet) for subnet in subnets_in(self.azure, body["id"])]
        return body | {"properties": body["properties"] | {"subnets": subnets}}

    def require_unused(self, body: Json) -> None:
        for subnet in subnets_in(self.azure, body["id"]):
            require_subnet_unused(self.azure, subnet)


class Subnets(Slow, Child):
    write_seconds = WRITE_SUBNET
    delete_seconds = DELETE_SUBNET

    def properties(self, asked: Json, body: Json) -> Json:
        network_id = body["id"].rpartition("/subnets/")[0]
        network = self.store.get(network_id.lower())
        if network is None:  # require_parent has been asked before
            return asked
        spaces = [
            _network(prefix, "addressSpace") for prefix in network["properties"]["addressSpace"]["addressPrefixes"]
        ]
        others = {
            other["name"]: subnet_range(other["properties"])
            for other in subnets_in(self.azure, network_id)
            if not same(other["id"], body["id"])
        }
        _require_fitting(body["name"], subnet_range(asked), network["name"], spaces, others)
        return _subnet_properties(asked)

    def shown(self, body: Json) -> Json:
        return show_subnet(self.azure, body)

    def require_unused(self, body: Json) -> None:
        require_subnet_unused(self.azure, body)


def subnets_in(azure: Azure, network_id: str) -> list[Json]:
    return list(azure.store.under(f"{network_id}/subnets/".lower(), SUBNET))


def subnet_range(properties: Json) -> ipaddress.IPv4Network:
    prefix = properties.get("addressPrefix") or next(iter(properties.get("addressPrefixes") or []), "")
    return _network(prefix, "addressPrefix")


def subnet_body(resource: ResourceId, asked: Json, moment: float) -> Json:
    return {
        "name": resource.name,
        "id": resource.id,
        "etag": etag(resource.id, moment),
        "properties": {"provisioningState": "Updating"} | _subnet_properties(asked),
        "type": SUBNET,
    }


def show_subnet(azure: Azure, body: Json) -> Json:
    """With the network interfaces of the nodes in it, as a GET shows it while AKS uses it."""
    used = [{"id": interface} for interface in interfaces_in(azure, body["id"])]
    return body | {"properties": body["properties"] | ({"ipConfigurations": used} if used else {})}


def interfaces_in(azure: Azure, subnet: str) -> list[str]:
    """Ids of the IP configurations of cluster nodes in a subnet."""
    found = []
    for cluster in azure.store.under("/subscriptions/", CLUSTER):
        if not any(same(used, subnet) for used in subnets_of(cluster)):
            continue
        group = f"{'/'.join(cluster['id'].split('/')[:3])}/resourceGroups/{cluster['properties']['nodeResourceGroup']}"
        for pool in cluster["properties"]["agentPoolProfiles"]:
            if same(pool.get("vnetSubnetID"), subnet):
                found += [_interface(group, cluster, pool, index) for index in range(max(1, pool["count"]))]
    return found


def _interface(group: str, cluster: Json, pool: Json, index: int) -> str:
    nodes = scale_set(cluster["id"], pool["name"])
    return (
        f"{group}/providers/Microsoft.Compute/virtualMachineScaleSets/{nodes}/virtualMachines/{index}"
        f"/networkInterfaces/{nodes}/ipConfigurations/ipconfig1"
    )


def require_subnet_unused(azure: Azure, subnet: Json) -> None:
    """Raises Refusal (400 InUseSubnetCannotBeDeleted) while nodes are in it."""
    used = interfaces_in(azure, subnet["id"])
    if used:
        message = (
            f"Subnet {subnet['name']} is in use by {', '.join(used)} and cannot be deleted. In order to delete the "
            "subnet, delete all the resources within the subnet. See aka.ms/deletesubnet."
        )
        raise wrapped(400, "InUseSubnetCannotBeDeleted", message, cause="service", details=[])


def _subnet_properties(asked: Json) -> Json:
    fixed: Json = {
        "delegations": asked.get("delegations") or [],
        "privateEndpointNetworkPolicies": asked.get("privateEndpointNetworkPolicies") or "Disabled",
        "privateLinkServiceNetworkPolicies": asked.get("privateLinkServiceNetworkPolicies") or "Enabled",
    }
    kept = ("addressPrefix", "addressPrefixes", "networkSecurityGroup", "routeTable", "natGateway", "serviceEndpoints")
    return {name: asked[name] for name in kept if asked.get(name) is not None} | fixed


def _network(text: Any, what: str) -> ipaddress.IPv4Network:
    try:
        return ipaddress.IPv4Network(text)
    except ValueError:
        message = f"Cannot parse the request: '{text}' of {what} is not a valid CIDR."
        raise wrapped(400, "InvalidAddressPrefixFormat", message, cause="service", details=[]) from None


def _require_fitting(
    name: str,
    prefix: ipaddress.IPv4Network,
    network: str,
    spaces: list[ipaddress.IPv4Network],
    others: dict[str, ipaddress.IPv4Network],
) -> None:
    if prefix.prefixlen > 29 or not any(prefix.subnet_of(space) for space in spaces):
        message = f"Subnet '{name}' is not valid in virtual network '{network}'."
        raise wrapped(400, "NetcfgInvalidSubnet", message, cause="service", details=[])
    for other in others.values():
        if prefix.overlaps(other):
            message = (
                f"Subnet '{name}' is not valid because its IP address range overlaps with that of an existing subnet "
                f"in virtual network '{network}'."
            )
            raise wrapped(400, "NetcfgSubnetRangesOverlap", message, cause="service", details=[])


def _locked(operation: Operation, lock: ResourceId, pause: str) -> Refusal:
    message = (
        f"Operation {operation.kind} ({operation.id}) is updating resource {lock.id}. "
        f"The call can be retried in {pause} seconds."
    )
    return wrapped(
        429,
        "RetryableError",
        "A retryable error occurred.",
        cause="service",
        headers={"Retry-After": pause},
        details=[{"code": "RetryableErrorDueToAnotherOperation", "message": message}],
    )
