"""Whether a request may become a hub now: its shape, its rules, what the chart would say, its size, and its schedule."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from shared.azure.tables import compact
from shared.hubs.chart import access
from shared.hubs.spec.model import Hub
from shared.hubs.spec.validation import Draft, invalid, read, warnings
from shared.problem import Problem, wrong
from shared.schedules.lint import lint

LARGEST = 32_000
"""Characters of a specification as stored; a column of Table Storage takes 32,768."""


def admit(body: Any, location: str, now: datetime, deployment: str = "") -> tuple[Hub, list[str]]:
    """The hub and what is worth a sentence about it. Raises InvalidError with every wrong field. deployment: see Hub.resolved.

    Every stage is asked that does not need what another one refuses.
    """
    draft = read(body, location, deployment)
    schedule = _schedule(draft, now)
    refusing = [problem for problem in schedule if problem.refuses]
    problems = [*draft.problems, *_first(_chart(draft), draft.problems), *too_large(draft.hub), *refusing]
    if draft.hub is None or problems:
        raise invalid(problems)
    return draft.hub, [*warnings(draft.hub), *(f"schedule: {problem.message}" for problem in schedule)]


_CHART_FIELDS = ("flavor", "location", "access", "auth", "environment", "image", "registry", "release", "values")
"""What the chart's values are made of."""


def _chart(draft: Draft) -> list[Problem]:
    return access.problems(draft.hub) if draft.hub and draft.knows(*_CHART_FIELDS) else []


def _first(problems: Iterable[Problem], before: Iterable[Problem]) -> list[Problem]:
    """Without those of fields that an earlier stage refuses already: one mistake is told once."""
    fields = {problem.field for problem in before}
    return [problem for problem in problems if problem.field not in fields]


def too_large(hub: Hub | None) -> Iterator[Problem]:
    size = len(compact(hub.wire())) if hub else 0
    if size > LARGEST:
        yield wrong("values", f"the hub has {size} characters as JSON; at most {LARGEST} can be kept", "TooLarge")


def _schedule(draft: Draft, now: datetime) -> list[Problem]:
    if draft.hub is None or draft.hub.schedule is None or not draft.knows("schedule"):
        return []
    return [
        replace(problem, field=f"schedule.{problem.field}".rstrip(".")) for problem in lint(draft.hub.schedule, now)
    ]
