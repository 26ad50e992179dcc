"""How long before it is needed a hub has to be started, and how soon after a stop it can be."""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

from shared.schedules.record import Record, in_utc

LEAD_UNKNOWN = timedelta(minutes=8)
"""For a hub that has not been started yet: AKS needs 3 to 6 minutes, JupyterHub's pods one or two more."""

LEAD_MOST = timedelta(minutes=20)
"""A start that took longer than this was stuck, and money spent on waiting for the next such one is wasted."""

REST = timedelta(minutes=15)
"""What AKS asks for between the end of a stop and the next start."""


def lead_time(starts: Sequence[float]) -> timedelta:
    """How long before `from` to begin starting: the 90th percentile (nearest rank) of these starts, in seconds.

    What is not a positive number of seconds is not counted.
    """
    known = sorted(seconds for seconds in starts if math.isfinite(seconds) and seconds > 0)
    if not known:
        return LEAD_UNKNOWN
    return min(LEAD_MOST, timedelta(seconds=known[math.ceil(0.9 * len(known)) - 1]))


def earliest_start(record: Record, now: datetime) -> datetime:
    """When a start wanted now may begin: now, or REST after the last stop ended. Until then it is queued."""
    now = in_utc(now)
    return now if record.last_stop_ended is None else max(now, in_utc(record.last_stop_ended) + REST)
