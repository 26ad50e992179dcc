"""An upgrade's steps on the pool of nodes that stays: how many there are, what decides that, and the tags of the machines."""

from typing import Any

from shared.hubs.spec.model import Hub
from shared.lifecycle.upgrade import notes
from shared.resources import scale_rules
from shared.resources.cluster import (
    Json,
    adopt,
    at_work,
    cluster_there,
    merged_tags,
    pool_body,
    profile_of,
    with_cluster,
)
from shared.runs.context import StepContext, begun, watching
from shared.runs.model import Outcome, done


def scale_pool(context: StepContext) -> Outcome:
    """Number of nodes, AKS' autoscaler with its bounds, and the tags of the machines.

    Rules on the scale set are off meanwhile: they would count nodes while these change, and must not be on beside the autoscaler.
    """
    old, new = context.spec, notes.wanted(context)
    if _nodes(old) == _nodes(new) and old.tags == new.tags:
        return done("The nodes stay as they are.")
    if outcome := watching(context, "Changing the nodes"):
        return outcome
    found = cluster_there(context)
    if outcome := at_work(context, found):
        return outcome
    name = new.cluster.node_pool
    profile = profile_of(found, name)
    change = pool_change(old, new, profile)
    if any(profile.get(key) != value for key, value in change.items()):
        scale_rules.suspend(context)
        body = pool_body(found, name, change)
        operation = context.services.clusters.put_pool(old.resource_group, old.cluster.name, name, body)
        return begun(operation, "Changing the nodes")
    adopt(context, lambda spec: with_cluster(spec, **true_of_nodes(spec, new)))
    return done(f"{profile.get('count')} nodes" + (", autoscaling." if new.cluster.aks_autoscale else "."))


def true_of_nodes(old: Hub, new: Hub) -> dict[str, Any]:
    """The fields that are true once AKS has changed the pool. The rules' own step sets what concerns rules."""
    fields: dict[str, Any] = {"node_count": new.cluster.node_count}
    if not old.cluster.rules and not new.cluster.rules:
        fields["autoscale"] = new.cluster.autoscale
    return fields


def _nodes(hub: Hub) -> tuple[Any, ...]:
    return hub.cluster.node_count, hub.cluster.autoscale


def pool_change(old: Hub, new: Hub, profile: Json) -> Json:
    """The wanted fields of the pool's profile. Pure.

    While autoscaling stays on, the count is its own, within the bounds; else it is the specification's.
    """
    bounds, count = new.cluster.autoscale, new.cluster.node_count
    if bounds and (old.cluster.autoscale or _nodes(old) == _nodes(new)):
        count = min(max(int(profile.get("count") or count), bounds.min), bounds.max)
    by_aks = new.cluster.aks_autoscale
    return {
        "count": count,
        "enableAutoScaling": by_aks is not None,
        "minCount": by_aks.min if by_aks else None,
        "maxCount": by_aks.max if by_aks else None,
        "tags": merged_tags(profile.get("tags") or {}, old, new),
    }


def update_rules(context: StepContext) -> Outcome:
    """The rules on the scale set as they are wanted: made, changed, moved to another pool's, or removed."""
    old, new = context.spec, notes.wanted(context)
    if not old.cluster.rules and not new.cluster.rules:
        return done("There are no rules on the scale set.")
    outcome = scale_rules.ensure(context, new) if new.cluster.rules else scale_rules.remove(context)
    if outcome.state == "done":
        adopt(context, lambda spec: with_cluster(spec, autoscale=new.cluster.autoscale))
    return outcome
