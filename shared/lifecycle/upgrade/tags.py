"""An upgrade's step on the tags of the hub's resources; those of the machines go with their pool."""

from shared import names
from shared.azure.aks import API as CLUSTER_API
from shared.azure.network import API as NETWORK_API
from shared.azure.registries import API as REGISTRY_API
from shared.hubs import ownership
from shared.hubs.spec.model import Hub
from shared.hubs.spec.registries import AzureRegistry
from shared.lifecycle.create.image_registry import registry_id
from shared.lifecycle.upgrade import notes
from shared.resources import bodies
from shared.resources.cluster import adopt, merged_tags
from shared.runs.context import StepContext, begun, watching
from shared.runs.model import Outcome, done


def update_tags(context: StepContext) -> Outcome:
    """Updates the group, the network, the cluster and the rest, where they carry the hub's ownership tag."""
    old, new = context.spec, notes.wanted(context)
    if old.tags == new.tags:
        return done("The tags stay as they are.")
    if outcome := watching(context, "Changing the tags"):
        return outcome
    _tag_group(context, old, new)
    for resource_id, api in _tagged(context):
        found = context.services.arm.get(resource_id, api)
        present = (found or {}).get("tags") or {}
        wanted = merged_tags(present, old, new)
        if not ownership.owned(present, old.name) or present == wanted:
            continue
        operation = context.services.arm.patch(resource_id, api, {"tags": wanted})[1]
        if operation:
            return begun(operation, "Changing the tags")
    adopt(context, lambda spec: spec.model_copy(update={"tags": new.tags}))
    return done("The tags of the hub's resources are changed.")


def _tag_group(context: StepContext, old: Hub, new: Hub) -> None:
    found = context.services.arm.group(old.resource_group)
    if found and ownership.owned(found.tags, old.name) and found.tags != merged_tags(found.tags, old, new):
        context.services.arm.put_group(found.name, found.location, merged_tags(found.tags, old, new))


def _tagged(context: StepContext) -> list[tuple[str, str]]:
    spec = context.spec
    found = [
        (names.network_id(context.subscription, spec.resource_group, spec.network.name), NETWORK_API),
        (context.hub.cluster_id(context.subscription), CLUSTER_API),
    ]
    if isinstance(spec.registry, AzureRegistry):
        found.append((registry_id(context, spec.registry), REGISTRY_API))
    if spec.identity.type == "managed":
        found.append(
            (names.identity_id(context.subscription, spec.resource_group, spec.identity.name), bodies.IDENTITY_API)
        )
    return found
