"""The dates of a schedule in an order that answers quickly, whatever their number: what opens on a day, and when.

A schedule has up to 100 windows, 400 dates on and 400 spans of dates off, and it is asked about 400 days. They are
sorted once; then a day costs what opens on it, and days on which nothing can open cost nothing.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from shared.schedules import holidays, zones
from shared.schedules.fields import DAY, DAYS
from shared.schedules.spans import Cause, Span, instant, merged, steady_midnight

if TYPE_CHECKING:
    from shared.schedules.model import DateOn, Schedule, Window

_ONE_DAY = timedelta(days=1)
_KEPT = 64
"""Days whose spans are kept: a look ahead goes over the days since LOOK_BACK again. Not all, for they may be large."""


class Face(NamedTuple):
    """Hours on the face of the clock: minutes after a midnight; `closes` may lie on the day after."""

    opens: int
    closes: int
    cause: Cause


class Cover(NamedTuple):
    """Hours sorted by their beginning, with the furthest end of each and those before it."""

    opens: list[int]
    furthest: list[int]

    def holds(self, opens: int, closes: int) -> bool:
        """Whether a single one of them holds all of [opens, closes)."""
        before = bisect_right(self.opens, opens)
        return before > 0 and self.furthest[before - 1] >= closes


class Days:
    """Of one schedule, without its pause. Nothing in it changes but which days are kept."""

    def __init__(self, schedule: "Schedule") -> None:
        self.rules = zones.zone(schedule.timezone)
        self._holidays = schedule.holidays
        self._on: dict[date, list[Face]] = {}
        for hours in schedule.on:
            self._on.setdefault(hours.day, []).append(face(hours, Cause.DATE_ON))
        self._dates_on = sorted(self._on)
        self._off = _intervals((span.first, span.last) for span in schedule.off)
        self._weekly = _by_weekday(schedule.windows)
        self._joined = [_joined(faces) for faces in self._weekly]
        self._covers = [_cover(faces) for faces in self._weekly]
        self._kept: dict[date, tuple[Span, ...]] = {}

    def between(self, first: date, last: date) -> Iterator[date]:
        """The days on which something may open, both ends included; holidays are among them."""
        day = first
        while day <= last:
            if day in self._on:
                yield day
            elif not any(self._weekly):
                day = self._next_on(day)
                continue
            elif (back := self._back_after(day)) > day:
                day = min(back, self._next_on(day))
                continue
            elif self._weekly[day.weekday()]:
                yield day
            day += _ONE_DAY

    def opening(self, day: date) -> list[Span]:
        """What opens on a local date, by start, without what vanishes in a gap of the clock."""
        return self._spans(day, [*self._on.get(day, ()), *self._weekly_open(day)])

    def joined(self, day: date) -> tuple[Span, ...]:
        """The same, those that touch or overlap made one."""
        kept = self._kept.get(day)
        if kept is None:
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            kept = self._kept[day] = tuple(self._join(day))
        return kept

    def has_windows(self, day: date) -> bool:
        """Whether a weekly window opens on days of its name."""
        return bool(self._weekly[day.weekday()])

    def day_off(self, day: date) -> str | None:
        """Why the weekly windows of a date stay closed, as the subject of a sentence; None when they open."""
        if self._back_after(day) > day:
            return f"{day.isoformat()} is a date off"
        if rule := self._holidays:
            name = holidays.holidays_of(rule.country, rule.subdivision, day.year).get(day)
            return f"{day.isoformat()} is a holiday ({name})" if name else None
        return None

    def opens(self, day: date, hours: Face) -> bool:
        """Whether these hours open on a local date: a gap of the clock may skip them."""
        return steady_midnight(self.rules, day) is not None or bool(self._spans(day, [hours]))

    def covered(self, day: date, hours: Face) -> bool:
        """Whether a weekly window of that local date or of the evening before is open all this time."""
        before = day - _ONE_DAY
        if steady_midnight(self.rules, before) and steady_midnight(self.rules, day):
            return any(
                self._covers[opened.weekday()].holds(hours.opens + later, hours.closes + later)
                for opened, later in ((before, DAY), (day, 0))
                if not self.day_off(opened)
            )
        weekly = [span for opened in (before, day) for span in self._spans(opened, self._weekly_open(opened))]
        own = self._spans(day, [hours])
        return any(span.start <= mine.start and mine.end <= span.end for mine in own for span in weekly)

    def _weekly_open(self, day: date) -> list[Face]:
        weekly = self._weekly[day.weekday()]
        return weekly if weekly and not self.day_off(day) else []

    def _join(self, day: date) -> Iterable[Span]:
        on, open_weekly = self._on.get(day, []), self._weekly_open(day)
        if not on and not open_weekly:
            return ()
        midnight = steady_midnight(self.rules, day)
        if midnight is None:
            return merged(self.opening(day))
        weekly = self._joined[day.weekday()] if open_weekly else []
        faces = _joined([*on, *weekly]) if on else weekly
        return [
            Span(midnight + timedelta(minutes=opens), midnight + timedelta(minutes=closes), cause)
            for opens, closes, cause in faces
        ]

    def _spans(self, day: date, hours: Iterable[Face]) -> list[Span]:
        spans = [
            Span(
                instant(self.rules, day, opens, last=False),
                instant(self.rules, day, closes, last=True),
                cause,
            )
            for opens, closes, cause in hours
        ]
        return sorted((span for span in spans if span.start < span.end), key=lambda span: span.start)

    def _back_after(self, day: date) -> date:
        """The day itself, or the first one after the dates off that it is one of."""
        index = bisect_right(self._off, (day, date.max)) - 1
        return self._off[index][1] + _ONE_DAY if index >= 0 and day <= self._off[index][1] else day

    def _next_on(self, day: date) -> date:
        index = bisect_left(self._dates_on, day)
        return self._dates_on[index] if index < len(self._dates_on) else date.max


def face(hours: "Window | DateOn", cause: Cause) -> Face:
    return Face(hours.opens, hours.opens + hours.length, cause)


def _by_weekday(windows: Iterable["Window"]) -> list[list[Face]]:
    weekly: list[list[Face]] = [[] for _ in DAYS]
    for window in windows:
        for name in window.days:
            weekly[DAYS.index(name)].append(face(window, Cause.WINDOW))
    return weekly


def _joined(faces: list[Face]) -> list[Face]:
    """Sorted by beginning, those that touch or overlap made one; the cause is the first one's, as of `merged`."""
    found: list[Face] = []
    for hours in sorted(faces, key=lambda hours: hours.opens):
        if found and hours.opens <= found[-1].closes:
            found[-1] = found[-1]._replace(closes=max(found[-1].closes, hours.closes))
        else:
            found.append(hours)
    return found


def _cover(faces: list[Face]) -> Cover:
    faces = sorted(faces, key=lambda hours: hours.opens)
    return Cover([hours.opens for hours in faces], list(accumulate((hours.closes for hours in faces), max)))


def _intervals(spans: Iterable[tuple[date, date]]) -> list[tuple[date, date]]:
    """Sorted, those that overlap or follow each other made one; both ends included."""
    found: list[tuple[date, date]] = []
    for first, last in sorted(spans):
        if found and first <= found[-1][1] + _ONE_DAY:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found
