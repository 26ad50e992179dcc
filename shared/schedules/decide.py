"""The decision about a hub's power: on or off now, why, and until when. Pure, from the clock and the record alone.

Nothing depends on which tick asks, or on earlier answers, so that a tick may come late, twice or not at all.

`desired` answers for the power, so it says ON the lead time before a window opens; `usable_from` is when the hub is
promised. The calendar (`preview.edges`) shows the promise. Whoever acts in ticks begins what falls due before the next.
"""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from pydantic import ValidationError

from shared import paths
from shared.schedules import reasons
from shared.schedules.model import Schedule
from shared.schedules.record import PowerState, Record, in_utc
from shared.schedules.spans import Span
from shared.schedules.timeline import (
    END,
    Block,
    Blocks,
    Stop,
    View,
    in_force,
    open_on,
    power_in,
    start_by_hand,
    stop_by_hand,
    view,
)
from shared.schedules.windows import HORIZON, local_days

SETTLE = timedelta(minutes=30)
"""How long after an edit a hub that the new schedule would switch at once is left as it is: time to see the mistake, to
be warned and to save. An edge of the new schedule in that time is acted upon as ever."""


@dataclass(frozen=True)
class Decision:
    """All times are aware UTC."""

    state: PowerState | None
    """The power to have; None leaves it as it is."""
    reason: str
    """A sentence for people; never empty."""
    until: datetime | None
    """The first instant at which `state` is another, everything else being equal; None: not within HORIZON."""
    usable_from: datetime | None = None
    """When the hub is next promised to be usable, if that is still to come."""
    warn_at: datetime | None = None
    """When users are to be told of the stop at `until` (in the past: now); None when it is no stop."""


def desired(schedule: Schedule | None, record: Record, now: datetime) -> Decision:
    """The power to have at `now`. schedule: None is around the clock. Raises ValueError for a naive time."""
    return Outlook(schedule, record).at(now)


class Outlook:
    """The same, for who asks about many times, none before the last: what two of them have in common is worked out once."""

    def __init__(self, schedule: Schedule | None, record: Record) -> None:
        self._schedule = schedule
        self._record = record
        self._stop: Stop | None = None
        self._blocks: dict[View, Blocks] = {}
        self._opened: dict[tuple[date, date], list[Span]] = {}

    def at(self, now: datetime) -> Decision:
        now = in_utc(now)
        if self._stop is None or self._stop.until == END:  # one whose end is known keeps it
            self._stop = stop_by_hand(self._schedule, self._record, now)
        before, block = self._around(now)
        return self._on(now, block) if block and block.begins <= now else self._off(now, before, block)

    def _around(self, now: datetime) -> tuple[Block | None, Block | None]:
        seen = view(self._schedule, self._record, now, self._stop)
        if seen not in self._blocks:
            _make_room(self._blocks)
            self._blocks[seen] = Blocks(power_in(self._schedule, self._record, seen))
        return self._blocks[seen].around(now)

    def _open_at(self, now: datetime) -> Span | None:
        """The windows, made one, that are open at `now`."""
        if self._schedule is None:
            return None
        days = local_days(self._schedule, now, now + timedelta(days=1))
        if days not in self._opened:
            _make_room(self._opened)
            self._opened[days] = list(open_on(self._schedule, *days))
        index = bisect_right(self._opened[days], now, key=lambda span: span.start) - 1
        return self._opened[days][index] if index >= 0 and now < self._opened[days][index].end else None

    def _on(self, now: datetime, block: Block) -> Decision:
        schedule, record = self._schedule, self._record
        until = block.ends if block.ends <= now + HORIZON else None
        usable_from = block.opens if block.opens > now else None
        if settled := self._settling_until(now, block.opens):
            until = min(settled, until or settled)
            why = reasons.why_settling(schedule, record.schedule_since or now, until)
            warn_at = _warn_at(schedule, until) if until == block.ends else None
            return Decision(None, why, until, usable_from, warn_at)
        reason = reasons.why_on(schedule, record, now, block, until, self._open_at)
        return Decision(PowerState.ON, reason, until, usable_from, _warn_at(schedule, until))

    def _off(self, now: datetime, before: Block | None, block: Block | None) -> Decision:
        schedule, record, stop = self._schedule, self._record, self._stop
        begins, opens = (block.begins, block.opens) if block else (None, None)
        stopped = stop is not None and stop.since <= now < stop.until
        pause = schedule.pause if schedule else None
        if schedule and pause and now < pause.until:
            if stop and stopped and stop.until < pause.until:
                return Decision(PowerState.OFF, reasons.why_off(schedule, record, now, stop, stop.until), stop.until)
            if not stopped and not _ended_in_this_pause(record):
                warn_at = None if begins == pause.until else _warn_at(schedule, pause.until)
                why = reasons.why_paused(schedule, pause.until, pause.reason)
                return Decision(None, why, pause.until, opens, warn_at)
        elif not stopped and (settled := self._settling_until(now, before.ends if before else None)):
            until = min(settled, begins or settled)
            why = reasons.why_settling(schedule, record.schedule_since or now, until)
            return Decision(None, why, until, opens, None if until == begins else _warn_at(schedule, until))
        return Decision(PowerState.OFF, reasons.why_off(schedule, record, now, stop, opens), begins, opens)

    def _settling_until(self, now: datetime, edge: datetime | None) -> datetime | None:
        """Until when a recently edited schedule is not acted upon, when all that led to the state at `now` is older.

        edge: where the present state comes from: the opening (perhaps to come) or the end of a block.
        """
        schedule, record, stop = self._schedule, self._record, self._stop
        written = record.schedule_since
        if written is None or not written <= now < written + SETTLE:
            return None
        by_hand = start_by_hand(schedule, record)
        ends = [
            edge,
            by_hand and by_hand.end,
            stop and stop.until,
            schedule and schedule.pause and schedule.pause.until,
        ]
        return None if any(end >= written for end in ends if end) else written + SETTLE


_KEPT = 2
"""Two of a kind at a time: one for today, and one for tomorrow."""


def _make_room(kept: dict[Any, Any]) -> None:
    if len(kept) >= _KEPT:
        del kept[next(iter(kept))]


def desired_of(stored: object, record: Record, now: datetime) -> Decision:
    """`desired` for a schedule as it was stored (JSON, or None for none). One that cannot be read switches nothing."""
    if stored is None:
        return desired(None, record, now)
    try:
        schedule = Schedule.model_validate(stored)
    except ValidationError as error:
        return _unreadable(error, record, in_utc(now))
    return desired(schedule, record, now)


def _ended_in_this_pause(record: Record) -> bool:
    """True after a start by hand since the pause was written: the stop at its end was asked for with it."""
    override, written = record.override, record.schedule_since
    return bool(override and override.state is PowerState.ON and written and override.since >= written)


def _warn_at(schedule: Schedule | None, stops: datetime | None) -> datetime | None:
    if schedule is None or stops is None or not schedule.warn_minutes:
        return None
    return stops - timedelta(minutes=schedule.warn_minutes)


def _unreadable(error: ValidationError, record: Record, now: datetime) -> Decision:
    override = record.override
    if override and in_force(override, now):
        who = f"{override.state.value} by hand, asked for by {override.by}"
        return Decision(override.state, f"The schedule cannot be read; {who}.", override.until)
    fields = ", ".join(sorted({paths.path(problem["loc"]) or "all of it" for problem in error.errors()}))
    return Decision(
        None, f"The schedule cannot be read ({fields}), so nothing is switched until it is corrected.", None
    )
