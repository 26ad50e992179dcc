"""What is wrong, or probably not meant, in a schedule that somebody wants to write.

`check` reads what came over the wire and finds everything at once. An error refuses the schedule; a warning is
returned with it. Rules that need no clock are in the model; what a later look at a stored schedule may not refuse
(dates that have passed since) is a warning.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import reduce
from itertools import accumulate
from operator import or_

from pydantic import ValidationError

from shared.problem import Problem, caution, wrong
from shared.schedules import holidays, zones
from shared.schedules.days import face
from shared.schedules.fields import DAY, DAYS, clock
from shared.schedules.lead import LEAD_MOST, REST
from shared.schedules.model import Schedule, Window
from shared.schedules.record import in_utc
from shared.schedules.spans import Cause, clocks_change_on, instant
from shared.schedules.windows import HORIZON
from shared.shape import shape_problems

WEEK = 7 * DAY
LONGEST_PAUSE = timedelta(days=366)
"""AKS keeps a cluster that stays stopped for 12 months."""


def check(data: object, now: datetime) -> tuple[Schedule | None, list[Problem]]:
    """The schedule that `data` (JSON) describes, or None when it is refused, and everything found about it.

    Fields are paths in the schedule as it was sent ("windows[0].to"); empty for the whole of it.
    """
    try:
        schedule = Schedule.model_validate(data)
    except ValidationError as error:
        return None, shape_problems(error, Schedule, "a schedule")
    found = lint(schedule, now)
    return None if any(problem.refuses for problem in found) else schedule, found


def lint(schedule: Schedule, now: datetime) -> list[Problem]:
    """Everything worth saying about a schedule, errors first."""
    now = in_utc(now)
    today = now.astimezone(schedule.days.rules).date()
    weeks = [_minutes_of_week(window) for window in schedule.windows]
    findings = [
        *_zone(schedule),
        *_pause(schedule, now),
        *_past_dates(schedule, today),
        *_week(schedule, weeks, today),
        *_overlaps(weeks),
        *_short_gaps(schedule, weeks),
        *_unreachable(schedule, today),
        *_idle_dates_on(schedule, today),
        *_clock_changes(schedule, today),
        *_holiday_data(schedule, today),
    ]
    return sorted(findings, key=lambda finding: not finding.refuses)


def _warning(code: str, message: str, field: str) -> Problem:
    return caution(code, message, field=field)


def _zone(schedule: Schedule) -> Iterator[Problem]:
    if schedule.timezone.startswith("Etc/"):
        offset = datetime(2000, 1, 1, tzinfo=UTC).astimezone(zones.zone(schedule.timezone)).strftime("UTC%:z")
        yield _warning("FixedOffset", f"{schedule.timezone} is {offset} all year: its clocks never change", "timezone")


def _pause(schedule: Schedule, now: datetime) -> Iterator[Problem]:
    if schedule.pause is None:
        return
    if schedule.pause.until <= now:
        yield _warning("PastPause", "the pause has ended already", "pause.until")
    elif schedule.pause.until - now > LONGEST_PAUSE:
        message = (
            f"a pause can last {LONGEST_PAUSE.days} days at most: AKS drops a cluster that is stopped for 12 months"
        )
        yield wrong("pause.until", message, "PauseTooLong")


def _past_dates(schedule: Schedule, today: date) -> Iterator[Problem]:
    for index, span in enumerate(schedule.off):
        if span.last < today:
            yield _warning("PastDate", f"{span.last.isoformat()} has passed", f"off[{index}].to")
    for index, hours in enumerate(schedule.on):
        if hours.day < today:
            yield _warning("PastDate", f"{hours.day.isoformat()} has passed", f"on[{index}].date")


def _minutes_of_week(window: Window) -> int:
    """A set of the minutes of a week (bit 0: Monday 00:00) in which the window is open, by the face of the clock."""
    minutes = 0
    for name in window.days:
        begin = DAYS.index(name) * DAY + window.opens
        minutes |= ((1 << window.length) - 1) << begin
    return (minutes | minutes >> WEEK) & ((1 << WEEK) - 1)  # Sunday's night runs into Monday


def _week(schedule: Schedule, weeks: Sequence[int], today: date) -> Iterator[Problem]:
    week = reduce(or_, weeks, 0)
    if week == (1 << WEEK) - 1:
        yield _warning("NeverOff", "these windows leave the hub on all week: they save nothing", "windows")
    if not week and not any(hours.day >= today for hours in schedule.on):
        yield _warning("NeverOn", "nothing ever opens: the hub is on only when somebody starts it", "windows")


def _overlaps(weeks: Sequence[int]) -> Iterator[Problem]:
    earlier = list(accumulate(weeks, or_, initial=0))
    later = list(accumulate(reversed(weeks), or_, initial=0))[::-1]
    for index, week in enumerate(weeks):
        if not week & earlier[index]:
            continue
        before = [other for other in range(index) if weeks[other] & week]  # the windows are a hundred at most
        if not week & ~(earlier[index] | later[index + 1]):
            message = f"it adds nothing: windows {_list(before)} and others cover it"
            yield _warning("Redundant", message, f"windows[{index}]")
        else:
            common = weeks[before[0]] & week
            first = (common & -common).bit_length() - 1
            at = f"{DAYS[first // DAY]} {clock(first % DAY)}"
            message = f"it overlaps window {_list(before)} (from {at}); together they are one, without a stop between"
            yield _warning("Overlap", message, f"windows[{index}]")


def _list(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers))


def _short_gaps(schedule: Schedule, weeks: Sequence[int]) -> Iterator[Problem]:
    """Gaps in which a cluster cannot be stopped, rest and start again in time."""
    least = (LEAD_MOST + REST) // timedelta(minutes=1)
    week = reduce(or_, weeks, 0)
    for index, window in enumerate(schedule.windows):
        for name in window.days:
            closes = (DAYS.index(name) * DAY + window.opens + window.length) % WEEK
            onwards = week >> closes | week << (WEEK - closes)
            gap = (onwards & -onwards).bit_length() - 1
            if 0 < gap < least:
                message = (
                    f"the {gap} minutes from {DAYS[closes // DAY]} {clock(closes % DAY)} are too few for a stop, "
                    f"15 minutes of rest and a start, which can need {least}: the hub may stay on"
                )
                yield _warning("ShortGap", message, f"windows[{index}].to")
                break


def _unreachable(schedule: Schedule, today: date) -> Iterator[Problem]:
    """Windows none of whose days open: all of them are holidays or dates off."""
    waiting = [[index for index, window in enumerate(schedule.windows) if name in window.days] for name in DAYS]
    opened: set[int] = set()
    for number in range(HORIZON.days):
        day = today + timedelta(days=number)
        shut = waiting[day.weekday()]
        if shut and not schedule.days.day_off(day):
            opened |= {index for index in shut if schedule.days.opens(day, face(schedule.windows[index], Cause.WINDOW))}
            waiting[day.weekday()] = [index for index in shut if index not in opened]
    for index in range(len(schedule.windows)):
        if index not in opened:
            message = f"it does not open once in {HORIZON.days} days: every such day is a holiday or a date off"
            yield _warning("Unreachable", message, f"windows[{index}]")


def _idle_dates_on(schedule: Schedule, today: date) -> Iterator[Problem]:
    """Dates on that the weekly windows cover anyway, or that the clock skips."""
    for index, hours in enumerate(schedule.on):
        if hours.day < today:
            continue
        own = face(hours, Cause.DATE_ON)
        if not schedule.days.opens(hours.day, own):
            yield _warning("Unreachable", "the clock skips this time on that date", f"on[{index}]")
        elif schedule.days.covered(hours.day, own):
            yield _warning("Redundant", "a weekly window covers it", f"on[{index}]")


def _clock_changes(schedule: Schedule, today: date) -> Iterator[Problem]:
    """Times of windows that a coming change of the clock skips or repeats."""
    rules = schedule.days.rules
    coming = (today + timedelta(days=number) for number in range(HORIZON.days))
    for day in [day for day in coming if clocks_change_on(rules, day)]:
        for index, window in enumerate(schedule.windows):
            for field, minutes in (("from", window.opens), ("to", window.opens + window.length)):
                opened = day - timedelta(days=minutes // DAY)
                if DAYS[opened.weekday()] not in window.days:
                    continue
                if what := _change_at(rules, day, minutes % DAY, last=field == "to"):
                    yield _warning("ClockChange", what, f"windows[{index}].{field}")


def _change_at(rules: tzinfo, day: date, minutes: int, *, last: bool) -> str | None:
    first, second = instant(rules, day, minutes, last=False), instant(rules, day, minutes, last=True)
    if first != second:
        return f"{clock(minutes)} comes twice on {day.isoformat()}: the {'second' if last else 'first'} one counts"
    local = first.astimezone(rules)
    if local.hour * 60 + local.minute != minutes:
        return f"there is no {clock(minutes)} on {day.isoformat()}: {local:%H:%M} counts instead"
    return None


def _holiday_data(schedule: Schedule, today: date) -> Iterator[Problem]:
    if schedule.holidays is None:
        return
    rule = schedule.holidays
    year = (today + timedelta(days=366)).year
    known = holidays.last_year(rule.country)
    if known < year:
        message = f"the calendar of {rule.country} ends with {known}; later holidays will count as working days"
        yield _warning("HolidaysEnd", message, "holidays.country")
    elif not holidays.holidays_of(rule.country, rule.subdivision, year):
        message = f"the calendar of {rule.country} has no holidays in {year}"
        yield _warning("NoHolidays", message, "holidays.country")
