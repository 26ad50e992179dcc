"""The steps that switch a cluster on and off. Each looks at what is there first: "already" is success.

Hundreds of them may run at the same time, at the hours at which everybody's windows open and close. So they watch through the one
listing that they share; a cluster is asked for itself before it is switched, and its operation when the listing shows an end.
"""

import logging

from shared.azure import aks
from shared.azure.aks import Cluster
from shared.azure.operations import Operation
from shared.errors import OutsideError, PermanentError
from shared.hubs import ownership
from shared.hubs.view import power_of
from shared.power import failures
from shared.power.tick_rules import wanted
from shared.problem import Problem
from shared.resources import scale_rules
from shared.runs.context import OperationEndedError, StepContext, operation_checkpoint, poll_delay, stagger, watching
from shared.runs.model import Kind, Outcome, called_off, done, waiting
from shared.schedules.decide import desired_of
from shared.schedules.lead import earliest_start
from shared.schedules.record import PowerState

log = logging.getLogger(__name__)

TRY_AGAIN = (5 * 60.0, 15 * 60.0, 30 * 60.0)
"""Seconds after which a failed start or stop is tried again: AKS' docs ask for a retry and name capacity as the usual cause."""


LOOK = 10.0
"""Seconds between two looks at a cluster that is being switched: little of the minutes that it takes, and few calls of hundreds."""

REST_LOOK = 60.0
"""Seconds after which a start that is queued sees whether it is still wanted."""

BELIEVED = 30 * 60.0
"""Seconds of a step in which a listing that shows a cluster at work is believed; then its operation is asked as well."""


def wait_out_cooldown(context: StepContext) -> Outcome:
    """AKS asks for 15 minutes between a stop and a start; a run of a burst waits for its turn as well."""
    if outcome := _called_off(context):
        return outcome
    rested = earliest_start(context.hub.power, context.now)
    left = (rested - context.now).total_seconds()
    if left > 0 and (context.checkpoint.get("off") or cluster_power(context) != "on"):
        message = f"Queued until {rested:%H:%M:%S} UTC: AKS asks for 15 minutes between a stop and a start."
        return waiting(min(left, REST_LOOK), message, off=True)
    return stagger(context) or done("The cluster may start now.")


def _called_off(context: StepContext) -> Outcome | None:
    """Calls off a start that nobody wants any more after its wait: after a stop by hand, or when its time has passed."""
    decision = desired_of(context.hub.stored_schedule, context.hub.power, context.now)
    if context.run.kind is not Kind.START or wanted(decision, context.now) is not PowerState.OFF:
        return None
    return called_off(
        "NotWanted", f"The start is called off: {decision.reason}", "Start the hub again when it is needed."
    )


def cluster_power(context: StepContext) -> str:
    found = _cluster(context)
    return power_of(found.state, found.power)


def _cluster(context: StepContext) -> Cluster:
    return ownership.cluster(context.services, context.hub)


def start_cluster(context: StepContext) -> Outcome:
    return _switch(context, "on")


def stop_cluster(context: StepContext) -> Outcome:
    return _switch(context, "off")


_DOING = {"on": "Starting the cluster", "off": "Stopping the cluster"}
_MOVING = ("starting", "stopping")
_AT_WORK = ("updating", "upgrading", "scaling", "rotatingclustercertificates")


def _switch(context: StepContext, goal: str) -> Outcome:
    if context.checkpoint.get("operation") is None:
        return _begin(context, goal)
    listing = context.services.cluster_listing
    listed = ownership.own(context.hub, listing.get(context.hub.cluster_id(context.subscription)))
    if listed and _at_work(listed, goal) and context.elapsed < BELIEVED:
        return waiting(_pace(context), f"The cluster is {listed.state.lower()}.", **context.checkpoint)
    try:
        if outcome := watching(context, _DOING[goal]):
            return outcome
    except OperationEndedError as ended:
        return _try_again(context, goal, ended.error)
    if listed and power_of(listed.state, listed.power) == goal:
        return _reached(context, goal)
    return _begin(context, goal)


def _begin(context: StepContext, goal: str) -> Outcome:
    """Looks at the cluster itself, since the listing may be from before the last change."""
    spec, cluster = context.spec, _cluster(context)
    actual = power_of(cluster.state, cluster.power)
    if actual == goal:
        return _reached(context, goal)
    kept = {"failures": 0} | context.checkpoint
    if _at_work(cluster, goal):
        return waiting(LOOK, f"The cluster is {cluster.state.lower()}.", **kept)
    if "operation" in context.checkpoint:
        said = f"the cluster is {cluster.state} and {cluster.power} although the operation succeeded"
        return _try_again(context, goal, PermanentError(aks.SYSTEM, "NotSwitched", said))
    if kept["failures"] and (outcome := _called_off(context)):
        return outcome
    if goal == "off":
        scale_rules.suspend(context)  # they would fill the emptied scale set up to their minimum
    begin = context.services.clusters.start if goal == "on" else context.services.clusters.stop
    operation = begin(spec.resource_group, spec.cluster.name)
    if operation is None:
        return waiting(2, _DOING[goal], **kept)
    return waiting(_first_look(operation), _DOING[goal], **kept, **operation_checkpoint(operation))


def _reached(context: StepContext, goal: str) -> Outcome:
    """Rules that cannot be switched on again keep nobody from the hub; they are told of."""
    said = f"The cluster {context.spec.cluster.name} is {goal}."
    if goal == "off":
        return done(said)
    try:
        return scale_rules.resume(context) or done(said)
    except PermanentError as error:
        return done(f"{said} The rules on its scale set stay off: {error.system}: {error.message}")


def _stays_on(context: StepContext, goal: str) -> None:
    """A cluster that could not be stopped has its rules again; that they fail as well must not hide why it could not."""
    try:
        if goal == "off":
            scale_rules.resume(context)
    except OutsideError as error:
        log.warning("the rules on the scale set of hub %s stay off: %s", context.spec.name, error.code)


def _at_work(cluster: Cluster, goal: str) -> bool:
    actual = power_of(cluster.state, cluster.power)
    return actual in _MOVING or (actual != goal and cluster.state.lower() in _AT_WORK)


def _first_look(operation: Operation) -> float:
    """Seconds; sooner than LOOK only where Azure says that the operation is a short one."""
    return LOOK if operation.retry_after is None else min(operation.retry_after, LOOK)


def _pace(context: StepContext) -> float:
    return max(poll_delay(context.elapsed), _first_look(Operation.from_json(context.checkpoint["operation"])))


def _try_again(context: StepContext, goal: str, error: OutsideError) -> Outcome:
    """After 5, 15 and 30 minutes; then it is a failure, with the last refusal's words. People are told of the first one."""
    tries = context.checkpoint.get("failures", 0)
    first = context.checkpoint.get("first", f"{context.now:%H:%M}")
    if tries >= len(TRY_AGAIN):
        _stays_on(context, goal)
        said = f"after {tries + 1} tries since {first} UTC: {error.message}"
        raise PermanentError(error.system, error.code, said, details=error.details)
    wait = TRY_AGAIN[tries]
    again = f"trying again in {wait / 60:.0f} minutes"
    if context.run.kind in (Kind.START, Kind.STOP):
        fault = Problem(error.code, f"{error.system}: {error.message}", f"Nothing to do yet: {again}.")
        failures.tried(context.services, context.hub, context.run, fault, context.now)
    message = f"{_DOING[goal]} failed ({error.code}: {error.message}), for the first time at {first} UTC; {again}."
    return waiting(wait, message, failures=tries + 1, first=first)
