"""When the power of a hub is to be on: its windows, and what people and experience make of them.

Two timelines are kept apart. Usable: the windows that touch or overlap made one, plus a start by hand, minus a stop
by hand; this is what the calendar shows. Power: the usable time, begun earlier by the time that starting takes, ended
later where a stop was postponed, and without stops too short to be followed by a start in time.
"""

import heapq
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from shared.schedules.lead import REST, lead_time
from shared.schedules.model import Schedule
from shared.schedules.record import Override, PowerState, Record
from shared.schedules.spans import Cause, Span, merged
from shared.schedules.windows import HORIZON, LOOK_BACK, local_days, openings

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
END = datetime(9000, 1, 1, tzinfo=UTC)
"""A hub without a schedule is on from the beginning to the end."""


@dataclass(frozen=True, slots=True)
class Block:
    """A time of power, aware UTC."""

    begins: datetime
    """From here the cluster is to be on or starting."""
    opens: datetime
    """From here the hub is promised to be usable."""
    ends: datetime


@dataclass(frozen=True, slots=True)
class Stop:
    """A stop by hand as the present schedule takes it: [since, until)."""

    since: datetime
    until: datetime
    """END: until somebody starts the hub."""


def windows_open(schedule: Schedule | None, since: datetime, until: datetime) -> Iterator[Span]:
    """The schedule's own times from LOOK_BACK before `since` on, touching ones made one, none before a pause has ended.

    Spans that open within LOOK_BACK of the start of the search may have opened earlier than they say.
    """
    return open_on(schedule, *local_days(schedule, since, until)) if schedule else _around_the_clock()


def open_on(schedule: Schedule, first: date, last: date) -> Iterator[Span]:
    """The schedule's own times that open on these local dates, as in `windows_open`."""
    return merged(_unpaused(schedule, openings(schedule, first, last)))


@dataclass(frozen=True, slots=True)
class View:
    """All that `power` takes from the time at which it is asked: for times with the same view it is the same."""

    days: tuple[date, date] | None
    """The first and the last local date that it looks at; None for a hub without a schedule."""
    stop: Stop | None
    by_hand: Span | None
    """The start by hand, unless it has ended long ago."""


def view(schedule: Schedule | None, record: Record, now: datetime, stop: Stop | None) -> View:
    """stop: what `stop_by_hand` says at `now`."""
    by_hand = start_by_hand(schedule, record)
    recent = by_hand if by_hand and by_hand.end > now - LOOK_BACK else None
    return View(local_days(schedule, now, now + HORIZON) if schedule else None, stop, recent)


def power(schedule: Schedule | None, record: Record, now: datetime) -> Iterator[Block]:
    """Blocks of power from about LOOK_BACK before `now` to HORIZON after it, in order and apart from each other."""
    return power_in(schedule, record, view(schedule, record, now, stop_by_hand(schedule, record, now)))


def power_in(schedule: Schedule | None, record: Record, seen: View) -> Iterator[Block]:
    """`power` at every time that has this view."""
    stop, lead = seen.stop, lead_time(record.starts)
    current: Block | None = None
    for span in _usable(schedule, seen):
        block = _block(schedule, record, stop, span, lead)
        if current and (block.begins <= current.ends or _too_short(current, block, stop)):
            if block.ends > current.ends:
                current = Block(current.begins, current.opens, block.ends)
            continue
        if current:
            yield current
        current = block
    if current:
        yield current


class Blocks:
    """Blocks of power, each worked out once, when somebody first looks that far."""

    def __init__(self, blocks: Iterator[Block]) -> None:
        self._rest = blocks
        self._known: list[Block] = []

    def around(self, now: datetime) -> tuple[Block | None, Block | None]:
        """The last block that has ended (if that was within a few days), and the one that is or comes next."""
        while not self._known or self._known[-1].ends <= now:
            following = next(self._rest, None)
            if following is None:
                break
            self._known.append(following)
        index = bisect_right(self._known, now, key=lambda block: block.ends)
        return self._known[index - 1] if index else None, self._known[index] if index < len(self._known) else None


def start_by_hand(schedule: Schedule | None, record: Record) -> Span | None:
    """The time that a start by hand itself keeps the hub on: as long as asked, or until nobody has used it for long."""
    override = record.override
    if override is None or override.state is not PowerState.ON:
        return None
    end = override.asked_until or override.until or END
    idle_from = idle_at(schedule, record, override.since)
    end = min(end, idle_from) if idle_from else end
    return Span(override.since, end, Cause.BY_HAND) if end > override.since else None


def stop_by_hand(schedule: Schedule | None, record: Record, now: datetime) -> Stop | None:
    """The stop by hand on record, ended by the first window of the present schedule that opens after it.

    Windows that had opened before the schedule was last written do not count: they are edges in the past. Of a stop
    without an end, those up to HORIZON after `now` are looked at, which are all that `power` knows of.
    """
    override = record.override
    if override is None or override.state is not PowerState.OFF:
        return None
    written = max(override.since, record.schedule_since or override.since)
    until = override.until or END
    for span in windows_open(schedule, written, override.until or now + HORIZON):
        if span.start >= until:
            break
        if span.start > override.since and span.start >= written:
            return Stop(override.since, span.start)
    return Stop(override.since, until)


def idle_at(schedule: Schedule | None, record: Record, wanted: datetime) -> datetime | None:
    """When a hub that was wanted at `wanted` counts as unused; None when that stops nothing or is not known."""
    if schedule is None or schedule.stop_when_idle is None or record.last_activity is None:
        return None
    return max(record.last_activity, wanted) + timedelta(minutes=schedule.stop_when_idle)


def in_force(override: Override | None, now: datetime) -> bool:
    """Whether the time that was asked for has not passed."""
    return override is not None and override.since <= now < (override.asked_until or override.until or END)


def postponed_end(schedule: Schedule | None, record: Record, stop: Stop | None, end: datetime) -> datetime:
    """When the power that would go off at `end` does: later if that was asked for, by `maxPostpone` at most.

    A stop by hand that came after the postponement ends it.
    """
    if schedule is None or record.postponed_until is None or record.postponed_until <= end:
        return end
    idle_from = idle_at(schedule, record, record.postponed_at or end)
    wanted = min(record.postponed_until, idle_from) if idle_from else record.postponed_until
    if stop and stop.since >= end and (record.postponed_at is None or record.postponed_at < stop.since):
        wanted = min(wanted, stop.since)
    return max(end, min(wanted, end + timedelta(minutes=schedule.max_postpone)))


def _unpaused(schedule: Schedule, spans: Iterator[Span]) -> Iterator[Span]:
    paused_until = schedule.pause.until if schedule.pause else BEGINNING
    for span in spans:
        if span.end > paused_until:
            yield span if span.start >= paused_until else replace(span, start=paused_until)


def _around_the_clock() -> Iterator[Span]:
    return iter([Span(BEGINNING, END, Cause.WINDOW)])


def _usable(schedule: Schedule | None, seen: View) -> Iterator[Span]:
    spans = open_on(schedule, *seen.days) if schedule and seen.days else _around_the_clock()
    if seen.by_hand:
        spans = merged(heapq.merge(spans, [seen.by_hand], key=lambda span: span.start))
    for span in spans:
        yield from _without(span, seen.stop) if seen.stop else (span,)


def _without(span: Span, stop: Stop) -> Iterator[Span]:
    if span.start < min(span.end, stop.since):
        yield replace(span, end=min(span.end, stop.since))
    if span.end > max(span.start, stop.until):
        yield replace(span, start=max(span.start, stop.until))


def _block(schedule: Schedule | None, record: Record, stop: Stop | None, span: Span, lead: timedelta) -> Block:
    begins = span.start if span.cause is Cause.BY_HAND or span.start == BEGINNING else span.start - lead
    if schedule and schedule.pause and begins < schedule.pause.until <= span.start:
        begins = schedule.pause.until  # a paused schedule starts nothing, not even early
    if stop and begins <= stop.since < span.start:
        begins = span.start  # stopped by hand while it was starting for this window: not again before it opens
    return Block(begins, span.start, postponed_end(schedule, record, stop, span.end))


def _too_short(before: Block, after: Block, stop: Stop | None) -> bool:
    """Whether the power would be off for less than REST, so that the next start had to wait and the window opened late.

    Not so where somebody stopped the hub by hand: that is what they want.
    """
    if stop and before.ends < stop.until and after.begins > stop.since:
        return False
    return after.begins - before.ends < REST
