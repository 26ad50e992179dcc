"""What a start, a stop or a postponement by hand amounts to, given the schedule, and what an edit does now."""

from dataclasses import replace
from datetime import datetime, timedelta

from shared.errors import InvalidError
from shared.problem import Problem, wrong
from shared.schedules.decide import desired
from shared.schedules.model import Schedule
from shared.schedules.record import Override, PowerState, Record, in_utc
from shared.schedules.timeline import power, windows_open
from shared.schedules.windows import HORIZON

USUAL_START = timedelta(hours=2)
"""For a start that names no end."""

LONGEST_START = timedelta(days=31)
"""Longer wishes belong into the schedule, where everybody sees them."""


class OverrideError(InvalidError):
    """A start by hand that cannot be meant."""

    def __init__(self, why: str) -> None:
        advice = 'Send {"for": "2h"} or {"until": "2026-12-01T18:00:00Z"}.'
        super().__init__(
            Problem("BadEnd", f"The start cannot be held so: {why}.", advice), [wrong("until", why, "BadEnd")]
        )


def override_for_start(
    schedule: Schedule | None, now: datetime, duration: timedelta | None, until: datetime | None, by: str, reason: str
) -> Override:
    """A start by hand: as long as asked (2 h by default), and to the end of the window that this would end in.

    Raises OverrideError for an end that has passed, is more than 31 days away, or is asked for twice.
    """
    now = in_utc(now)
    if duration is not None and until is not None:
        raise OverrideError('say either how long ("for") or until when ("until"), not both')
    asked = in_utc(until) if until else now + (USUAL_START if duration is None else duration)
    if asked <= now:
        raise OverrideError("the end of a start by hand must be later than now")
    if asked - now > LONGEST_START:
        raise OverrideError(
            f"a start by hand can hold {LONGEST_START.days} days at most; put the dates into the schedule"
        )
    override = Override(PowerState.ON, now, asked, by, reason, asked)
    end = desired(schedule, Record(override=override), now).until or asked
    return Override(PowerState.ON, now, max(end, asked), by, reason, asked)


def override_for_stop(schedule: Schedule | None, now: datetime, by: str, reason: str) -> Override:
    """A stop by hand: until the next window opens or, where none will, until somebody starts the hub."""
    now = in_utc(now)
    opens = (span.start for span in windows_open(schedule, now, now + HORIZON) if span.start > now)
    return Override(PowerState.OFF, now, next(opens, None), by, reason)


def latest_postponement(schedule: Schedule | None, record: Record, now: datetime) -> datetime | None:
    """Until when the coming stop, or the one being prepared, can be put off at most; None when there is none.

    The cap counts from when the stop was due at first, however often it is put off.
    """
    if schedule is None:
        return None
    now = in_utc(now)
    most = timedelta(minutes=schedule.max_postpone)
    for block in power(schedule, replace(record, postponed_until=None), now):
        if block.begins > now:
            return None
        if block.ends + most > now:
            return block.ends + most if block.ends <= now + HORIZON else None
    return None


def since_after_edit(old: Schedule | None, new: Schedule | None, record: Record, now: datetime) -> datetime | None:
    """What Record.schedule_since is to be when `new` takes the place of `old`.

    As it was, when the edit leaves the present state alone: then there is nothing to hold back. Else now.
    """
    same = desired(old, record, now).state == desired(new, record, now).state
    return record.schedule_since if same else in_utc(now)
