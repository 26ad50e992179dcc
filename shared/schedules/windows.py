"""A schedule's windows as instants: local times become UTC here, and nowhere else.

A local time that does not exist begins (or ends) at the first instant after the gap. One that occurs twice begins a
window at its first and ends it at its second occurrence. So every edge happens once, and a window can be an hour longer
or shorter than its clock times say, or vanish in a gap altogether.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import Enum

from shared.schedules import holidays, zones
from shared.schedules.fields import DAYS
from shared.schedules.model import DateOn, Schedule, Window

HORIZON = timedelta(days=400)
"""How far ahead openings are looked for: a year's exam with room to spare. Nothing in that time is "never"."""

LOOK_BACK = timedelta(days=3)
"""How far back a window may have opened that still matters: a day of window, a day that a zone skipped (Apia, 2011),
and half a day of postponement."""


class Cause(Enum):
    WINDOW = "a weekly window"
    DATE_ON = "a date on"
    BY_HAND = "a start by hand"


@dataclass(frozen=True, slots=True)
class Span:
    """Half-open [start, end), aware UTC."""

    start: datetime
    end: datetime
    cause: Cause


def openings(schedule: Schedule, since: datetime, until: datetime) -> Iterator[Span]:
    """Every window that opens from LOOK_BACK before `since` up to `until`, by start; they may touch and overlap."""
    rules = zones.zone(schedule.timezone)
    day = (since - LOOK_BACK).astimezone(rules).date()
    last = until.astimezone(rules).date()
    while day <= last:
        yield from opening_on(schedule, rules, day)
        day += timedelta(days=1)


def opening_on(schedule: Schedule, rules: tzinfo, day: date) -> list[Span]:
    """The windows that open on a local date, by start, without those that vanish in a gap of the clock."""
    spans = [_span(rules, day, hours) for hours in schedule.on if hours.day == day]
    name = DAYS[day.weekday()]
    weekly = [hours for hours in schedule.windows if name in hours.days]
    if weekly and not day_off(schedule, day):
        spans += [_span(rules, day, hours) for hours in weekly]
    return sorted((span for span in spans if span.start < span.end), key=lambda span: span.start)


def day_off(schedule: Schedule, day: date) -> str | None:
    """Why the weekly windows of a date stay closed, as the subject of a sentence; None when they open."""
    if schedule.spans_off(day):
        return f"{day.isoformat()} is a date off"
    if schedule.holidays:
        rule = schedule.holidays
        name = holidays.holidays_of(rule.country, rule.subdivision, day.year).get(day)
        return f"{day.isoformat()} is a holiday ({name})" if name else None
    return None


def merged(spans: Iterable[Span]) -> Iterator[Span]:
    """Spans sorted by start, those that touch or overlap made one; the cause is the first one's."""
    current: Span | None = None
    for span in spans:
        if current and span.start <= current.end:
            if span.end > current.end:
                current = replace(current, end=span.end)
            continue
        if current:
            yield current
        current = span
    if current:
        yield current


def instant(rules: tzinfo, day: date, minutes: int, *, last: bool) -> datetime:
    """The instant (UTC) of a local time: `minutes` after midnight of `day`, 1440 and more being on the next day.

    last: of a time that occurs twice, take the second occurrence.
    """
    local = datetime.combine(day, time()) + timedelta(minutes=minutes)
    before = local.replace(tzinfo=rules, fold=0).utcoffset() or timedelta()
    after = local.replace(tzinfo=rules, fold=1).utcoffset() or timedelta()
    if before < after:  # a gap (PEP 495: fold 0 has the offset before it, fold 1 the one after it)
        return _change_between(rules, local - after, local - before)
    return (local - (after if last else before)).replace(tzinfo=UTC)


def clocks_change_on(rules: tzinfo, day: date) -> bool:
    """Whether the offset from UTC changes within a local day, or the day before was skipped."""
    start = instant(rules, day, 0, last=False)
    end = instant(rules, day + timedelta(days=1), 0, last=False)
    return _offset(rules, start - timedelta(seconds=1)) != _offset(rules, end - timedelta(seconds=1))


def _span(rules: tzinfo, day: date, hours: Window | DateOn) -> Span:
    start = instant(rules, day, hours.opens, last=False)
    end = instant(rules, day, hours.opens + hours.length, last=True)
    return Span(start, end, Cause.WINDOW if isinstance(hours, Window) else Cause.DATE_ON)


def _change_between(rules: tzinfo, low: datetime, high: datetime) -> datetime:
    """The first instant with a new offset in (low, high], both naive UTC; transitions are at whole seconds."""
    low, high = low.replace(tzinfo=UTC), high.replace(tzinfo=UTC)
    old = _offset(rules, low)
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        if _offset(rules, middle) == old:
            low = middle
        else:
            high = middle
    return high


def _offset(rules: tzinfo, instant_: datetime) -> timedelta | None:
    return instant_.astimezone(rules).utcoffset()
