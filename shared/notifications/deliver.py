"""Getting events to where people see them, at least once.

An event waits in the outbox until a channel has taken it. A try is claimed by ETag before it is made, so that two hosts do not
make the same one; a host that dies in between costs a repetition, which the receiver knows by the event's id.
"""

import logging
from datetime import datetime
from typing import Protocol

from shared.errors import OutsideError, TemporaryError
from shared.notifications import retries
from shared.notifications.events import Delivery, Event, State
from shared.notifications.store import Entry, EventStore, Outbox
from shared.services import Services

log = logging.getLogger(__name__)

MOST = 50
"""Tries in one pass: at 10 s each, which is what a slow receiver can take, they end before the function is ended."""


class Channel(Protocol):
    """One way out. name: letters and digits; it stands in the tables."""

    name: str

    def send(self, event: Event) -> None:
        """Raises TemporaryError when it may go better later, PermanentError when this event will never be taken."""
        ...


def channels(services: Services) -> list[Channel]:
    """Those that the settings name."""
    from shared.notifications.webhook import Webhook

    settings = services.settings
    if settings.webhook is None or settings.webhook_key is None:
        return []
    return [Webhook(services.secrets, services.clock, settings.webhook, settings.webhook_key)]


def deliver_pending(services: Services) -> int:
    """Tries what is due, oldest first; how many were delivered. Raises OutsideError when the tables fail.

    A channel that fails is left alone for the rest of the pass: what else waits for it would fail too. So a receiver that
    is down is asked once a pass, and once it is up, all that is due goes in one.
    """
    outbox, known = Outbox(services.tables), {channel.name: channel for channel in channels(services)}
    resting: set[str] = set()
    delivered = tried = 0
    for waiting in outbox.due(services.clock.now()):
        if tried == MOST:
            break
        if waiting.channel in resting or (entry := outbox.claim(waiting, services.clock.now())) is None:
            continue
        tried += 1
        state = attempt(services, known.get(entry.channel) or _Unknown(entry.channel), entry)
        if state is State.DELIVERED:
            delivered += 1
        else:
            resting.add(entry.channel)
    return delivered


def attempt(services: Services, channel: Channel, entry: Entry) -> State:
    """One try of a claimed entry, and what became of it. Raises OutsideError only when the tables fail."""
    failure = _failure(channel, entry.event)
    now = services.clock.now()
    state, due = outcome(entry, failure, now)
    error = f"{failure.code}: {failure.message}" if failure else None
    if error:
        log.warning("event %s: try %d by %s: %s: %s", entry.event.id, entry.tries, channel.name, error, state)
    # The record first: a crash between the two costs a repetition, not a record that says pending for ever.
    EventStore(services.tables).save_delivery(entry.event, Delivery(channel.name, state, entry.tries, now, error))
    if state is not State.PENDING:
        Outbox(services.tables).remove(entry)
    elif due > entry.due:
        Outbox(services.tables).postpone(entry, due)
    return state


def outcome(entry: Entry, failure: OutsideError | None, now: datetime) -> tuple[State, datetime]:
    """What a try has come to, and when the next one is due if the event is still pending."""
    if failure is None:
        return State.DELIVERED, entry.due
    if not isinstance(failure, TemporaryError):
        return State.GIVEN_UP, entry.due
    due = retries.put_off(entry.due, now, failure.retry_after)
    return State.GIVEN_UP if retries.expired(entry.event.at, due) else State.PENDING, due


def _failure(channel: Channel, event: Event) -> OutsideError | None:
    try:
        channel.send(event)
    except OutsideError as error:
        return error
    except Exception as error:  # noqa: BLE001 - a fault of ours in a channel must not fail the run that reports by it
        # Its type alone: the text may hold the address.
        return TemporaryError(channel.name, type(error).__name__, "the channel stopped unexpectedly")
    return None


class _Unknown:
    """Stands for a channel that has left the settings. It may come back: a setting is easily lost in a deployment."""

    def __init__(self, name: str) -> None:
        self.name = name

    def send(self, event: Event) -> None:  # noqa: ARG002 - the protocol's signature
        raise TemporaryError(self.name, "ChannelNotConfigured", "the settings name no such channel any more")
