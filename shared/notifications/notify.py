"""Telling of an event: it is recorded, tried at once, and left to deliver_pending if that fails."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakKeyDictionary

from shared.errors import OutsideError
from shared.notifications.deliver import attempt, channels
from shared.notifications.events import Delivery, Event, Kind, State, facts, sentence
from shared.notifications.store import Entry, EventStore, Outbox, new_id
from shared.services import Services

log = logging.getLogger(__name__)

REST = timedelta(minutes=1)
"""After a try that failed, other events of this process wait for deliver_pending: a tick that tells of hundreds of hubs must
not spend a timeout on each."""
_rest_until: WeakKeyDictionary[Services, dict[str, datetime]] = WeakKeyDictionary()


@dataclass(frozen=True)
class PendingEvent:
    """An event that will be delivered, now or later. entries: its places in the outbox, one a channel."""

    event: Event
    entries: list[Entry]


def notify(services: Services, hub: str, kind: Kind, message: str, **data: Any) -> Event:
    """Records an event (see `record`) and tries to deliver it at once, for which a slow receiver can take 10 s a channel."""
    recorded = record(services, hub, kind, message, **data)
    try_now(services, recorded)
    return recorded.event


def record(services: Services, hub: str, kind: Kind, message: str, **data: Any) -> PendingEvent:
    """Records an event of now; deliver_pending delivers it, unless `try_now` does before.

    message: a sentence for people. data: the facts, anything that JSON can hold, and times; nothing secret. Raises
    OutsideError when the event could not be recorded; then it may be told twice, should the caller repeat it.
    """
    now = services.clock.now()
    event = Event(new_id(hub, now), hub, kind, now, sentence(message), facts(data))
    ways = {channel.name: channel for channel in channels(services)}
    # The outbox first: a crash between the two loses no delivery, and the first delivery makes up the record.
    entries = Outbox(services.tables).add(event, list(ways), now)
    EventStore(services.tables).insert(event, [Delivery(name, State.PENDING) for name in ways])
    log.info("event %s: %s", event.id, event.kind)
    return PendingEvent(event, entries)


def try_now(services: Services, recorded: PendingEvent) -> None:
    """Tries each channel once, unless the channel failed a moment ago. What comes of it is no trouble of the caller's."""
    now, event = services.clock.now(), recorded.event
    ways = {channel.name: channel for channel in channels(services)}
    resting = _rest_until.setdefault(services, {})
    for entry in recorded.entries:
        if now < resting.get(entry.channel, now):
            continue
        try:
            state = attempt(services, ways[entry.channel], entry)
        except OutsideError as error:  # it is recorded, and will be tried again
            log.warning("event %s: what became of %s could not be recorded: %s", event.id, entry.channel, error)
            continue
        if state is State.PENDING:
            resting[entry.channel] = services.clock.now() + REST
