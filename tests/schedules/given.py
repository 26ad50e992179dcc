"""Short ways to say a schedule and a time in tests."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from shared.schedules.model import Schedule

WEEKDAYS = ["mon", "tue", "wed", "thu", "fri"]
EVERY_DAY = [*WEEKDAYS, "sat", "sun"]


def window(days: str | list[str], opens: str, closes: str) -> dict[str, Any]:
    return {"days": days.split() if isinstance(days, str) else days, "from": opens, "to": closes}


OFFICE = window(WEEKDAYS, "08:00", "18:00")


def wire(zone: str, *windows: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"timezone": zone, "windows": list(windows), **more}


def schedule(zone: str, *windows: dict[str, Any], **more: Any) -> Schedule:
    return Schedule.model_validate(wire(zone, *windows, **more))


def local(zone: str, text: str, *, second: bool = False) -> datetime:
    """A local time as an instant in UTC; second: of a time that occurs twice."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=int(second)).astimezone(UTC)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
