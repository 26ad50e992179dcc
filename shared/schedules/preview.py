"""The calendar of a schedule: every coming switch."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.schedules.decide import Decision, Outlook
from shared.schedules.lead import LEAD_MOST
from shared.schedules.model import Schedule
from shared.schedules.record import PowerState, Record, in_utc
from shared.schedules.spans import clocks_change_on

INSTANT = timedelta(microseconds=1)

MOST_EDGES = 2_000
"""The most switches in one answer: 400 days of two windows and a half each. A window of a minute every half hour makes 38,400."""


@dataclass(frozen=True)
class Edge:
    """A switch to come. For ON, `at` is when the hub is promised to be usable."""

    at: datetime
    """Aware UTC."""
    local: datetime
    """The same instant in the schedule's zone (UTC for a hub without one)."""
    to: PowerState
    reason: str
    dst_day: bool
    """The clocks change on this local day, so that the time of day may look odd."""
    begins: datetime
    """When the cluster begins to start; `at` for every other edge. Aware UTC."""


def edges(schedule: Schedule | None, record: Record, start: datetime, days: int, most: int = MOST_EDGES) -> list[Edge]:
    """The first switches in [start, start + days x 24 h), none of them before the schedule was written.

    They follow `desired` from one change to the next, so that the calendar cannot promise what the power will not do.
    """
    start = in_utc(start)
    end = start + timedelta(days=days)
    moment = start - LEAD_MOST - INSTANT  # to see the beginning of what is usable from `start` on
    if record.schedule_since:
        moment = max(moment, in_utc(record.schedule_since))
    found: list[Edge] = []
    outlook = Outlook(schedule, record)
    decision = outlook.at(moment)
    state: PowerState | None = None
    if decision.state is not PowerState.ON or decision.usable_from is None:
        state = decision.state
    while moment < end and len(found) < most:
        if decision.state and decision.state is not state:
            edge = _edge(schedule, outlook, moment, decision, decision.state)
            found += [edge] if start <= edge.at < end else []
            state = decision.state
        if decision.until is None:
            break
        moment = decision.until
        decision = outlook.at(moment)
    return found


def _edge(schedule: Schedule | None, outlook: Outlook, moment: datetime, decision: Decision, to: PowerState) -> Edge:
    rules = schedule.days.rules if schedule else UTC
    at = decision.usable_from if to is PowerState.ON and decision.usable_from else moment
    reason = decision.reason if at == moment else outlook.at(at).reason
    local = at.astimezone(rules)
    return Edge(at, local, to, reason, clocks_change_on(rules, local.date()), moment)
