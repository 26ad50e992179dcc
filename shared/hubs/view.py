"""How a hub is shown: the fixed form of the API."""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.clock import wire_time
from shared.errors import OutsideError
from shared.hubs import ownership
from shared.hubs.chart import access
from shared.hubs.store import HubRecord
from shared.schedules.decide import desired_of
from shared.schedules.timeline import END, stop_by_hand
from shared.services import Services

log = logging.getLogger(__name__)

UNKNOWN = "unknown"

_STATES = {"starting": "starting", "stopping": "stopping", "creating": "starting", "deleting": "stopping"}


def power_of(state: str, power: str | None) -> str:
    """on, off, starting, stopping, failed or unknown, from AKS' two states.

    A start that failed or was cancelled shows as Running and Failed or Canceled (AKS issue 2171): that is no hub that is on, and
    another start mends it.
    """
    if state.lower() in _STATES:
        return _STATES[state.lower()]
    if power == "Stopped":
        return "off"  # whatever went wrong before: nothing runs, nothing costs, and a start is what mends it
    if state.lower() in ("failed", "canceled"):
        return "failed"
    return {"Running": "on", "Stopped": "off"}.get(power or "", UNKNOWN)


def actual_power(services: Services, hub: HubRecord) -> Mapping[str, str]:
    """Of the one hub, as power_key names it: "none" when it has no cluster of its own, UNKNOWN when Azure does not say."""
    key = power_key(hub, services.settings.subscription_id)
    try:
        cluster = ownership.own(hub, services.clusters.get(hub.spec.resource_group, hub.spec.cluster.name))
    except OutsideError as error:
        log.warning("the power of hub %s is not known: %s", hub.name, error.code)
        return {key: UNKNOWN}
    return {key: power_of(cluster.state, cluster.power) if cluster else "none"}


def listed_power(services: Services) -> Mapping[str, str] | None:
    """Of every hub's cluster in the subscription by one call, as power_key names it; None when Azure does not say."""
    try:
        listed = services.clusters.list_all()
    except OutsideError as error:
        log.warning("the power of the hubs is not known: %s", error.code)
        return None
    return {
        _key(cluster.id, owner): power_of(cluster.state, cluster.power)
        for cluster in listed
        if (owner := ownership.owner(cluster.tags))
    }


def power_key(hub: HubRecord, subscription: str) -> str:
    """The hub's cluster among the clusters of all hubs. Another hub's, or nobody's, of the same id is not it."""
    return _key(hub.cluster_id(subscription), hub.name)


def _key(cluster_id: str, hub: str) -> str:
    return f"{cluster_id.lower()} of {hub}"


def _override(hub: HubRecord, now: datetime) -> dict[str, Any] | None:
    """Who holds the hub on or off by hand, why, and until when; None when nobody does."""
    override = hub.power.override
    if override is None:
        return None
    stop = stop_by_hand(hub.spec.schedule, hub.power, now)  # the schedule may be another by now
    end = stop.until if stop else override.until or END
    if not override.since <= now < end:
        return None
    return {
        "state": override.state.value,
        "by": override.by,
        "reason": override.reason,
        "since": wire_time(override.since),
        "until": wire_time(end) if end < END else None,
    }


def _failing_since(hub: HubRecord) -> datetime | None:
    """When starts or stops began to fail, while they do."""
    failure = hub.status.failures.power
    return failure.first if failure and not failure.cancelled else None


def shown(
    hub: HubRecord, subscription: str, power: Mapping[str, str], now: datetime, dns_suffix: str = access.DNS_SUFFIX
) -> dict[str, Any]:
    actual = power.get(power_key(hub, subscription), UNKNOWN if hub.status.cluster.fqdn else "none")
    certificate = hub.status.tls.certificate
    decision = desired_of(hub.stored_schedule, hub.power, now)
    return {
        "name": hub.name,
        "status": hub.phase,
        "url": hub.status.urls.opened,
        "hubUrl": hub.status.urls.hub,
        "certificateEnds": certificate.ends.isoformat() if certificate else None,
        "callbackUrl": access.reach(hub.spec, dns_suffix).callback,
        "spec": hub.spec.wire(),
        "power": {
            "actual": actual,
            "desired": decision.state.value if decision.state else None,
            "reason": decision.reason,
            "until": wire_time(decision.until),
            "nextChange": wire_time(decision.until),
            "override": _override(hub, now),
            "failingSince": wire_time(_failing_since(hub)),
        },
        "run": hub.open_run or hub.last_run,
        "created": wire_time(hub.created),
        "versions": {
            "kubernetes": hub.status.cluster.kubernetes,
            "chart": hub.status.release.chart,
        },
    }
