"""Bodies of requests about power: what they must look like."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.http.problems import ProblemError
from shared.problem import Problem, wrong
from shared.schedules.lint import LONGEST_PAUSE, check
from shared.schedules.model import Schedule


@dataclass(frozen=True)
class StartBody:
    duration: timedelta | None
    until: datetime | None
    reason: str


_DURATION = re.compile(r"(?:(?P<days>\d{1,3})d)?(?:(?P<hours>\d{1,4})h)?(?:(?P<minutes>\d{1,5})m)?")
_UNITS = ("days", "hours", "minutes")


def start_body(body: Any) -> StartBody:
    fields = _object(body, {"for", "until", "reason"})
    return StartBody(
        duration_of(fields["for"]) if "for" in fields else None,
        moment_of("until", fields["until"]) if "until" in fields else None,
        reason_of({"reason": fields.get("reason", "")}),
    )


def duration_of(text: Any) -> timedelta:
    """Of a text such as 90m, 2h or 1d12h."""
    match = _DURATION.fullmatch(text) if isinstance(text, str) and text else None
    length = timedelta(**{unit: int(match[unit]) for unit in _UNITS if match[unit]}) if match else timedelta(0)
    if length <= timedelta(0):
        raise _bad("for", "must be a length of time such as 90m, 2h or 1d12h")
    return length


def moment_of(field: str, text: Any) -> datetime:
    """In UTC, which some times of the years 1 and 9999 do not have."""
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
        moment = moment.astimezone(UTC) if moment and moment.tzinfo else None
    except (ValueError, OverflowError):
        moment = None
    if moment is None:
        raise _bad(field, "must be a time with its offset, such as 2026-12-01T18:00:00Z")
    return moment


def reason_of(body: Any) -> str:
    reason = _object(body, {"reason"}).get("reason", "")
    if not isinstance(reason, str) or len(reason) > 200:
        raise _bad("reason", "must be a string of at most 200 characters")
    return reason


def minutes_of(body: Any) -> int:
    minutes = _object(body, {"minutes"}).get("minutes", 30)
    if not isinstance(minutes, int) or isinstance(minutes, bool) or not 1 <= minutes <= 12 * 60:
        raise _bad("minutes", "must be a whole number from 1 to 720")
    return minutes


def pause_body(body: Any, now: datetime) -> tuple[datetime, str]:
    fields = _object(body, {"until", "reason"})
    until = moment_of("until", fields.get("until"))
    if not now < until <= now + LONGEST_PAUSE:
        raise _bad("until", f"must be later than now, by {LONGEST_PAUSE.days} days at most")
    return until, reason_of({"reason": fields.get("reason", "")})


def checked_schedule(body: Any, now: datetime) -> tuple[Schedule, list[Problem]]:
    """The schedule and the linter's warnings. Raises ProblemError with every error."""
    schedule, found = check(body, now)
    if schedule is None:
        errors = [problem for problem in found if problem.refuses]
        raise ProblemError(
            400,
            "InvalidSchedule",
            f"The schedule cannot be used as written. Wrong fields: {len(errors)}.",
            "Correct the fields listed under errors; the old schedule is still in force.",
            errors=errors,
        )
    return schedule, found


def _object(body: Any, known: set[str]) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise _bad("", "must be a JSON object")
    if unknown := sorted(set(body) - known):
        raise _bad(unknown[0], f"is not known here; known: {', '.join(sorted(known))}")
    return body


def _bad(field: str, message: str) -> ProblemError:
    return ProblemError(
        400,
        "BadBody",
        f"{field or 'The body'} {message}.",
        "Correct it and ask again; nothing was changed.",
        errors=[wrong(field, message, "BadBody")],
    )
