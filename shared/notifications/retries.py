"""When an event that was not delivered is tried again, and when it is given up. Pure."""

from datetime import datetime, timedelta

WAITS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
"""After the first, second, third try, and after every later one."""
TIMEOUT = timedelta(hours=24)
"""How old an event may be at its last try. A try begun later is made once: nobody could deliver it before."""


def next_try(tries: int, now: datetime) -> datetime:
    """tries: made so far, at least one."""
    return now + WAITS[min(tries, len(WAITS)) - 1]


def put_off(due: datetime, now: datetime, asked: float | None) -> datetime:
    """asked: seconds that the receiver asked to be left alone; that never makes a wait shorter."""
    longest = 2 * TIMEOUT.total_seconds()  # as good as for ever, and a number of seconds that a date can take
    return max(due, now + timedelta(seconds=min(asked or 0.0, longest)))


def expired(happened: datetime, due: datetime) -> bool:
    """Whether a try at `due` would be too late for an event of `happened`."""
    return due - happened > TIMEOUT
