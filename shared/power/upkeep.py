"""The nightly upkeep: repairs the due queue, replaces passwords in time, warns of what runs out, forgets what is old."""

import logging
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from shared.errors import DomainError, OutsideError
from shared.hubs import vault
from shared.hubs.certificates import WARN_BEFORE
from shared.hubs.store import HubRecord, HubStore
from shared.hubs.view import listed_power, power_key
from shared.notifications.events import Kind as EventKind
from shared.notifications.notify import notify
from shared.notifications.upkeep import purge
from shared.power.decision_log import Decisions
from shared.power.idle import last_activity
from shared.power.people import ACTIVE
from shared.power.rotate import MARGIN, next_start, refusable, unsettled
from shared.power.tick import rebuild
from shared.resources.cluster import extra_pools
from shared.resources.strangers import way_in
from shared.runs.advice import no_cluster
from shared.runs.commands import Commands
from shared.runs.engine import Engine
from shared.runs.model import Kind
from shared.schedules.decide import desired_of
from shared.schedules.record import PowerState
from shared.services import Services

log = logging.getLogger(__name__)

ROTATE_BEFORE = timedelta(days=30)
"""A running hub's password is replaced this long before it ends: four weekly chances, should the directory be out of order."""
LAST_WEEK = timedelta(days=7)
"""So long before its end a password is replaced whoever is at work."""
STANDSTILL = timedelta(days=300)
"""AKS keeps a stopped cluster for 12 months; after ten somebody should know."""
KEPT = timedelta(days=365)
"""How long AKS keeps a stopped cluster."""
CALENDAR_BEFORE = timedelta(days=60)
"""Holidays of the coming year must be known this long before it begins."""


def upkeep(services: Services, engine: Engine) -> None:
    now, power = services.clock.now(), listed_power(services)
    log.info("upkeep: %d hubs were missing in the due queue", rebuild(services))
    purge(services, now)
    for hub in HubStore(services.tables).all():
        try:
            key = power_key(hub, services.settings.subscription_id)
            actual = "unknown" if power is None else power.get(key, "none")
            _hub(services, engine, hub, actual, now)
        except (OutsideError, DomainError, ValueError, KeyError) as error:
            log.warning("upkeep: hub %s: %s", hub.name, type(error).__name__)
    try:
        move_secrets(services)
    except OutsideError as error:
        log.warning("upkeep: secrets are not moved: %s", error.code)


def _hub(services: Services, engine: Engine, hub: HubRecord, actual: str, now: datetime) -> None:
    Decisions(services.tables).purge(hub.name, now)
    if hub.phase != "ready":
        return
    if not hub.open_run and (reason := rotation(services, hub, actual, now)):
        Commands(services, engine, "upkeep").begin(hub.name, Kind.ROTATE, reason)
    _warn(services, hub, warnings(services, hub, actual, now), now)


def move_secrets(services: Services) -> None:
    """Hubkeeper's own secrets go to their names of today, between runs: one that replaces a password meanwhile would lose it."""
    present = [secret.name for secret in services.secrets.names()]
    for hub in HubStore(services.tables).all():
        if not hub.open_run:
            for line in vault.move_own(services, hub.name, present):
                log.info("upkeep: %s", line)


def rotation(services: Services, hub: HubRecord, actual: str, now: datetime) -> str:
    """The reason to begin a rotate run tonight; empty when none begins."""
    if actual == "off" and refusable(hub):
        return "a password that the cluster was never given is removed"
    if actual == "on" and rotation_due(services, hub, now):
        ended = "the last rotation did not come to its end" if unsettled(hub) else ""
        return ended or "the service principal's password ends soon"
    return ""


def rotation_due(services: Services, hub: HubRecord, now: datetime) -> bool:
    """True if the password of a hub that is on should be replaced now. That renews all nodes, under the pods on them.

    So it is left to the next stop where one comes in time, and to another night while people are at work and the password
    holds a week longer. A rotation that did not come to its end, and left two passwords, waits for a week's stops at most.
    """
    ends = hub.status.password.expires
    if ends is None or (ends >= now + ROTATE_BEFORE and not unsettled(hub)):
        return False
    latest = min(ends - LAST_WEEK, now + LAST_WEEK) if unsettled(hub) else ends - LAST_WEEK
    decision = desired_of(hub.stored_schedule, hub.power, now)
    if decision.state is PowerState.ON and decision.until and decision.until < latest:
        return False
    return ends < now + LAST_WEEK or not _at_work(services, hub, now)


def _at_work(services: Services, hub: HubRecord, now: datetime) -> bool:
    try:
        used = last_activity(services, hub)
    except OutsideError:
        return False
    return used is not None and now - used < ACTIVE


def _ends_while_off(hub: HubRecord, now: datetime) -> str:
    """The password of a hub that is off, when no start is planned in time."""
    ends, start = hub.status.password.expires, next_start(hub, now)
    if ends is None or ends >= now + ROTATE_BEFORE or (start and start + MARGIN <= ends):
        return ""
    whose = f"The password of hub {hub.name}'s service principal"
    if ends <= now:
        return (
            f"{whose} has ended on {ends:%d %B %Y}, while the hub is off: AKS may refuse to start its cluster. "
            f"Start it with POST /api/hubs/{hub.name}/start. If AKS refuses, the users' volumes are still there, as disks in "
            f"{hub.spec.cluster.node_resource_group}: az snapshot create copies one."
        )
    return f"{whose} ends on {ends:%d %B %Y}, and the hub is off: start it before then, and Hubkeeper replaces the password."


def _stands_still(hub: HubRecord, now: datetime) -> str:
    stopped = hub.power.last_stop_ended
    if stopped is None or now - stopped <= STANDSTILL:
        return ""
    ends = stopped + KEPT
    said = f"Hub {hub.name} is off since {stopped:%d %B %Y}. AKS forgets a stopped cluster after 12 months: "
    if ends <= now:
        return f"{said}start it today."
    return f"{said}start it before {ends:%d %B %Y}."


def warnings(services: Services, hub: HubRecord, actual: str, now: datetime) -> Iterator[tuple[str, str]]:
    """The problems that need a person in the coming weeks: a stable code and a sentence each."""
    name = hub.name
    if actual == "off" and (still := _stands_still(hub, now)):
        yield "Standstill", still
    if actual == "off" and (ending := _ends_while_off(hub, now)):
        yield "PasswordEnds", ending
    if ending := _certificate_ends(hub, now):
        yield "CertificateEnds", ending
    if actual == "on" and (let_in := _lets_everybody_in(services, hub)):
        yield "OpenToEverybody", let_in
    if actual == "none":
        yield "ClusterGone", f"Hub {name} has no cluster of its own any more. {no_cluster(hub.spec)}"
    if left := _left_over(hub):
        yield "LeftOver", left
    if hub.stored_schedule is not None and hub.spec.schedule is None:
        yield (
            "UnreadableSchedule",
            f"The schedule of hub {name} cannot be read, and nothing switches the hub: PUT a corrected one.",
        )
    if left := _holidays_left(hub, now):
        yield "HolidaysEnd", left
    version = hub.status.cluster.kubernetes
    if version and not _offered(services, hub.spec.location, version):
        yield (
            "VersionRetires",
            f"Kubernetes {version} of hub {name} is leaving support in {hub.spec.location}: upgrade it, or a start may be refused.",
        )


def _left_over(hub: HubRecord) -> str | None:
    """The leftovers of a change of nodes or identity that did not end."""
    things = [f"the node pool {pool}" for pool in extra_pools(hub.status, hub.spec)]
    if retired := hub.status.retired.identity:
        things.append(f"the service principal {retired.name}")
    if not things or hub.open_run:
        return None
    return (
        f"{' and '.join(things)} of hub {hub.name} {'is' if len(things) == 1 else 'are'} left over from a change that did not end; "
        f"nodes cost. Retry run {hub.last_run}, or PATCH /api/hubs/{hub.name} with {{}}."
    )


def _lets_everybody_in(services: Services, hub: HubRecord) -> str | None:
    """A hub may be older than the try after each install, or changed by hand. One that does not answer is tried tomorrow."""
    urls = hub.status.urls
    try:
        how = way_in(services, hub.spec, urls.hub, urls.page) if urls.hub else None
    except OutsideError:
        return None
    if how is None:
        return None
    return (
        f"Hub {hub.name} lets everybody in. {how} PATCH /api/hubs/{hub.name} with a login (auth, values), or with "
        'auth: "none" if that is meant.'
    )


def _certificate_ends(hub: HubRecord, now: datetime) -> str:
    """The hub's own certificate; Let's Encrypt's are renewed in the cluster."""
    own = hub.status.tls.certificate
    if own is None or now < own.ends - WARN_BEFORE:
        return ""
    ends = own.ends
    when = f"ends on {ends:%d %B %Y}" if now < ends else f"has ended on {ends:%d %B %Y}: browsers refuse the hub"
    return (
        f"The certificate of hub {hub.name} {when}. Store the new one with PUT /api/hubs/{hub.name}/secrets/{own.key} and "
        f"PATCH /api/hubs/{hub.name} with {{}}, which puts it into use."
    )


def _offered(services: Services, location: str, version: str) -> bool:
    offered = services.clusters.versions(location)
    minor = ".".join(version.split(".")[:2])
    return any(item.minor == minor and not item.lts_only for item in offered)


def _holidays_left(hub: HubRecord, now: datetime) -> str | None:
    from shared.schedules.holidays import last_year

    rule = hub.spec.schedule.holidays if hub.spec.schedule else None
    if rule is None:
        return None
    country, last = rule.country, last_year(rule.country)
    if (now + CALENDAR_BEFORE).year <= last:
        return None
    return (
        f"The holidays of {country} are known until {last} only: update Hubkeeper, or add dates off to hub {hub.name}."
    )


def _warn(services: Services, hub: HubRecord, found: Iterable[tuple[str, str]], now: datetime) -> None:
    """Once a week each, not every night."""
    warned = hub.status.upkeep_warnings
    for code, message in found:
        last = warned.last(code)
        if last and now - last < timedelta(days=7):
            continue
        notify(services, hub.name, EventKind.WARNING, message, code=code)
        warned = warned.with_told(code, now)
        HubStore(services.tables).record(hub.name, warned)
