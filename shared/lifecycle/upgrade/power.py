"""The steps that start a cluster that is off for its upgrade, and stop it afterwards."""

from dataclasses import replace

from shared.errors import OutsideError
from shared.hubs.store import HubStore, known
from shared.lifecycle.upgrade.notes import noted
from shared.power import people as presence
from shared.power import switch
from shared.runs.context import StepContext
from shared.runs.model import Outcome, done
from shared.schedules.decide import desired_of
from shared.schedules.record import PowerState


def wait_out_cooldown(context: StepContext) -> Outcome:
    return switch.wait_out_cooldown(context)


def start_cluster(context: StepContext) -> Outcome:
    """Only a cluster that runs can be changed. Records that it was off before starting it."""
    if context.checkpoint.get("operation") is None and switch.cluster_power(context) == "off":
        context.record(replace(noted(context), woken=True))
    return switch.start_cluster(context)


def stop_cluster(context: StepContext) -> Outcome:
    """Stops a cluster that was started for this upgrade, unless it is wanted by now or somebody has begun to work on it.

    The earlier stop made sure that its password outlives the next start.
    """
    if not noted(context).woken:
        return done("The cluster was on before and stays on.")
    if context.checkpoint.get("operation") is None and (stays := _wanted_on(context)):
        return done(stays)
    outcome = switch.stop_cluster(context)
    if outcome.state == "done":
        HubStore(context.services.tables).update_power(
            context.spec.name, lambda record: replace(record, last_stop_ended=context.now)
        )
    return outcome


def _wanted_on(context: StepContext) -> str | None:
    hub = known(HubStore(context.services.tables).get(context.spec.name), context.spec.name)
    decision = desired_of(hub.stored_schedule, hub.power, context.now)
    if decision.state is PowerState.ON:
        return f"The cluster stays on: {decision.reason}"
    try:
        found = presence.present(presence.hub_client(context).users(active_only=True), context.now)
    except (OutsideError, KeyError):
        return None
    return "The cluster stays on: somebody has a server running. Its schedule stops it." if found.running else None
