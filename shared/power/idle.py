"""When a hub was last used, for schedules that stop it when nobody does (`stopWhenIdle`)."""

import logging
from dataclasses import replace
from datetime import datetime, timedelta

from shared.errors import OutsideError
from shared.hubs.inventory.people import hub_client
from shared.hubs.store import HubRecord, HubStore
from shared.services import Services

log = logging.getLogger(__name__)

FRESH = timedelta(minutes=4)
"""An answer this young is not asked for again: less than a tick, so that each tick of an idle-stopped hub asks once."""


def refreshed(services: Services, hub: HubRecord, actual: str, now: datetime) -> HubRecord:
    """The hub with its last activity read again, where that matters and can be had. What cannot be read changes nothing."""
    schedule = hub.spec.schedule
    if schedule is None or schedule.stop_when_idle is None or actual != "on" or hub.open_run:
        return hub
    if (known := hub.power.last_activity) and now - known < FRESH:
        return hub
    try:
        seen = last_activity(services, hub)
    except OutsideError as error:
        log.warning("hub %s does not say when it was last used: %s", hub.name, error.code)
        return hub
    if seen is None or seen == known:
        return hub
    power = HubStore(services.tables).update_power(hub.name, lambda record: replace(record, last_activity=seen))
    return replace(hub, power=power)


def last_activity(services: Services, hub: HubRecord) -> datetime | None:
    """The latest of all servers' and users'; of a hub that nobody has used since its start, that start."""
    users = hub_client(services, hub).users()
    moments = [user.last_activity for user in users]
    moments += [server.last_activity for user in users for server in user.servers]
    if since := hub.status.usable.since:
        moments.append(since)
    return max((moment for moment in moments if moment), default=None)
