"""Microsoft.Network: public addresses, the availability of DNS labels, and what else is only kept."""

import re

from local.azure.arm.azure import Azure
from local.azure.arm.kinds import Kind
from local.azure.arm.provider import Provider
from local.azure.arm.providers.dns import dns_kinds
from local.azure.arm.providers.network import NETWORK, SUBNET, Networks, Slow, Subnets
from local.azure.arm.wire import Answer, Call, Json, digest, same, stable_guid, wrapped

ADDRESS = "Microsoft.Network/publicIPAddresses"
KEPT = ("networkSecurityGroups", "loadBalancers", "routeTables", "natGateways")

_LABEL = r"^[a-z][a-z0-9-]{1,61}[a-z0-9]$"


class Addresses(Slow):
    write_seconds = 2.0

    def properties(self, asked: Json, body: Json) -> Json:
        label = (asked.get("dnsSettings") or {}).get("domainNameLabel")
        if label:
            check_label(label)
            holder = label_holder(self.azure, label, body["location"])
            if holder and not same(holder, body["id"]):
                message = f"DNS record {fqdn(label, body['location'])} is already used by another public IP."
                raise wrapped(400, "DnsRecordInUse", message, cause="service", details=[])
        current = self.store.get(body["id"].lower()) or {}
        address = (current.get("properties") or {}).get("ipAddress") or _made_up(body["id"])
        return address_properties(body["id"], body["location"], address, label, asked)

    def require_unused(self, body: Json) -> None:
        if body["properties"].get("ipConfiguration"):
            user = body["properties"]["ipConfiguration"]["id"]
            message = (
                f"Public IP address {body['id']} can not be deleted since it is still allocated to resource {user}."
            )
            raise wrapped(400, "PublicIPAddressCannotBeDeleted", message, cause="service", details=[])


class Network(Provider):
    namespace = "Microsoft.Network"

    def __init__(self, azure: Azure) -> None:
        kept: list[Kind] = [Slow(azure, f"Microsoft.Network/{name}") for name in KEPT]
        own = [Networks(azure, NETWORK), Subnets(azure, SUBNET), Addresses(azure, ADDRESS)]
        super().__init__(azure, [*own, *kept, *dns_kinds(azure)])

    async def about_region(self, call: Call, location: str, rest: tuple[str, ...]) -> Answer:
        if rest and rest[0].lower() == "checkdnsnameavailability" and call.method == "GET":
            label = call.query.get("domainnamelabel", "")
            check_label(label)
            return Answer(200, {"available": label_holder(self.azure, label, location) is None})
        return await super().about_region(call, location, rest)


def check_label(label: str) -> None:
    if not re.match(_LABEL, label):
        message = (
            f"The domain name label {label} is invalid. It must conform to the following regular expression: {_LABEL}."
        )
        raise wrapped(400, "InvalidDomainNameLabel", message, cause="service", details=[])


def label_holder(azure: Azure, label: str, location: str) -> str | None:
    """Id of the public address that has the label in that region, if any."""
    for body in azure.store.under("/subscriptions/", ADDRESS):
        taken = (body["properties"].get("dnsSettings") or {}).get("domainNameLabel")
        if same(taken, label) and body["location"] == location:
            return str(body["id"])
    return None


def fqdn(label: str, location: str) -> str:
    return f"{label}.{location}.cloudapp.azure.com"


def address_properties(identity: str, location: str, address: str, label: str | None, asked: Json) -> Json:
    names = {"dnsSettings": {"domainNameLabel": label, "fqdn": fqdn(label, location)}} if label else {}
    return {
        "resourceGuid": stable_guid("address", identity),
        "ipAddress": address,
        "publicIPAddressVersion": asked.get("publicIPAddressVersion") or "IPv4",
        "publicIPAllocationMethod": asked.get("publicIPAllocationMethod") or "Static",
        "idleTimeoutInMinutes": asked.get("idleTimeoutInMinutes") or 4,
        "ipTags": [],
    } | names


def _made_up(identity: str) -> str:
    """An address of the range that is reserved for documentation."""
    return f"203.0.113.{int(digest(identity)[:4], 16) % 254 + 1}"
