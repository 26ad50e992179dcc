"""The tick: looks at the hubs that are due, decides, begins runs, and writes when each is to be looked at next.

Level-based: what it does follows from the hub's record, the schedule and the clock, so that a lost, late, doubled or concurrent
tick ends right. Two ticks at once cannot begin two runs, because a run needs the hub's lease.
"""

import itertools
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime

from shared.errors import DomainError, OutsideError
from shared.hubs.status.parts import Decided, StopWarning
from shared.hubs.store import HubRecord, HubStore
from shared.hubs.view import listed_power, power_key
from shared.notifications.events import Kind as EventKind
from shared.notifications.notify import notify
from shared.power.decision_log import Decisions
from shared.power.due_queue import DueQueue, Entry
from shared.power.failures import failing
from shared.power.idle import refreshed
from shared.power.tick_rules import Action, action
from shared.runs.commands import Commands
from shared.runs.engine import Engine
from shared.runs.model import Kind, Options
from shared.schedules.decide import Decision, desired_of
from shared.schedules.record import PowerState
from shared.services import Services

log = logging.getLogger(__name__)

MOST = 2000
"""Hubs that one tick looks at; more than that stay due for the next."""

AT_ONCE = 20
"""Runs that a tick begins without a delay. AKS takes 60 calls of a kind at once and one a second from then on."""

PACE = {Kind.START: 1.0, Kind.STOP: 3.0}
"""Seconds between the runs after them: how many calls of that one kind a run of a calm hub makes. A stop asks for credentials
before it looks who is there, and again before it stops their servers."""


LOOKERS = 8
"""Hubs that are read at the same time: one whose JupyterHub hangs does not keep the others waiting."""

_TROUBLE = (OutsideError, DomainError, ValueError, KeyError)


@dataclass(frozen=True)
class Tick:
    """One tick's view: the clock read once, the clusters listed once. power: None when they could not be listed."""

    services: Services
    engine: Engine
    now: datetime
    power: Mapping[str, str] | None

    @property
    def hubs(self) -> HubStore:
        return HubStore(self.services.tables)

    @property
    def due_queue(self) -> DueQueue:
        return DueQueue(self.services.tables)

    def actual(self, hub: HubRecord) -> str:
        if self.power is None:
            return "unknown"
        return self.power.get(power_key(hub, self.services.settings.subscription_id), "none")


def tick(services: Services, engine: Engine) -> list[str]:
    """The runs and warnings begun, a line each.

    Hubs are read before the clusters are listed, and a run is begun only on a hub that has had no other since: so no decision rests
    on a power that somebody else's run has changed meanwhile.
    """
    due_queue, now = DueQueue(services.tables), services.clock.now()
    due = _once_each(due_queue, due_queue.due(now, MOST))
    if not due:
        return []
    read = _side_by_side(lambda entry: HubStore(services.tables).get(entry.hub), due)
    view = Tick(services, engine, now, listed_power(services))
    begun: list[str] = []
    for entry, hub in _side_by_side(lambda entry: _fresh(view, read[entry]), list(read)).items():
        try:
            begun += _look(view, entry, hub, len(begun))
        except _TROUBLE as error:
            _warn(entry, error)
    for line in begun:
        log.info("tick: %s", line)
    return begun


def _once_each(due_queue: DueQueue, due: list[Entry]) -> list[Entry]:
    """The earliest entry of each hub; what is due beside it is said by it."""
    first: dict[str, Entry] = {}
    for entry in due:
        if first.setdefault(entry.hub, entry) is not entry:
            due_queue.remove(entry)
    return list(first.values())


def _side_by_side[T](work: Callable[[Entry], T], entries: list[Entry]) -> dict[Entry, T]:
    """The results of the work, in the entries' order, without those that failed: one hub's error never delays another's."""

    def one(entry: Entry) -> list[tuple[Entry, T]]:
        try:
            return [(entry, work(entry))]
        except _TROUBLE as error:
            _warn(entry, error)
            return []

    with ThreadPoolExecutor(LOOKERS) as pool:
        return dict(itertools.chain.from_iterable(pool.map(one, entries)))


def _warn(entry: Entry, error: Exception) -> None:
    """The entry stays in the due queue, so that the next tick looks again."""
    log.warning("tick: hub %s: %s: %s", entry.hub, type(error).__name__, getattr(error, "code", ""))


def _fresh(view: Tick, hub: HubRecord | None) -> HubRecord | None:
    return hub and refreshed(view.services, hub, view.actual(hub), view.now)


def _look(view: Tick, entry: Entry, hub: HubRecord | None, begun: int) -> list[str]:
    if hub is None:
        view.due_queue.remove(entry)
        return []
    decision = desired_of(hub.stored_schedule, hub.power, view.now)
    todo = action(
        decision,
        view.actual(hub),
        view.now,
        ready=hub.phase == "ready",
        open_run=hub.open_run is not None,
        failing={kind: found for kind in (Kind.START, Kind.STOP) if (found := failing(hub, kind))},
        warned=hub.status.stop_warning.until == decision.until,
    )
    todo = replace(todo, reason=_why(hub, decision, todo))
    lines = _do(view, hub, decision, todo, begun)
    _note(view, hub, decision, todo)
    view.due_queue.move(entry, Entry(todo.due, hub.name))
    return lines


def _do(view: Tick, hub: HubRecord, decision: Decision, todo: Action, begun: int) -> list[str]:
    if todo.do == "warn":
        view.hubs.record(hub.name, StopWarning(decision.until))
        minutes = round((decision.until - view.now).total_seconds() / 60) if decision.until else 0
        message = f"Hub {hub.name} stops in {minutes} minutes. POST /api/hubs/{hub.name}/postpone postpones it."
        notify(view.services, hub.name, EventKind.WILL_STOP, message, minutes=minutes, at=decision.until)
        return [f"hub {hub.name}: warned"]
    if todo.do == "nothing":
        return []
    kind = Kind(todo.do)
    spent = (view.services.clock.now() - view.now).total_seconds()
    delay = (begun - AT_ONCE) * PACE[kind] - spent
    commands = Commands(view.services, view.engine, "schedule")
    run = commands.begin(hub.name, kind, todo.reason, Options(delay=max(delay, 0.0)), after=hub.last_run)
    return [f"hub {hub.name}: {kind} by run {run.id}"]


def _why(hub: HubRecord, decision: Decision, todo: Action) -> str:
    """A start that is begun ahead of its time has the reason that will hold then."""
    if todo.do == "start" and decision.state is PowerState.OFF and decision.until:
        return desired_of(hub.stored_schedule, hub.power, decision.until).reason
    return todo.reason


def _note(view: Tick, hub: HubRecord, decision: Decision, todo: Action) -> None:
    """Decisions are kept when they differ from the last, or have led to something."""
    state = decision.state.value if decision.state else "as it is"
    present = Decided(state, todo.reason)
    if todo.do == "nothing" and hub.status.decided == present:
        return
    Decisions(view.services.tables).note(hub.name, view.now, state, todo.do, todo.reason)
    view.hubs.record(hub.name, present)


def rebuild(services: Services) -> int:
    """Gives an entry to every hub that has none: the daily pass that repairs the due queue. Returns how many lacked one."""
    due_queue, now = DueQueue(services.tables), services.clock.now()
    listed = {entry.hub for entry in due_queue.all()}
    missing = [hub.name for hub in HubStore(services.tables).all() if hub.name not in listed]
    for name in missing:
        due_queue.put(replace(Entry(now, name), due=now.replace(microsecond=0)))
    return len(missing)
