"""The hub's own name in the DNS: it must resolve to the load balancer before anybody can open it, Let's Encrypt included.

In the zone that the hub names, the record is an address (A), not an alias (CNAME) of the DNS label's name. An alias could be
written before the install, but that gains nothing: the label's name resolves to nothing until the load balancer exists. An
address needs no label, and may stand at the zone's own name, where DNS allows no alias.
"""

from dataclasses import replace
from datetime import datetime

from shared import names
from shared.azure.dns import Record, record_id
from shared.clock import wire_time
from shared.errors import ConflictError, PermanentError, TemporaryError
from shared.hubs.chart import access
from shared.hubs.spec import defaults, https
from shared.hubs.spec.model import Hub
from shared.hubs.status.parts import ResolvedName
from shared.kubernetes import tls
from shared.kubernetes.client import Kubernetes
from shared.runs.context import StepContext

AZURE_DNS = "Azure DNS"
SUBSCRIPTION_MARK = "hubkeeper-subscription"
"""Beside the hub's name: a zone may serve deployments in several subscriptions."""

ISSUED = 30.0
"""Seconds that Let's Encrypt usually takes, the front's start included: one that began earlier is not waiting for it any more."""


def place(hub: Hub, subscription: str) -> tuple[str, str] | None:
    """Zone (its id) and name in it of the hub's record; None when its zone is not Hubkeeper's business."""
    zone, host = hub.access.dns_zone, hub.access.host
    if zone is None or host is None:
        return None
    zone_id = names.zone_id(zone.subscription or subscription, zone.resource_group, zone.name)
    return zone_id, host.removesuffix(zone.name).removesuffix(".") or "@"


def mark(hub: str, subscription: str) -> dict[str, str]:
    """Metadata of a record set that is this hub's."""
    return {defaults.OWNER_TAG: hub, SUBSCRIPTION_MARK: subscription}


def is_ours(record: Record, hub: str, subscription: str) -> bool:
    return mark(hub, subscription).items() <= record.metadata.items()


def wanted_record(hub: Hub, host: str, address: str | None, dns_suffix: str) -> str:
    """The record that a person has to create in a zone that Hubkeeper may not write."""
    label = access.label_host(hub, dns_suffix)
    by_address = f"an A record for {host} with {address or 'the address that the run shows'}"
    return f"{by_address}, or a CNAME record with {label}" if label else by_address


def ensure_records(context: StepContext, address: str) -> str:
    """Points the hub's names at the load balancer. Returns the missing part as a sentence; empty when all resolve."""
    _ensure_record(context, address)
    spec, suffix = context.spec, context.services.settings.dns_suffix
    hosts = access.must_resolve(spec, suffix)
    for host in hosts:
        found = context.services.dns.addresses(host)
        if found != {address}:
            return _astray(context, host, found, address)
    before = context.status.dns.resolved
    if hosts and (before is None or (before.hosts, before.address) != (hosts, address)):
        context.record(replace(context.status.dns, resolved=ResolvedName(hosts, address, context.now)))
    return ""


def _astray(context: StepContext, host: str, found: frozenset[str], address: str) -> str:
    where = f"resolves to {', '.join(sorted(found))}, not to {address} alone" if found else "does not resolve yet"
    if place(context.spec, context.subscription):
        return f"{host} {where}; its record is created, and the DNS publishes it within minutes."
    if host not in https.own_hosts(context.spec.access, context.spec.values):
        return f"{host} {where}; Azure publishes it with the load balancer."
    return f"{host} {where}: create {wanted_record(context.spec, host, address, context.services.settings.dns_suffix)}."


def _ensure_record(context: StepContext, address: str) -> None:
    """Creates or corrects the record in the hub's zone. Raises PermanentError when one is there that is not ours."""
    where = place(context.spec, context.subscription)
    if where is None:
        return
    dns, resource_id = context.services.dns, record_id(*where)
    found = dns.record(*where)
    if found and not is_ours(found, context.spec.name, context.subscription):
        raise PermanentError(AZURE_DNS, "DnsRecordTaken", taken(context.spec, found.addresses))
    known = context.status.dns
    if resource_id not in known.records:  # before it is made: a teardown must find it even if this call is cut off
        context.record(replace(known, records=(*known.records, resource_id)))
    if found and found.addresses == (address,):
        return
    try:
        marks = mark(context.spec.name, context.subscription)
        dns.put_record(resource_id, address, marks, found.etag if found else None)
    except ConflictError as error:  # somebody was faster: what they made is looked at next time
        raise TemporaryError(AZURE_DNS, error.code, error.message, status=error.status) from None


def taken(hub: Hub, leads_to: tuple[str, ...]) -> str:
    zone = hub.access.dns_zone.name if hub.access.dns_zone else ""
    where = f", which points at {', '.join(leads_to)}" if leads_to else ""
    return f"The DNS zone {zone} has a record for {hub.access.host} that was not created for this hub{where}."


def unwell(context: StepContext, kubernetes: Kubernetes, url: str, address: str) -> str:
    """The reason why the hub does not serve at its URL, after an attempt to fix it; empty when it serves."""
    trouble = context.services.jupyterhub(url).trouble()
    if not trouble:
        return ""
    if astray := ensure_records(context, address):
        return astray
    resolved = context.status.dns.resolved
    if resolved and https.by_letsencrypt(context.spec.access, context.spec.values):
        since = _asked_since(context, resolved.since)
        if tls.ask_again(kubernetes, context.spec.release.namespace, since, ISSUED, context.now):
            return f"Asking Let's Encrypt again: the name resolves to the hub since {wire_time(resolved.since)}."
        if "certificate" in trouble:
            return (
                f"{url} does not answer yet: {trouble}. The front's log says why Let's Encrypt gives no certificate: "
                f"kubectl logs -n {context.spec.release.namespace} -l component={tls.FRONT} -c traefik."
            )
    return f"{url} does not answer yet: {trouble}."


def _asked_since(context: StepContext, leads: datetime) -> datetime:
    """A front that is older is ended: one that came before the name, and in a run that is retried, the one that had failed."""
    began = context.step.started
    return max(leads, began) if began and context.run.attempt > 1 else leads


def forget_records(context: StepContext, hosts: tuple[str, ...] = ()) -> list[str]:
    """Removes the hub's records of other hosts than these; ids of those that it removed.

    A record of a host that the hub keeps stays, also when the hub no longer names a zone: its name still points here.
    """
    known = context.status.dns
    leaving = [resource_id for resource_id in known.records if host_of(resource_id) not in hosts]
    removed = []
    for resource_id in leaving:
        found = context.services.dns.record_by_id(resource_id)
        if found and is_ours(found, context.spec.name, context.subscription):
            context.services.dns.delete_record(resource_id)
            removed.append(resource_id)
    if leaving:
        context.record(replace(known, records=tuple(each for each in known.records if each not in leaving)))
    return removed


def host_of(resource_id: str) -> str:
    """The host name of a record set, from its id .../dnsZones/ZONE/A/NAME."""
    parts = resource_id.split("/")
    return parts[-3] if parts[-1] == "@" else f"{parts[-1]}.{parts[-3]}"
