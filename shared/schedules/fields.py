"""The values of a schedule as they are on the wire: "08:00", "2026-12-24", "2026-12-24T08:00:00-08:00"."""

import re
from datetime import UTC, date, datetime
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, StringConstraints, WithJsonSchema

DAY = 24 * 60
"""Minutes: 24:00, the end of a day."""

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""In the order of date.weekday()."""

YEARS = range(1970, 3000)
"""What a schedule can name: at the ends of the calendar a day before or after, or another zone's date, does not exist."""


def _minutes(value: object) -> object:
    """Minutes since midnight of "HH:MM"; 24:00 is 1440. What is an int already is left to the type's own check."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if not isinstance(value, str) or not (match := re.fullmatch(r"([01]\d|2[0-4]):([0-5]\d)", value)):
        raise ValueError('write a time of day as "HH:MM", from "00:00" to "24:00"')
    minutes = int(match[1]) * 60 + int(match[2])
    if minutes > DAY:
        raise ValueError('the last time of a day is "24:00"')
    return minutes


def clock(minutes: int) -> str:
    """Minutes since midnight as on the wire: 480 is 08:00."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _date(value: object) -> object:
    if type(value) is date:
        return value
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        raise ValueError('write a date as "YYYY-MM-DD"')
    try:
        day = date.fromisoformat(value)
    except ValueError as error:
        raise ValueError(f"{value} is not a date of the calendar") from error
    _in_years(day)
    return day


def _instant(value: object) -> object:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            value = None
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError(
            'write a time with its offset from UTC, such as "2026-12-24T08:00:00-08:00" or "...T16:00:00Z"'
        )
    _in_years(value)
    return value.astimezone(UTC)


def _in_years(day: date) -> None:
    if day.year not in YEARS:
        raise ValueError(f"write a year from {YEARS[0]} to {YEARS[-1]}")


def _rfc3339(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")


TimeOfDay = Annotated[
    int,
    BeforeValidator(_minutes),
    PlainSerializer(clock, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$", "examples": ["08:00"]}),
]
"""Minutes since local midnight in Python, "HH:MM" on the wire; 24:00 is the end of the day."""

Day = Annotated[
    date,
    BeforeValidator(_date),
    PlainSerializer(date.isoformat, return_type=str),
    WithJsonSchema({"type": "string", "format": "date"}),
]

Instant = Annotated[
    datetime,
    BeforeValidator(_instant),
    PlainSerializer(_rfc3339, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""Aware UTC in Python; RFC 3339 on the wire, with any offset on the way in."""

Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]
"""A person's words, shown again in chat and on pages."""
