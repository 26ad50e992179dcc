"""A stop that respects the people who use the hub: who is active, a warning, a wait, and their servers stopped in order.

A user's pod is a bare pod, so that a cluster's stop deletes it with whatever was not saved (AKS docs, "Stop and start an AKS
cluster"); stopping the server through JupyterHub lets the notebook server end by itself first.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from shared.clock import wire_time
from shared.errors import OutsideError
from shared.hubs.inventory import people as hub_people
from shared.notifications.events import Kind as EventKind
from shared.notifications.notify import notify
from shared.power.switch import cluster_power
from shared.runs.context import StepContext
from shared.runs.model import Outcome, called_off, done, waiting
from shared.schedules.decide import desired_of
from shared.schedules.model import Schedule
from shared.schedules.overrides import latest_postponement
from shared.schedules.record import PowerState

if TYPE_CHECKING:
    from shared.kubernetes.jupyterhub import HubUser, JupyterHub

ACTIVE = timedelta(minutes=10)
"""Somebody whose last activity is younger is at work: notebook servers report theirs every five minutes."""

LOOK = 60.0
"""Seconds between two looks at who is active."""

TOO_MANY = 429

NO_SCHEDULE = Schedule(timezone="UTC", windows=())
"""Grace and warnings of a hub that has no schedule of its own and is stopped by hand."""


@dataclass(frozen=True)
class Present:
    """The people with a running server, and those of them who are working."""

    running: tuple[str, ...]
    active: tuple[str, ...]


def present(users: "list[HubUser]", now: datetime) -> Present:
    running = [user for user in users if user.servers]
    active = [user.name for user in running if any(_young(server.last_activity, now) for server in user.servers)]
    return Present(tuple(sorted(user.name for user in running)), tuple(sorted(active)))


def _young(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and now - moment < ACTIVE


def hub_client(context: StepContext) -> "JupyterHub":
    """Raises OutsideError."""
    return hub_people.hub_client(context.services, context.hub)


def warn_people(context: StepContext) -> Outcome:
    """Waits while people are at work, up to the hub's cap, of which the last minutes are the grace that they are promised."""
    schedule = context.spec.schedule or NO_SCHEDULE
    decision = desired_of(context.hub.stored_schedule, context.hub.power, context.now)
    if decision.state is not PowerState.OFF:
        return called_off(
            "NotWanted", f"The stop is called off: {decision.reason}", "Nothing to do: the hub stays as it is."
        )
    if context.run.options.force:
        return done("The stop is forced: it does not wait for people.")
    try:
        found = present(hub_client(context).users(active_only=True), context.now)
    except OutsideError as error:
        if error.status == TOO_MANY:
            raise  # asked again when Azure allows it: that we ask too much tells nothing about the hub
        return _unanswered(context, schedule, error)
    if not found.running:
        return done("Nobody has a server running.")
    latest = latest_postponement(schedule, context.hub.power, context.now) or context.run.requested + timedelta(
        minutes=schedule.max_postpone
    )
    if found.active and context.now < latest - timedelta(minutes=schedule.grace):
        return _busy(context, found, latest)
    return _grace(context, schedule, found)


def _busy(context: StepContext, found: Present, latest: datetime) -> Outcome:
    """People are at work: the stop waits for them, and says so once."""
    message = f"{_people(found.active)} at work; waiting until {wire_time(latest)} at the latest."
    if not context.checkpoint.get("told"):
        text = f"The stop of hub {context.spec.name} waits: {message}"
        users = list(found.active)
        notify(
            context.services, context.spec.name, EventKind.POSTPONED, text, by="its users", users=users, until=latest
        )
    return waiting(LOOK, message, told=True)


def _grace(context: StepContext, schedule: Schedule, found: Present) -> Outcome:
    """The promised minutes, once, after the last warning."""
    checkpoint = {name: value for name, value in context.checkpoint.items() if name != "silent"}
    until = checkpoint.get("until")
    if until is None:
        ends = context.now + timedelta(minutes=schedule.grace)
        names = ", ".join(found.running)
        message = (
            f"Hub {context.spec.name} stops in {schedule.grace} minutes. Servers running: {names}. Save your work."
        )
        notify(context.services, context.spec.name, EventKind.WILL_STOP, message, users=list(found.running))
        return waiting(min(LOOK, schedule.grace * 60.0), message, **checkpoint | {"until": ends.isoformat()})
    left = (datetime.fromisoformat(until) - context.now).total_seconds()
    if left > 0:
        return waiting(min(LOOK, left), f"{_people(found.running)} warned; {left / 60:.0f} minutes left.", **checkpoint)
    return done(f"{_people(found.running)} warned; the grace of {schedule.grace} minutes is over.")


def _unanswered(context: StepContext, schedule: Schedule, error: OutsideError) -> Outcome:
    """The hub cannot say who is there: the schedule wins when it has been silent for the grace, and the run says so."""
    if cluster_power(context) == "off":
        return done("The cluster is off already.")
    since = context.checkpoint.get("silent", context.now.isoformat())
    left = schedule.grace * 60.0 - (context.now - datetime.fromisoformat(since)).total_seconds()
    if left > 0:
        message = f"The hub does not say who is active ({error.code}); waiting for the grace to end."
        return waiting(min(LOOK, left), message, **context.checkpoint | {"silent": since})
    return done(
        f"The hub did not say who is active ({error.code}); after {schedule.grace} minutes of grace the stop goes on."
    )


def _people(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f"{shown} {'is' if len(names) == 1 else 'are'}"


SERVERS_TIMEOUT = 180.0
"""Seconds for servers to end by themselves; the cluster's stop ends those that do not."""

SILENCE = 30.0
"""Seconds for a hub that does not answer: it has had its grace already."""


def stop_servers(context: StepContext) -> Outcome:
    """Stops every server through JupyterHub, so that kernels end and the proxy knows."""
    try:
        hub = hub_client(context)
        running = [(user.name, server.name) for user in hub.users(active_only=True) for server in user.servers]
    except OutsideError as error:
        if context.elapsed < SILENCE and cluster_power(context) != "off":
            return waiting(5, f"The hub does not answer ({error.code}); asking again.")
        return done(f"The hub does not answer ({error.code}); the cluster's stop ends the servers.")
    open_still = [pair for pair in running if not _stopped(hub, *pair)]
    if open_still and context.elapsed < SERVERS_TIMEOUT:
        return waiting(5, f"{len(open_still)} servers are still stopping.")
    if open_still:
        return done(
            f"{len(open_still)} servers did not end within {SERVERS_TIMEOUT:.0f} s; the cluster's stop ends them."
        )
    return done("No server is running.")


def _stopped(hub: "JupyterHub", user: str, server: str) -> bool:
    """A server that cannot be stopped now does not delay the others; it is tried again."""
    try:
        return hub.stop_server(user, server)
    except OutsideError:
        return False
