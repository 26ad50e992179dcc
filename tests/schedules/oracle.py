"""A second, simpler truth to compare with: a byte for every minute of real time, and no instants computed from local times.

It shares no code with the product. It walks over UTC, asks what the clock on the wall shows, and knows one thing about
clock changes: a window is open from the first minute whose wall time has reached `from` until the last one after which
the wall shows `to` or less. With `seen`, the latest wall time shown so far, and `coming`, the earliest one that was not
passed for good, that is: from <= seen and coming < to. (They differ only while the clock repeats itself.)
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

STEP = 15
"""Minutes between two looks at the wall: every change since 1972 happened at a quarter of an hour, UTC."""

MARGIN = 4 * 1440
"""Minutes computed before and after the time asked for."""

REST = 15


@lru_cache(maxsize=100)
def wall_steps(zone: str, start: datetime, minutes: int) -> list[int]:
    """What the wall shows in each first minute of a STEP, as minutes since 0001-01-01 00:00."""
    rules = ZoneInfo(zone)
    walls = [(start + timedelta(minutes=step)).astimezone(rules) for step in range(0, minutes, STEP)]
    return [wall.toordinal() * 1440 + wall.hour * 60 + wall.minute for wall in walls]


def opens_and_closes(wire: dict[str, Any], holidays: set[date], first: date, last: date) -> Iterator[tuple[int, int]]:
    """Every occurrence of a window, in wall minutes."""
    off = [(date.fromisoformat(span["from"]), date.fromisoformat(span["to"])) for span in wire.get("off", [])]
    day = first
    while day <= last:
        hours = [item for item in wire.get("on", []) if item["date"] == day.isoformat()]
        if day not in holidays and not any(begin <= day <= end for begin, end in off):
            hours += [item for item in wire["windows"] if day.strftime("%a").lower() in item["days"]]
        for item in hours:
            opens, closes = (int(item[end][:2]) * 60 + int(item[end][3:]) for end in ("from", "to"))
            yield day.toordinal() * 1440 + opens, day.toordinal() * 1440 + closes + (1440 if closes <= opens else 0)
        day += timedelta(days=1)


def usable(wire: dict[str, Any], holidays: set[date], start: datetime, minutes: int) -> bytearray:
    """For each minute from `start` on, whether a window is open. Computed with MARGIN on both sides, then cut."""
    steps = wall_steps(wire["timezone"], start - timedelta(minutes=MARGIN), minutes + 2 * MARGIN)
    walls = [minute for step in steps for minute in range(step, step + STEP)]
    first, last = (date.fromordinal(min(walls) // 1440 - 3), date.fromordinal(max(walls) // 1440 + 3))
    occurrences = list(opens_and_closes(wire, holidays, first, last))
    base = first.toordinal() * 1440
    shown_open = bytearray((last.toordinal() + 5) * 1440 - base)
    for opens, closes in occurrences:
        shown_open[opens - base : closes - base] = b"\x01" * (closes - opens)
    result = bytearray().join(shown_open[step - base : step - base + STEP] for step in steps)
    for minute, seen, coming in repeated(walls):
        result[minute] = any(opens <= seen and coming < closes for opens, closes in occurrences)
    return result[MARGIN : MARGIN + minutes]


def repeated(walls: list[int]) -> Iterator[tuple[int, int, int]]:
    """(minute, seen, coming) of the minutes in which these differ: the clock was set back and shows a time again."""
    for back in range(1, len(walls)):
        if walls[back] < walls[back - 1]:
            top, bottom = walls[back - 1], walls[back]
            length = top - bottom + 1
            for minute in range(back - length, back):
                yield minute, walls[minute], bottom - 1  # `bottom` itself is going to be shown once more
            for minute in range(back, back + length):
                yield minute, top, walls[minute]


def power(opened: bytearray, lead: int) -> bytearray:
    """When the cluster is to be on: `lead` minutes before the hub opens, and through gaps with less than REST off."""
    result = bytearray(opened)
    for begin, _ in runs(opened):
        result[max(0, begin - lead) : begin] = b"\x01" * (begin - max(0, begin - lead))
    return without_short_gaps(result)


def without_short_gaps(states: bytearray, keep: range = range(0)) -> bytearray:
    """Off for less than REST becomes on, except where the gap meets `keep`, when somebody stopped the hub."""
    result = bytearray(states)
    on = runs(states)
    for (_, end), (begin, _) in pairwise(on):
        if begin - end < REST and not (end < keep.stop and begin > keep.start):
            result[end:begin] = b"\x01" * (begin - end)
    return result


def runs(states: bytearray) -> list[tuple[int, int]]:
    """[begin, end) of each stretch of minutes that are on."""
    found = []
    begin = states.find(1)
    while begin >= 0:
        end = states.find(0, begin)
        end = len(states) if end < 0 else end
        found.append((begin, end))
        begin = states.find(1, end)
    return found


def minute_of(start: datetime, instant: datetime) -> int:
    whole, rest = divmod(instant - start, timedelta(minutes=1))
    assert not rest, f"{instant.isoformat()} is not at a whole minute"
    return whole


def at(start: datetime, minute: int) -> datetime:
    return start.astimezone(UTC) + timedelta(minutes=minute)
