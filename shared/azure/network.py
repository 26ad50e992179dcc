"""Virtual networks, public addresses and DNS labels, through the generic resource API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.azure.arm import ResourceManager
from shared.azure.credentials import TokenSource
from shared.azure.operations import Operation
from shared.azure.rest import Json
from shared.errors import NotFoundError
from shared.settings import Settings

API = "2024-05-01"


@dataclass(frozen=True)
class Network:
    """A virtual network. subnets: address prefixes by the subnet's name."""

    id: str
    name: str
    location: str
    tags: dict[str, str]
    state: str
    address_space: tuple[str, ...]
    subnets: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class PublicAddress:
    """A public IP address. label: its DNS label in the region; used: whether something has it on."""

    id: str
    name: str
    ip: str | None
    label: str | None
    fqdn: str | None
    used: bool


class Networks:
    def __init__(self, settings: Settings, credential: TokenSource) -> None:
        self._arm = ResourceManager(settings, credential)

    def network(self, resource_id: str) -> Network | None:
        document = self._arm.get(resource_id, API)
        return None if document is None else read_network(document)

    def put_network(self, resource_id: str, body: Json) -> Operation | None:
        """Makes the network with its subnets (see network_body), or replaces one of that name whole."""
        return self._arm.put(resource_id, API, body)[1]

    def put_subnet(self, resource_id: str, prefixes: Sequence[str]) -> Operation | None:
        """Adds the subnet to its network without touching the others."""
        return self._arm.put(resource_id, API, {"properties": subnet_properties(prefixes)})[1]

    def delete(self, resource_id: str) -> Operation | None:
        """Begins to delete a network, subnet or address; None when it is gone already."""
        return self._arm.delete(resource_id, API)

    def check_dns_label(self, location: str, label: str) -> bool:
        """Whether the label is free in the region. False for a label of one's own, too."""
        path = (
            f"{self._arm.subscription_path}/providers/Microsoft.Network/locations/{location}/CheckDnsNameAvailability"
        )
        return bool(self._arm.read(path, API, {"domainNameLabel": label}).get("available"))

    def public_addresses(self, group: str) -> list[PublicAddress]:
        path = f"{self._arm.subscription_path}/resourceGroups/{group}/providers/Microsoft.Network/publicIPAddresses"
        try:
            return [read_public_address(item) for item in self._arm.list(path, API)]
        except NotFoundError:
            return []  # the group does not exist yet, or any more


def network_body(
    location: str, address_space: Sequence[str], subnets: Mapping[str, Sequence[str]], tags: Mapping[str, str]
) -> Json:
    """The request that makes a network. subnets: address prefixes by name."""
    return {
        "location": location,
        "tags": dict(tags),
        "properties": {
            "addressSpace": {"addressPrefixes": list(address_space)},
            "subnets": [
                {"name": name, "properties": subnet_properties(prefixes)} for name, prefixes in subnets.items()
            ],
        },
    }


def subnet_properties(prefixes: Sequence[str]) -> Json:
    """One prefix goes into `addressPrefix`: every API version knows it, the plural came later."""
    return {"addressPrefix": prefixes[0]} if len(prefixes) == 1 else {"addressPrefixes": list(prefixes)}


def read_network(document: Json) -> Network:
    properties = document["properties"]
    subnets = {item["name"]: _prefixes(item.get("properties") or {}) for item in properties.get("subnets") or []}
    return Network(
        document["id"],
        document["name"],
        document["location"],
        document.get("tags") or {},
        properties.get("provisioningState") or "",
        tuple((properties.get("addressSpace") or {}).get("addressPrefixes") or ()),
        subnets,
    )


def _prefixes(properties: Json) -> tuple[str, ...]:
    one = properties.get("addressPrefix")
    return (one,) if one else tuple(properties.get("addressPrefixes") or ())


def read_public_address(document: Json) -> PublicAddress:
    properties = document.get("properties") or {}
    dns = properties.get("dnsSettings") or {}
    return PublicAddress(
        document["id"],
        document["name"],
        properties.get("ipAddress"),
        dns.get("domainNameLabel"),
        dns.get("fqdn"),
        bool(properties.get("ipConfiguration")),
    )
