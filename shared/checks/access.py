"""The checks before a create or a change that are about names and https."""

from shared.checks.findings import CLEAR, Found, error, warning
from shared.errors import PermanentError
from shared.hubs.chart import access
from shared.hubs.spec import https
from shared.hubs.spec.model import Hub
from shared.resources import hostname, own_certificate
from shared.services import Services

WRITE = "Microsoft.Network/dnsZones/A/write"


def dns_zone(services: Services, hub: Hub) -> Found:
    """Checks that the DNS zone exists, may be written, and has room for the hub's record."""
    try:
        return _dns_zone(services, hub)
    except PermanentError as refusal:
        if refusal.status != FORBIDDEN or hub.access.dns_zone is None:
            raise
        return _not_allowed(hub.access.dns_zone.name)


FORBIDDEN = 403


def _not_allowed(zone: str) -> Found:
    return error(
        "AuthorizationFailed",
        f"Hubkeeper's identity may not write records (action {WRITE}) in the zone {zone}.",
        "Give it the role DNS Zone Contributor on the zone, or leave access.dnsZone out and create the record yourself.",
        "access.dnsZone",
    )


def _dns_zone(services: Services, hub: Hub) -> Found:
    from shared.azure.authorization import allows

    where = hostname.place(hub, services.settings.subscription_id)
    if where is None or hub.access.dns_zone is None:
        return CLEAR
    zone_id, name = where
    if services.dns.zone(zone_id) is None:
        return error(
            "DnsZoneNotFound",
            f"There is no DNS zone {hub.access.dns_zone.name} in the resource group {hub.access.dns_zone.resource_group}, or "
            "Hubkeeper's identity may not see it.",
            "az network dns zone list lists the zones. Leave access.dnsZone out to create the record yourself.",
            "access.dnsZone",
        )
    if not allows(services.roles.permissions(zone_id), WRITE):
        return _not_allowed(hub.access.dns_zone.name)
    found, alias = services.dns.record(zone_id, name), services.dns.alias(zone_id, name)
    if alias:
        return _taken(hub, (alias,))
    if found and not hostname.is_ours(found, hub.name, services.settings.subscription_id):
        return _taken(hub, found.addresses)
    return CLEAR


def _taken(hub: Hub, leads_to: tuple[str, ...]) -> Found:
    return error("DnsRecordTaken", hostname.taken(hub, leads_to), TAKEN_ADVICE, "access.host")


TAKEN_ADVICE = "Hubkeeper overwrites no record that it did not create: delete that one, or choose another access.host."


def host_name(services: Services, hub: Hub, address: str | None = None) -> Found:
    """Checks that a host name whose zone Hubkeeper does not write resolves to the hub.

    address: the hub's, when it is there already.
    """
    if hub.access.dns_zone:
        return CLEAR
    suffix = services.settings.dns_suffix
    label = access.label_host(hub, suffix)
    for host in https.own_hosts(hub.access, hub.values):
        found = services.dns.addresses(host)
        if (address and found == {address}) or (found and label and found == services.dns.addresses(label)):
            continue
        leads = f"resolves to {', '.join(sorted(found))}" if found else "does not resolve yet"
        return warning(
            "NameNeeded",
            f"{host} {leads}; it must resolve to the hub, and the run waits an hour for it.",
            _how(hub, host, address, suffix),
            "access.host",
        )
    return CLEAR


def _how(hub: Hub, host: str, address: str | None, dns_suffix: str) -> str:
    record = hostname.wanted_record(hub, host, address, dns_suffix)
    if address:
        return f"Create {record}; or set access.dnsZone, if the zone is in Azure DNS."
    if label := access.label_host(hub, dns_suffix):
        return f"Create a CNAME record for {host} with {label}, now or while the run waits; or set access.dnsZone."
    return (
        f"Create {record} (GET /api/runs/ID, step name) while it waits. With access.dnsLabel a CNAME can be created before; "
        "with access.dnsZone Hubkeeper creates the record."
    )


def certificate(services: Services, hub: Hub) -> Found:
    """Checks that the certificate in Key Vault is valid for the hub's name."""
    try:
        own_certificate.load(services, hub, services.clock.now())
    except PermanentError as refused:
        if refused.code != own_certificate.REFUSED:
            return CLEAR  # what is missing is said with the other secrets
        return error(refused.code, refused.message, own_certificate.advice(hub), "access.https.certificate")
    return CLEAR
