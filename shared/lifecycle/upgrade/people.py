"""The step that warns and waits for the people whose servers end: nodes that are replaced or removed take them along."""

from dataclasses import replace
from datetime import datetime, timedelta

from shared.errors import OutsideError
from shared.lifecycle.upgrade.notes import noted
from shared.notifications.events import Kind as EventKind
from shared.notifications.notify import notify
from shared.power import people as presence
from shared.runs.context import StepContext
from shared.runs.model import Outcome, done, waiting


def warn_people(context: StepContext) -> Outcome:
    """Waits while they are at work, up to the hub's cap; then the promised minutes; then their servers are stopped in order."""
    if not noted(context).disruptive:
        return done("This change ends no user server.")
    schedule = context.spec.schedule or presence.NO_SCHEDULE
    try:
        hub = presence.hub_client(context)
        found = presence.present(hub.users(active_only=True), context.now)
        if not found.running:
            return done("Nobody has a server running.")
        if found.active and context.elapsed < schedule.max_postpone * 60.0:
            return waiting(
                presence.LOOK,
                f"{len(found.active)} people are working; waiting until they pause.",
                **context.checkpoint,
            )
        return _grace(context, found.running, schedule.grace) or _servers(context)
    except (OutsideError, KeyError) as error:
        code = error.code if isinstance(error, OutsideError) else "UrlNotKnown"
        if context.elapsed < schedule.grace * 60.0:
            return waiting(presence.LOOK, f"The hub does not say who is active ({code}).", **context.checkpoint)
        return done(f"The hub did not say who is active ({code}) in {schedule.grace} minutes of grace.")


def _grace(context: StepContext, running: tuple[str, ...], minutes: int) -> Outcome | None:
    """None when the promised minutes are over."""
    until = context.checkpoint.get("until")
    if until is None:
        ends = context.now + timedelta(minutes=minutes)
        message = f"Hub {context.spec.name} will be upgraded in {minutes} minutes, and servers end. Save your work."
        notify(context.services, context.spec.name, EventKind.WILL_STOP, message, users=list(running))
        return waiting(min(presence.LOOK, minutes * 60.0), message, until=ends.isoformat())
    left = (datetime.fromisoformat(until) - context.now).total_seconds()
    if left <= 0:
        return None
    return waiting(min(presence.LOOK, left), f"People are warned; {left / 60:.0f} minutes left.", until=until)


def _servers(context: StepContext) -> Outcome:
    """When every node is replaced, every server ends; which nodes go when there are to be fewer, nobody knows before."""
    if not noted(context).renewed:
        return done("Everybody with a running server is warned.")
    since = context.checkpoint.get("stopping") or context.now.isoformat()
    begun = replace(context.step, started=datetime.fromisoformat(since))
    outcome = presence.stop_servers(replace(context, step=begun))
    return (
        replace(outcome, checkpoint={**context.checkpoint, "stopping": since})
        if outcome.state == "waiting"
        else outcome
    )
