"""Bodies of requests about power."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from shared.errors import InvalidError
from shared.http.bodies import Body, read
from shared.problem import Problem, wrong
from shared.schedules.lint import LONGEST_PAUSE, check
from shared.schedules.model import Schedule

_DURATION = re.compile(r"(?:(?P<days>\d{1,3})d)?(?:(?P<hours>\d{1,4})h)?(?:(?P<minutes>\d{1,5})m)?")
_UNITS = ("days", "hours", "minutes")


def duration_of(text: Any) -> timedelta:
    """Reads a text such as 90m, 2h or 1d12h. Raises ValueError."""
    match = _DURATION.fullmatch(text) if isinstance(text, str) and text else None
    length = timedelta(**{unit: int(match[unit]) for unit in _UNITS if match[unit]}) if match else timedelta(0)
    if length <= timedelta(0):
        raise ValueError("must be a length of time such as 90m, 2h or 1d12h")
    return length


def moment_of(text: Any) -> datetime:
    """In UTC, which some times of the years 1 and 9999 do not have. Raises ValueError."""
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
        moment = moment.astimezone(UTC) if moment and moment.tzinfo else None
    except (ValueError, OverflowError):
        moment = None
    if moment is None:
        raise ValueError("must be a time with its offset, such as 2026-12-01T18:00:00Z")
    return moment


_LENGTH = WithJsonSchema({"type": "string", "pattern": r"^(\d{1,3}d)?(\d{1,4}h)?(\d{1,5}m)?$"})
_TIME = WithJsonSchema({"type": "string", "format": "date-time"})


class Reason(Body):
    reason: str = Field(default="", max_length=200)


class Start(Reason):
    """A start by hand holds for a length of time or until a moment; without either, as the schedule's rules say."""

    duration: Annotated[timedelta | None, BeforeValidator(duration_of), _LENGTH] = Field(default=None, alias="for")
    until: Annotated[datetime | None, BeforeValidator(moment_of), _TIME] = None


class Postponement(Body):
    minutes: int = Field(default=30, ge=1, le=12 * 60)


class PauseRequest(Reason):
    until: Annotated[datetime, BeforeValidator(moment_of), _TIME]


def start_body(body: Any) -> Start:
    return read(Start, body, "a start")


def reason_of(body: Any) -> str:
    return read(Reason, body, "this request").reason


def minutes_of(body: Any) -> int:
    return read(Postponement, body, "a postponement").minutes


def pause_body(body: Any, now: datetime) -> PauseRequest:
    pause = read(PauseRequest, body, "a pause")
    if not now < pause.until <= now + LONGEST_PAUSE:
        said = f"must be later than now, by {LONGEST_PAUSE.days} days at most"
        summary = Problem("BadBody", f"until {said}.", "Correct it and ask again; nothing was changed.")
        raise InvalidError(summary, [wrong("until", said)])
    return pause


def checked_schedule(body: Any, now: datetime) -> tuple[Schedule, list[Problem]]:
    """The schedule and the linter's warnings. Raises InvalidError with every error."""
    schedule, found = check(body, now)
    if schedule is None:
        errors = [problem for problem in found if problem.refuses]
        summary = Problem(
            "InvalidSchedule",
            f"The schedule cannot be used as written. Wrong fields: {len(errors)}.",
            "Correct the fields listed under errors; the old schedule is still in force.",
        )
        raise InvalidError(summary, errors)
    return schedule, found
