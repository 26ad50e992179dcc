"""What people and their systems are told of: events of a hub's power, runs and upkeep. Pure."""

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from shared.clock import wire_time

MESSAGE_LIMIT = 2_000
"""Characters kept of a sentence for people."""
DATA_LIMIT = 24_000
"""Characters kept of an event's data as JSON; a column of Table Storage takes 32,768."""


class Kind(StrEnum):
    WILL_STOP = "will-stop"
    """In some minutes, under people who are at work."""
    POSTPONED = "postponed"
    STOPPED = "stopped"
    STARTED = "started"
    """And usable: the hub answers at its public address."""
    FAILED = "failed"
    """A run ended without having done what it was for."""
    RECOVERED = "recovered"
    """What had failed works again."""
    WARNING = "warning"
    """Something needs a person in the coming weeks: credentials, versions, certificates, twelve months of standstill."""
    CREATED = "created"
    UPGRADED = "upgraded"
    """Changed in place, and tried afterwards."""
    TORN_DOWN = "torn-down"


@dataclass(frozen=True)
class Event:
    """Something that happened, or is about to.

    id: stable over every delivery, so that a receiver can tell a repetition. at: UTC. message: a sentence for people.
    data: the same as facts, in JSON (run id, minutes, users, seconds, by).
    """

    id: str
    hub: str
    kind: Kind
    at: datetime
    message: str
    data: dict[str, Any]

    def wire(self) -> dict[str, Any]:
        """The webhook's body, and what the API answers."""
        return {
            "id": self.id,
            "hub": self.hub,
            "kind": self.kind.value,
            "at": wire_time(self.at),
            "message": self.message,
            "data": self.data,
        }


class State(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    GIVEN_UP = "given-up"


@dataclass(frozen=True)
class Delivery:
    """How far an event is on its way through one channel. at: of the last try, None before it. error: of the last try."""

    channel: str
    state: State
    tries: int = 0
    at: datetime | None = None
    error: str | None = None

    def wire(self) -> dict[str, Any]:
        return {
            "channel": self.channel,
            "state": self.state.value,
            "tries": self.tries,
            "at": wire_time(self.at),
            "error": self.error,
        }


def sentence(message: str) -> str:
    return message if len(message) <= MESSAGE_LIMIT else message[: MESSAGE_LIMIT - 1] + "…"


def facts(data: dict[str, Any]) -> dict[str, Any]:
    """The data as plain JSON, times as the API writes them, cut until it fits; what was cut says so by `truncated`.

    A hub may have thousands of users, and an event that cannot be stored would tell nobody anything.
    """
    plain: dict[str, Any] = json.loads(json.dumps(data, default=_plain))
    while len(json.dumps(plain)) > DATA_LIMIT:
        longest = max(plain, key=lambda name: len(json.dumps(plain[name])))
        plain = {**plain, longest: _half(plain[longest]), "truncated": True}
    return plain


def _plain(value: object) -> str | None:
    return wire_time(value) if isinstance(value, datetime) else str(value)


def _half(value: Any) -> Any:
    return value[: len(value) // 2] if isinstance(value, list | str) else None
