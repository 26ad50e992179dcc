"""Whether a request may become a hub now: its shape, its rules, what the chart would say, and its schedule."""

from datetime import datetime
from typing import Any

from shared.azure.tables import compact
from shared.hubs.chart import access
from shared.hubs.spec.model import Hub
from shared.hubs.spec.validation import FieldError, InvalidError, parse, warnings
from shared.schedules.lint import lint

LARGEST = 32_000
"""Characters of a specification as stored; a column of Table Storage takes 32,768."""


def admit(body: Any, location: str, now: datetime, deployment: str = "") -> tuple[Hub, list[str]]:
    """The hub and what is worth a sentence about it. Raises InvalidError with every error. deployment: see Hub.resolved."""
    hub = parse(body, location, deployment)
    if wrong := list(access.login_problems(hub)):
        raise InvalidError(wrong)
    if (size := len(compact(hub.wire()))) > LARGEST:
        raise InvalidError(
            [FieldError("values", f"the hub has {size} characters as JSON; at most {LARGEST} can be kept")]
        )
    findings = lint(hub.schedule, now) if hub.schedule else []
    unfit = [
        FieldError(f"schedule.{item.field}".rstrip("."), item.message) for item in findings if item.severity == "error"
    ]
    if unfit:
        raise InvalidError(unfit)
    return hub, [*warnings(hub), *(f"schedule: {item.message}" for item in findings)]
