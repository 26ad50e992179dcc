"""What is remembered of a hub's power beside its schedule: the override, the last stop, how long starts took."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum


class PowerState(StrEnum):
    ON = "on"
    OFF = "off"


@dataclass(frozen=True)
class Override:
    """A start or stop by hand. All times are aware UTC."""

    state: PowerState
    since: datetime
    until: datetime | None
    """When it ends as the schedule was at the time: the end asked for, or the end of the window that this fell into.
    None: a stop after which no window opens. It holds until somebody starts the hub."""
    by: str
    """Who asked, as shown to people."""
    reason: str
    """Why, in their words; may be empty."""
    asked_until: datetime | None = None
    """The end that was asked for, before the schedule stretched it. `desired` starts from this one, so that a window
    edited later counts as it is now; None (a stop, or an old row): `until` is all there is."""


@dataclass(frozen=True)
class Record:
    """What the hub's row says about its power. Times are aware UTC; None is "not known" and never a reason to stop."""

    override: Override | None = None
    """The last start or stop by hand. Keep it after its end: a start that ends during a pause still ends."""
    schedule_since: datetime | None = None
    """When the present schedule was written (see `overrides.since_after_edit`): no edge before it is acted upon."""
    starts: tuple[float, ...] = ()
    """Seconds that recent successful starts took, newest last."""
    last_stop_ended: datetime | None = None
    """When the cluster was last seen to have finished stopping."""
    postponed_until: datetime | None = None
    """Until when the coming (or last) stop was put off, by a person or by a busy hub."""
    postponed_at: datetime | None = None
    """When that was done. A stop by hand that came later is not put off by it."""
    last_activity: datetime | None = None
    """When somebody last used the hub, as JupyterHub says; only read when the schedule has `stopWhenIdle`."""


def in_utc(instant: datetime) -> datetime:
    """The same instant in UTC. Raises ValueError for a time without a zone, since guesses are how hubs stop early."""
    if instant.tzinfo is None:
        raise ValueError(f"{instant.isoformat()} has no time zone")
    return instant.astimezone(UTC)
