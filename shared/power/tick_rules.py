"""The tick's action for one hub: pure, from the schedule's wish, the cluster's power, and the run at work."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Literal

from shared.hubs.status.parts import PowerFailure
from shared.runs.model import Kind
from shared.schedules.decide import Decision
from shared.schedules.record import PowerState

TICK = timedelta(minutes=5)
"""How often the tick comes. A start that falls due before the next one is begun with this one; a stop never early."""

LOOK_AGAIN = timedelta(hours=12)
"""A hub is looked at twice a day even when nothing is due: what is switched by others is noticed."""

BUSY = timedelta(minutes=1)
"""The delay until the next look at a hub with a run at work: the next tick comes sooner than TICK after a late one."""

RETRY = (timedelta(minutes=30), timedelta(hours=1), timedelta(hours=2))
"""The delays before the next start or stop after a whole run failed; a run itself tries for about an hour."""


@dataclass(frozen=True)
class Action:
    """do: what to begin now. due: when to look again, UTC. reason: of the run, or why nothing is begun; for people."""

    do: Literal["start", "stop", "warn", "nothing"]
    due: datetime
    reason: str


def action(
    decision: Decision,
    actual: str,
    now: datetime,
    *,
    ready: bool = True,
    open_run: bool = False,
    failing: Mapping[Kind, PowerFailure] = MappingProxyType({}),
    warned: bool = False,
) -> Action:
    """The action for one hub, and the time of the next look.

    actual: as shared.hubs.view.power_of says it. ready: the hub is made, and not being removed. failing: by the kind of run that
    failed. warned: users know of the coming stop.
    """
    if open_run:
        return Action("nothing", now + BUSY, "a run is at work on the hub")
    if not ready:
        return Action("nothing", now + LOOK_AGAIN, "the hub is not complete: see its last run")
    if actual == "none":
        return Action("nothing", now + LOOK_AGAIN, "there is no cluster")
    if actual in ("starting", "stopping", "unknown"):
        return Action("nothing", now + BUSY, f"the cluster's power is {actual}")
    due = _next_look(decision, now)
    switch = _switch(wanted(decision, now), actual)
    if switch is None:
        if _warns(decision, actual, now) and not warned:
            return Action("warn", due, decision.reason)
        return Action("nothing", due, decision.reason)
    if (before := failing.get(Kind(switch))) and (again := retry_at(before)) > now:
        end = "was cancelled" if before.cancelled else "failed"
        return Action("nothing", min(again, due), f"the last {switch} {end}; the next is tried at {again:%H:%M} UTC")
    return Action(switch, now + BUSY, decision.reason)


def retry_at(failing: PowerFailure) -> datetime:
    """The time of the next run: at once when none has ended: the one that tried is gone."""
    return failing.last + RETRY[min(failing.count, len(RETRY)) - 1] if failing.count else failing.last


def wanted(decision: Decision, now: datetime) -> PowerState | None:
    """ON also when it will be before the next tick: a hub is promised from its window's first minute."""
    soon = decision.until is not None and decision.until <= now + TICK
    if decision.state is PowerState.OFF and soon and decision.usable_from is not None:
        return PowerState.ON
    return decision.state


def _switch(wanted: PowerState | None, actual: str) -> Literal["start", "stop"] | None:
    """A failed cluster runs and costs, and is of no use: it is started once more, or stopped."""
    if wanted is PowerState.ON and actual in ("off", "failed"):
        return "start"
    if wanted is PowerState.OFF and actual in ("on", "failed"):
        return "stop"
    return None


def _warns(decision: Decision, actual: str, now: datetime) -> bool:
    return actual == "on" and decision.warn_at is not None and decision.warn_at <= now


def _next_look(decision: Decision, now: datetime) -> datetime:
    """Before the next change or warning: a change to ON is looked at a tick early, a warning that is due is given now."""
    moments = [now + LOOK_AGAIN]
    if decision.until:
        change = decision.until - (TICK if decision.state is PowerState.OFF else timedelta(0))
        moments.append(change if change > now else now + BUSY)
    if decision.warn_at and decision.warn_at > now:
        moments.append(decision.warn_at)
    return min(moments)
