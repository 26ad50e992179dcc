"""Local times as instants: local times become UTC here, and nowhere else.

A local time that does not exist begins (or ends) at the first instant after the gap. One that occurs twice begins a
window at its first and ends it at its second occurrence. So every edge happens once, and a window can be an hour longer
or shorter than its clock times say, or vanish in a gap altogether.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import Enum


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


def merged(spans: Iterable[Span]) -> Iterator[Span]:
    """Spans sorted by start, those that touch or overlap made one; the cause is the first one's."""
    current: Span | None = None
    for span in spans:
        if current and span.start <= current.end:
            if span.end > current.end:
                current = Span(current.start, span.end, current.cause)
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


def steady_midnight(rules: tzinfo, day: date) -> datetime | None:
    """The instant at which a local day begins; None when the clock changes in it or in the day after.

    Where it does not, minutes on the face of the clock are minutes of time. (Since 1970 no zone has changed its clock
    twice within four days: equal offsets at both ends are the same one all the time.)
    """
    midnight = datetime.combine(day, time())
    offset = midnight.replace(tzinfo=rules).utcoffset() or timedelta()
    later = (midnight + timedelta(days=2)).replace(tzinfo=rules, fold=1).utcoffset() or timedelta()
    return (midnight - offset).replace(tzinfo=UTC) if offset == later else None


def clocks_change_on(rules: tzinfo, day: date) -> bool:
    """Whether the offset from UTC changes within a local day, or the day before was skipped."""
    start = instant(rules, day, 0, last=False)
    end = instant(rules, day + timedelta(days=1), 0, last=False)
    return _offset(rules, start - timedelta(seconds=1)) != _offset(rules, end - timedelta(seconds=1))


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
