"""When the windows of a schedule open, and why they stay closed."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from shared.schedules.model import Schedule
from shared.schedules.spans import Span

HORIZON = timedelta(days=400)
"""How far ahead openings are looked for: a year's exam with room to spare. Nothing in that time is "never"."""

LOOK_BACK = timedelta(days=3)
"""How far back a window may have opened that still matters: a day of window, a day that a zone skipped (Apia, 2011),
and half a day of postponement."""


def local_days(schedule: Schedule, since: datetime, until: datetime) -> tuple[date, date]:
    """The first and the last local date whose windows matter from `since` to `until`: LOOK_BACK is in them."""
    rules = schedule.days.rules
    return (since - LOOK_BACK).astimezone(rules).date(), until.astimezone(rules).date()


def openings(schedule: Schedule, first: date, last: date) -> Iterator[Span]:
    """What opens on these local dates and has not closed when a pause ends, by start; different days may overlap.

    What touches or overlaps on one day is one already, but not while the pause ends among it, which cuts each by itself.
    """
    days, pause = schedule.days, schedule.pause
    if pause:
        first = max(first, (pause.until - LOOK_BACK).astimezone(days.rules).date())
    for day in days.between(first, last):
        spans = days.joined(day)
        yield from days.opening(day) if pause and spans and spans[0].start < pause.until else spans
