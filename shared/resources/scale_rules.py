"""Rules on the scale set of a hub's nodes (microsoft.insights autoscale settings), which the second tutorial sets by hand.

Microsoft does not support them: AKS means to be the only one that changes the scale set ("Can I modify the AKS resources in the
node resource group?"). So they are off whenever AKS itself is at work on the nodes: rules with a minimum would fill up the scale
set of a cluster that is being stopped, or take away nodes that an upgrade has just made.
"""

from typing import TYPE_CHECKING, Any

from shared import names
from shared.azure import aks
from shared.errors import NotFoundError, PermanentError
from shared.hubs import ownership
from shared.hubs.spec.model import Hub
from shared.resources import bodies
from shared.runs.context import StepContext, poll_delay
from shared.runs.model import Outcome, done, waiting

if TYPE_CHECKING:
    from shared.azure.arm import ResourceManager

PROVIDER = "microsoft.insights"
API = "2022-10-01"

type Json = dict[str, Any]


def registered(context: StepContext, providers: tuple[str, ...]) -> Outcome | None:
    """None when the subscription may use them all; what is missing is registered."""
    arm = context.services.arm
    states = {namespace: arm.provider_state(namespace) for namespace in providers}
    missing = [namespace for namespace, state in states.items() if state != "Registered"]
    for namespace in missing:
        if states[namespace] != "Registering":
            arm.register_provider(namespace)
    return waiting(poll_delay(context.elapsed), f"Registering {', '.join(missing)}") if missing else None


def ensure(context: StepContext, hub: Hub) -> Outcome:
    """The rules that the hub is to have, switched on, and no others of the hub's."""
    bounds = hub.cluster.rules
    if bounds is None:
        return remove(context)
    if outcome := registered(context, (PROVIDER,)):
        return outcome
    spec, pool = context.spec, hub.cluster.node_pool
    scale_set = context.services.quotas.scale_set(spec.cluster.node_resource_group, pool)
    if scale_set is None:
        group = spec.cluster.node_resource_group
        raise PermanentError(aks.SYSTEM, "ScaleSetNotFound", f"There is no scale set of the pool {pool} in {group}.")
    wanted = _setting_id(context, names.autoscale_setting(hub.name, pool))
    for found in _ours(context, free=wanted):
        # A setting keeps the target that it was made with (TargetResourceIdIsImmutable).
        target = str(found["properties"].get("targetResourceUri", ""))
        if found["id"].lower() != wanted.lower() or target.lower() != scale_set.lower():
            context.services.arm.delete(found["id"], API)
    context.services.arm.put(wanted, API, bodies.scale_rules(hub, bounds, scale_set))
    return done(
        f"Rules on the scale set of {pool}: one node more above {bodies.BUSY} % CPU, one less below {bodies.IDLE} %, "
        f"{bounds.min} to {bounds.max} nodes."
    )


def remove(context: StepContext) -> Outcome:
    ours = _ours(context)
    for found in ours:
        context.services.arm.delete(found["id"], API)
    return done("The rules on the scale set are deleted." if ours else "There are no rules on the scale set.")


def suspend(context: StepContext) -> None:
    """Switches the hub's rules off, if it has any."""
    if not context.spec.cluster.rules:
        return
    for found in _ours(context):
        own = found["properties"]
        if own.get("enabled", True):
            body = {
                "location": found["location"],
                "tags": found.get("tags") or {},
                "properties": own | {"enabled": False},
            }
            context.services.arm.put(found["id"], API, body)


def resume(context: StepContext) -> Outcome | None:
    """Switches the hub's rules on, if it is to have any; lost ones are created again. None when that is done."""
    if not context.spec.cluster.rules:
        return None
    outcome = ensure(context, context.spec)
    return outcome if outcome.state == "waiting" else None


def foreign(settings: list[Json], hub: str, scale_set: str) -> list[str]:
    """Names of settings that are switched on for this scale set and were not made for the hub. Pure."""
    return [
        str(found["name"])
        for found in settings
        if not ownership.owned(found.get("tags"), hub)
        and found["properties"].get("enabled", True)
        and str(found["properties"].get("targetResourceUri", "")).lower() == scale_set.lower()
    ]


def settings_in(arm: "ResourceManager", group_id: str) -> list[Json]:
    """All autoscale settings of a resource group; none where the group is gone or nobody has ever used the provider."""
    try:
        return arm.list(f"{group_id}/providers/{PROVIDER}/autoscalesettings", API)
    except NotFoundError:
        return []
    except PermanentError as error:
        if error.code != "MissingSubscriptionRegistration":
            raise
        return []


def _ours(context: StepContext, free: str | None = None) -> list[Json]:
    """free: id of the setting that is to be made. Raises PermanentError when one is there that is not the hub's."""
    found = settings_in(context.services.arm, _group(context))
    taken = [each for each in found if free and each["id"].lower() == free.lower()]
    if any(not ownership.owned(each.get("tags"), context.spec.name) for each in taken):
        group = context.spec.cluster.node_resource_group
        said = f"The rules {taken[0]['name']} in {group} were not created by Hubkeeper, which leaves them as they are."
        raise PermanentError("Azure Monitor", "ScaleSetRules", said)
    return [setting for setting in found if ownership.owned(setting.get("tags"), context.spec.name)]


def _group(context: StepContext) -> str:
    return names.group_id(context.subscription, context.spec.cluster.node_resource_group)


def _setting_id(context: StepContext, name: str) -> str:
    return f"{_group(context)}/providers/{PROVIDER}/autoscalesettings/{name}"
