"""Why a hub is on, off or left alone: one sentence each, as people read it in chat and on pages.

Local times carry the schedule's zone, since readers and hub may be far apart.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from shared.schedules import zones
from shared.schedules.fields import DAYS
from shared.schedules.model import Schedule
from shared.schedules.record import Override, PowerState, Record
from shared.schedules.spans import Cause, Span
from shared.schedules.timeline import Block, Stop, idle_at, in_force, start_by_hand, windows_open
from shared.schedules.windows import HORIZON


def when(schedule: Schedule | None, instant: datetime) -> str:
    """An instant as in: Mon 2026-11-23 08:00 (America/Los_Angeles). UTC for a hub without a schedule."""
    local = instant.astimezone(zones.zone(schedule.timezone) if schedule else UTC)
    name = schedule.timezone if schedule else "UTC"
    return f"{DAYS[local.weekday()].capitalize()} {local:%Y-%m-%d %H:%M} ({name})"


def why_on(
    schedule: Schedule | None,
    record: Record,
    now: datetime,
    block: Block,
    until: datetime | None,
    open_at: Callable[[datetime], Span | None],
) -> str:
    """open_at: the windows, made one, that are open at a time."""
    override = record.override
    if override and override.state is PowerState.ON and in_force(override, now):
        end = f"on until {when(schedule, until)}" if until else "on from then on"
        return _sentence(f"Started by {_words(override.by)}, {end}", override.reason)
    if schedule is None:
        return "On around the clock: the hub has no schedule."
    if until is None:
        return f"Within its hours, which do not end in the next {HORIZON.days} days."
    if span := open_at(now):
        hours = "On for a date of its own" if span.cause is Cause.DATE_ON else "Within its hours"
        put_off = f"; the stop at {when(schedule, span.end)} was postponed" if _postponed(record, span.end) else ""
        return f"{hours}: on until {when(schedule, until)}{put_off}."
    if _postponed(record, now):
        return f"Its stop was postponed: on until {when(schedule, until)}."
    if now < block.opens:
        return f"Starting, to be usable at {when(schedule, block.opens)}."
    return f"Kept on until {when(schedule, until)}: it opens again too soon for a stop and a start."


def why_off(schedule: Schedule | None, record: Record, now: datetime, stop: Stop | None, opens: datetime | None) -> str:
    """opens: when the hub is next promised to be usable."""
    override = record.override
    if override and stop and stop.since <= now < stop.until:
        return stopped_by_hand(schedule, override, opens)
    after = f"on again at {when(schedule, opens)}" if opens else f"nothing opens in the next {HORIZON.days} days"
    return f"{_cause_of_off(schedule, record, now)}; {after}."


def stopped_by_hand(schedule: Schedule | None, override: Override, opens: datetime | None) -> str:
    end = when(schedule, opens) if opens else "somebody starts it"
    return _sentence(f"Stopped by {_words(override.by)} until {end}", override.reason)


def why_paused(schedule: Schedule, until: datetime, reason: str) -> str:
    return _sentence(f"The schedule is paused until {when(schedule, until)} and the hub left as it is", reason)


def why_settling(schedule: Schedule | None, written: datetime, until: datetime) -> str:
    what = "The schedule was changed" if schedule else "The schedule was removed"
    return f"{what} at {when(schedule, written)}; it counts from {when(schedule, until)}, and the hub is left as it is."


def _cause_of_off(schedule: Schedule | None, record: Record, now: datetime) -> str:
    override = record.override
    by_hand = start_by_hand(schedule, record)
    started = override is not None and override.state is PowerState.ON and in_force(override, now)
    if override and started and (idle := idle_at(schedule, record, override.since)):
        return f"Nobody had used it for {_minutes(schedule)} minutes at {when(schedule, idle)}"
    if (
        override
        and by_hand
        and now - timedelta(days=1) < by_hand.end <= now
        and not _opened_since(schedule, by_hand.end, now)
    ):
        return f"The start by {_words(override.by)} ended at {when(schedule, by_hand.end)}"
    if schedule:
        today = now.astimezone(schedule.days.rules).date()
        if schedule.days.has_windows(today) and (cause := schedule.days.day_off(today)):
            return cause
    return "Outside its hours"


def _minutes(schedule: Schedule | None) -> int:
    return schedule.stop_when_idle or 0 if schedule else 0


def _opened_since(schedule: Schedule | None, since: datetime, now: datetime) -> bool:
    return any(span.end > since and span.start < now for span in windows_open(schedule, since, now))


def _postponed(record: Record, end: datetime) -> bool:
    return record.postponed_until is not None and record.postponed_until > end


def _words(text: str) -> str:
    return " ".join(text.split()) or "somebody"


def _sentence(text: str, reason: str) -> str:
    reason = " ".join(reason.split()).rstrip(".")
    return f"{text}: {reason}." if reason else f"{text}."
